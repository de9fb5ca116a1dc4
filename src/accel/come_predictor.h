// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include "src/nn/attention.h"

namespace vggt::accel {

/// Guesses, from the tokens in the middle of the encoder, how confident the depth head will be of
/// each patch: one transformer block of one head over the patches of all frames, two convolutions
/// within each frame. Parameters are named as in the released checkpoints.
/// Chen et al., "Co-Me: Confidence-Guided Token Merging for Visual Geometric Transformers", CVPR
/// 2026.
struct ComePredictor : torch::nn::Module {
  /// Placeholders until they are filled. `width` is 128 in the second release, 32 in the first.
  ComePredictor(int64_t channels, int64_t width);

  /// tokens [B, S, h w, C], of any dtype -> [B, S, h, w], at least float. More than 100 frames are
  /// taken 16 at a time.
  at::Tensor forward(const at::Tensor& tokens, int64_t grid_h, int64_t grid_w) const;

  /// Matrices in `products`, all else in `wide`.
  void convert(at::Device device, at::ScalarType products, at::ScalarType wide);

  int64_t channels() const { return proj1->weight.size(1); }
  int64_t width() const { return proj1->weight.size(0); }

  struct Block : torch::nn::Module {
    explicit Block(int64_t width);
    std::shared_ptr<nn::LayerNorm> norm1, norm2;
    std::shared_ptr<nn::Attention> attn;
    std::shared_ptr<nn::Mlp> mlp;
  };
  std::shared_ptr<nn::Linear> proj1;
  std::shared_ptr<Block> block;
  std::shared_ptr<nn::Conv2d> conv1, conv2;  ///< proj2.0 and proj2.2
  bool above_one = true;                     ///< the output is exp(x) + 1, as confidence is; or x
};

/// A predictor, and what it reads.
struct ComePredictorFile {
  std::shared_ptr<ComePredictor> predictor;
  int64_t tap = 0;      ///< behind this block of the encoder, counted from 0
  bool normed = false;  ///< the tokens have passed the encoder's last norm
};

/// Where the second release taps, block 14 of 24, in an encoder of `blocks`.
int64_t come_tap(int64_t blocks);

/// A file that write_predictor() wrote, or a released checkpoint (.pth, .safetensors), whose kind
/// is told by its width. Float32, of memory of its own.
/// Throws IoError naming the file and what is missing, superfluous or of another shape.
ComePredictorFile read_predictor(const std::string& path, int64_t encoder_blocks);

/// safetensors; the file appears complete or not at all. Throws IoError.
void write_predictor(const std::string& path, const ComePredictorFile& file);

/// Of weights by a rule, for speed and parity.
ComePredictorFile synthetic_predictor(uint64_t seed, int64_t channels, int64_t encoder_blocks);

}  // namespace vggt::accel
