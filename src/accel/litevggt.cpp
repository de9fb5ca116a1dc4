// SPDX-License-Identifier: Apache-2.0
#include "src/accel/litevggt.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <set>

#include "src/accel/geometry_map.h"
#include "src/accel/shared_map.h"

namespace vggt::accel {
namespace {

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

class LiteVggt : public MergePolicy {
 public:
  LiteVggt(const LiteVggtOptions& options,
           const TokenLayout& layout,
           const SceneMaps& maps,
           int64_t layers)
      : name_(options.permuted ? "permuted" : "litevggt"),
        map_(layout, patch_roles(options, layout, maps), options.reach, options.bias) {
    constexpr int64_t kPublishedLayers = 24;
    for (const int64_t layer : options.build_at) {
      build_at_.insert(layers < kPublishedLayers ? layer * layers / kPublishedLayers : layer);
    }
  }

  std::string name() const override { return name_; }
  Act act(Site site, int64_t layer) const override {
    if (site != Site::kGlobal || layer < *build_at_.begin()) return Act::kNothing;
    return build_at_.count(layer) ? Act::kBuild : Act::kReuse;
  }
  Cost cost(int64_t channels) const override { return map_.cost(channels); }
  MergePlan build(int64_t, const PlanInputs& inputs) override { return map_.build(inputs.xn); }

 private:
  std::string name_;
  SharedMap map_;
  std::set<int64_t> build_at_;
};

}  // namespace

std::unique_ptr<MergePolicy> make_litevggt(const LiteVggtOptions& options,
                                           const TokenLayout& layout,
                                           const SceneMaps& maps,
                                           int64_t layers) {
  return std::make_unique<LiteVggt>(options, layout, maps, layers);
}

}  // namespace vggt::accel
