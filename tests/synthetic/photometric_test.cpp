// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/photometric.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace vggt::synthetic {
namespace {

constexpr PhotometricOptions kNothing = {0, 0, 0, 0, 0, 0, 0};

// Back to light, in units of what becomes white: without contrast there is only the display's gamma.
at::Tensor light_of(const at::Tensor& picture) { return picture.to(at::kDouble).pow(2.2); }

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
  const at::Tensor picture = photometric(light, 9, kNothing);
  EXPECT_EQ(picture.min().item<float>(), picture.max().item<float>());
  // 0.65 of the range by the display's gamma.
  EXPECT_NEAR(picture[0][0][0][0].item<double>(), std::pow(0.65, 1 / 2.2), 1e-5);
}

TEST(Photometric, TakesSmallPictures) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_TRUE(at::isfinite(photometric(at::full({1, 3, 1, 2}, 0.5), seed)).all().item<bool>());
  }
}

TEST(Photometric, DoesNotDependOnThreads) {
  // Large enough that LibTorch shares it out.
  const at::Tensor light = at::linspace(0, 2, 3 * 3 * 200 * 200).view({3, 3, 200, 200});
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor one = photometric(light, 4);
  at::set_num_threads(3);
  const at::Tensor three = photometric(light, 4);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one, three));
}

TEST(Photometric, TakesWhatIsNotContiguous) {
  const at::Tensor light = at::linspace(0, 2, 2 * 3 * 9 * 7).view({2, 3, 9, 7});
  const at::Tensor strided = light.permute({0, 2, 3, 1}).contiguous().permute({0, 3, 1, 2});
  EXPECT_TRUE(at::equal(photometric(light, 2), photometric(strided, 2)));
  EXPECT_EQ(photometric(light.slice(0, 0, 0), 2).size(0), 0);
}

// Deviation and mean of the noise are those of its two parts, the numbers differ from picture to
// picture and from pixel to pixel.
TEST(Photometric, NoiseGrowsWithTheRootOfTheLight) {
  PhotometricOptions options = kNothing;
  options.noise = 1;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    // Three brightnesses; the brightest is nine tenths of the pixels and becomes 0.65.
    at::Tensor light = at::full({2, 3, 100, 100}, 1.0);
    light.slice(2, 0, 5).fill_(0.5);
    light.slice(2, 5, 10).fill_(0.25);
    const at::Tensor seen = light_of(photometric(light, seed, options));
    EXPECT_FALSE(at::equal(seen[0], seen[1]));
    EXPECT_FALSE(at::equal(seen[0][0], seen[0][1]));
    double variance[3];
    const int64_t rows[4] = {10, 100, 0, 5};
    const double expected_mean[3] = {0.65, 0.325, 0.1625};
    const at::Tensor parts[3] = {
        seen.slice(2, rows[0], rows[1]), seen.slice(2, 0, 5), seen.slice(2, 5, 10)};
    for (int i = 0; i < 3; ++i) {
      variance[i] = parts[i].var().item<double>();
      // Five deviations of the mean of 3000 numbers and more, of deviations up to 0.02.
      EXPECT_NEAR(parts[i].mean().item<double>(), expected_mean[i], 5 * 0.02 / std::sqrt(3000));
    }
    // read^2 + shot^2 * light: a straight line through the three, to the estimate's error.
    const double slope = (variance[0] - variance[1]) / 0.325;
    const double next = (variance[1] - variance[2]) / 0.1625;
    EXPECT_GT(variance[0], 0);
    EXPECT_GE(slope, -0.1 * variance[0] / 0.65);
    EXPECT_NEAR(slope, next, 0.2 * variance[0] / 0.1625);
    EXPECT_LT(variance[0], 0.02 * 0.02 * 0.65 + 0.008 * 0.008);
  }
}

