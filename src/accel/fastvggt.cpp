// SPDX-License-Identifier: Apache-2.0
#include "src/accel/fastvggt.h"

#include <ATen/ATen.h>

#include "src/accel/shared_map.h"

namespace vggt::accel {
namespace {

PatchRoles patch_roles(const FastVggtOptions& options, const TokenLayout& layout) {
  const at::Device device = layout.position.device();
  const auto patches = at::arange(layout.patches(), at::kLong);
  const at::Tensor protect = options.protected_period > 0
                                 ? patches.remainder(options.protected_period) == 0
                                 : at::zeros({layout.patches()}, at::kBool);
  // Which cells have an anchor depends on the grid alone, so it is counted here.
  TokenLayout one = regular_layout(1, layout.grid_h, layout.grid_w, layout.special, at::kCPU);
  const at::Tensor anchors = lowest_of_cells(grid_cells(one, options.cell, CellEdge::kRagged),
                                             random_scores(one, options.seed),
                                             ~protect.unsqueeze(0));
  PatchRoles roles;
  roles.protected0 = protect.sum().item<int64_t>();
  roles.anchors = anchors.sum().item<int64_t>();
  roles.sources = layout.patches() - roles.protected0 - roles.anchors;
  roles.protect = protect.to(device).unsqueeze(0).expand({layout.frames, -1});
  roles.anchor = lowest_of_cells(grid_cells(layout, options.cell, CellEdge::kRagged),
                                 random_scores(layout, options.seed),
                                 ~roles.protect);
  return roles;
}

class FastVggt : public MergePolicy {
 public:
  FastVggt(const FastVggtOptions& options, const TokenLayout& layout)
      : map_(layout, patch_roles(options, layout), options.reach, options.bias) {}

  std::string name() const override { return "fastvggt"; }
  Act act(Site site, int64_t) const override {
    return site == Site::kGlobal ? Act::kBuild : Act::kNothing;
  }
  Cost cost(int64_t channels) const override { return map_.cost(channels); }
  MergePlan build(int64_t, const PlanInputs& inputs) override { return map_.build(inputs.xn); }

 private:
  SharedMap map_;
};

}  // namespace

std::unique_ptr<MergePolicy> make_fastvggt(const FastVggtOptions& options,
                                           const TokenLayout& layout) {
  return std::make_unique<FastVggt>(options, layout);
}

}  // namespace vggt::accel
