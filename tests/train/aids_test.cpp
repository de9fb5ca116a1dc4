// SPDX-License-Identifier: Apache-2.0
#include "src/train/aids.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace vggt::train {
namespace {

constexpr int64_t kChannels = 64;  // as many as descriptors have, so that they can be the tokens
constexpr int64_t kFrames = 3;
constexpr int64_t kRows = 2;
constexpr int64_t kColumns = 4;
constexpr int64_t kPatches = kRows * kColumns;

// Descriptors are the tokens themselves, the regressors say what the test has them say.
class AidsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (auto& parameter : aids_.named_parameters()) {
      parameter.value().set_data(at::zeros(parameter.value().sizes()));
    }
    set("descriptor.weight", at::eye(kChannels));
    // Patch k of frame i is token (k + i) % n: what matches across frames is shifted.
    const at::Tensor tokens = at::eye(kPatches, kChannels);
    std::vector<at::Tensor> frames;
    for (int64_t i = 0; i < kFrames; ++i) frames.push_back(tokens.roll(-i, 0));
    inside_.encoded = at::stack(frames).unsqueeze(0);
    targets_.match = at::empty({1, kFrames, kFrames, kPatches}, at::kLong);
    for (int64_t i = 0; i < kFrames; ++i) {
      for (int64_t j = 0; j < kFrames; ++j) {
        targets_.match[0][i][j].copy_((at::arange(kPatches) + i - j).remainder(kPatches));
      }
    }
    targets_.points = at::zeros({1, kFrames, kPatches, 3});
    targets_.depth = at::ones({1, kFrames, kPatches});
    targets_.place = at::zeros({1, kFrames, kPatches, 2});
    targets_.has_place = at::ones({1, kFrames, kPatches}, at::kBool);
    for (const int64_t layer : {1, 3}) {
      inside_.layers[layer] = at::rand({1, kFrames, kPatches, 2 * kChannels});
    }
    // Two heads that match and one that need not.
    at::Tensor queries = 20 * inside_.encoded.unsqueeze(1).expand({1, 3, -1, -1, -1}).clone();
    queries.select(1, 2).fill_(1);
    inside_.queries = {queries};
    inside_.keys = {inside_.encoded.unsqueeze(1).expand({1, 3, -1, -1, -1})};
  }

  void set(const std::string& name, const at::Tensor& value) {
    aids_.named_parameters()[name].set_data(value);
  }
  AidLosses losses(int64_t queries = kPatches) const {
    return aids_.forward(inside_, targets_, kRows, kColumns, queries, 7);
  }

  Aids aids_{kChannels, {1, 3}};
  Inside inside_;
  PatchTargets targets_;
};

TEST_F(AidsTest, MatchesThatAreRightCostWhatTheOtherPatchesWeigh) {
  const AidLosses all = losses();
  EXPECT_EQ(all.descriptor_accuracy, 1);
  // Similarities of 1 and 0 times e^2.3.
  EXPECT_NEAR(
      all.descriptor.item<double>(), std::log1p((kPatches - 1) * std::exp(-std::exp(2.3))), 1e-5);
  EXPECT_EQ(all.attention_accuracy, 1);
  // 20 over the root of the 64 channels.
  EXPECT_NEAR(all.attention.item<double>(), std::log1p((kPatches - 1) * std::exp(-20.0 / 8)), 1e-5);
  const AidLosses some = losses(3);
  EXPECT_EQ(some.descriptor_accuracy, 1);
  EXPECT_EQ(some.attention_accuracy, 1);
}

TEST_F(AidsTest, OnlyMatchesOfOtherFramesThatAreKnownCount) {
  const double before = losses().descriptor.item<double>();
  for (int64_t i = 0; i < kFrames; ++i) targets_.match[0][i][i].fill_(0);
  EXPECT_NEAR(losses().descriptor.item<double>(), before, 1e-6);
  EXPECT_EQ(losses().attention_accuracy, 1);
  // One direction of one pair of frames is wrong: one in six.
  targets_.match[0][0][2].copy_((targets_.match[0][0][2] + 1).remainder(kPatches));
  EXPECT_NEAR(losses().descriptor_accuracy, 5.0 / 6, 1e-6);
  EXPECT_NEAR(losses().attention_accuracy, 5.0 / 6, 1e-6);
  targets_.match[0][0][2].fill_(-1);
  EXPECT_EQ(losses().descriptor_accuracy, 1);
  EXPECT_EQ(losses().attention_accuracy, 1);
  targets_.match.fill_(-1);
  EXPECT_EQ(losses().descriptor.item<double>(), 0);
}

