// SPDX-License-Identifier: Apache-2.0
// VGGT-1B with synthetic weights against the original's outputs, 392 x 518, two and three frames.
// One test per precision, because filling the weights takes longer than the comparison.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "src/base/trace.h"
#include "src/weights/load.h"
#include "src/weights/synthetic.h"
#include "tests/support/golden.h"

namespace vggt {
namespace {

using at::indexing::Slice;
using testing::golden;
using testing::plain_name;
using testing::relative_l2;
using Tensors = std::map<std::string, at::Tensor>;

constexpr int64_t kHeight = 392;
constexpr int64_t kWidth = 518;

// The elements that the golden files keep (before their own thinning): see the name's comment.
at::Tensor of_tokens(const at::Tensor& tokens) {  // specials, every 13th patch; every 16th channel
  return at::cat({tokens.slice(2, 0, 5), tokens.slice(2, 5, tokens.size(2), 13)}, 2)
      .slice(3, 0, tokens.size(3), 16);
}

at::Tensor of_map(const at::Tensor& map) {  // every 7th row and column, from the 4th
  return map.slice(2, 3, map.size(2), 7).slice(3, 3, map.size(3), 7);
}

Tensors run(const Vggt& model, int64_t frames, const at::Tensor& query_points) {
  const c10::InferenceMode inference;
  Tensors out;
  std::map<std::string, at::Tensor> halves;
  const int64_t width = model.config.embed_dim;
  const TraceListener listener([&](const std::string& name, const at::Tensor& value) {
    if (name == "dino.patch_tokens") {
      out["patch_tokens"] =
          value.slice(1, 0, value.size(1), 13).slice(2, 0, value.size(2), 16).clone();
    }
    if (name == "track.fmaps") {
      out["track_features"] = value.slice(2, 0, value.size(2), 8)
                                  .slice(3, 5, value.size(3), 21)
                                  .slice(4, 5, value.size(4), 21)
                                  .clone();
    }
    for (const int layer : {0, 4, 11, 17, 23}) {
      const std::string id = std::to_string(layer);
      if (name == "agg.frame_" + id + ".out") halves[id] = value.clone();
      if (name == "agg.global_" + id + ".out") {
        out["tokens_" + id] = of_tokens(at::cat(
            {halves[id].view({1, frames, -1, width}), value.view({1, frames, -1, width})}, 3));
      }
    }
  });
  const Predictions p =
      model.forward(synthetic_images(frames, kHeight, kWidth, 0), {.query_points = query_points});
  out["depth"] = of_map(p.depth);
  out["depth_conf"] = of_map(p.depth_confidence);
  out["world_points"] = of_map(p.world_points);
  out["world_points_conf"] = of_map(p.world_points_confidence);
  out["vis"] = p.tracks.visibility;
  out["conf"] = p.tracks.confidence;
  for (size_t i = 0; i < 4; ++i) {
    out["pose_enc_" + std::to_string(i)] = p.pose_encodings[i];
    out["track_" + std::to_string(i)] = p.tracks.coords[i];
  }
  return out;
}

bool is_tracked(const std::string& name) {
  return name.rfind("track_", 0) == 0 ? name != "track_features" : name == "vis" || name == "conf";
}

// Compares with the truth; an output may err `factor` times as much as the original in the same
// precision, tracks (which multiply every rounding about tenfold per iteration) `track_factor`
// times. Poses are 18 or 27 numbers whose rounding is a matter of chance and of the processor, so
// for them the worse of the two cases counts.
void compare(const Vggt& model, const std::string& precision, double factor, double track_factor) {
  const auto errors = nlohmann::json::parse(std::ifstream("tests/golden/vggt_1b/errors.json"));
  std::map<std::string, double> pose_errors;
  std::map<std::string, double> original_pose_errors;
  for (const int64_t frames : {2, 3}) {
    const std::string name = "s" + std::to_string(frames) + "_392x518";
    const Tensors expected = golden("vggt_1b/" + name + "_truth");
    const Tensors actual = run(model, frames, expected.at("query_points"));
    for (const auto& [key, truth] : expected) {
      const std::string output = plain_name(key);
      if (output == "query_points") continue;
      const double original = errors.at(name).at(precision).at(output).at("rel_l2").get<double>();
      const double error = relative_l2(key, actual.at(output), truth);
      ::testing::Test::RecordProperty(name + "." + output, std::to_string(error / original));
      if (output.rfind("pose_enc_", 0) == 0) {
        pose_errors[output] = std::max(pose_errors[output], error);
        original_pose_errors[output] = std::max(original_pose_errors[output], original);
        continue;
      }
      EXPECT_LT(error, (is_tracked(output) ? track_factor : factor) * original)
          << name << " " << key;
    }
  }
  ASSERT_EQ(pose_errors.size(), 4u);
  for (const auto& [output, error] : pose_errors) {
    EXPECT_LT(error, factor * original_pose_errors[output]) << output;
  }
}

TEST(Vggt1b, Float32ErrsAtMostThreeTimesAsMuchAsTheOriginal) {
  const auto model = synthetic_model(0, ModelConfig::vggt_1b(), {.precision = Precision::kFloat32});
  compare(*model, "float32", 3, 10);
}

TEST(Vggt1b, BFloat16ErrsHardlyMoreThanTheOriginal) {
  const auto model =
      synthetic_model(0, ModelConfig::vggt_1b(), {.precision = Precision::kBFloat16});
  compare(*model, "bf16_autocast", 1.2, 3);
}

}  // namespace
}  // namespace vggt