TEST(Photometric, NoiseHasNoPattern) {
  PhotometricOptions options = kNothing;
  options.noise = 1;
  const at::Tensor seen = light_of(photometric(at::full({1, 3, 128, 128}, 1.0), 3, options))[0];
  const at::Tensor noise = (seen - seen.mean()) / seen.std();
  const auto correlation = [](const at::Tensor& a, const at::Tensor& b) {
    return (a * b).mean().item<double>();
  };
  // Five deviations of the mean of 3 * 128 * 127 products.
  const double limit = 5 / std::sqrt(3 * 128 * 127);
  EXPECT_NEAR(correlation(noise.slice(2, 1), noise.slice(2, 0, -1)), 0, limit);
  EXPECT_NEAR(correlation(noise.slice(1, 1), noise.slice(1, 0, -1)), 0, limit);
  EXPECT_NEAR(correlation(noise[0], noise[1]), 0, 5.0 / 128);
  // Of a sum of four uniform numbers, which is nearly normal.
  EXPECT_NEAR(noise.pow(4).mean().item<double>(), 2.7, 0.1);
}

TEST(Photometric, CornersAreDarkerByVignetting) {
  PhotometricOptions options = kNothing;
  options.vignetting = 1;
  int64_t darker = 0;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const at::Tensor seen = light_of(photometric(at::full({1, 3, 20, 30}, 1.0), seed, options))[0];
    EXPECT_LT((seen - seen.flip({1, 2})).abs().max().item<double>(), 1e-6);
    const at::Tensor middle = seen[0][10][15];
    // 1 - strength * r^2, r^2 from 0.003 to 1.84; the strength is drawn up to 0.15.
    const double share = (seen[0][0][0] / middle).item<double>();
    EXPECT_GT(share, 1 - 0.15 * 1.85);
    EXPECT_LE(share, 1);
    const double edge = (seen[0][0][15] / middle).item<double>();
    EXPECT_NEAR((1 - edge) / (1 - share), 0.9025 / 1.84, 0.01);
    darker += share < 0.9 ? 1 : 0;
  }
  EXPECT_GT(darker, 2);
}

TEST(Photometric, BlurSpreadsEvenlyAndKeepsTheLight) {
  PhotometricOptions options = kNothing;
  options.blur = 2;
  int64_t blurred = 0;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    at::Tensor light = at::full({1, 3, 41, 41}, 0.5);
    light[0][1][20][20] = 0.6;
    const at::Tensor seen = light_of(photometric(light, seed, options))[0];
    const double ground = seen[0][0][0].item<double>();
    EXPECT_NEAR((seen[0] - ground).abs().max().item<double>(), 0, 1e-5);  // edges are no darker
    const at::Tensor spot = seen[1] - ground;
    // 0.1 more than the 0.5 of the ground, wherever it went.
    EXPECT_NEAR(spot.sum().item<double>() / ground, 0.2, 2e-3);
    EXPECT_LT((spot - spot.t()).abs().max().item<double>(), 1e-6);
    EXPECT_LT((spot - spot.flip({0, 1})).abs().max().item<double>(), 1e-6);
    if ((spot[20][20] / ground).item<double>() > 0.195) continue;
    ++blurred;
    // A Gaussian: the next one's ratio is the fourth root of that of two away.
    const double one = (spot[20][21] / spot[20][20]).item<double>();
    const double two = (spot[20][22] / spot[20][20]).item<double>();
    if (two > 0.01) {
      EXPECT_NEAR(std::pow(two, 0.25), one, 1e-2);
    }
  }
  EXPECT_GT(blurred, 2);
}

