// SPDX-License-Identifier: Apache-2.0
#include "src/base/progress.h"

#include <algorithm>

#include "src/base/error.h"

namespace vggt {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

StageProgress::StageProgress(std::string stage,
                             int64_t total,
                             const ProgressCallback& callback,
                             Seconds* seconds_by_stage)
    : callback_(callback),
      seconds_by_stage_(seconds_by_stage),
      start_(std::chrono::steady_clock::now()) {
  progress_.stage = std::move(stage);
  progress_.total = total;
  report();
}

StageProgress::~StageProgress() {
  if (!seconds_by_stage_) return;
  const double seconds = seconds_since(start_);
  for (auto& [stage, sum] : *seconds_by_stage_) {
    if (stage == progress_.stage) {
      sum += seconds;
      return;
    }
  }
  seconds_by_stage_->emplace_back(progress_.stage, seconds);
}

void StageProgress::advance(int64_t units) {
  progress_.done += units;
  report();
}

void StageProgress::report() {
  if (!callback_) return;
  progress_.seconds = seconds_since(start_);
  if (progress_.done == 0) {
    progress_.rate = 0;
    progress_.seconds_left = -1;
  } else {
    // A clock that has not moved yet must not make the rate infinite.
    progress_.rate = static_cast<double>(progress_.done) / std::max(progress_.seconds, 1e-9);
    progress_.seconds_left = static_cast<double>(progress_.total - progress_.done) / progress_.rate;
  }
  if (!callback_(progress_)) throw Cancelled();
}

}  // namespace vggt
