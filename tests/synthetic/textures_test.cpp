// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/textures.h"

#include "src/base/error.h"
#include "src/synthetic/vectors.h"
#include "tests/support/message_of.h"

#include <ATen/ATen.h>

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace vggt::synthetic {
namespace {

using ::testing::HasSubstr;

// The number itself, so that a machine or compiler that gives another is noticed.
TEST(Random, IsTheSameEverywhere) {
  Random random(1, 2);
  const uint64_t first = random.bits();
  EXPECT_EQ(first, 0xa5ebc535ffaef004ULL);  // by the formula, in Python
  EXPECT_NE(first, Random(1, 3).bits());
  EXPECT_NE(first, Random(2, 2).bits());
  EXPECT_NE(first, random.bits());
}

TEST(Random, HasTheMomentsOfItsDistributions) {
  Random random(5);
  double sum = 0;
  double square = 0;
  double of_uniform = 0;
  constexpr int kCount = 100000;
  for (int i = 0; i < kCount; ++i) {
    const double normal = random.normal();
    sum += normal;
    square += normal * normal;
    of_uniform += random.uniform();
  }
  // Five deviations of the means.
  EXPECT_NEAR(sum / kCount, 0, 5 / std::sqrt(kCount));
  EXPECT_NEAR(square / kCount, 1, 5 * 1.3 / std::sqrt(kCount));
  EXPECT_NEAR(of_uniform / kCount, 0.5, 5 * 0.29 / std::sqrt(kCount));
}

TEST(Vectors, SineAndCosineAreThoseOfTheLibrary) {
  for (double angle = -20; angle < 20; angle += 0.0371) {
    EXPECT_NEAR(sine_cosine(angle).sine, std::sin(angle), 4e-15) << angle;
    EXPECT_NEAR(sine_cosine(angle).cosine, std::cos(angle), 4e-15) << angle;
  }
}

TEST(Canvas, HuesAreThoseOfTheCircle) {
  EXPECT_EQ(from_hue(0, 1, 1), (Colour{1, 0, 0}));
  EXPECT_NEAR(from_hue(1.0 / 3, 1, 1)[1], 1, 1e-6);
  EXPECT_NEAR(from_hue(1.0 / 3, 1, 1)[2], 0, 1e-6);
  EXPECT_NEAR(from_hue(2.0 / 3, 1, 1)[2], 1, 1e-6);
  EXPECT_EQ(from_hue(0.3, 0, 0.5), (Colour{0.5, 0.5, 0.5}));
}

// Neighbours across the edge differ no more than neighbours within.
TEST(Canvas, NoiseHasNoSeam) {
  Random random(3);
  const Field field = noise(random, 64);
  double within = 0;
  double across = 0;
  for (int64_t y = 0; y < 64; ++y) {
    for (int64_t x = 0; x + 1 < 64; ++x) {
      within += std::abs(field.at(x, y) - field.at(x + 1, y)) / 63;
    }
    across += std::abs(field.at(63, y) - field.at(0, y));
  }
  EXPECT_LT(across, 1.6 * within);
}

// The sum of octaves point by point, by the definition.
TEST(Canvas, NoiseIsTheSumOfItsOctaves) {
  constexpr int64_t kSize = 32;
  const NoiseOptions options = {.cells_x = 3, .cells_y = 16, .persistence = 0.7};
  Random random(8);
  const Field field = noise(random, kSize, options);
  Random again(8);
  std::vector<double> sum(kSize * kSize);
  double strength = 1;
  // As many octaves as the finer axis needs: 3 x 16, 6 x 32, 12 x 32, 24 x 32.
  for (const auto& [columns, rows] :
       std::vector<std::pair<int64_t, int64_t>>{{3, 16}, {6, 32}, {12, 32}, {24, 32}}) {
    std::vector<double> lattice(static_cast<size_t>(columns * rows));
    for (double& value : lattice) value = (again.uniform() - 0.5) * strength;
    const auto at = [&, columns = columns, rows = rows](int64_t x, int64_t y) {
      return lattice[static_cast<size_t>(y % rows * columns + x % columns)];
    };
    const auto smooth = [](double f) { return f * f * (3 - 2 * f); };
    for (int64_t i = 0; i < kSize * kSize; ++i) {
      const double u = static_cast<double>(i % kSize * columns) / kSize;
      const double v = static_cast<double>(i / kSize * rows) / kSize;
      const auto x = static_cast<int64_t>(u);
      const auto y = static_cast<int64_t>(v);
      const double wx = smooth(u - static_cast<double>(x));
      const double wy = smooth(v - static_cast<double>(y));
      sum[static_cast<size_t>(i)] += (1 - wy) * ((1 - wx) * at(x, y) + wx * at(x + 1, y)) +
                                     wy * ((1 - wx) * at(x, y + 1) + wx * at(x + 1, y + 1));
    }
    strength *= options.persistence;
  }
  const auto [low, high] = std::minmax_element(sum.begin(), sum.end());
  for (int64_t i = 0; i < kSize * kSize; ++i) {
    const double expected = (sum[static_cast<size_t>(i)] - *low) / (*high - *low);
    // float32 of sums of four numbers up to 0.5.
    EXPECT_NEAR(field.at(i % kSize, i / kSize), expected, 1e-6);
  }
}

TEST(Textures, EveryKindIsThereAndHasContrast) {
  const Textures textures = make_textures({.seed = 3, .count = kTextureKinds, .size_px = 64});
  ASSERT_EQ(textures.kinds.size(), static_cast<size_t>(kTextureKinds));
  for (int64_t kind = 0; kind < kTextureKinds; ++kind) {
    EXPECT_FALSE(textures.layers[static_cast<size_t>(kind)].empty()) << kind;
    std::set<int> levels;
    for (int64_t i = 0; i < 64 * 64; ++i) {
      levels.insert(textures.atlas[kind][i].item<int>() >> 8 & 255);
    }
    EXPECT_GT(levels.size(), 5u) << kind;
  }
}

// The smallest that is allowed: steps that are shares of the size must not become 0.
TEST(Textures, MayBeSmall) {
  const Textures textures = make_textures({.seed = 1, .count = 4 * kTextureKinds, .size_px = 16});
  EXPECT_EQ(textures.atlas.size(0), 4 * kTextureKinds);
}

TEST(Textures, OtherSeedsGiveOtherTextures) {
  const TextureOptions options = {.seed = 1, .count = kTextureKinds, .size_px = 32};
  TextureOptions other = options;
  other.seed = 2;
  EXPECT_TRUE(at::equal(make_textures(options).atlas, make_textures(options).atlas));
  EXPECT_FALSE(at::equal(make_textures(options).atlas, make_textures(other).atlas));
}

TEST(Textures, TakePartsOfPhotos) {
  const at::Tensor photo = at::full({40, 50, 3}, 77, at::kByte);
  const Textures textures =
      make_textures({.seed = 1, .count = 40, .size_px = 32, .photos = {photo}, .photo_share = 1});
  const auto& layers = textures.layers[static_cast<size_t>(TextureKind::kPhoto)];
  ASSERT_EQ(layers.size(), static_cast<size_t>(40 - kTextureKinds));
  EXPECT_EQ(textures.atlas[layers[0]][100].item<int>(), 77 * 0x010101);
}

TEST(Textures, NameBadOptions) {
  const auto message = [](const TextureOptions& options) {
    return message_of<ConfigError>([&] { make_textures(options); });
  };
  EXPECT_THAT(message({.size_px = 100}), HasSubstr("size_px: 100"));
  EXPECT_THAT(message({.count = 3}), HasSubstr("count: 3"));
  EXPECT_THAT(message({.photo_share = 2}), HasSubstr("photo_share"));
  EXPECT_THAT(message({.photos = {at::zeros({9, 900, 3}, at::kByte)}}), HasSubstr("900 x 9 px"));
}

}  // namespace
}  // namespace vggt::synthetic
