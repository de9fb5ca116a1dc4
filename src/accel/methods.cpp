// SPDX-License-Identifier: Apache-2.0
#include "src/accel/methods.h"

#include <algorithm>

#include "src/accel/controls.h"
#include "src/accel/fastvggt.h"
#include "src/accel/httm.h"
#include "src/accel/litevggt.h"
#include "src/accel/window_keys.h"
#include "src/base/error.h"

namespace vggt::accel {
namespace {

using Values = std::map<std::string, std::string>;

template <class Options>
Method entry(std::string name,
             std::string what,
             bool needs_maps,
             const Options& defaults,
             std::unique_ptr<MergePolicy> (*make)(const Options&, const PassFacts&)) {
  const auto filled = [name, defaults](const MergeOptions& asked) {
    Options options = defaults;
    apply(name, settings_of(options), asked.settings);
    return options;
  };
  const auto describe = [filled](const MergeOptions& asked) {
    Options options = filled(asked);
    std::vector<std::pair<std::string, std::string>> values;
    for (const Setting& setting : settings_of(options)) {
      if (setting.get) values.emplace_back(setting.name, setting.get());
    }
    return values;
  };
  return {
      name,
      std::move(what),
      needs_maps,
      describe,
      [filled, make](const auto& asked, const auto& pass) { return make(filled(asked), pass); }};
}

std::unique_ptr<MergePolicy> httm(const HttmOptions& options, const PassFacts& pass) {
  return make_httm(options, pass.layout, pass.heads);
}
std::unique_ptr<MergePolicy> fastvggt(const FastVggtOptions& options, const PassFacts& pass) {
  return make_fastvggt(options, pass.layout);
}
std::unique_ptr<MergePolicy> litevggt(const LiteVggtOptions& options, const PassFacts& pass) {
  return make_litevggt(options, pass.layout, pass.maps, pass.layers);
}
std::unique_ptr<MergePolicy> window_keys(const WindowKeysOptions& options, const PassFacts& pass) {
  return make_window_keys(options, pass.layout, pass.layers, pass.heads);
}
std::unique_ptr<MergePolicy> grid(const GridOptions& options, const PassFacts& pass) {
  return make_grid(options, pass.layout);
}
std::unique_ptr<MergePolicy> keys_grid(const KeysGridOptions& options, const PassFacts& pass) {
  return make_keys_grid(options, pass.layout, pass.layers);
}
std::unique_ptr<MergePolicy> random(const RandomOptions& options, const PassFacts& pass) {
  return make_random(options, pass.layout);
}
std::unique_ptr<MergePolicy> identity(const IdentityOptions&, const PassFacts& pass) {
  return make_identity(pass.layout);
}

}  // namespace

const std::vector<Method>& methods() {
  static const std::vector<Method> all = {
      entry("httm", "each head on its own, in windows of frames", false, HttmOptions{}, httm),
      entry("litevggt", "edges kept, plans reused", true, LiteVggtOptions{}, litevggt),
      entry("fastvggt", "an anchor per cell, all heads alike", false, FastVggtOptions{}, fastvggt),
      entry("window-keys",
            "keys and values alone, in windows of frames, plans reused",
            false,
            WindowKeysOptions{},
            window_keys),
      entry("keys-grid",
            "keys and values pooled, queries whole",
            false,
            KeysGridOptions{},
            keys_grid),
      entry("frames-first",
            "the first global blocks see each frame alone",
            false,
            KeysGridOptions{.cell = 1, .frame_only = 0.33},
            keys_grid),
      entry("grid", "control: cells pooled", false, GridOptions{}, grid),
      entry("random", "control: anchors drawn at random", false, RandomOptions{}, random),
      entry("permuted",
            "control: litevggt with its scores shuffled",
            true,
            LiteVggtOptions{.permuted = true},
            litevggt),
      entry("identity", "control: plans that merge nothing", false, IdentityOptions{}, identity)};
  return all;
}

const Method& method_named(const std::string& name) {
  std::string names = "none";
  for (const Method& method : methods()) {
    if (method.name == name) return method;
    names += ", " + method.name;
  }
  throw ConfigError("accel", "'" + name + "' is none of " + names);
}

void check(const MergeOptions& options) {
  if (options.is_on()) {
    method_named(options.method).describe(options);
  } else if (!options.settings.empty()) {
    throw ConfigError("accel", "settings need a method");
  }
}

}  // namespace vggt::accel
