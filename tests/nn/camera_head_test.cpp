// SPDX-License-Identifier: Apache-2.0
#include "src/nn/camera_head.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "src/base/trace.h"
#include "src/weights/synthetic.h"
#include "tests/support/golden.h"

namespace vggt::nn {
namespace {

using vggt::testing::golden;

// The small model's camera head in double, with synthetic weights.
std::shared_ptr<CameraHead> camera_head(const ModelConfig& config = ModelConfig::tiny()) {
  auto head = std::make_shared<CameraHead>(config);
  for (auto& parameter : head->named_parameters()) {
    parameter.value().set_data(
        synthetic_parameter("camera_head." + parameter.key(), parameter.value().sizes(), 1)
            .to(at::kDouble));
  }
  return head;
}

// One that adds `delta` [9] in every iteration, whatever it reads.
std::shared_ptr<CameraHead> constant_head(const at::Tensor& delta) {
  auto head = camera_head();
  head->pose_branch->fc2->weight.set_data(at::zeros({9, 48}, at::kDouble));
  head->pose_branch->fc2->bias.set_data(delta.to(at::kDouble));
  return head;
}

at::Tensor tokens(int64_t scenes, int64_t frames) {
  return synthetic_parameter("camera.pos_embed", {scenes, frames, 96}, 1).to(at::kDouble);
}

TEST(CameraHead, ActivatesLikeTheOriginal) {
  const c10::InferenceMode inference;
  auto units = golden("units/units");
  const at::Tensor in = units.at("activate_pose.in")[0];
  const at::Tensor out = units.at("activate_pose.out")[0].to(at::kDouble);
  ASSERT_TRUE((in.slice(1, 7) < 0).any().item<bool>());
  for (int64_t row = 0; row < in.size(0); ++row) {
    EXPECT_TRUE(at::equal(constant_head(in[row])->forward(tokens(1, 1)).front()[0][0], out[row]))
        << row;
  }
}

TEST(CameraHead, FeedsBackTheRawEncoding) {
  const c10::InferenceMode inference;
  const at::Tensor delta = at::tensor({0.1, 0.2, 0.3, 0.0, 0.1, 0.0, 1.0, -0.5, 0.25}, at::kDouble);
  const auto head = constant_head(delta);
  // The first nine channels of the embedding show what is embedded.
  head->embed_pose->weight.set_data(at::eye(96, 9, at::kDouble));
  head->embed_pose->bias.set_data(at::zeros({96}, at::kDouble));
  std::vector<at::Tensor> embedded;
  std::vector<at::Tensor> results;
  {
    const TraceListener listener([&](const std::string& name, const at::Tensor& value) {
      if (name.find("pose_embedding") != std::string::npos)
        embedded.push_back(value[0][0].slice(0, 0, 9).clone());
    });
    results = head->forward(tokens(1, 1));
  }
  ASSERT_EQ(embedded.size(), 4u);
  EXPECT_TRUE(at::equal(embedded[0], head->empty_pose_tokens.flatten()));
  for (int64_t k = 1; k < 4; ++k) {
    const at::Tensor raw = delta * k;
    // A rounding per addition.
    EXPECT_TRUE(at::allclose(embedded[static_cast<size_t>(k)], raw, 1e-14, 0)) << "iteration " << k;
    const at::Tensor result = results[static_cast<size_t>(k - 1)][0][0];
    EXPECT_EQ(result[7].item<double>(), 0) << "activated, unlike what is fed back";
    EXPECT_DOUBLE_EQ(result[8].item<double>(), raw[8].item<double>());
  }
}

TEST(CameraHead, IteratesAsOftenAsTheConfigSays) {
  const c10::InferenceMode inference;
  const auto four = camera_head()->forward(tokens(1, 3));
  ASSERT_EQ(four.size(), 4u);
  ModelConfig config = ModelConfig::tiny();
  config.camera_head->num_iterations = 2;
  const auto two = camera_head(config)->forward(tokens(1, 3));
  ASSERT_EQ(two.size(), 2u);
  EXPECT_TRUE(at::equal(two[1], four[1]));
  EXPECT_FALSE(at::allclose(four[2], four[1])) << "later iterations must still change something";
  EXPECT_EQ(four[3].sizes(), (std::vector<int64_t>{1, 3, 9}));
}

TEST(CameraHead, TreatsTheScenesOfABatchApart) {
  const c10::InferenceMode inference;
  const auto head = camera_head();
  const at::Tensor both = tokens(2, 3);
  const auto together = head->forward(both);
  for (int64_t b = 0; b < 2; ++b) {
    const auto alone = head->forward(both.slice(0, b, b + 1));
    for (size_t k = 0; k < 4; ++k) {
      // Only the order of sums differs.
      EXPECT_LT((together[k][b] - alone[k][0]).abs().max().item<double>(), 1e-12) << b << " " << k;
    }
  }
  EXPECT_FALSE(at::allclose(together[3][0], together[3][1]));
}

}  // namespace
}  // namespace vggt::nn
