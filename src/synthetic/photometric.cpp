// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/photometric.h"

#include "src/synthetic/jpeg.h"
#include "src/synthetic/random.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace vggt::synthetic {
namespace {

using Gains = std::array<double, 3>;

// What happens to each picture of a sample on its way from light to the display.
struct Development {
  double vignetting;
  double blur_px;
  double read_noise;  // deviation of the dark
  double shot_noise;  // of a brightness of 1, growing with its root
  double shoulder;
  double gamma;
  double saturation;
  int jpeg_quality;  // 100: not stored
};

// The middle row of the picture with its neighbours, mirrored at the edges, in a Gaussian's weights;
// the same for columns.
void blur(at::Tensor& picture, double sigma_px) {
  const auto reach = static_cast<int64_t>(std::ceil(2.5 * sigma_px));
  if (picture.size(1) <= reach || picture.size(2) <= reach) return;
  std::vector<double> weights;
  double sum = 0;
  for (int64_t i = -reach; i <= reach; ++i) {
    weights.push_back(std::exp(-0.5 * static_cast<double>(i * i) / (sigma_px * sigma_px)));
    sum += weights.back();
  }
  for (const int64_t axis : {2, 1}) {
    const int64_t size = picture.size(axis);
    const at::Tensor padded = axis == 2 ? at::reflection_pad2d(picture, {reach, reach, 0, 0})
                                        : at::reflection_pad2d(picture, {0, 0, reach, reach});
    picture.zero_();
    for (int64_t i = 0; i <= 2 * reach; ++i) {
      picture.add_(padded.slice(axis, i, i + size), weights[static_cast<size_t>(i)] / sum);
    }
  }
}

// Nearly normal numbers by their index and the seed alone: four pieces of a hash, summed. Integer
// arithmetic, so that every machine gives the same.
void fill_with_noise(at::Tensor& values, uint32_t seed, int64_t first_index) {
  constexpr uint32_t kMask = 0x7FFFFFFF;
  // Four uniform numbers from 0 to 127: variance 4 (128^2 - 1) / 12.
  const auto scale = static_cast<float>(1 / std::sqrt(4 * (128.0 * 128 - 1) / 12));
  auto* const to = values.mutable_data_ptr<float>();
  const int64_t count = values.numel();
  const uint32_t start = (seed & kMask) + static_cast<uint32_t>(first_index);
  for (int64_t i = 0; i < count; ++i) {
    uint32_t hash = start + static_cast<uint32_t>(i);
    hash = ((hash ^ (hash >> 16)) * 0x45D9F3BU) & kMask;
    hash = ((hash ^ (hash >> 16)) * 0x2C1B3C6DU) & kMask;
    hash ^= hash >> 15;
    const uint32_t sum =
        (hash & 127) + ((hash >> 7) & 127) + ((hash >> 14) & 127) + ((hash >> 21) & 127);
    to[i] = static_cast<float>(static_cast<int32_t>(sum) - 254) * scale;
  }
}

// [H, W]: 1 in the middle, less towards the corners.
at::Tensor vignette(const at::Tensor& picture, double strength) {
  const auto axis = [&](int64_t size) {
    return at::arange(size, picture.options())
        .add_(0.5)
        .mul_(2.0 / static_cast<double>(size))
        .sub_(1)
        .square_();
  };
  const at::Tensor squares = axis(picture.size(1)).unsqueeze(1) + axis(picture.size(2));
  return 1 - strength * squares;
}

at::Tensor grey_of(const at::Tensor& picture) {
  return (picture[0] + picture[1]).add_(picture[2]).mul_(1.0 / 3);
}

// From linear light [3, H, W] to the picture.
void develop(at::Tensor picture,
             const Gains& gains,
             const Development& how,
             uint32_t noise_seed,
             int64_t first_index) {
  for (int64_t c = 0; c < 3; ++c) picture[c].mul_(gains[static_cast<size_t>(c)]);
  if (how.vignetting > 0) picture.mul_(vignette(picture, how.vignetting));
  if (how.blur_px > 0.2) blur(picture, how.blur_px);
  if (how.read_noise > 0 || how.shot_noise > 0) {
    at::Tensor noise = at::empty(picture.sizes(), at::kFloat);
    fill_with_noise(noise, noise_seed, first_index);
    const at::Tensor deviation = picture.clamp_min(0)
                                     .mul_(how.shot_noise * how.shot_noise)
                                     .add_(how.read_noise * how.read_noise)
                                     .sqrt_();
    picture.addcmul_(deviation, noise.to(picture.device()));
  }
  // A shoulder keeps highlights from being cut off hard, then the display's gamma.
  picture.clamp_min_(0);
  const at::Tensor bent = (picture * how.shoulder).add_(1);
  picture.mul_(1 + how.shoulder).div_(bent).pow_(how.gamma);
  const at::Tensor grey = grey_of(picture).mul_(1 - how.saturation);
  picture.mul_(how.saturation).add_(grey).clamp_(0, 1);
  if (how.jpeg_quality < 100) picture.copy_(stored_as_jpeg(picture, how.jpeg_quality));
}

// What is brighter than nine tenths of the pictures' pixels.
double bright_of(const at::Tensor& linear) {
  constexpr int64_t kLooked = 4096;  // at most about these
  const at::Tensor light = linear.mean(1).flatten();
  const int64_t step = std::max<int64_t>(1, light.numel() / kLooked);
  return at::quantile(light.slice(0, 0, light.numel(), step), 0.9).item<double>();
}

}  // namespace

