// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/jpeg.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace vggt::synthetic {
namespace {

constexpr int64_t kBlock = 8;

using Steps = std::array<int, kBlock * kBlock>;

// T.81, tables K.1 and K.2: vertical frequency by row, horizontal by column.
constexpr Steps kLumaSteps = {16, 11, 10, 16, 24,  40,  51,  61,   //
                              12, 12, 14, 19, 26,  58,  60,  55,   //
                              14, 13, 16, 24, 40,  57,  69,  56,   //
                              14, 17, 22, 29, 51,  87,  80,  62,   //
                              18, 22, 37, 56, 68,  109, 103, 77,   //
                              24, 35, 55, 64, 81,  104, 113, 92,   //
                              49, 64, 78, 87, 103, 121, 120, 101,  //
                              72, 92, 95, 98, 112, 100, 103, 99};
constexpr Steps kColourSteps = {17, 18, 24, 47, 99, 99, 99, 99,  //
                                18, 21, 26, 66, 99, 99, 99, 99,  //
                                24, 26, 56, 99, 99, 99, 99, 99,  //
                                47, 66, 99, 99, 99, 99, 99, 99,  //
                                99, 99, 99, 99, 99, 99, 99, 99,  //
                                99, 99, 99, 99, 99, 99, 99, 99,  //
                                99, 99, 99, 99, 99, 99, 99, 99,  //
                                99, 99, 99, 99, 99, 99, 99, 99};

// [8, 8] in grey levels.
at::Tensor scaled_steps(const Steps& steps, int quality) {
  const int percent = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  Steps scaled{};
  std::transform(steps.begin(), steps.end(), scaled.begin(), [&](int step) {
    return std::clamp((step * percent + 50) / 100, 1, 255);
  });
  return at::tensor(at::ArrayRef<int>(scaled), at::kFloat).view({kBlock, kBlock});
}

// Row k: the cosine of frequency k at the eight pixels, all of length 1.
at::Tensor cosines() {
  const at::Tensor k = at::arange(kBlock, at::kDouble).unsqueeze(1);
  const at::Tensor x = at::arange(kBlock, at::kDouble);
  at::Tensor waves = (k * (2 * x + 1) * (M_PI / (2.0 * kBlock))).cos_() * std::sqrt(2.0 / kBlock);
  waves[0].mul_(std::sqrt(0.5));
  return waves.to(at::kFloat);
}

// To a multiple of `unit` by repeating the last row and column, as encoders do.
at::Tensor padded(const at::Tensor& planes, int64_t unit) {
  const auto missing = [&](int64_t size) { return (unit - size % unit) % unit; };
  const int64_t down = missing(planes.size(1));
  const int64_t right = missing(planes.size(2));
  return down + right > 0 ? at::replication_pad2d(planes, {0, right, 0, down}) : planes;
}

// Planes in grey levels around 0, [C, H, W] of whole blocks.
at::Tensor rounded(const at::Tensor& planes, const Steps& steps, int quality) {
  const at::Tensor waves = cosines().to(planes.device());
  const at::Tensor unit = scaled_steps(steps, quality).to(planes.device());
  const at::Tensor blocks =
      planes.unflatten(2, {-1, kBlock}).unflatten(1, {-1, kBlock}).transpose(2, 3);
  const at::Tensor kept = waves.matmul(blocks).matmul(waves.t()).div_(unit).round_().mul_(unit);
  return waves.t().matmul(kept).matmul(waves).transpose(2, 3).reshape(planes.sizes());
}

}  // namespace

at::Tensor stored_as_jpeg(const at::Tensor& picture, int quality) {
  TORCH_CHECK(picture.dim() == 3 && picture.size(0) == 3 && quality >= 1 && quality <= 100,
              "stored_as_jpeg: a picture [3, H, W] and a quality from 1 to 100, got ",
              picture.sizes(),
              " and ",
              quality);
  if (picture.numel() == 0) return picture;
  constexpr double kRed = 0.299;
  constexpr double kGreen = 0.587;
  constexpr double kBlue = 0.114;
  constexpr double kLevels = 255;
  constexpr double kMiddle = 128;
  // Two blocks of brightness a block of colour.
  const at::Tensor whole = padded(picture * kLevels, 2 * kBlock);
  at::Tensor luma = whole[0] * kRed + whole[1] * kGreen + whole[2] * kBlue;
  const at::Tensor colour =
      at::stack({(whole[2] - luma) * (0.5 / (1 - kBlue)), (whole[0] - luma) * (0.5 / (1 - kRed))});
  luma = rounded((luma - kMiddle).unsqueeze(0), kLumaSteps, quality)[0] + kMiddle;
  const at::Tensor small = rounded(at::avg_pool2d(colour, 2), kColourSteps, quality);
  const at::Tensor wide = small.repeat_interleave(2, 1).repeat_interleave(2, 2);
  const at::Tensor blue = luma + wide[0] * (2 * (1 - kBlue));
  const at::Tensor red = luma + wide[1] * (2 * (1 - kRed));
  const at::Tensor green = (luma - kRed * red - kBlue * blue) / kGreen;
  return at::stack({red, green, blue})
      .slice(1, 0, picture.size(1))
      .slice(2, 0, picture.size(2))
      .div(kLevels)
      .clamp_(0, 1);
}

}  // namespace vggt::synthetic
