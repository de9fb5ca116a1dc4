// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "src/accel/merge_plan.h"

namespace vggt::accel {

enum class Site : uint8_t { kFrame, kGlobal };

/// What a policy wants at a layer; known before the pass starts.
enum class Act : uint8_t {
  kNothing,
  kBuild,
  kReuse,
  kWithinFrames,  ///< no plan: each frame attends to itself alone
};

/// What a plan is built from. Undefined unless policy.needs() says so.
struct PlanInputs {
  at::Tensor xn;       ///< [R, C], the norm's output, float32 or bfloat16
  at::Tensor q, k, v;  ///< [R, C], after q/k norm and RoPE, heads side by side, of any dtype
  int64_t heads = 0;
};

/// Pictures of one scene that policies judge patches by, once per pass. Undefined unless asked for.
struct SceneMaps {
  at::Tensor images;   ///< [S, 3, H, W] float, as the encoder sees them (normalised)
  at::Tensor patches;  ///< [S, h w, C] float, the encoder's tokens
};

/// Predicted for one use of a plan, from shapes alone.
struct Cost {
  int64_t q_slots = 0;  ///< of one map
  int64_t kv_slots = 0;
  double plan_flop = 0;  ///< matching
};

/// Decides which rows share a slot. An object lives for one forward pass of one scene; what it
/// keeps between layers are its members.
class MergePolicy {
 public:
  virtual ~MergePolicy() = default;
  virtual std::string name() const = 0;
  virtual Act act(Site site, int64_t layer) const = 0;
  virtual Cost cost(int64_t channels) const = 0;
  /// Waits for no device.
  virtual MergePlan build(int64_t layer, const PlanInputs& inputs) = 0;
};

/// Layers of the published 24, as those of a model with `layers`.
std::set<int64_t> scaled_layers(const std::vector<int64_t>& of_24, int64_t layers);

/// `x` in a dtype that match_rows() takes: itself if it is float32 or bfloat16, else in float32.
at::Tensor matchable(const at::Tensor& x);

/// How a build ends: the maps of queries and of keys and values (undefined: the same), a bias of
/// `beta` log(mass) on the keys (0: none).
struct Anchors {
  at::Tensor anchor_of;  ///< as map_from_anchors() takes it
  SlotCount count;
};
MergePlan plan_from_anchors(const TokenLayout& layout,
                            const Anchors& q,
                            const Anchors& kv,
                            double beta);

}  // namespace vggt::accel
