// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "src/pipeline/pixel_map.h"

namespace vggt {

/// How a photo becomes a network input; the names are the original model's.
enum class FitMode {
  kCrop,    ///< width to the target, height in proportion; rows beyond the target cut off above and
            ///< below
  kPad,     ///< longest side to the target, then padded with white to a square
  kSquare,  ///< padded with black to a square first, then resized to the target
};

struct PreprocessOptions {
  FitMode fit = FitMode::kCrop;
  int64_t target_px = 518;  ///< the longest side of the network input
  int64_t patch_px = 14;    ///< sides become multiples of it (not in kSquare)
};

/// One photo, resized: pixels [3, H, W] uint8 on the CPU, and how they map to the file's.
struct FittedImage {
  at::Tensor pixels;
  PixelMap map;
};

/// What the network reads: images [S, 3, H, W] float32 in [0, 1] on the CPU (exactly uint8 / 255).
struct NetworkInput {
  at::Tensor images;
  std::vector<PixelMap> maps;
  at::Tensor
      mask;  ///< [S, H, W] bool, false where the user's mask hides a pixel; undefined: all count
  bool mixed_sizes = false;  ///< some photos were padded with white to the largest
};

/// upright: [H, W, 3] uint8 on the CPU. `stored_width_px`, `stored_height_px` and `orientation`
/// describe the file (PixelMap). Resampling is Pillow's bicubic, byte for byte. Throws ConfigError
/// if the picture is too narrow or too flat for one patch, or the target is no multiple of the
/// patch.
FittedImage fit_image(const at::Tensor& upright,
                      int64_t stored_width_px,
                      int64_t stored_height_px,
                      int orientation,
                      const PreprocessOptions& options);

/// Pads all with white to the largest height and width, centred, and stacks them.
NetworkInput stack_images(const std::vector<FittedImage>& images);

}  // namespace vggt