TEST_F(AidsTest, TheSeedDrawsTheQueries) {
  // Half of the patches are wrong, so that the share tells which were drawn.
  targets_.match.slice(3, 0, kPatches / 2)
      .copy_((targets_.match.slice(3, 0, kPatches / 2) + 1).remainder(kPatches));
  std::vector<double> shares;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    shares.push_back(aids_.descriptors(inside_.encoded, targets_, 2, seed).descriptor_accuracy);
    EXPECT_EQ(shares.back(),
              aids_.descriptors(inside_.encoded, targets_, 2, seed).descriptor_accuracy);
  }
  EXPECT_LT(*std::min_element(shares.begin(), shares.end()), 0.1);
  EXPECT_GT(*std::max_element(shares.begin(), shares.end()), 0.9);
  // All, once each.
  EXPECT_NEAR(
      aids_.descriptors(inside_.encoded, targets_, kPatches, 3).descriptor_accuracy, 0.5, 1e-6);
}

TEST_F(AidsTest, OwnPlacesAreTheMiddlesOfPatchesAcrossAndDown) {
  // x is -3/4, -1/4, 1/4, 3/4, y is -1/2, 1/2: from (3/4, 1/2) on average 3/4 and 1/2 away.
  set("own_place.bias", at::tensor({0.75F, 0.5F}));
  EXPECT_NEAR(losses().own_place.item<double>(), 0.75 + 0.5, 1e-6);
  // The tokens of a row's first patches say x = -3/4.
  at::Tensor weight = at::zeros({2, kChannels});
  weight[0][0] = weight[0][4] = -1.5F;
  inside_.encoded = inside_.encoded.select(1, 0).unsqueeze(1).expand({1, kFrames, -1, -1});
  set("own_place.weight", weight);
  EXPECT_NEAR(losses().own_place.item<double>(), 0.75 + 0.5 - 1.5 / 4, 1e-6);
}

TEST_F(AidsTest, LaterLayersCountMoreForPlacesAndPoints) {
  set("place_1.bias", at::tensor({1.0F, -2.0F}));
  EXPECT_NEAR(losses().place.item<double>(), 0.5 * 3, 1e-5);
  set("place_3.bias", at::tensor({1.0F, -2.0F}));
  EXPECT_NEAR(losses().place.item<double>(), 1.5 * 3, 1e-5);
  targets_.place.slice(2, 0, 1).fill_(1000);
  targets_.has_place.slice(2, 0, 1).fill_(false);
  EXPECT_NEAR(losses().place.item<double>(), 1.5 * 3, 1e-5);

  set("point_1.bias", at::tensor({3.0F, 0.0F, 4.0F}));
  EXPECT_NEAR(losses().point.item<double>(), 0.5 * 5, 1e-5);
  // An error counts by the root of the depth; what is nearer than 0.3 as if it were there.
  targets_.depth.fill_(4);
  EXPECT_NEAR(losses().point.item<double>(), 0.5 * 5 / 2, 1e-5);
  targets_.depth.fill_(0.1);
  EXPECT_NEAR(losses().point.item<double>(), 0.5 * 5 / std::sqrt(0.3), 1e-5);
  // Neither the sky nor what is far away.
  targets_.depth.fill_(1);
  targets_.points.slice(2, 0, 2).fill_(1000);
  targets_.depth.slice(2, 0, 1).fill_(0);
  targets_.depth.slice(2, 1, 2).fill_(9);
  EXPECT_NEAR(losses().point.item<double>(), 0.5 * 5, 1e-5);
}

}  // namespace
}  // namespace vggt::train
