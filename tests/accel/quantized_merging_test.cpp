// SPDX-License-Identifier: Apache-2.0
// The small model with quantised blocks and merged tokens at once.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "src/accel/methods.h"
#include "src/accel/quant_recipe.h"
#include "src/models/vggt.h"
#include "src/weights/load.h"
#include "src/weights/synthetic.h"

namespace vggt::accel {
namespace {

double cosine(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.to(at::kDouble).flatten();
  const at::Tensor y = b.to(at::kDouble).flatten();
  return (at::dot(x, y) / (x.norm() * y.norm())).item<double>();
}

// What the format alone does to depth, merging must not make worse by much: both start from the same
// tokens, and where two matches are near a tie, codes may choose the other.
TEST(QuantizedMerging, EveryMethodRunsWithEveryFormat) {
  const at::Tensor images = synthetic_images(4, 56, 70, 1);
  const auto load = [](const std::string& scheme) {
    LoadOptions options = {.precision = Precision::kBFloat16};
    if (!scheme.empty()) options.recipe = quant_recipe(scheme);
    return synthetic_model(1, ModelConfig::tiny(), options);
  };
  std::vector<MergeOptions> merges = {{"none"}};
  for (const Method& method : methods()) {
    merges.push_back({method.name});
    if (method.name == "come") merges.back().settings["predictor"] = "synthetic:1";
  }
  std::vector<Predictions> plain;
  for (const MergeOptions& merge : merges) {
    plain.push_back(load("")->forward(images, {.merge = merge}));
  }
  for (const char* scheme : {"fp8", "int8", "w8a16", "w4a16-g16"}) {
    const auto model = load(scheme);
    for (size_t i = 0; i < merges.size(); ++i) {
      SCOPED_TRACE(std::string(scheme) + " with " + merges[i].method);
      const Predictions got = model->forward(images, {.merge = merges[i]});
      const Predictions& merged = plain[i];
      for (const at::Tensor& value : {got.depth, got.world_points, got.pose_encodings.back()}) {
        EXPECT_TRUE(value.isfinite().all().item<bool>());
      }
      EXPECT_FALSE(at::equal(got.depth, merged.depth));
      EXPECT_GT(cosine(got.depth, merged.depth), 0.98);
    }
  }
}

// Frozen where the small model is: E4M3, in its encoder as well, is at 0.9990 behind the last block,
// 4 bits at 0.99.
TEST(QuantizedModel, StaysNearItsSelfInBfloat16) {
  const at::Tensor images = synthetic_images(3, 70, 98, 2);
  const auto tokens_of = [&](const std::string& scheme) {
    LoadOptions options = {.precision = Precision::kBFloat16};
    if (!scheme.empty()) options.recipe = quant_recipe(scheme);
    const auto model = synthetic_model(1, ModelConfig::tiny(), options);
    return model->aggregator->forward(images, {}, nullptr).layers;
  };
  const auto plain = tokens_of("");
  for (const auto& [scheme, least] : {std::pair<const char*, double>{"fp8", 0.998},
                                      {"int8", 0.999},
                                      {"w8a16", 0.999},
                                      {"w4a16-g16", 0.99}}) {
    for (const auto& [layer, tokens] : tokens_of(scheme)) {
      EXPECT_GT(cosine(tokens, plain.at(layer)), least) << scheme << " layer " << layer;
    }
  }
}

}  // namespace
}  // namespace vggt::accel
