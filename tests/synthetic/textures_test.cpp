// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/textures.h"

#include "src/base/error.h"
#include "src/synthetic/photometric.h"
#include "src/synthetic/vectors.h"
#include "tests/support/message_of.h"

#include <ATen/ATen.h>

#include <gmock/gmock.h>

#include <cmath>
#include <set>

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

TEST(Photometric, DependsOnTheSeedAlone) {
  const at::Tensor light = at::arange(2 * 3 * 20 * 30, at::kFloat).view({2, 3, 20, 30}) / 3600;
  const at::Tensor before = light.clone();
  const at::Tensor a = photometric(light, 5);
  EXPECT_TRUE(at::equal(a, photometric(light, 5)));
  EXPECT_FALSE(at::equal(a, photometric(light, 6)));
  EXPECT_TRUE(at::equal(light, before));
  EXPECT_GE(a.min().item<double>(), 0);
  EXPECT_LE(a.max().item<double>(), 1);
}

// Whatever the brightness of the scene, the picture is neither black nor white.
TEST(Photometric, ExposesByTheScene) {
  const at::Tensor light = at::arange(3 * 20 * 30, at::kFloat).view({1, 3, 20, 30}) / 1800;
  for (const double brightness : {0.01, 1.0, 50.0}) {
    const double mean = photometric(light * brightness, 3).mean().item<double>();
    EXPECT_GT(mean, 0.25) << brightness;
    EXPECT_LT(mean, 0.85) << brightness;
  }
}

TEST(Photometric, WithoutStrengthsKeepsEqualPixelsEqual) {
  const at::Tensor light = at::full({2, 3, 8, 8}, 0.3);
  const at::Tensor picture = photometric(light, 9, {0, 0, 0, 0, 0, 0});
  EXPECT_EQ(picture.min().item<float>(), picture.max().item<float>());
  // 0.65 of the range by the display's gamma.
  EXPECT_NEAR(picture[0][0][0][0].item<double>(), std::pow(0.65, 1 / 2.2), 1e-5);
}

TEST(Photometric, TakesSmallPictures) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_TRUE(at::isfinite(photometric(at::full({1, 3, 1, 2}, 0.5), seed)).all().item<bool>());
  }
}

}  // namespace
}  // namespace vggt::synthetic
