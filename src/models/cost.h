// SPDX-License-Identifier: Apache-2.0
// How much arithmetic and memory traffic the stages of the network need, by the sizes alone: what a
// measured time is compared with.
#pragma once

#include <cstdint>

#include "src/models/config.h"
#include "src/models/precision.h"

namespace vggt {

/// Operations are the multiplications and additions of matrix products, convolutions and attention,
/// two per product; norms, activations, softmax and interpolation are not counted.
///
/// Bytes are what must move if nothing but the results of these layers (and of interpolations) goes
/// through memory, each written once and read once by what takes it, and each weight matrix is read
/// once per pass of its stage: norms, rotary embedding, biases, activations and residual sums belong
/// to the layer beside them. Code that fuses less moves more.
struct Cost {
  double half_flop = 0;   ///< of matrices in bfloat16 or half
  double float_flop = 0;  ///< of wider ones
  double bytes = 0;

  double flop() const { return half_flop + float_flop; }
  Cost& operator+=(const Cost& other);
};

Cost operator+(Cost a, const Cost& b);

/// One scene.
struct InputSize {
  int64_t frames = 1;
  int64_t height_px = 0;  ///< multiples of the patch size
  int64_t width_px = 0;
};

/// rows x in times in x out, all in `precision`.
Cost linear_cost(int64_t rows, int64_t in, int64_t out, Precision precision);

/// `groups` times softmax(q k^T) v of `tokens` with `channels` over all heads.
Cost attention_cost(int64_t groups, int64_t tokens, int64_t channels, Precision precision);

/// The patch embedding and the blocks of the encoder.
Cost encoder_cost(const ModelConfig& config, const InputSize& size, Precision precision);

/// The pairs of frame and global blocks; not the encoder.
Cost aggregator_cost(const ModelConfig& config, const InputSize& size, Precision precision);

/// Its weights are read in every iteration, each needs the result of the one before.
Cost camera_head_cost(const ModelConfig& config, const InputSize& size, Precision precision);

/// The depth or the point head, whose tokens come in the type of the aggregator's matrices.
Cost dense_head_cost(const DptConfig& head,
                     const ModelConfig& config,
                     const InputSize& size,
                     Precision precision);

}  // namespace vggt
