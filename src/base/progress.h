// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace vggt {

/// One step of a long operation: `done` of `total` units of `stage` are finished.
struct Progress {
  std::string stage;
  int64_t done = 0;
  int64_t total = 0;
  double seconds = 0;       ///< since the stage began
  double rate = 0;          ///< units per second so far; 0 while unknown
  double seconds_left = 0;  ///< of this stage, from its pace so far; negative while unknown
};

/// Called on the thread that does the work, one call at a time; at the start of a stage (done == 0),
/// after each unit, and within long ones. Returning false cancels: the operation throws Cancelled.
/// An empty callback is allowed everywhere.
using ProgressCallback = std::function<bool(const Progress&)>;

/// Counts the units of one stage, estimates the time left, calls back, and adds the stage's seconds
/// to `seconds_by_stage` when it ends (null: not kept).
class StageProgress {
 public:
  using Seconds = std::vector<std::pair<std::string, double>>;

  StageProgress(std::string stage,
                int64_t total,
                const ProgressCallback& callback,
                Seconds* seconds_by_stage = nullptr);
  ~StageProgress();
  StageProgress(const StageProgress&) = delete;
  StageProgress& operator=(const StageProgress&) = delete;

  /// `units` more are done. Throws Cancelled if the callback says so.
  void advance(int64_t units = 1);

  /// Nothing more is done; asks within a long unit whether to go on. Throws Cancelled if not.
  void poll() { report(); }

 private:
  void report();

  Progress progress_;
  ProgressCallback callback_;
  Seconds* seconds_by_stage_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace vggt
