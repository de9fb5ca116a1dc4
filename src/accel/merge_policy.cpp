// SPDX-License-Identifier: Apache-2.0
#include "src/accel/merge_policy.h"

#include <ATen/ATen.h>

namespace vggt::accel {

std::set<int64_t> scaled_layers(const std::vector<int64_t>& of_24, int64_t layers) {
  constexpr int64_t kPublished = 24;
  std::set<int64_t> scaled;
  for (const int64_t layer : of_24) {
    scaled.insert(layers < kPublished ? layer * layers / kPublished : layer);
  }
  return scaled;
}

at::Tensor matchable(const at::Tensor& x) {
  const bool taken = x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16;
  return taken ? x : x.to(at::kFloat);
}

MergePlan plan_from_anchors(const TokenLayout& layout,
                            const Anchors& q,
                            const Anchors& kv,
                            double beta) {
  MergePlan plan;
  plan.q = map_from_anchors(q.anchor_of, q.count, layout.row_mass);
  plan.split = kv.anchor_of.defined();
  plan.kv = plan.split ? map_from_anchors(kv.anchor_of, kv.count, layout.row_mass) : plan.q;
  if (beta != 0) plan.key_bias = log_mass_bias(plan.kv, beta);
  plan.layout = layout_hash(layout);
  return plan;
}

}  // namespace vggt::accel
