// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "src/accel/merge_plan.h"

namespace vggt::accel {

/// What a span's plan is built from, of one scene.
struct SpanInputs {
  at::Tensor tokens;  ///< [S, h w, C], patches behind the tap, of the stream or normed
  at::Tensor images;  ///< [S, 3, H, W] as the encoder takes them
};

struct SpanPlan {
  MergePlan plan;             ///< one map; no group crosses frames; with position, frame_offsets
  at::Tensor merged_patches;  ///< bool [S, h w]: those that share a slot
};

/// Decides which tokens share a slot from the middle of the encoder to the heads: attention and
/// MLPs see slots there, within frames and over all of them. One plan serves all of it.
class SpanPolicy {
 public:
  virtual ~SpanPolicy() = default;
  virtual std::string name() const = 0;
  /// The last block of the encoder that sees every token, counted from 0.
  virtual int64_t tap() const = 0;
  /// Whether it reads the tokens behind the encoder's last norm.
  virtual bool reads_normed() const = 0;
  /// Whether the stream itself holds slots; else each branch's input is merged and its output given
  /// back.
  virtual bool merges_stream() const = 0;
  virtual SpanPlan build(const SpanInputs& inputs) = 0;
};

}  // namespace vggt::accel
