// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/textures.h"

#include "kernels/raycast/raycast.h"
#include "src/base/error.h"
#include "src/synthetic/texture_drawings.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <string>

namespace vggt::synthetic {
namespace {

// A square part of a photo, scaled to the texture's size: means of the pixels that it covers.
Canvas crop_of(const at::Tensor& photo, Random random, int64_t size_px) {
  const at::Tensor pixels = photo.contiguous();
  const int64_t height = pixels.size(0);
  const int64_t width = pixels.size(1);
  const int64_t most = std::min(height, width);
  const int64_t side = random.integer(std::max<int64_t>(size_px / 4, most / 3), most);
  const int64_t left = random.integer(0, width - side);
  const int64_t top = random.integer(0, height - side);
  const bool mirrored = random.chance(0.5);
  const auto* values = pixels.const_data_ptr<uint8_t>();
  Canvas canvas(size_px);
  for (int64_t y = 0; y < size_px; ++y) {
    for (int64_t x = 0; x < size_px; ++x) {
      const int64_t y_from = top + y * side / size_px;
      const int64_t y_to = std::max(y_from + 1, top + (y + 1) * side / size_px);
      const int64_t x_from = left + x * side / size_px;
      const int64_t x_to = std::max(x_from + 1, left + (x + 1) * side / size_px);
      Colour sum{};
      for (int64_t j = y_from; j < y_to; ++j) {
        for (int64_t i = x_from; i < x_to; ++i) {
          for (size_t c = 0; c < 3; ++c) {
            sum[c] += values[3 * (j * width + i) + static_cast<int64_t>(c)];
          }
        }
      }
      const float scale = 1 / (255.0F * static_cast<float>((y_to - y_from) * (x_to - x_from)));
      canvas.at(mirrored ? size_px - 1 - x : x, y) = scaled(sum, scale);
    }
  }
  return canvas;
}

// [3, N, N] of a picture.
void store(const Canvas& canvas, uint8_t* to) {
  const int64_t n = canvas.size();
  for (int64_t y = 0; y < n; ++y) {
    for (int64_t x = 0; x < n; ++x) {
      const Colour& colour = canvas.at(x, y);
      for (size_t c = 0; c < 3; ++c) {
        to[(static_cast<int64_t>(c) * n + y) * n + x] =
            static_cast<uint8_t>(255 * std::clamp(colour[c], 0.0F, 1.0F) + 0.5F);
      }
    }
  }
}

void check(const TextureOptions& options) {
  const bool power = (options.size_px & (options.size_px - 1)) == 0;
  if (!power || options.size_px < 16 || options.size_px > 2048) {
    throw ConfigError("size_px",
                      std::to_string(options.size_px) + "; must be a power of two from 16 to 2048");
  }
  if (options.count < kTextureKinds || options.count > 100000) {
    throw ConfigError("count",
                      std::to_string(options.count) + "; must be at least " +
                          std::to_string(kTextureKinds) + ", one of each kind, and at most 100000");
  }
  if (!(options.photo_share >= 0 && options.photo_share <= 1)) {
    throw ConfigError("photo_share", "must be from 0 to 1");
  }
  for (const at::Tensor& photo : options.photos) {
    TORCH_CHECK(photo.dim() == 3 && photo.size(2) == 3 && photo.scalar_type() == at::kByte &&
                    photo.is_cpu(),
                "make_textures: photos must be [H, W, 3] uint8 on the CPU, got ",
                photo.sizes());
    if (std::min(photo.size(0), photo.size(1)) < options.size_px / 4) {
      throw ConfigError("photos",
                        std::to_string(photo.size(1)) + " x " + std::to_string(photo.size(0)) +
                            " px is too small; " + std::to_string(options.size_px / 4) +
                            " px are needed on each side");
    }
  }
}

}  // namespace

Canvas draw_texture(TextureKind kind, Random random, int64_t size_px) {
  Canvas canvas(size_px);
  switch (kind) {
    case TextureKind::kPlain:
      draw_plain(canvas, random);
      break;
    case TextureKind::kPlaster:
      draw_plaster(canvas, random);
      break;
    case TextureKind::kStone:
      draw_stone(canvas, random);
      break;
    case TextureKind::kWood:
      draw_wood(canvas, random);
      break;
    case TextureKind::kTiles:
      draw_tiles(canvas, random);
      break;
    case TextureKind::kBricks:
      draw_bricks(canvas, random);
      break;
    case TextureKind::kFabric:
      draw_fabric(canvas, random);
      break;
    case TextureKind::kGravel:
      draw_gravel(canvas, random);
      break;
    case TextureKind::kGrass:
      draw_blades(canvas, random, false);
      break;
    case TextureKind::kFoliage:
      draw_blades(canvas, random, true);
      break;
    case TextureKind::kPainting:
      draw_painting(canvas, random);
      break;
    case TextureKind::kPrint:
      draw_print(canvas, random);
      break;
    case TextureKind::kBooks:
      draw_books(canvas, random);
      break;
    case TextureKind::kWindows:
      draw_windows(canvas, random);
      break;
    case TextureKind::kCollage:
      draw_collage(canvas, random);
      break;
    case TextureKind::kPhoto:
      TORCH_CHECK(false, "draw_texture: photos are given, not drawn");
  }
  return canvas;
}

Textures make_textures(const TextureOptions& options) {
  check(options);
  const int64_t n = options.size_px;
  Textures textures;
  textures.layers.resize(static_cast<size_t>(kTextureKinds) + 1);
  Random order(options.seed, 0);
  for (int64_t layer = 0; layer < options.count; ++layer) {
    // The first ones, one of each kind, then at random.
    const bool photo =
        layer >= kTextureKinds && !options.photos.empty() && order.chance(options.photo_share);
    const auto kind =
        photo
            ? TextureKind::kPhoto
            : static_cast<TextureKind>(layer < kTextureKinds ? layer : order.index(kTextureKinds));
    textures.kinds.push_back(kind);
    textures.layers[static_cast<size_t>(kind)].push_back(static_cast<int32_t>(layer));
  }
  at::Tensor planes = at::empty({options.count, 3, n, n}, at::kByte);
  auto* const to = planes.mutable_data_ptr<uint8_t>();
  at::parallel_for(0, options.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t layer = begin; layer < end; ++layer) {
      Random random(options.seed, static_cast<uint64_t>(layer) + 1);
      const TextureKind kind = textures.kinds[static_cast<size_t>(layer)];
      const Canvas canvas = kind == TextureKind::kPhoto
                                ? crop_of(options.photos[static_cast<size_t>(random.index(
                                              static_cast<int64_t>(options.photos.size())))],
                                          random.stream(0),
                                          n)
                                : draw_texture(kind, random, n);
      store(canvas, to + layer * 3 * n * n);
    }
  });
  textures.atlas = kernels::raycast_atlas(planes);
  return textures;
}

}  // namespace vggt::synthetic
