// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

namespace vggt::viewer {

/// A child that works and says how far it is, as 'vggt reconstruct --progress json' does, followed
/// on a thread.
class Run {
 public:
  struct State {
    std::string stage;  ///< under way
    double done = 0;    ///< of `total`
    double total = 0;
    double seconds_left = -1;  ///< of this stage; negative while unknown
    std::string message;       ///< what was said last; of a failure, why
    bool ended = false;
    int exit_code = -1;  ///< once ended; 128 + signal where one ended it
  };

  /// Starts command[0] with the rest as arguments. Throws IoError if it cannot be started.
  explicit Run(const std::vector<std::string>& command);
  /// Cancels what still runs, and waits for it.
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  State state() const;

  pid_t process() const { return child_; }

  /// Asks it to stop: it cleans up and ends.
  void cancel();

 private:
  void follow(int pipe);
  void take_line(const std::string& line);

  mutable std::mutex mutex_;
  State state_;
  pid_t child_ = -1;
  std::atomic<bool> cancelled_ = false;
  std::thread thread_;
};

}  // namespace vggt::viewer
