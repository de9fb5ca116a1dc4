// SPDX-License-Identifier: Apache-2.0
#include "src/accel/litevggt.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <set>

#include "src/accel/geometry_map.h"
#include "src/accel/released_map.h"
#include "src/accel/shared_map.h"

namespace vggt::accel {
namespace {

// Of the geometry; it matters only where rounding makes ties.
constexpr double kReleasedPower = 1.4;

// 0 for the highest of each row of score, then 1, ...: [G, L] int64.
at::Tensor rank(const at::Tensor& score) {
  const at::Tensor order = std::get<1>(at::sort(score, /*stable=*/true, 1, /*descending=*/true));
  return at::zeros_like(order).scatter_(
      1, order, at::arange(score.size(1), order.options()).expand_as(order).contiguous());
}

PatchRoles patch_roles(const LiteVggtOptions& options,
                       const TokenLayout& layout,
                       const SceneMaps& maps) {
  at::Tensor psi =
      geometry_map(maps.images, maps.patches, options.gradient_weight, options.variance_weight);
  if (options.permuted) psi = psi.gather(1, rank(random_scores(layout, 1)));
  const int64_t patches = layout.patches();
  const Cells cells = grid_cells(layout, options.cell, CellEdge::kRagged);
  const auto share = static_cast<int64_t>(options.protected_share * static_cast<double>(patches));
  const int64_t k = std::clamp<int64_t>(share, 1, patches);
  PatchRoles roles;
  roles.protect = highest(psi, k);
  roles.anchor = lowest_of_cells(cells, psi, ~roles.protect);
  roles.protected0 = k;
  roles.anchors = cells.count;
  roles.sources = std::max<int64_t>(patches - cells.count - k, 0);
  // One source more is protected for each cell that has no anchor.
  const at::Tensor without = cells.count - roles.anchor.sum(1, true);
  const at::Tensor source = ~roles.protect & ~roles.anchor;
  const at::Tensor among_sources =
      rank(at::where(source, psi, at::full({}, -1, psi.options())));  // scores are at least 0
  const at::Tensor filled = roles.protect | (source & (among_sources < without));
  // The first frame's anchors are all that is not protected: it needs no filling.
  roles.protect = at::cat({roles.protect.slice(0, 0, 1), filled.slice(0, 1)});
  return roles;
}

// What the release takes for the patches with most geometry, and for each cell's flattest: it
// rounds the scores to bfloat16 and looks along runs of four patches instead of cells.
std::vector<int64_t> released_protected(const LiteVggtOptions& options,
                                        const TokenLayout& layout,
                                        const at::Tensor& psi) {
  const auto share =
      static_cast<int64_t>(options.protected_share * static_cast<double>(layout.patches()));
  const at::Tensor rows = patch_rows(layout).cpu().masked_select(
      highest(psi, std::clamp<int64_t>(share, 1, layout.patches())));
  return {rows.const_data_ptr<int64_t>(), rows.const_data_ptr<int64_t>() + rows.size(0)};
}

std::vector<std::vector<int64_t>> released_picks(const TokenLayout& layout, const at::Tensor& psi) {
  const int64_t down = layout.grid_h / 2;
  const int64_t across = layout.grid_w / 2;
  const at::Tensor lowest = psi.slice(0, 1)
                                .unflatten(1, {layout.grid_h, layout.grid_w})
                                .slice(1, 0, 2 * down)
                                .slice(2, 0, 2 * across)
                                .reshape({layout.frames - 1, down * across, 4})
                                .argmin(2);
  std::vector<std::vector<int64_t>> picks;
  for (int64_t f = 0; f < lowest.size(0); ++f) {
    const auto* pick = lowest.const_data_ptr<int64_t>() + f * down * across;
    picks.emplace_back(pick, pick + down * across);
  }
  return picks;
}

class LiteVggt : public MergePolicy {
 public:
  LiteVggt(const LiteVggtOptions& options, const TokenLayout& layout, int64_t layers)
      : name_(options.permuted ? "permuted" : "litevggt"),
        frames_(layout.frames),
        build_at_(scaled_layers(options.build_at, layers)) {}

  std::string name() const override { return name_; }
  // A single frame is all anchors: there is nothing to merge.
  Act act(Site site, int64_t layer) const override {
    if (site != Site::kGlobal || frames_ < 2 || layer < *build_at_.begin()) return Act::kNothing;
    return build_at_.count(layer) ? Act::kBuild : Act::kReuse;
  }

 private:
  std::string name_;
  int64_t frames_;
  std::set<int64_t> build_at_;
};

template <class Map>
class LiteVggtBy : public LiteVggt {
 public:
  LiteVggtBy(const LiteVggtOptions& options, const TokenLayout& layout, int64_t layers, Map map)
      : LiteVggt(options, layout, layers), map_(std::move(map)) {}

  Cost cost(int64_t channels) const override { return map_.cost(channels); }
  MergePlan build(int64_t, const PlanInputs& inputs) override { return map_.build(inputs.xn); }

 private:
  Map map_;
};

}  // namespace

std::unique_ptr<MergePolicy> make_released_litevggt(const LiteVggtOptions& options,
                                                    const TokenLayout& layout,
                                                    const at::Tensor& geometry,
                                                    int64_t layers) {
  const at::Tensor psi = geometry.to(at::kCPU).to(at::kBFloat16).to(at::kFloat);
  return std::make_unique<LiteVggtBy<ReleasedMap>>(
      options,
      layout,
      layers,
      ReleasedMap(layout,
                  released_anchors(layout, released_picks(layout, psi)),
                  released_protected(options, layout, psi)));
}

std::unique_ptr<MergePolicy> make_litevggt(const LiteVggtOptions& options,
                                           const TokenLayout& layout,
                                           const SceneMaps& maps,
                                           int64_t layers) {
  if (options.manner == Manner::kCompat) {
    return make_released_litevggt(
        options,
        layout,
        geometry_map(maps.images, maps.patches, options.gradient_weight, options.variance_weight)
            .pow(kReleasedPower),
        layers);
  }
  return std::make_unique<LiteVggtBy<SharedMap>>(
      options,
      layout,
      layers,
      SharedMap(layout, patch_roles(options, layout, maps), options.reach, options.bias));
}

std::vector<Setting> settings_of(LiteVggtOptions& options) {
  return {ratio_setting([&options](double ratio) {
            const CellsAndProtected made = cells_and_protected(ratio);
            options.cell = made.cell;
            options.protected_share = made.protected_share;
          }),
          number("cell", "side of a cell, patches", options.cell, 1, kMostCell),
          number("protected_share",
                 "of a frame's patches, those with most geometry; at least one",
                 options.protected_share,
                 0,
                 1),
          number("gradient_weight", "of edges in the score", options.gradient_weight, 0, 1),
          number("variance_weight", "of the tokens' variety in it", options.variance_weight, 0, 1),
          numbers("build_at", "global blocks, of 24, that build a plan", options.build_at),
          reach_setting(options.reach),
          number("bias", kBiasMeaning, options.bias, 0, 2),
          manner_setting(options.manner)};
}

}  // namespace vggt::accel
