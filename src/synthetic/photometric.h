// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace vggt::synthetic {

/// How a camera turns light into a picture. Strengths scale what is drawn; 0 switches it off.
struct PhotometricOptions {
  double exposure = 1;  ///< of the whole sample and of each frame
  double white_balance = 1;
  double contrast = 1;  ///< the tone curve's gamma and the saturation
  double vignetting = 1;
  double blur = 1;
  double noise = 1;
  double jpeg = 1;  ///< what is lost of 100 in the file's quality
};

/// Pictures as a camera would give them: exposure by the sample's brightness, white balance,
/// vignetting, blur, noise of the sensor, tone curve, the losses of a JPEG file. Drawn anew for each seed, so that one render
/// serves several times; by the same seed the same on every machine to rounding.
/// linear  [S, 3, H, W] float, linear light, on any device
/// Returns [S, 3, H, W] float in [0, 1] on the same device.
at::Tensor photometric(const at::Tensor& linear,
                       uint64_t seed,
                       const PhotometricOptions& options = {});

}  // namespace vggt::synthetic
