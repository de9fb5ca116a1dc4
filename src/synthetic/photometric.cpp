// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/photometric.h"

#include "src/synthetic/random.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace vggt::synthetic {
namespace {

// [frames, 3, 1, 1] factors on the device of `like`.
at::Tensor per_channel(const std::vector<float>& values, const at::Tensor& like) {
  return at::tensor(values, at::kFloat)
      .view({static_cast<int64_t>(values.size()) / 3, 3, 1, 1})
      .to(like.device());
}

at::Tensor blurred(const at::Tensor& pictures, double sigma_px) {
  const auto reach = static_cast<int64_t>(std::ceil(2.5 * sigma_px));
  if (reach == 0 || pictures.size(2) <= reach || pictures.size(3) <= reach) return pictures;
  const at::Tensor offsets = at::arange(-reach, reach + 1, pictures.options());
  at::Tensor weights = (offsets.square() * (-0.5 / (sigma_px * sigma_px))).exp();
  weights = weights / weights.sum();
  const int64_t size = 2 * reach + 1;
  at::Tensor planes = pictures.reshape({-1, 1, pictures.size(2), pictures.size(3)});
  planes =
      at::conv2d(at::reflection_pad2d(planes, {reach, reach, 0, 0}), weights.view({1, 1, 1, size}));
  planes =
      at::conv2d(at::reflection_pad2d(planes, {0, 0, reach, reach}), weights.view({1, 1, size, 1}));
  return planes.view(pictures.sizes());
}

// Nearly normal numbers by the pixel's index and the seed alone: four bytes of a hash, summed.
// Integer arithmetic, so that every device gives the same.
at::Tensor noise_like(const at::Tensor& pictures, uint64_t seed) {
  constexpr int64_t kMask = 0x7FFFFFFF;
  at::Tensor hash = at::arange(pictures.numel(), pictures.options().dtype(at::kLong));
  hash = hash.add_(static_cast<int64_t>(seed & kMask));
  for (const int64_t factor : {0x45D9F3BLL, 0x2C1B3C6DLL}) {
    hash =
        at::bitwise_xor(hash, at::bitwise_right_shift(hash, 16)).mul_(factor).bitwise_and_(kMask);
  }
  hash = at::bitwise_xor(hash, at::bitwise_right_shift(hash, 15));
  at::Tensor sum = at::zeros_like(hash);
  for (int64_t shift = 0; shift < 28; shift += 7) {
    sum.add_(at::bitwise_right_shift(hash, shift).bitwise_and_(127));
  }
  // Four uniform numbers from 0 to 127: variance 4 (128^2 - 1) / 12.
  const double deviation = std::sqrt(4 * (128.0 * 128 - 1) / 12);
  return sum.to(at::kFloat).sub_(254).mul_(1 / deviation).view(pictures.sizes());
}

at::Tensor radius_squared(const at::Tensor& pictures) {
  const auto axis = [&](int64_t size) {
    return at::arange(size, pictures.options())
        .add_(0.5)
        .mul_(2.0 / static_cast<double>(size))
        .sub_(1);
  };
  return axis(pictures.size(2)).square().unsqueeze(1) + axis(pictures.size(3)).square();
}

}  // namespace

at::Tensor photometric(const at::Tensor& linear, uint64_t seed, const PhotometricOptions& options) {
  TORCH_CHECK(linear.dim() == 4 && linear.size(1) == 3 && linear.scalar_type() == at::kFloat,
              "photometric: pictures must be [S, 3, H, W] float, got ",
              linear.sizes());
  if (linear.numel() == 0) return linear.clone();
  Random random(seed, 0x9407);
  const int64_t frames = linear.size(0);
  // What is brighter than nine tenths of the picture becomes a light grey, as cameras expose.
  const at::Tensor light = linear.mean(1).flatten();
  const at::Tensor thinned =
      light.slice(0, 0, light.numel(), std::max<int64_t>(1, light.numel() / 4096));
  const double bright = std::max(1e-4, at::quantile(thinned, 0.9).item<double>());
  const double stops = options.exposure * 0.5 * random.normal();
  std::vector<float> gains;
  const double warm = options.white_balance * 0.08 * random.normal();
  const double green = options.white_balance * 0.03 * random.normal();
  const bool steady = random.chance(0.5);  // exposure locked, or measured per frame
  for (int64_t i = 0; i < frames; ++i) {
    const double own = steady ? 0 : options.exposure * 0.2 * random.normal();
    const double shift = options.white_balance * 0.015 * random.normal();
    const double gain = 0.65 / bright * std::exp2(stops + own);
    gains.push_back(static_cast<float>(gain * (1 + warm + shift)));
    gains.push_back(static_cast<float>(gain * (1 + green)));
    gains.push_back(static_cast<float>(gain * (1 - warm - shift)));
  }
  at::Tensor picture = linear * per_channel(gains, linear);
  const double vignetting = options.vignetting * random.uniform(0, 0.15);
  if (vignetting > 0) picture = picture * (1 - vignetting * radius_squared(picture));
  // Per 140 px, since larger pictures of the same lens are blurred over more pixels.
  const double scale = static_cast<double>(std::max(linear.size(2), linear.size(3))) / 140;
  const double sigma = options.blur * std::max(0.0, random.uniform(-0.5, 0.7)) * std::sqrt(scale);
  if (sigma > 0.2) picture = blurred(picture, sigma);
  const double read = options.noise * random.uniform(0, 0.008);
  const double shot = options.noise * random.uniform(0, 0.02);
  if (options.noise > 0) {
    const at::Tensor deviation = (picture.clamp_min(0) * (shot * shot) + read * read).sqrt_();
    picture = picture + deviation * noise_like(picture, random.bits());
  }
  // A shoulder keeps highlights from being cut off hard, then the display's gamma.
  const double shoulder = options.contrast * random.uniform(0, 0.4);
  const double gamma = 1 / 2.2 * std::exp2(options.contrast * 0.15 * random.normal());
  picture = picture.clamp_min(0);
  picture = picture * (1 + shoulder) / (1 + shoulder * picture);
  picture = picture.pow(gamma);
  const double saturation = 1 + options.contrast * random.uniform(-0.4, 0.25);
  const at::Tensor grey = picture.mean(1, true);
  picture = grey + saturation * (picture - grey);
  return picture.clamp_(0, 1);
}

}  // namespace vggt::synthetic
