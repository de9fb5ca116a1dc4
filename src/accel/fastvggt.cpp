// SPDX-License-Identifier: Apache-2.0
#include "src/accel/fastvggt.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

#include "src/accel/released_map.h"
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
  const at::Tensor anchors =
      lowest_of_cells(grid_cells(one, options.cell, CellEdge::kRagged),
                      random_scores(one, static_cast<uint64_t>(options.seed)),
                      ~protect.unsqueeze(0));
  PatchRoles roles;
  roles.protected0 = protect.sum().item<int64_t>();
  roles.anchors = anchors.sum().item<int64_t>();
  roles.sources = layout.patches() - roles.protected0 - roles.anchors;
  roles.protect = protect.to(device).unsqueeze(0).expand({layout.frames, -1});
  roles.anchor = lowest_of_cells(grid_cells(layout, options.cell, CellEdge::kRagged),
                                 random_scores(layout, static_cast<uint64_t>(options.seed)),
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

// Every so many tokens of the sequence, specials among them, as many as a tenth of all.
std::vector<int64_t> released_protected(int64_t rows, int64_t period) {
  std::vector<int64_t> list;
  const int64_t count = period > 0 ? rows / period : 0;
  const int64_t step = count > 0 ? rows / count : rows;
  for (int64_t i = 0; i < count; ++i) list.push_back(i * step);
  return list;
}

// PyTorch's generator, as the release draws.
std::vector<std::vector<int64_t>> released_picks(const TokenLayout& layout, int64_t seed) {
  at::Generator generator = at::detail::createCPUGenerator(static_cast<uint64_t>(seed));
  const int64_t cells = (layout.grid_h / 2) * (layout.grid_w / 2);
  std::vector<std::vector<int64_t>> picks;
  for (int64_t f = 1; f < layout.frames; ++f) {
    const at::Tensor drawn = at::randint(4, {cells}, generator, at::TensorOptions(at::kLong));
    picks.emplace_back(drawn.const_data_ptr<int64_t>(), drawn.const_data_ptr<int64_t>() + cells);
  }
  return picks;
}

class ReleasedFastVggt : public MergePolicy {
 public:
  ReleasedFastVggt(const FastVggtOptions& options, const TokenLayout& layout)
      : frames_(layout.frames),
        map_(layout,
             released_anchors(layout, released_picks(layout, options.seed)),
             released_protected(layout.rows, options.protected_period)) {}

  std::string name() const override { return "fastvggt"; }
  // The release fails on a single frame, which has no sources.
  Act act(Site site, int64_t) const override {
    return site == Site::kGlobal && frames_ > 1 ? Act::kBuild : Act::kNothing;
  }
  Cost cost(int64_t channels) const override { return map_.cost(channels); }
  MergePlan build(int64_t, const PlanInputs& inputs) override { return map_.build(inputs.xn); }

 private:
  int64_t frames_;
  ReleasedMap map_;
};

}  // namespace

std::unique_ptr<MergePolicy> make_fastvggt(const FastVggtOptions& options,
                                           const TokenLayout& layout) {
  if (options.manner == Manner::kCompat) {
    return std::make_unique<ReleasedFastVggt>(options, layout);
  }
  return std::make_unique<FastVggt>(options, layout);
}

std::vector<Setting> settings_of(FastVggtOptions& options) {
  return {ratio_setting([&options](double ratio) {
            const CellsAndProtected made = cells_and_protected(ratio);
            options.cell = made.cell;
            options.protected_period =
                made.protected_share > 0 ? std::lround(1 / made.protected_share) : 0;
          }),
          number("cell", "side of a cell, patches", options.cell, 1, kMostCell),
          number("protected_period",
                 "every so many patches of a frame are left alone; 0: none",
                 options.protected_period,
                 0,
                 1000000),
          number("seed", "of the anchors", options.seed, 0, kMostSeed),
          reach_setting(options.reach),
          number("bias", kBiasMeaning, options.bias, 0, 2),
          manner_setting(options.manner)};
}

}  // namespace vggt::accel
