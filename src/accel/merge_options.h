// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace vggt::accel {

/// How the global attention is shortened. The methods and their settings: methods.h.
struct MergeOptions {
  std::string method = "none";
  std::map<std::string, std::string> settings;  ///< by name; the others have their defaults

  bool is_on() const { return method != "none"; }
};

/// What merging did at one layer; times in seconds, with the device at rest before and after.
struct MergeRecord {
  int64_t layer = 0;
  int64_t built_at = 0;  ///< -1: no plan
  int64_t rows = 0;      ///< tokens before
  int64_t q_slots = 0;   ///< after: the mean of the heads where each has its own
  int64_t kv_slots = 0;
  double plan_s = 0;       ///< building; 0 where an older plan serves
  double attention_s = 0;  ///< merging and attention
  double restore_s = 0;    ///< projection and giving rows back
};

/// What merging did in a pass, of each scene after the other.
struct MergeReport {
  double setup_s = 0;  ///< what is found out once for each scene
  std::vector<MergeRecord> layers;
};

}  // namespace vggt::accel