TEST(Photometric, ExposureAndWhiteBalanceScaleTheChannels) {
  PhotometricOptions options = kNothing;
  options.exposure = options.white_balance = 0.3;
  const at::Tensor light = at::linspace(0.1, 0.6, 4 * 3 * 6 * 5).view({4, 3, 6, 5});
  bool frames_differ = false;
  bool colours_differ = false;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const at::Tensor seen = light_of(photometric(light, seed, options));
    const at::Tensor gain = (seen / light).flatten(2);
    EXPECT_LT((gain - gain.mean(2, true)).abs().max().item<double>(), 1e-4);
    frames_differ = frames_differ || (gain[0][1][0] - gain[1][1][0]).abs().item<double>() > 0.02;
    colours_differ = colours_differ || (gain[0][0][0] - gain[0][2][0]).abs().item<double>() > 0.01;
  }
  EXPECT_TRUE(frames_differ);
  EXPECT_TRUE(colours_differ);
}

TEST(Photometric, ContrastBendsAllPicturesAlike) {
  PhotometricOptions options = kNothing;
  options.contrast = 1;
  const at::Tensor ramp = at::linspace(0, 1, 200).view({1, 1, 10, 20}).expand({2, 3, 10, 20});
  bool bent = false;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const at::Tensor seen = photometric(ramp, seed, options);
    EXPECT_TRUE(at::equal(seen[0], seen[1]));
    const at::Tensor values = seen[0][1].flatten();
    EXPECT_GE((values.slice(0, 1) - values.slice(0, 0, -1)).min().item<double>(), 0);
    // Grey stays grey.
    EXPECT_LT((seen[0][0] - seen[0][2]).abs().max().item<double>(), 1e-6);
    const at::Tensor plain = photometric(ramp, seed, kNothing)[0][1].flatten();
    bent = bent || (values - plain).abs().max().item<double>() > 0.05;
  }
  EXPECT_TRUE(bent);
}

TEST(Photometric, FramesHaveNoiseOfTheirOwn) {
  PhotometricOptions options = kNothing;
  options.noise = 1;
  const at::Tensor seen = light_of(photometric(at::full({2, 3, 96, 96}, 1.0), 3, options));
  const at::Tensor noise = ((seen - seen.mean()) / seen.std()).flatten(1);
  // Of neighbours in one frame and the next, too: five deviations.
  for (int64_t shift = 0; shift < 4; ++shift) {
    const int64_t n = noise.size(1) - shift;
    const double limit = 5 / std::sqrt(static_cast<double>(n));
    EXPECT_NEAR(
        (noise[0].slice(0, shift) * noise[1].slice(0, 0, n)).mean().item<double>(), 0, limit);
    EXPECT_NEAR(
        (noise[1].slice(0, shift) * noise[0].slice(0, 0, n)).mean().item<double>(), 0, limit);
  }
  const at::Tensor other = light_of(photometric(at::full({2, 3, 96, 96}, 1.0), 4, options));
  const at::Tensor others = ((other - other.mean()) / other.std()).flatten(1);
  EXPECT_NEAR((noise[0] * others[0]).mean().item<double>(), 0, 5 / std::sqrt(3 * 96 * 96));
}

// Exposure is locked in about half of the samples; its mean differs from sample to sample.
TEST(Photometric, ExposureIsOfTheSampleAndSometimesOfEachFrame) {
  PhotometricOptions options = kNothing;
  options.exposure = 0.3;
  const at::Tensor light = at::full({3, 3, 4, 4}, 1.0);
  int locked = 0;
  double darkest = 9;
  double brightest = 0;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    const at::Tensor seen = light_of(photometric(light, seed, options)).select(1, 1).mean({1, 2});
    if ((seen.max() - seen.min()).item<double>() < 1e-9) {
      ++locked;
      darkest = std::min(darkest, seen.min().item<double>());
      brightest = std::max(brightest, seen.max().item<double>());
    }
  }
  EXPECT_GT(locked, 6);
  EXPECT_LT(locked, 24);
  // Half a stop times 0.3 is the deviation of the sample's: 0.15 stops.
  EXPECT_GT(std::log2(brightest / darkest), 0.2);
}

