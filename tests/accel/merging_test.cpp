// SPDX-License-Identifier: Apache-2.0
// The small model with merged tokens.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>

#include "src/accel/merger.h"
#include "src/accel/methods.h"
#include "src/base/error.h"
#include "src/models/vggt.h"
#include "src/weights/load.h"
#include "src/weights/synthetic.h"
#include "tests/support/message_of.h"

namespace vggt::accel {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<Vggt> tiny_model(Precision precision) {
  return synthetic_model(
      1, ModelConfig::read("tests/golden/tiny/config.json"), {.precision = precision});
}

at::Tensor images(int64_t frames, int64_t height, int64_t width, const Vggt& model) {
  return synthetic_images(frames, height, width, 1)
      .to(model.aggregator->camera_token.scalar_type());
}

struct Result {
  Predictions predictions;
  MergeReport report;
};

Result run(const Vggt& model, const at::Tensor& images, const MergeOptions& merge) {
  const c10::InferenceMode inference;
  Result result;
  result.predictions = model.forward(images, {.merge = merge, .merge_report = &result.report});
  return result;
}

double difference(const Predictions& a, const Predictions& b) {
  const auto most = [](const at::Tensor& x, const at::Tensor& y) {
    return (x.to(at::kDouble) - y.to(at::kDouble)).abs().max().item<double>();
  };
  return std::max({most(a.pose_encodings.back(), b.pose_encodings.back()),
                   most(a.depth, b.depth),
                   most(a.depth_confidence, b.depth_confidence),
                   most(a.world_points, b.world_points)});
}

TEST(Merging, PlansThatMergeNothingGiveTheSameBits) {
  for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
    const auto model = tiny_model(precision);
    const at::Tensor frames = images(3, 70, 98, *model);
    const Result dense = run(*model, frames, {});
    EXPECT_TRUE(dense.report.layers.empty());
    for (const char* name :
         {"identity", "httm", "litevggt", "fastvggt", "grid", "keys-grid", "random"}) {
      MergeOptions options{name};
      if (options.method != "identity") options.settings["ratio"] = "1";
      const Result same = run(*model, frames, options);
      EXPECT_EQ(difference(dense.predictions, same.predictions), 0) << name;
      EXPECT_EQ(same.report.layers.size(), 6u) << name;
    }
  }
}

TEST(Merging, EveryMethodTakesOddGridsAndAnyNumberOfFrames) {
  for (const Precision precision :
       {Precision::kFloat32, Precision::kBFloat16, Precision::kFloat64}) {
    const auto model = tiny_model(precision);
    for (const int64_t frames : {1, 2, 5}) {
      const at::Tensor input = images(frames, 70, 98, *model);
      const Result dense = run(*model, input, {});
      for (const Method& method : methods()) {
        SCOPED_TRACE(method.name + " " + std::to_string(frames));
        const Result merged = run(*model, input, {method.name});
        EXPECT_TRUE(merged.predictions.depth.isfinite().all().item<bool>());
        EXPECT_TRUE(merged.predictions.pose_encodings.back().isfinite().all().item<bool>());
        const bool merges = method.name != "identity" && frames == 5;
        EXPECT_TRUE(!merges || difference(dense.predictions, merged.predictions) > 1e-4);
        for (const MergeRecord& record : merged.report.layers) {
          EXPECT_EQ(record.rows, frames * (5 + 35));
          EXPECT_GT(record.kv_slots, 0);
          const bool is_whole = method.name == "frames-first" && record.layer >= 2;
          EXPECT_TRUE(!merges || is_whole || record.kv_slots < record.rows);
          EXPECT_LE(record.q_slots, record.rows);
        }
      }
    }
  }
}

TEST(Merging, OfOneFrameTheMatchedMethodsGiveTheSameBits) {
  const auto model = tiny_model(Precision::kFloat32);
  const at::Tensor frame = images(1, 84, 84, *model);
  const Result dense = run(*model, frame, {});
  for (const char* name : {"httm", "litevggt", "fastvggt", "permuted"}) {
    EXPECT_EQ(difference(dense.predictions, run(*model, frame, {name}).predictions), 0) << name;
  }
  for (const char* name : {"litevggt", "fastvggt"}) {
    const MergeOptions compat = {name, {{"manner", "compat"}}};
    EXPECT_EQ(difference(dense.predictions, run(*model, frame, compat).predictions), 0) << name;
  }
}

TEST(Merging, ScenesAreMergedEachOnItsOwn) {
  const auto model = tiny_model(Precision::kFloat64);
  const at::Tensor both =
      at::cat({images(3, 56, 70, *model), images(6, 56, 70, *model).slice(1, 3)});
  for (const Method& method : methods()) {
    const Result together = run(*model, both, {method.name});
    for (int64_t b = 0; b < 2; ++b) {
      const Result alone = run(*model, both.slice(0, b, b + 1), {method.name});
      const at::Tensor depth = together.predictions.depth.slice(0, b, b + 1);
      EXPECT_LT((depth - alone.predictions.depth).abs().max().item<double>(), 1e-6) << method.name;
    }
  }
}

