// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "viewer/options.h"
#include "viewer/scene/run.h"
#include "viewer/scene/scene.h"
#include "viewer/scene/shot.h"

namespace vggt::viewer {

/// What a job brought, for the window's own thread.
struct JobResult {
  std::string text;            ///< to be said
  std::optional<Scene> scene;  ///< read so far
  bool as_second = false;
  bool complete = false;
  size_t photos = 0;  ///< of the scene, that have their points
  std::optional<Scene> compared_first;
  std::optional<Scene> compared_second;
};

/// All that would keep the window waiting, one after the other on a thread of its own, and the run of
/// 'vggt reconstruct'. Results wait to be taken.
class Jobs {
 public:
  Jobs();
  ~Jobs();
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  void load(const std::string& path, bool as_second);
  /// Starts 'vggt reconstruct' with the paths of `options`, shows its cameras and points as soon as
  /// they are written, and opens the result.
  void reconstruct(const ViewOptions& options);
  void compare(const Scene& first, const Scene& second);
  void write_video(const std::string& path, const Scene& scene, const Shot& shot);
  void read_thumbnails(const std::vector<Photo>& photos);

  std::optional<JobResult> take();
  /// Of photo i, once it was read.
  std::shared_ptr<const Picture> thumbnail(int i) const;
  size_t thumbnail_count() const;

  struct RunText {
    std::string text;  ///< stage and time left, or how it ended
    double share = 0;  ///< of the stage
    bool runs = false;
  };
  /// Nothing where nothing was reconstructed.
  std::optional<RunText> run_text();

  /// Ends the run.
  void cancel();
  /// Ends everything, and waits for it.
  void stop();

 private:
  void preview();
  void add(std::function<void()> job);
  void give(JobResult result);
  void work();

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  std::deque<JobResult> results_;
  std::map<int, std::shared_ptr<const Picture>> thumbnails_;
  std::atomic<bool> stops_ = false;
  std::unique_ptr<Run> run_;
  std::string output_;
  double previewed_at_ = -1;               ///< how far the writing was
  std::atomic<bool> has_preview_ = false;  ///< its cameras and points are shown
  bool opened_ = false;
  bool cancelled_ = false;
  std::thread thread_;
};

/// The command that reconstructs what `options` name, and the folder it makes.
std::vector<std::string> reconstruct_command(const ViewOptions& options, std::string& output);

}  // namespace vggt::viewer