at::Tensor photometric(const at::Tensor& linear, uint64_t seed, const PhotometricOptions& options) {
  TORCH_CHECK(linear.dim() == 4 && linear.size(1) == 3 && linear.scalar_type() == at::kFloat,
              "photometric: pictures must be [S, 3, H, W] float, got ",
              linear.sizes());
  at::Tensor pictures = linear.clone(at::MemoryFormat::Contiguous);
  if (linear.numel() == 0) return pictures;
  Random random(seed, 0x9407);
  const int64_t frames = linear.size(0);
  // What is bright becomes a light grey, as cameras expose.
  const double bright = std::max(1e-4, bright_of(linear));
  const double stops = options.exposure * 0.5 * random.normal();
  const double warm = options.white_balance * 0.08 * random.normal();
  const double green = options.white_balance * 0.03 * random.normal();
  const bool steady = random.chance(0.5);  // exposure locked, or measured per frame
  std::vector<Gains> gains;
  for (int64_t i = 0; i < frames; ++i) {
    const double own = steady ? 0 : options.exposure * 0.2 * random.normal();
    const double shift = options.white_balance * 0.015 * random.normal();
    const double gain = 0.65 / bright * std::exp2(stops + own);
    gains.push_back({gain * (1 + warm + shift), gain * (1 + green), gain * (1 - warm - shift)});
  }
  Development how{};
  how.vignetting = options.vignetting * random.uniform(0, 0.15);
  // Per 140 px, since larger pictures of the same lens are blurred over more pixels.
  const double scale = static_cast<double>(std::max(linear.size(2), linear.size(3))) / 140;
  how.blur_px = options.blur * std::max(0.0, random.uniform(-0.5, 0.7)) * std::sqrt(scale);
  how.read_noise = options.noise * random.uniform(0, 0.008);
  how.shot_noise = options.noise * random.uniform(0, 0.02);
  const auto noise_seed = options.noise > 0 ? static_cast<uint32_t>(random.bits()) : 0;
  how.shoulder = options.contrast * random.uniform(0, 0.4);
  how.gamma = 1 / 2.2 * std::exp2(options.contrast * 0.15 * random.normal());
  how.saturation = 1 + options.contrast * random.uniform(-0.4, 0.25);
  // Half of the samples come from files of some quality, the others from a raw one.
  const double loss = std::max(0.0, random.uniform(-60, 60));
  how.jpeg_quality = static_cast<int>(std::clamp(100 - options.jpeg * loss, 1.0, 100.0));
  // One picture after the other, which stays in the cache meanwhile.
  for (int64_t i = 0; i < frames; ++i) {
    develop(pictures[i], gains[static_cast<size_t>(i)], how, noise_seed, i * pictures.stride(0));
  }
  return pictures;
}

}  // namespace vggt::synthetic