TEST(Merging, TheReportCountsTokensByLayer) {
  const auto model = tiny_model(Precision::kFloat32);
  const Result merged = run(*model, images(3, 70, 98, *model), {"grid", {{"cell", "2"}}});
  ASSERT_EQ(merged.report.layers.size(), 6u);
  for (int64_t i = 0; i < 6; ++i) {
    const MergeRecord& record = merged.report.layers[static_cast<size_t>(i)];
    EXPECT_EQ(record.layer, i);
    EXPECT_EQ(record.built_at, 0);
    EXPECT_EQ(record.rows, 3 * 40);
    EXPECT_EQ(record.q_slots, 3 * (5 + 12));
    EXPECT_EQ(record.kv_slots, 3 * (5 + 12));
    EXPECT_GT(record.attention_s, 0);
    EXPECT_GT(record.restore_s, 0);
  }
  const Result keys =
      run(*model, images(3, 70, 98, *model), {"keys-grid", {{"frame_only", "0.5"}}});
  EXPECT_EQ(keys.report.layers[2].kv_slots, 40);
  EXPECT_EQ(keys.report.layers[2].built_at, -1);
  EXPECT_EQ(keys.report.layers[3].q_slots, 3 * 40);
  EXPECT_EQ(keys.report.layers[3].kv_slots, 3 * (5 + 12));
}

TEST(Merging, KeepingMoreIsNearerToTheWhole) {
  const auto model = tiny_model(Precision::kFloat64);
  const at::Tensor frames = images(4, 112, 112, *model);
  const Result dense = run(*model, frames, {});
  for (const char* name : {"grid", "keys-grid", "random"}) {
    const auto error = [&](const char* ratio) {
      return difference(dense.predictions,
                        run(*model, frames, {name, {{"ratio", ratio}}}).predictions);
    };
    EXPECT_LT(error("0.25"), error("0.02")) << name;
  }
}

TEST(Merging, SaysWhatIsWrongWithAMethodOrASetting) {
  const auto said = [](const MergeOptions& options) {
    return message_of<ConfigError>([&] { check(options); });
  };
  EXPECT_THAT(said({"htm"}), HasSubstr("accel: 'htm' is none of none, httm, litevggt"));
  EXPECT_THAT(said({"httm", {{"ratio", "0"}}}),
              HasSubstr("httm: ratio: '0' must be a number from 0.001 to 1"));
  EXPECT_THAT(said({"grid", {{"ratio", "1.5"}}}), HasSubstr("from 0.001 to 1"));
  EXPECT_THAT(said({"grid", {{"ratio", "nan"}}}), HasSubstr("from 0.001 to 1"));
  EXPECT_THAT(said({"grid", {{"ratio", "-0.5"}}}), HasSubstr("from 0.001 to 1"));
  EXPECT_THAT(said({"grid", {{"cell", "2.5"}}}), HasSubstr("a whole number"));
  EXPECT_THAT(said({"grid", {{"reach", "near"}}}),
              HasSubstr("grid has no setting 'reach'; there are ratio, cell"));
  EXPECT_THAT(said({"fastvggt", {{"reach", "far"}}}), HasSubstr("'far' is none of near, scene"));
  EXPECT_THAT(said({"litevggt", {{"build_at", "3+2"}}}), HasSubstr("ascending"));
  EXPECT_THAT(said({"identity", {{"ratio", "1"}}}), HasSubstr("has no setting"));
  EXPECT_THAT(said({"none", {{"ratio", "1"}}}), HasSubstr("settings need a method"));
  const auto model = tiny_model(Precision::kFloat32);
  EXPECT_THROW(run(*model, images(2, 56, 56, *model), {"htm"}), ConfigError);
}

TEST(Merging, ARatioDecidesAMethodsOwnSettingsAndThoseGivenComeAfterIt) {
  const auto settings = [](const MergeOptions& options) {
    const auto list = method_named(options.method).describe(options);
    return std::map<std::string, std::string>(list.begin(), list.end());
  };
  const auto published = settings({"httm"});
  EXPECT_EQ(settings({"httm", {{"ratio", "0.3"}}}), published);
  EXPECT_EQ(published.at("query_period"), "10");
  EXPECT_EQ(settings({"httm", {{"ratio", "0.15"}, {"outliers", "0"}}}).at("outliers"), "0");
  EXPECT_EQ(settings({"grid", {{"ratio", "0.11"}}}).at("cell"), "3");
  EXPECT_EQ(settings({"litevggt", {{"ratio", "0.35"}}}).at("cell"), "2");
  EXPECT_EQ(settings({"litevggt", {{"ratio", "0.2"}}}).at("cell"), "3");
  EXPECT_EQ(settings({"litevggt", {{"build_at", "0+12"}}}).at("build_at"), "0+12");
}

TEST(Merging, TooManyFramesForAPlansNumbersAreRefused) {
  const PassShape shape = {
      .frames = 200000, .grid_h = 28, .grid_w = 37, .special = 5, .layers = 24, .heads = 16};
  EXPECT_THAT(message_of<ConfigError>([&] {
                make_mergers({"grid"}, shape, {}, at::empty({0, 1036, 4}), nullptr);
              }),
              HasSubstr("at most 128931 frames"));
}

TEST(Merging, TokensThatAreNotNumbersLeavePlansWhole) {
  const TokenLayout layout = regular_layout(4, 6, 6, 5, at::kCPU);
  for (const Method& method : methods()) {
    const auto values = [&](at::IntArrayRef shape, uint64_t seed) {
      return synthetic_parameter("nan.pos_embed", shape, seed);
    };
    const SceneMaps maps = {values({4, 3, 84, 84}, 1), values({4, 36, 16}, 2)};
    PlanInputs inputs = {values({layout.rows, 32}, 3),
                         values({layout.rows, 32}, 4),
                         values({layout.rows, 32}, 5),
                         values({layout.rows, 32}, 6),
                         4};
    for (at::Tensor* x : {&inputs.xn, &inputs.q, &inputs.k, &inputs.v}) (*x)[60].fill_(NAN);
    const auto policy = method.make({method.name}, {layout, maps, 24, 4});
    EXPECT_NO_THROW(validate(policy->build(0, inputs), layout)) << method.name;
  }
}

}  // namespace
}  // namespace vggt::accel
