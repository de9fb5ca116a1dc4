// SPDX-License-Identifier: Apache-2.0
#include "viewer/jobs.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "src/base/error.h"
#include "viewer/scene/load.h"
#include "viewer/scene/picture.h"
#include "viewer/session.h"

namespace vggt::viewer {

Jobs::Jobs() : thread_([this] { work(); }) {}

Jobs::~Jobs() { stop(); }

void Jobs::stop() {
  stops_ = true;
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  run_.reset();
}

void Jobs::add(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void Jobs::give(JobResult result) {
  const std::lock_guard lock(mutex_);
  results_.push_back(std::move(result));
}

std::optional<JobResult> Jobs::take() {
  const std::lock_guard lock(mutex_);
  if (results_.empty()) return std::nullopt;
  JobResult result = std::move(results_.front());
  results_.pop_front();
  return result;
}

void Jobs::work() {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stops_ || !waiting_.empty(); });
      if (stops_) return;
      job = std::move(waiting_.front());
      waiting_.pop_front();
    }
    try {
      job();
    } catch (const Cancelled&) {
      // By stop(): nobody listens.
    } catch (const std::bad_alloc&) {
      give({.text = "out of memory"});
    } catch (const std::exception& error) {
      give({.text = error.what()});
    }
  }
}

void Jobs::load(const std::string& path, bool as_second) {
  add([this, path, as_second] {
    using Clock = std::chrono::steady_clock;
    // Few enough that copying what is there so far costs little beside reading it.
    constexpr auto kPause = std::chrono::milliseconds(400);
    constexpr size_t kMostCopied = 2'000'000;
    auto given = Clock::now() - kPause;
    Scene scene = load_scene(path, [&](const Scene& so_far, size_t done, size_t total) {
      const bool is_time = Clock::now() - given >= kPause;
      if (done < total && is_time && so_far.points.size() < kMostCopied) {
        given = Clock::now();
        give({.scene = so_far, .as_second = as_second, .photos = done});
      }
      return !stops_;
    });
    const size_t photos = scene.photos.size();
    give({.scene = std::move(scene), .as_second = as_second, .complete = true, .photos = photos});
  });
}

void Jobs::compare(const Scene& first, const Scene& second) {
  add([this, a = first, b = second]() mutable {
    Session session;
    session.first.emplace().scene = std::move(a);
    session.second.emplace().scene = std::move(b);
    session.first->bounds = bounds_of(session.first->scene);
    JobResult result{.text = session.compare_scenes()};
    result.compared_first = std::move(session.first->scene);
    result.compared_second = std::move(session.second->scene);
    give(std::move(result));
  });
}

void Jobs::write_video(const std::string& path, const Scene& scene, const Shot& shot) {
  add([this, path, scene, shot] {
    constexpr int kPictures = 240;  // eight seconds
    write_turntable(path, scene, shot, kPictures, [&](int done) {
      if (done % 30 == 0)
        give({.text = path + ": " + std::to_string(done * 100 / kPictures) + " %"});
      return !stops_;
    });
    give({.text = "saved " + path});
  });
}

void Jobs::read_thumbnails(const std::vector<Photo>& photos) {
  {
    const std::lock_guard lock(mutex_);
    thumbnails_.clear();
  }
  add([this, photos] {
    constexpr int kWidest = 160;
    constexpr size_t kMost = 300;  // textures
    for (size_t i = 0; i < photos.size() && i < kMost && !stops_; ++i) {
      Picture picture;
      try {
        picture =
            viewer::thumbnail(read_picture(photos[i].photo_path, photos[i].quarter_turns), kWidest);
      } catch (const IoError&) {
        continue;  // said when the scene was loaded
      }
      const std::lock_guard lock(mutex_);
      thumbnails_[static_cast<int>(i)] = std::make_shared<const Picture>(std::move(picture));
    }
  });
}

size_t Jobs::thumbnail_count() const {
  const std::lock_guard lock(mutex_);
  return thumbnails_.size();
}

std::shared_ptr<const Picture> Jobs::thumbnail(int i) const {
  const std::lock_guard lock(mutex_);
  const auto found = thumbnails_.find(i);
  return found == thumbnails_.end() ? nullptr : found->second;
}

std::vector<std::string> reconstruct_command(const ViewOptions& options, std::string& output) {
  namespace fs = std::filesystem;
  output = options.output;
  if (output.empty()) {
    const fs::path input = fs::absolute(options.paths.front()).lexically_normal();
    const std::string name =
        (input.has_filename() ? input.filename() : input.parent_path().filename()).string();
    output = name + "_result";
  }
  std::vector<std::string> command = {options.program, "reconstruct"};
  command.insert(command.end(), options.paths.begin(), options.paths.end());
  command.insert(command.end(), {"--output", output, "--progress", "json"});
  if (!options.weights.empty()) command.insert(command.end(), {"--weights", options.weights});
  if (options.overwrite) command.emplace_back("--overwrite");
  return command;
}

void Jobs::reconstruct(const ViewOptions& options) {
  try {
    run_ = std::make_unique<Run>(reconstruct_command(options, output_));
  } catch (const IoError& error) {
    give({.text = error.what()});
  }
}

// The result is written into a hidden folder beside its place, which has the number of the process.
void Jobs::preview() {
  namespace fs = std::filesystem;
  const fs::path result = fs::absolute(output_).lexically_normal();
  const fs::path at = result.has_filename() ? result : result.parent_path();
  const fs::path staging = at.parent_path() / ("." + at.filename().string() + ".vggt-partial-" +
                                               std::to_string(run_->process()));
  add([this, file = (staging / "transforms.json").string()] {
    if (has_preview_) return;
    try {
      Scene scene = load_scene(file);
      if (scene.photos.empty() || scene.points.size() == 0) return;
      scene.warnings.clear();
      const size_t photos = scene.photos.size();
      has_preview_ = true;
      give({.scene = std::move(scene), .photos = photos});
    } catch (const IoError&) {
      // Not written yet, or just being renamed.
    }
  });
}

void Jobs::cancel() {
  cancelled_ = true;
  if (run_) run_->cancel();
}

std::optional<Jobs::RunText> Jobs::run_text() {
  if (!run_) return std::nullopt;
  const Run::State state = run_->state();
  RunText out{.runs = !state.ended};
  if (state.ended && state.exit_code == 0) {
    if (!opened_) {
      opened_ = true;
      load(output_, false);
    }
    out.text = "reconstructed: " + output_;
    return out;
  }
  if (state.ended) {
    out.text = cancelled_ ? "cancelled; nothing was written" : "failed: " + state.message;
    return out;
  }
  // Maps, pictures and the report are still to come then.
  const bool writes = state.stage == "writing" || state.stage == "report page";
  if (writes && !has_preview_ && state.done != previewed_at_) {
    previewed_at_ = state.done;
    preview();
  }
  char text[160];
  if (state.stage.empty()) return RunText{.text = "starting", .runs = true};
  if (cancelled_) return RunText{.text = "cancelling", .runs = true};
  std::snprintf(
      text, sizeof(text), "%s: %.0f of %.0f", state.stage.c_str(), state.done, state.total);
  out.text = text;
  if (state.seconds_left >= 0) {
    std::snprintf(text, sizeof(text), ", %.0f s left", std::ceil(state.seconds_left));
    out.text += text;
  }
  out.share = state.total > 0 ? state.done / state.total : 0;
  return out;
}

}  // namespace vggt::viewer
