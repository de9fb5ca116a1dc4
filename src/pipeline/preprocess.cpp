// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/preprocess.h"

#include "src/base/error.h"
#include "src/pipeline/pillow_resize.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace vggt {
namespace {

constexpr int kWhite = 255;
constexpr int64_t kMaxSquareSide_px = 1 << 15;

/// [H, W, 3] -> [3, H, W]
at::Tensor channels_first(const at::Tensor& picture) {
  return picture.permute({2, 0, 1}).contiguous();
}

/// `pixels` [3, H, W] in the middle of a white picture; an odd remainder goes to the bottom and the
/// right.
at::Tensor pad_with_white(const at::Tensor& pixels, int64_t height, int64_t width, PixelMap& map) {
  const int64_t top = (height - pixels.size(1)) / 2;
  const int64_t left = (width - pixels.size(2)) / 2;
  map.offset_x_px += static_cast<double>(left);
  map.offset_y_px += static_cast<double>(top);
  map.network_width_px = width;
  map.network_height_px = height;
  if (pixels.size(1) == height && pixels.size(2) == width) return pixels;
  at::Tensor canvas = at::full({3, height, width}, kWhite, pixels.options());
  canvas.narrow(1, top, pixels.size(1)).narrow(2, left, pixels.size(2)).copy_(pixels);
  return canvas;
}

/// The other side of a picture whose `side_px` becomes `target_px`, as a multiple of the patch. The
/// order of the operations and rounding half to even are the original's: they decide the size.
int64_t proportional_side(int64_t other_px, int64_t side_px, const PreprocessOptions& options) {
  const auto patch = static_cast<double>(options.patch_px);
  const double ratio = static_cast<double>(options.target_px) / static_cast<double>(side_px);
  return static_cast<int64_t>(std::nearbyint(static_cast<double>(other_px) * ratio / patch)) *
         options.patch_px;
}

/// On a black square first, then resized as a whole.
at::Tensor fit_to_square(const at::Tensor& upright, int64_t target, PixelMap& map) {
  const int64_t height = upright.size(0);
  const int64_t width = upright.size(1);
  const int64_t side = std::max(height, width);
  const int64_t top = (side - height) / 2;
  const int64_t left = (side - width) / 2;
  // A long strip can be small in its file and still need gigabytes here.
  if (side > kMaxSquareSide_px) {
    throw ConfigError("image",
                      std::to_string(width) + " x " + std::to_string(height) +
                          " pixels are too long for a square; the longest side may be " +
                          std::to_string(kMaxSquareSide_px));
  }
  at::Tensor canvas = upright;
  if (height != width) {
    canvas = at::zeros({side, side, 3}, upright.options());
    canvas.narrow(0, top, height).narrow(1, left, width).copy_(upright);
  }
  const double scale = static_cast<double>(target) / static_cast<double>(side);
  map.scale_x = scale;
  map.scale_y = scale;
  map.offset_x_px = static_cast<double>(left) * scale;
  map.offset_y_px = static_cast<double>(top) * scale;
  map.network_width_px = target;
  map.network_height_px = target;
  return channels_first(pillow_bicubic(canvas, target, target));
}

void check_options(const PreprocessOptions& options) {
  if (options.target_px <= 0) {
    throw ConfigError("target_px", "must be positive, got " + std::to_string(options.target_px));
  }
  if (options.patch_px <= 0) {
    throw ConfigError("patch_px", "must be positive, got " + std::to_string(options.patch_px));
  }
  if (options.fit != FitMode::kSquare && options.target_px % options.patch_px != 0) {
    throw ConfigError("target_px",
                      "must be a multiple of the patch of " + std::to_string(options.patch_px) +
                          " pixels, got " + std::to_string(options.target_px));
  }
}

}  // namespace

FittedImage fit_image(const at::Tensor& upright,
                      int64_t stored_width_px,
                      int64_t stored_height_px,
                      int orientation,
                      const PreprocessOptions& options) {
  check_options(options);
  TORCH_CHECK(upright.dim() == 3 && upright.size(2) == 3 && upright.numel() > 0 &&
                  upright.scalar_type() == at::kByte && upright.device().is_cpu(),
              "fit_image: upright must be [H, W, 3] uint8 on the CPU and not empty, got ",
              upright.sizes(),
              " ",
              upright.scalar_type(),
              " on ",
              upright.device());
  const int64_t height = upright.size(0);
  const int64_t width = upright.size(1);
  PixelMap map;
  map.stored_width_px = stored_width_px;
  map.stored_height_px = stored_height_px;
  map.orientation = orientation;
  TORCH_CHECK(map.upright_width_px() == width && map.upright_height_px() == height,
              "fit_image: a file of ",
              stored_width_px,
              " x ",
              stored_height_px,
              " with orientation ",
              orientation,
              " does not give a picture of ",
              width,
              " x ",
              height);
  const int64_t target = options.target_px;
  if (options.fit == FitMode::kSquare) {
    at::Tensor pixels = fit_to_square(upright, target, map);
    return {pixels, map};
  }

  const bool fit_height = options.fit == FitMode::kPad && height > width;
  const int64_t new_width = fit_height ? proportional_side(width, height, options) : target;
  const int64_t new_height = fit_height ? target : proportional_side(height, width, options);
  if (new_width == 0 || new_height == 0) {
    throw ConfigError("image",
                      std::to_string(width) + " x " + std::to_string(height) + " pixels are too " +
                          (new_height == 0 ? "flat" : "narrow") + ": with the longest side at " +
                          std::to_string(target) + " less than half a patch of " +
                          std::to_string(options.patch_px) +
                          " is left of the other; cut the picture, or take --fit square");
  }
  map.scale_x = static_cast<double>(new_width) / static_cast<double>(width);
  map.scale_y = static_cast<double>(new_height) / static_cast<double>(height);

  int64_t first_row = 0;
  int64_t rows = new_height;
  if (options.fit == FitMode::kCrop && new_height > target) {
    first_row = (new_height - target) / 2;
    rows = target;
  }
  map.offset_y_px = -static_cast<double>(first_row);
  map.network_width_px = new_width;
  map.network_height_px = rows;
  at::Tensor pixels =
      channels_first(pillow_bicubic_rows(upright, new_height, new_width, first_row, rows));
  if (options.fit == FitMode::kPad) pixels = pad_with_white(pixels, target, target, map);
  return {pixels, map};
}

NetworkInput stack_images(const std::vector<FittedImage>& images) {
  TORCH_CHECK(!images.empty(), "stack_images: no images");
  NetworkInput input;
  int64_t height = 0;
  int64_t width = 0;
  for (const FittedImage& image : images) {
    TORCH_CHECK(image.pixels.dim() == 3 && image.pixels.size(0) == 3 &&
                    image.pixels.scalar_type() == at::kByte && image.pixels.device().is_cpu(),
                "stack_images: pixels must be [3, H, W] uint8 on the CPU, got ",
                image.pixels.sizes(),
                " ",
                image.pixels.scalar_type());
    height = std::max(height, image.pixels.size(1));
    width = std::max(width, image.pixels.size(2));
  }
  const auto count = static_cast<int64_t>(images.size());
  input.images = at::empty({count, 3, height, width}, at::kFloat);
  for (int64_t i = 0; i < count; ++i) {
    const at::Tensor& pixels = images[i].pixels;
    input.mixed_sizes |= pixels.size(1) != height || pixels.size(2) != width;
    input.maps.push_back(images[i].map);
    input.images[i].copy_(pad_with_white(pixels, height, width, input.maps.back()));
  }
  input.images.div_(255);
  return input;
}

}  // namespace vggt
