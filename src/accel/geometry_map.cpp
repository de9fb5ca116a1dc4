// SPDX-License-Identifier: Apache-2.0
#include "src/accel/geometry_map.h"

#include <ATen/ATen.h>

namespace vggt::accel {
namespace {

at::Tensor normalised(const at::Tensor& map) {
  const at::Tensor flat = map.flatten(1);
  const at::Tensor least = std::get<0>(flat.min(1, true));
  const at::Tensor most = std::get<0>(flat.max(1, true));
  return ((flat - least) / (most - least + 1e-8)).view_as(map);
}

// Mean gradient of the brightness in each patch, [S, h, w]. Zeros around the picture.
at::Tensor gradient(const at::Tensor& images, int64_t patch) {
  const at::Tensor weights = at::tensor({0.299, 0.587, 0.114}, images.options().dtype(at::kFloat));
  const at::Tensor luma = (images.to(at::kFloat) * weights.view({1, 3, 1, 1})).sum(1, true);
  const at::Tensor across = at::tensor({-1, 0, 1, -2, 0, 2, -1, 0, 1}, luma.options());
  const at::Tensor sobel =
      at::stack({across.view({1, 3, 3}), across.view({3, 3}).t().contiguous().view({1, 3, 3})});
  const at::Tensor slopes = at::conv2d(luma, sobel, {}, 1, 1);
  return at::avg_pool2d((slopes.square().sum(1, true) + 1e-12).sqrt(), {patch, patch}).squeeze(1);
}

// Variance of the tokens in the 3 x 3 patches around each, summed over channels, [S, h, w].
at::Tensor variance(const at::Tensor& patches, int64_t rows, int64_t columns) {
  const int64_t frames = patches.size(0);
  at::Tensor sum = at::zeros({frames, rows, columns}, patches.options().dtype(at::kFloat));
  const auto mean = [](const at::Tensor& x) {
    return at::avg_pool2d(x, {3, 3}, {1, 1}, {1, 1}, false, /*count_include_pad=*/false);
  };
  for (int64_t f = 0; f < frames; ++f) {  // a frame at a time: little memory
    const at::Tensor x = patches[f].to(at::kFloat).t().reshape({1, patches.size(2), rows, columns});
    sum[f].copy_((mean(x.square()) - mean(x).square()).clamp_min(0).sum(1).squeeze(0));
  }
  return sum;
}

}  // namespace

at::Tensor geometry_map(const at::Tensor& images,
                        const at::Tensor& patches,
                        double gradient_weight,
                        double variance_weight) {
  const double side = std::sqrt(static_cast<double>(images.size(2) * images.size(3)) /
                                static_cast<double>(patches.size(1)));
  const auto patch = static_cast<int64_t>(std::lround(side));
  const int64_t rows = images.size(2) / patch;
  const int64_t columns = images.size(3) / patch;
  TORCH_CHECK(rows * columns == patches.size(1) && images.size(0) == patches.size(0),
              "geometry_map: ",
              patches.sizes(),
              " tokens are not those of images of ",
              images.sizes());
  const at::Tensor edges =
      gradient(images.slice(2, 0, rows * patch).slice(3, 0, columns * patch), patch);
  const at::Tensor variety = variance(patches, rows, columns);
  return normalised(gradient_weight * normalised(edges) + variance_weight * normalised(variety))
      .flatten(1);
}

}  // namespace vggt::accel