TEST(Photometric, WhiteBalanceMovesRedAgainstBlueAndGreenApart) {
  PhotometricOptions options = kNothing;
  options.white_balance = 1;
  const at::Tensor light = at::full({1, 3, 4, 4}, 1.0);
  bool green_moves = false;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const at::Tensor gain = light_of(photometric(light, seed, options))[0].mean({1, 2}) / 0.65;
    // What red gains blue loses; a brightness up to 1 is not cut off here by more than rounding.
    if (gain.max().item<double>() < 1.5) {
      EXPECT_NEAR((gain[0] + gain[2]).item<double>(), 2, 1e-4) << seed;
    }
    green_moves = green_moves || std::abs(gain[1].item<double>() - 1) > 0.01;
  }
  EXPECT_TRUE(green_moves);
}

TEST(Photometric, BlurIsOfAFewTenthsOfAPixelAndGrowsWithTheLens) {
  PhotometricOptions options = kNothing;
  options.blur = 1;
  // Of a point's light, the share of its neighbour: at most that of a deviation of 0.7 px per 140.
  const auto share = [&](int64_t height, int64_t width, uint64_t seed) {
    at::Tensor light = at::full({1, 3, height, width}, 0.5);
    light[0][1][height / 2][width / 2] = 0.6;
    const at::Tensor spot = light_of(photometric(light, seed, options))[0][1] / 0.65 * 0.5 - 0.5;
    return (spot[height / 2][width / 2 + 1] / spot[height / 2][width / 2]).item<double>();
  };
  double most = 0;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    const double small = share(35, 140, seed);
    EXPECT_LT(small, std::exp(-0.5 / (0.7 * 0.7)) + 0.01) << seed;
    most = std::max(most, small);
    if (small < 0.05) continue;
    // Four times the pixels on the longer side, twice the deviation: the fourth root.
    EXPECT_NEAR(share(35, 560, seed), std::pow(small, 0.25), 0.02) << seed;
  }
  EXPECT_GT(most, 0.05);
}

TEST(Photometric, ContrastMakesDarkerMiddlesAndPalerColours) {
  PhotometricOptions options = kNothing;
  options.contrast = 1;
  at::Tensor light = at::zeros({1, 3, 4, 4});
  light[0][0].fill_(1);
  light[0][1].fill_(0.5);
  light[0][2].fill_(0.25);
  bool darker = false;
  bool brighter = false;
  bool paler = false;
  bool stronger = false;
  const at::Tensor plain = photometric(light, 1, kNothing)[0].mean({1, 2});
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const at::Tensor seen = photometric(light, seed, options)[0].mean({1, 2});
    const double change = (seen.mean() - plain.mean()).item<double>();
    darker = darker || change < -0.003;  // the shoulder alone makes brighter
    brighter = brighter || change > 0.05;
    const double spread = ((seen[0] - seen[2]) / (plain[0] - plain[2])).item<double>();
    paler = paler || spread < 0.75;
    stronger = stronger || spread > 1.02;
  }
  EXPECT_TRUE(darker);
  EXPECT_TRUE(brighter);
  EXPECT_TRUE(paler);
  EXPECT_TRUE(stronger);
}

// Half of the samples lose something to a file, all of their frames the same way.
TEST(Photometric, JpegIsOfHalfTheSamples) {
  PhotometricOptions options = kNothing;
  options.jpeg = 1;
  const at::Tensor ramp = at::linspace(0, 1, 20 * 30).view({1, 1, 20, 30}).expand({2, 3, 20, 30});
  const at::Tensor plain = photometric(ramp, 1, kNothing);
  int lossy = 0;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    const at::Tensor seen = photometric(ramp, seed, options);
    EXPECT_TRUE(at::equal(seen[0], seen[1])) << seed;
    const double lost = (seen - plain).abs().max().item<double>();
    EXPECT_LT(lost, 0.2) << seed;
    lossy += lost > 0.5 / 255 ? 1 : 0;
  }
  EXPECT_GT(lossy, 6);
  EXPECT_LT(lossy, 24);
}

}  // namespace
}  // namespace vggt::synthetic
