// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "src/accel/merge_options.h"
#include "src/accel/settings.h"

namespace vggt::accel {

/// What `--accel auto` is told.
struct AutoOptions {
  double quality = 0.99;  ///< share of the dense score that must be kept
  std::string table;      ///< a file; empty: the one that the program was built with
  std::string predictor;  ///< for a method that needs one; empty: such are not taken
};

/// A pass that is to be made.
struct AutoFacts {
  int64_t frames = 0;
  int64_t tokens = 0;    ///< of all frames
  int64_t channels = 0;  ///< of the model
  std::string device;    ///< "cpu" or "cuda"
};

struct AutoChoice {
  MergeOptions options;  ///< of a method, or none
  std::string reason;
};

/// The fastest of what was measured (vggt bench accel --table) that keeps the quality, if it is
/// faster by a twentieth at least; else none. Speeds between the measured numbers of tokens are
/// interpolated; beyond the largest that one's is taken, below the smallest nothing is merged. Of
/// models those of the nearest width count.
/// Throws ConfigError("accel") if a setting is wrong, IoError if the table cannot be read.
AutoChoice choose_automatically(const MergeOptions& asked, const AutoFacts& facts);

/// `asked`, or what is chosen if that is auto; then the reason is put down in `report`, if given.
MergeOptions resolved(const MergeOptions& asked, const AutoFacts& facts, MergeReport* report);

/// What was measured of a method with its settings: lines of a table.
struct SpeedLine {
  MergeOptions options;
  std::string device;
  int64_t channels = 0;
  int64_t tokens = 0;
  double speedup = 1;  ///< of encoder and aggregator, over dense
};
struct QualityLine {
  MergeOptions options;
  std::string weights;  ///< of the model that was scored
  double quality = 0;   ///< the lower of AUC@30 and 1 / AbsRel, as shares of the dense ones
};

/// The text of the table in `path` with lines added, in place of those of the same options and
/// circumstances; a file that is not there is an empty table. Throws IoError.
std::string table_with(const std::string& path,
                       const std::vector<SpeedLine>& speeds,
                       const std::vector<QualityLine>& qualities);

std::vector<Setting> settings_of(AutoOptions& options);

}  // namespace vggt::accel
