// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kernels/conv3x3/conv3x3.h"
#include "src/nn/dpt_head.h"

namespace vggt::nn {

/// The computation of a DptHead in channels-last float32 through our convolution, whose rounding
/// errors are far below those of tokens in half precision. Made for one run: it holds the
/// transformed weights, four times as large as those of the 3x3 convolutions.
class FastDptHead {
 public:
  /// Whether it takes such tokens: half precision on a CPU that has the convolution, no autograd.
  static bool takes(const at::Tensor& tokens, const DptHead& head);

  /// Keeps a reference to `head`.
  explicit FastDptHead(const DptHead& head);

  /// As DptHead's own: tokens [N, P, 2 C] per level to features or logits [N, K, H, W]. Traces
  /// what it makes: levels only rectified, so not at all, and the last fusion not resized.
  at::Tensor fuse(const std::vector<at::Tensor>& tokens,
                  int64_t image_height,
                  int64_t image_width,
                  DptPositions& positions) const;

 private:
  struct Pointwise {
    at::Tensor weight;  ///< [K, C]
    at::Tensor bias;
  };
  struct Unit {
    kernels::Conv3x3Weights conv1, conv2;
  };
  struct Fusion {
    Unit first;  ///< empty in the coarsest step
    Unit second;
    Pointwise out;
  };
  // [N, h, w, C] of a level before the fusion, rectified.
  at::Tensor level(int64_t k,
                   const at::Tensor& tokens,
                   int64_t rows,
                   int64_t columns,
                   DptPositions& positions) const;

  static Pointwise pointwise(const Conv2d& conv);
  static Pointwise pointwise(const ConvTranspose2d& conv);
  static Unit unit(const ResidualConvUnit& unit);

  const DptHead& head_;
  std::vector<Pointwise> projects_;
  std::vector<Pointwise> upsample_;
  std::vector<kernels::Conv3x3Weights> layer_rn_;
  std::vector<Fusion> refine_;
  kernels::Conv3x3Weights output_conv1_, output_conv2_first_;
  Pointwise output_conv2_second_;
};

}  // namespace vggt::nn
