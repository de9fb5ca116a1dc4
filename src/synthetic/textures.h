// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "src/synthetic/canvas.h"

namespace vggt::synthetic {

enum class TextureKind {
  kPlain,
  kPlaster,
  kStone,
  kWood,
  kTiles,
  kBricks,
  kFabric,
  kGravel,
  kGrass,
  kFoliage,
  kPainting,
  kPrint,  ///< text and pictures of a page
  kBooks,
  kWindows,
  kCollage,  ///< dead leaves: edges at all scales
  kPhoto,    ///< a part of a photo that the user gave
};
inline constexpr int64_t kTextureKinds = 15;  ///< that are drawn: all but kPhoto

struct TextureOptions {
  uint64_t seed = 0;
  int64_t count = 96;
  int64_t size_px = 256;  ///< a power of two from 16 to 2048
  /// Pictures [H, W, 3] uint8, at least size_px / 4 on each side: crops of them are textures, too.
  std::vector<at::Tensor> photos;
  double photo_share = 0.5;  ///< of the layers, if there are photos
};

/// The surfaces that scenes are made of, drawn once and used by many scenes.
struct Textures {
  at::Tensor atlas;                          ///< [layers, T] int32, see raycast_atlas()
  std::vector<TextureKind> kinds;            ///< of each layer; each kind that is drawn is there
  std::vector<std::vector<int32_t>> layers;  ///< of each kind
};

/// The same options give the same textures everywhere. Throws ConfigError naming the field.
Textures make_textures(const TextureOptions& options);

/// One texture.
Canvas draw_texture(TextureKind kind, Random random, int64_t size_px);

}  // namespace vggt::synthetic
