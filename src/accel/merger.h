// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "src/accel/merge_policy.h"

namespace vggt::accel {

/// What one use of a plan did; times in seconds, measured with the device at rest.
struct MergeRecord {
  int64_t layer = 0;
  int64_t built_at = 0;
  int64_t rows = 0;     ///< before
  int64_t q_slots = 0;  ///< after, over all maps divided by their number
  int64_t kv_slots = 0;
  double plan_s = 0;       ///< building, 0 where an older plan served
  double attention_s = 0;  ///< merging and attention
  double restore_s = 0;    ///< projection and giving rows back
};

/// The merging of one pass over one scene: asks the policy layer by layer, keeps the plan in force,
/// records. Null policies, and plans that change nothing, are the dense path.
class Merger {
 public:
  /// timed: wait for the device around each part, so that records hold times
  Merger(std::unique_ptr<MergePolicy> policy, TokenLayout layout, bool timed);

  bool acts_at(Site site, int64_t layer) const;

  /// The attention of a block with the plan in force, projected and given back to all rows:
  /// q, k, v [1, N, A, D] after q/k norm and RoPE, xn [1, N, C]; `project` takes [1, T, C].
  /// Returns [1, N, C].
  at::Tensor attend(Site site,
                    int64_t layer,
                    const at::Tensor& xn,
                    const at::Tensor& q,
                    const at::Tensor& k,
                    const at::Tensor& v,
                    const std::function<at::Tensor(const at::Tensor&)>& project);

  const std::vector<MergeRecord>& records() const { return records_; }
  const TokenLayout& layout() const { return layout_; }

 private:
  const MergePlan& plan_for(int64_t layer, Act act, const PlanInputs& inputs, MergeRecord& record);

  std::unique_ptr<MergePolicy> policy_;
  TokenLayout layout_;
  bool timed_;
  MergePlan plan_;
  std::vector<MergeRecord> records_;
};

}  // namespace vggt::accel
