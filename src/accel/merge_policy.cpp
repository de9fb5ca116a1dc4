// SPDX-License-Identifier: Apache-2.0
#include "src/accel/merge_policy.h"

#include <ATen/ATen.h>

namespace vggt::accel {

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
