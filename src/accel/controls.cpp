// SPDX-License-Identifier: Apache-2.0
#include "src/accel/controls.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "src/accel/merge_steps.h"

namespace vggt::accel {
namespace {

// A plan that depends on the layout alone: built once, at the first layer that asks.
class Fixed : public MergePolicy {
 public:
  Fixed(std::string name, MergePlan plan, int64_t frame_only_layers = 0)
      : name_(std::move(name)), plan_(std::move(plan)), frame_only_layers_(frame_only_layers) {}

  std::string name() const override { return name_; }
  Act act(Site site, int64_t layer) const override {
    if (site != Site::kGlobal) return Act::kNothing;
    if (layer < frame_only_layers_) return Act::kWithinFrames;
    return layer == frame_only_layers_ ? Act::kBuild : Act::kReuse;
  }
  Cost cost(int64_t) const override { return {plan_.q.slots, plan_.kv.slots, 0}; }
  MergePlan build(int64_t, const PlanInputs&) override { return plan_; }

 private:
  std::string name_;
  MergePlan plan_;
  int64_t frame_only_layers_;
};

at::Tensor itself(const TokenLayout& layout) {
  return at::arange(layout.rows,
                    at::TensorOptions().dtype(at::kInt).device(layout.position.device()))
      .unsqueeze(0);
}

// of_patch [h w] int64: the patch that names each patch's group, the same in every frame, or of
// each frame its own, [S, h w].
Anchors within_frames(const TokenLayout& layout, const at::Tensor& of_patch, int64_t groups) {
  const at::Tensor rows = patch_rows(layout);
  const at::Tensor named = rows.gather(1, of_patch.expand_as(rows));
  const at::Tensor special =
      itself(layout).view({layout.frames, layout.tokens()}).slice(1, 0, layout.special);
  const int64_t slots = layout.frames * (layout.special + groups);
  return {at::cat({special.to(at::kLong), named}, 1).to(at::kInt).view({1, layout.rows}),
          {slots, slots, true}};
}

Anchors grid_anchors(int64_t cell, const TokenLayout& layout) {
  const Cells cells = grid_cells(layout, cell, CellEdge::kRagged);
  // The first patch of each cell names it.
  const at::Tensor patch = at::arange(layout.patches(), cells.of_patch.options());
  const at::Tensor first =
      at::full({cells.count}, layout.patches(), patch.options())
          .scatter_reduce_(0, cells.of_patch, patch, "amin", /*include_self=*/true);
  return within_frames(layout, first.index_select(0, cells.of_patch), cells.count);
}

Anchors random_anchors(const RandomOptions& options, const TokenLayout& layout) {
  const int64_t patches = layout.patches();
  const auto wanted = static_cast<int64_t>(options.kept * static_cast<double>(patches));
  const int64_t count = std::clamp<int64_t>(wanted, 1, patches);
  const at::Tensor picked =
      highest(random_scores(layout, static_cast<uint64_t>(options.seed)), count).cpu();
  at::Tensor nearest = at::empty({layout.frames, patches}, at::kLong);
  auto* to = nearest.mutable_data_ptr<int64_t>();
  for (int64_t f = 0; f < layout.frames; ++f) {
    std::vector<int64_t> anchors;
    for (int64_t i = 0; i < patches; ++i) {
      if (picked[f].const_data_ptr<bool>()[i]) anchors.push_back(i);
    }
    for (int64_t i = 0; i < patches; ++i) {
      int64_t least = std::numeric_limits<int64_t>::max();
      for (const int64_t anchor : anchors) {
        const int64_t dy = anchor / layout.grid_w - i / layout.grid_w;
        const int64_t dx = anchor % layout.grid_w - i % layout.grid_w;
        if (dy * dy + dx * dx >= least) continue;  // of equals the lowest patch
        least = dy * dy + dx * dx;
        to[f * patches + i] = anchor;
      }
    }
  }
  return within_frames(layout, nearest.to(layout.position.device()), count);
}

}  // namespace

std::unique_ptr<MergePolicy> make_identity(const TokenLayout& layout) {
  return std::make_unique<Fixed>(
      "identity",
      plan_from_anchors(layout, {itself(layout), {layout.rows, layout.rows, true}}, {}, 0));
}

std::unique_ptr<MergePolicy> make_grid(const GridOptions& options, const TokenLayout& layout) {
  return std::make_unique<Fixed>(
      "grid", plan_from_anchors(layout, grid_anchors(options.cell, layout), {}, options.bias));
}

std::unique_ptr<MergePolicy> make_keys_grid(const KeysGridOptions& options,
                                            const TokenLayout& layout,
                                            int64_t layers) {
  return std::make_unique<Fixed>(
      "keys-grid",
      plan_from_anchors(layout,
                        {itself(layout), {layout.rows, layout.rows, true}},
                        grid_anchors(options.cell, layout),
                        options.bias),
      std::lround(options.frame_only * static_cast<double>(layers)));
}

std::unique_ptr<MergePolicy> make_random(const RandomOptions& options, const TokenLayout& layout) {
  return std::make_unique<Fixed>(
      "random", plan_from_anchors(layout, random_anchors(options, layout), {}, options.bias));
}

std::vector<Setting> settings_of(GridOptions& options) {
  return {ratio_as_cell(options.cell),
          number("cell", "side of a cell, patches", options.cell, 1, kMostCell),
          number("bias", kBiasMeaning, options.bias, 0, 2)};
}

std::vector<Setting> settings_of(KeysGridOptions& options) {
  return {ratio_as_cell(options.cell),
          number("cell", "side of a cell, patches", options.cell, 1, kMostCell),
          number("frame_only",
                 "share of the global blocks, from the first on, that see each frame alone",
                 options.frame_only,
                 0,
                 1),
          number("bias", kBiasMeaning, options.bias, 0, 2)};
}

std::vector<Setting> settings_of(RandomOptions& options) {
  return {ratio_setting([&options](double ratio) { options.kept = ratio; }),
          number("kept", "share of a frame's patches that are anchors", options.kept, 0.001, 1),
          number("seed", "of the draw", options.seed, 0, kMostSeed),
          number("bias", kBiasMeaning, options.bias, 0, 2)};
}

std::vector<Setting> settings_of(IdentityOptions&) { return {}; }

}  // namespace vggt::accel
