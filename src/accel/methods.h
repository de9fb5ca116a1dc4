// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "src/accel/merge_options.h"
#include "src/accel/merge_policy.h"

namespace vggt::accel {

/// What a policy is made for: one scene in one pass.
struct PassFacts {
  const TokenLayout& layout;
  const SceneMaps& maps;  ///< filled if the method needs them
  int64_t layers = 0;     ///< global blocks
  int64_t heads = 0;
};

/// A way of merging that can be asked for by name. A new one is a file pair that says its options,
/// their settings_of() and its make function, and a line in methods.cpp.
struct Method {
  std::string name;
  std::string what;
  bool needs_maps = false;
  /// Every setting with its value. Throws ConfigError for settings that are wrong.
  std::function<std::vector<std::pair<std::string, std::string>>(const MergeOptions&)> describe;
  std::function<std::unique_ptr<MergePolicy>(const MergeOptions&, const PassFacts&)> make;
};

/// All but "none".
const std::vector<Method>& methods();

/// Throws ConfigError("accel") that names the methods there are.
const Method& method_named(const std::string& name);

/// Throws ConfigError("accel") if the method or one of its settings is wrong.
void check(const MergeOptions& options);

}  // namespace vggt::accel
