// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "src/accel/merge_options.h"
#include "src/accel/merge_policy.h"

namespace vggt::accel {

/// The merging of one pass over one scene: asks the policy layer by layer, keeps the plan in force,
/// reports. Plans that change nothing are the dense path.
class Merger {
 public:
  /// report: what every layer's record is added to, outlives the merger; the device is waited for
  /// around each part, so that it holds times. Null: neither.
  Merger(std::unique_ptr<MergePolicy> policy, TokenLayout layout, MergeReport* report);

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

 private:
  bool is_timed() const { return report_ != nullptr; }
  void keep(const MergeRecord& record);
  const MergePlan& plan_for(int64_t layer, Act act, const PlanInputs& inputs, MergeRecord& record);

  std::unique_ptr<MergePolicy> policy_;
  TokenLayout layout_;
  MergeReport* report_;
  MergePlan plan_;
};

/// What the mergers of a pass are made for.
struct PassShape {
  int64_t frames = 0;
  int64_t grid_h = 0, grid_w = 0;  ///< patches
  int64_t special = 0;             ///< tokens before the patches
  int64_t layers = 0;              ///< global blocks
  int64_t heads = 0;
};

/// One for each scene, or none if merging is off.
/// images   [B S, 3, H, W] normalised, as the encoder takes them; only for methods that need maps
/// patches  [B S, h w, C], the encoder's tokens
/// report   null: nothing is timed
/// Throws ConfigError("accel"): the method or a setting is wrong, or there are too many frames.
std::vector<Merger> make_mergers(const MergeOptions& options,
                                 const PassShape& shape,
                                 const std::function<at::Tensor()>& images,
                                 const at::Tensor& patches,
                                 MergeReport* report);

}  // namespace vggt::accel
