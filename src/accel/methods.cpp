// SPDX-License-Identifier: Apache-2.0
#include "src/accel/methods.h"

#include <algorithm>
#include <type_traits>

#include "src/accel/automatic.h"
#include "src/accel/come.h"
#include "src/accel/controls.h"
#include "src/accel/fastvggt.h"
#include "src/accel/httm.h"
#include "src/accel/litevggt.h"
#include "src/accel/window_keys.h"
#include "src/base/error.h"

namespace vggt::accel {
namespace {

using Values = std::map<std::string, std::string>;

// The options with what is asked for, and every setting with its value.
template <class Options>
std::pair<Options, std::vector<std::pair<std::string, std::string>>> filled_settings(
    const std::string& name, Options options, const MergeOptions& asked) {
  apply(name, settings_of(options), asked.settings);
  std::vector<std::pair<std::string, std::string>> values;
  for (const Setting& setting : settings_of(options)) {
    if (setting.get) values.emplace_back(setting.name, setting.get());
  }
  return {options, values};
}

template <class Options, class Policy>
Method entry(std::string name,
             std::string what,
             bool needs_maps,
             const Options& defaults,
             std::unique_ptr<Policy> (*make)(const Options&, const PassFacts&)) {
  const auto filled = [name, defaults](const MergeOptions& asked) {
    return filled_settings(name, defaults, asked).first;
  };
  const auto describe = [name, defaults](const MergeOptions& asked) {
    return filled_settings(name, defaults, asked).second;
  };
  Method method = {name, std::move(what), needs_maps, describe, {}, {}};
  const auto made = [filled, make](const MergeOptions& asked, const PassFacts& pass) {
    return make(filled(asked), pass);
  };
  if constexpr (std::is_same_v<Policy, SpanPolicy>) {
    method.make_span = made;
  } else {
    method.make = made;
  }
  return method;
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
  return make_window_keys(options, pass.layout, pass.maps, pass.layers, pass.heads);
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
      entry("come",
            "patches of little confidence, from the encoder to the heads",
            false,
            ComeOptions{},
            make_come),
      entry("litevggt", "edges kept, plans reused", true, LiteVggtOptions{}, litevggt),
      entry("fastvggt", "an anchor per cell, all heads alike", false, FastVggtOptions{}, fastvggt),
      entry("window-keys",
            "keys and values alone, in windows of frames, plans reused",
            true,
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
  std::string names = "none, auto";
  for (const Method& method : methods()) {
    if (method.name == name) return method;
    names += ", " + method.name;
  }
  throw ConfigError("accel", "'" + name + "' is none of " + names);
}

bool is_span(const MergeOptions& options) {
  return options.is_on() && options.method != "auto" && method_named(options.method).is_span();
}

std::vector<std::pair<std::string, std::string>> describe(const MergeOptions& options) {
  if (options.method == "auto") return filled_settings<AutoOptions>("auto", {}, options).second;
  if (options.is_on()) return method_named(options.method).describe(options);
  if (!options.settings.empty()) throw ConfigError("accel", "settings need a method");
  return {};
}

void check(const MergeOptions& options) { describe(options); }

}  // namespace vggt::accel
