// SPDX-License-Identifier: Apache-2.0
#include "src/accel/window_keys.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "src/accel/merge_steps.h"

namespace vggt::accel {
namespace {

class WindowKeys : public MergePolicy {
 public:
  WindowKeys(const WindowKeysOptions& options,
             const TokenLayout& layout,
             int64_t layers,
             int64_t heads)
      : options_(options),
        layout_(layout),
        maps_(options.by_head ? heads : 1),
        windows_(window_blocks(layout, options.window, options.anchors, options.first_frame)),
        build_at_(scaled_layers(options.build_at, layers)) {
    for (size_t b = 0; b < windows_.sources.size(); ++b) {
      const auto members = static_cast<double>(windows_.sources[b] + windows_.anchors[b]);
      const int64_t alone = std::llround(options.alone * members);
      merged_.push_back(std::max<int64_t>(windows_.sources[b] - alone, 0));
      pairs_ += static_cast<double>(windows_.sources[b] * windows_.anchors[b]);
    }
    slots_ = layout.rows - std::accumulate(merged_.begin(), merged_.end(), int64_t{0});
    const auto rows = at::TensorOptions().dtype(at::kInt).device(layout.position.device());
    itself_ = at::arange(layout.rows, rows).repeat({maps_, 1});
  }

  std::string name() const override { return "window-keys"; }
  Act act(Site site, int64_t layer) const override {
    if (site != Site::kGlobal || layer < *build_at_.begin()) return Act::kNothing;
    return build_at_.count(layer) ? Act::kBuild : Act::kReuse;
  }
  Cost cost(int64_t channels) const override {
    return {layout_.rows, slots_, 2 * pairs_ * static_cast<double>(channels)};
  }

  MergePlan build(int64_t, const PlanInputs& inputs) override {
    const kernels::Match match = kernels::match_rows(matchable(inputs.k), maps_, windows_.blocks);
    return plan_from_anchors(layout_,
                             {itself_, {maps_ * layout_.rows, layout_.rows, true}},
                             {anchors_from_match(layout_.rows, windows_.blocks, match, merged_),
                              {maps_ * slots_, slots_, true}},
                             options_.bias);
  }

 private:
  WindowKeysOptions options_;
  TokenLayout layout_;
  int64_t maps_;
  Windows windows_;
  std::set<int64_t> build_at_;
  std::vector<int64_t> merged_;  ///< sources per window
  int64_t slots_ = 0;            ///< of one map
  double pairs_ = 0;
  at::Tensor itself_;
};

}  // namespace

std::unique_ptr<MergePolicy> make_window_keys(const WindowKeysOptions& options,
                                              const TokenLayout& layout,
                                              int64_t layers,
                                              int64_t heads) {
  return std::make_unique<WindowKeys>(options, layout, layers, heads);
}

std::vector<Setting> settings_of(WindowKeysOptions& options) {
  constexpr int64_t kMost = 1000000;
  return {
      ratio_setting([&options](double ratio) {
        // Two thirds of what is kept are anchors, the rest are the keys least like any of them.
        options.anchors.period = std::max<int64_t>(std::lround(1.5 / ratio), 1);
        options.alone = std::max(ratio - 1 / static_cast<double>(options.anchors.period), 0.0);
      }),
      number("run", "patches of a window, along a row of the grid", options.window.run, 1, kMost),
      number("frames", "of a window", options.window.frames, 1, kMost),
      number("period", "a key of so many is an anchor", options.anchors.period, 1, kMost),
      number("step", "of the anchors' place from frame to frame", options.anchors.step, 0, kMost),
      number("alone",
             "share of a window's keys, the least similar, that are kept as they are",
             options.alone,
             0,
             1),
      choice<bool>("heads",
                   "one map for all heads (together), or each its own (each)",
                   options.by_head,
                   {{"together", false}, {"each", true}}),
      first_frame_setting(options.first_frame),
      numbers("build_at", "global blocks, of 24, that build a plan", options.build_at),
      number("bias", kBiasMeaning, options.bias, 0, 2)};
}

}  // namespace vggt::accel
