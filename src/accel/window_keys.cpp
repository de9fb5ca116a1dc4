// SPDX-License-Identifier: Apache-2.0
#include "src/accel/window_keys.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "src/accel/geometry_map.h"
#include "src/accel/merge_steps.h"

namespace vggt::accel {
namespace {

// The windows of some layers, and how many sources of each are merged.
struct Share {
  Windows windows;
  std::vector<int64_t> merged;
  int64_t slots = 0;  ///< of one map
  double pairs = 0;
};

Share share_of(const WindowKeysOptions& options, const TokenLayout& layout, double kept) {
  const double anchors = std::max(kept * (1 - options.alone), 1e-6);
  const int64_t period = std::max<int64_t>(std::lround(1 / anchors), 1);
  const double alone = std::max(kept - 1 / static_cast<double>(period), 0.0);
  Share share;
  share.windows =
      window_blocks(layout, options.window, {period, options.step}, options.first_frame);
  const Windows& windows = share.windows;
  for (size_t b = 0; b < windows.sources.size(); ++b) {
    const auto members = static_cast<double>(windows.sources[b] + windows.anchors[b]);
    // Where all is kept, rounding merges nothing.
    const int64_t left = kept < 1 ? std::llround(alone * members) : windows.sources[b];
    share.merged.push_back(std::max<int64_t>(windows.sources[b] - left, 0));
    share.pairs += static_cast<double>(windows.sources[b] * windows.anchors[b]);
  }
  share.slots = layout.rows - std::accumulate(share.merged.begin(), share.merged.end(), int64_t{0});
  return share;
}

class WindowKeys : public MergePolicy {
 public:
  WindowKeys(const WindowKeysOptions& options,
             const TokenLayout& layout,
             const SceneMaps& maps,
             int64_t layers,
             int64_t heads)
      : options_(options), layout_(layout), maps_(options.by_head ? heads : 1) {
    size_t group = 0;
    for (const int64_t layer : scaled_layers(options.build_at, layers)) {
      const double kept = options.kept[std::min(group++, options.kept.size() - 1)];
      shares_.emplace(layer, share_of(options, layout, kept));
    }
    const auto rows = at::TensorOptions().dtype(at::kInt).device(layout.position.device());
    itself_ = at::arange(layout.rows, rows).repeat({maps_, 1});
    if (options.edges > 0) {
      const at::Tensor map = geometry_map(maps.images, maps.patches, 0.7, 0.3);
      against_ = over_rows(layout, options.edges * map, 0);
    }
  }

  std::string name() const override { return "window-keys"; }
  Act act(Site site, int64_t layer) const override {
    if (site != Site::kGlobal || layer < shares_.begin()->first) return Act::kNothing;
    return shares_.count(layer) ? Act::kBuild : Act::kReuse;
  }
  Cost cost(int64_t channels) const override {
    const Share& first = shares_.begin()->second;
    return {layout_.rows, first.slots, 2 * first.pairs * static_cast<double>(channels)};
  }

  MergePlan build(int64_t layer, const PlanInputs& inputs) override {
    const Share& share = shares_.at(layer);
    const kernels::MatchBlocks& blocks = share.windows.blocks;
    // What is least like any anchor, and what has much geometry, stays as it is.
    kernels::Match match = kernels::match_rows(matchable(inputs.k), maps_, blocks);
    if (against_.defined()) {
      match.score = match.score - against_.index_select(0, blocks.sources);
    }
    return plan_from_anchors(layout_,
                             {itself_, {maps_ * layout_.rows, layout_.rows, true}},
                             {anchors_from_match(layout_.rows, blocks, match, share.merged),
                              {maps_ * share.slots, share.slots, true}},
                             options_.bias);
  }

 private:
  WindowKeysOptions options_;
  TokenLayout layout_;
  int64_t maps_;
  std::map<int64_t, Share> shares_;  ///< by the layer that builds
  at::Tensor itself_;
  at::Tensor against_;  ///< [R] taken from a source's cosine; undefined: nothing
};

}  // namespace

std::unique_ptr<MergePolicy> make_window_keys(const WindowKeysOptions& options,
                                              const TokenLayout& layout,
                                              const SceneMaps& maps,
                                              int64_t layers,
                                              int64_t heads) {
  return std::make_unique<WindowKeys>(options, layout, maps, layers, heads);
}

std::vector<Setting> settings_of(WindowKeysOptions& options) {
  constexpr int64_t kMost = 1000000;
  return {
      ratio_setting([&options](double ratio) { options.kept = {ratio}; }),
      number("run", "patches of a window, along a row of the grid", options.window.run, 1, kMost),
      number("frames", "of a window", options.window.frames, 1, kMost),
      number("step", "of the anchors' place from frame to frame", options.step, 0, kMost),
      numbers("kept",
              "share of a window's keys that stay, from each build on: 0.2+0.15",
              options.kept,
              0.001,
              1),
      number("alone", "share of those that are left as they are", options.alone, 0, 0.99),
      number(
          "edges", "what geometry counts against likeness in their choice", options.edges, 0, 10),
      choice<bool>("heads",
                   "one map for all heads (together), or each its own (each)",
                   options.by_head,
                   {{"together", false}, {"each", true}}),
      first_frame_setting(options.first_frame),
      numbers("build_at", "global blocks, of 24, that build a plan", options.build_at),
      number("bias", kBiasMeaning, options.bias, 0, 2)};
}

}  // namespace vggt::accel
