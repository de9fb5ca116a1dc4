// SPDX-License-Identifier: Apache-2.0
// The small model with Co-Me, against the released code on the original model (tests/golden/come).
#include "src/nn/span_pass.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>

#include "src/accel/come_predictor.h"
#include "src/base/error.h"
#include "src/base/trace.h"
#include "src/models/vggt.h"
#include "src/weights/load.h"
#include "src/weights/safetensors.h"
#include "src/weights/synthetic.h"
#include "tests/support/golden.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

namespace vggt::nn {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

std::shared_ptr<Vggt> tiny_model(Precision precision) {
  return synthetic_model(
      1, ModelConfig::read("tests/golden/tiny/config.json"), {.precision = precision});
}

// The predictor that the released models ran with.
std::string predictor_file(const TemporaryFolder& folder, uint64_t seed, bool is_first) {
  Tensors tensors;
  for (const auto& p : accel::ComePredictor(48, 16).named_parameters()) {
    tensors[p.key()] = synthetic_parameter(p.key(), p.value().sizes(), seed);
  }
  const std::string path = folder.file("predictor.safetensors");
  write_safetensors(path,
                    tensors,
                    is_first ? std::map<std::string, std::string>{{"vggt.come.tap", "1"},
                                                                  {"vggt.come.normed", "1"},
                                                                  {"vggt.come.output", "x"}}
                             : std::map<std::string, std::string>{});
  return path;
}

struct Result {
  Predictions predictions;
  accel::MergeReport report;
  Tensors traced;
};

Result run(const Vggt& model,
           const at::Tensor& images,
           const std::map<std::string, std::string>& settings,
           bool traces = false) {
  const c10::InferenceMode inference;
  Result result;
  std::optional<TraceListener> listener;
  if (traces) {
    listener.emplace([&](const std::string& name, const at::Tensor& value) {
      result.traced[name] = value.clone();
    });
  }
  result.predictions =
      model.forward(images, {.merge = {"come", settings}, .merge_report = &result.report});
  return result;
}

double most(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

double relative(const at::Tensor& got, const at::Tensor& truth) {
  return testing::relative_l2("", got, truth);
}

struct Case {
  const char* name;
  const char* variant;
  double merged;
  int64_t tap;
  uint64_t seed;
};

class ReleasedModel : public ::testing::TestWithParam<Case> {};

TEST_P(ReleasedModel, GivesTheSameInFloat64) {
  const Case& c = GetParam();
  const Tensors truth = testing::golden(std::string("come/") + c.name);
  TemporaryFolder folder;
  const auto model = tiny_model(Precision::kFloat64);
  const at::Tensor images = truth.at("in.images_u8").to(at::kDouble).unsqueeze(0) / 255;
  const Result got =
      run(*model,
          images,
          {{"predictor", predictor_file(folder, c.seed, std::string(c.variant) == "first")},
           {"variant", c.variant},
           {"merged", std::to_string(c.merged)},
           {"tap", std::to_string(c.tap)},
           {"manner", "compat"}},
          /*traces=*/true);
  // Which patches share a slot, exactly.
  const int64_t side = std::string(c.variant) == "first" ? 1 : 3;
  const at::Tensor merged = got.report.merged_patches.at(0);
  if (side == 3) {
    const at::Tensor mask = truth.at("mask").to(at::kBool).view(
        {merged.size(0), merged.size(1) / 3, merged.size(2) / 3});
    EXPECT_TRUE(at::equal(merged, mask.repeat_interleave(3, 1).repeat_interleave(3, 2)));
  } else {
    EXPECT_TRUE(
        at::equal(merged.flatten(1), truth.at("mask").to(at::kBool).repeat_interleave(4, 1)));
  }
  if (truth.count("infer_mask")) {
    EXPECT_TRUE(at::equal(merged, truth.at("infer_mask")[0].to(at::kBool)));
  }
  // The released numbers are stored in float32.
  constexpr double kBound = 3e-7;
  EXPECT_LT(relative(got.predictions.pose_encodings.back(), truth.at("out.pose_enc")), kBound);
  EXPECT_LT(relative(got.predictions.depth, truth.at("out.depth")), kBound);
  const std::vector<int64_t> kept = {1, 2, 4, 5};
  if (truth.count("layer5.frame_out") && truth.at("layer5.frame_out").dim() == 3) {
    const at::Tensor frames = truth.at("layer5.frame_out");
    EXPECT_LT(relative(got.traced.at("agg.frame_5.out").view(frames.sizes()), frames), kBound);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases,
    ReleasedModel,
    ::testing::Values(Case{"model_s3_84x126_fused_f64", "fused", 0.5, 1, 7},
                      Case{"model_s2_126x84_p75_fused_f64", "fused", 0.75, 0, 7},
                      Case{"model_s3_84x126_direct_f64", "direct", 0.5, 1, 7},
                      Case{"model_a4_s3_84x112", "first", 0.5, 1, 8}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(SpanPass, InBfloat16ItIsAsNearAsTheRelease) {
  TemporaryFolder folder;
  const Tensors truth = testing::golden("come/model_s3_84x126_fused_f64");
  const at::Tensor images = truth.at("in.images_u8").to(at::kFloat).unsqueeze(0) / 255;
  const std::map<std::string, std::string> settings = {
      {"predictor", predictor_file(folder, 7, false)}};
  const Result exact = run(*tiny_model(Precision::kFloat64), images.to(at::kDouble), settings);
  const Result half = run(*tiny_model(Precision::kBFloat16), images, settings);
  EXPECT_TRUE(at::equal(exact.report.merged_patches[0], half.report.merged_patches[0]));
  // Ours rounds matrices only; the release is 2.9e-3 off in its tokens.
  EXPECT_LT(relative(half.predictions.depth, exact.predictions.depth), 0.02);
}

TEST(SpanPass, AShareOfNothingIsTheDensePathToTheBit) {
  for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
    const auto model = tiny_model(precision);
    const at::Tensor images =
        synthetic_images(3, 70, 98, 1).to(model->aggregator->camera_token.scalar_type());
    const c10::InferenceMode inference;
    const Predictions dense = model->forward(images);
    for (const char* variant : {"fused", "direct", "first"}) {
      const Result same =
          run(*model, images, {{"score", "random"}, {"merged", "0"}, {"variant", variant}});
      EXPECT_TRUE(at::equal(dense.depth, same.predictions.depth)) << variant;
      EXPECT_TRUE(at::equal(dense.pose_encodings.back(), same.predictions.pose_encodings.back()));
    }
  }
}

// One scene's layers are moved as they are made, those of two after they are joined; with nothing
// merged the dense path moves them.
TEST(SpanPass, GivesTheSameBitsWithLayersOnTheHost) {
  const auto model = tiny_model(Precision::kBFloat16);
  const c10::InferenceMode inference;
  const auto kept = static_cast<int64_t>(model->config.kept_layers().size());
  for (const int64_t scenes : {1, 2}) {
    const at::Tensor images = synthetic_images(3, 42, 56, 1).repeat({scenes, 1, 1, 1, 1});
    for (const char* merged : {"0.5", "0"}) {
      const accel::MergeOptions merge = {"come", {{"score", "random"}, {"merged", merged}}};
      CopyCount copies;
      const Predictions expected = model->forward(images, {.merge = merge});
      const Predictions got =
          model->forward(images, {.merge = merge, .layers_on_host = true, .copies = &copies});
      EXPECT_TRUE(at::equal(got.depth, expected.depth)) << scenes << " " << merged;
      EXPECT_EQ(copies.to_host, kept) << scenes << " " << merged;
      EXPECT_GT(copies.to_device, 0);
    }
  }
}

TEST(SpanPass, TakesOddGridsAndAnyNumberOfFrames) {
  const std::vector<std::pair<const char*, const char*>> ways = {{"fused", "random"},
                                                                 {"fused", "edges"},
                                                                 {"fused", "predictor"},
                                                                 {"direct", "random"},
                                                                 {"first", "random"}};
  for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
    const auto model = tiny_model(precision);
    for (const auto& [frames, height, width] :
         std::vector<std::array<int64_t, 3>>{{1, 70, 98}, {4, 42, 42}, {2, 14, 112}}) {
      const at::Tensor images = synthetic_images(frames, height, width, 1);
      for (const auto& [variant, score] : ways) {
        const Result got = run(*model,
                               images,
                               {{"variant", variant},
                                {"score", score},
                                {"predictor", "synthetic:1"},
                                {"merged", "1"}});
        EXPECT_TRUE(got.predictions.depth.isfinite().all().item<bool>());
        for (const accel::MergeRecord& record : got.report.layers) {
          EXPECT_LT(record.kv_slots, record.rows);
          EXPECT_EQ(record.q_slots, record.kv_slots);
        }
      }
    }
  }
}

TEST(SpanPass, ScenesAreMergedEachOnItsOwn) {
  const auto model = tiny_model(Precision::kFloat64);
  const at::Tensor both =
      at::cat({synthetic_images(3, 56, 84, 1), synthetic_images(6, 56, 84, 1).slice(1, 3)})
          .to(at::kDouble);
  const std::map<std::string, std::string> settings = {{"predictor", "synthetic:1"}};
  const Result together = run(*model, both, settings);
  for (int64_t b = 0; b < 2; ++b) {
    const Result alone = run(*model, both.slice(0, b, b + 1), settings);
    EXPECT_LT(most(together.predictions.depth.slice(0, b, b + 1), alone.predictions.depth), 1e-6);
  }
}

TEST(SpanPass, ThePassOverTokensAloneIsRefused) {
  const auto model = tiny_model(Precision::kFloat32);
  const at::Tensor images = synthetic_images(2, 56, 56, 1);
  const at::Tensor patches = at::zeros({2, 16, 48});
  EXPECT_THROW(
      model->aggregator->aggregate(images, patches, {}, nullptr, {"come", {{"score", "random"}}}),
      c10::Error);
  EXPECT_THROW(run(*model, images, {}), ConfigError) << "a predictor is missing";
  EXPECT_THROW(run(*model, images, {{"merged", "1.5"}}), ConfigError);
}

TEST(SpanPass, TooManyFramesForAPlansNumbersAreRefused) {
  const auto model = tiny_model(Precision::kFloat32);
  const at::Tensor images = at::zeros({1, 1, 3, 14, 14}).expand({1, 400000000, 3, 14, 14});
  EXPECT_THAT(message_of<ConfigError>([&] {
                run(*model, images, {{"score", "random"}});
              }),
              ::testing::HasSubstr("at most 357913941 frames"));
}

TEST(SpanPass, PicturesThatAreNotNumbersLeaveThePassWhole) {
  const auto model = tiny_model(Precision::kFloat32);
  at::Tensor images = synthetic_images(2, 84, 84, 1).clone();
  images[0][1].slice(1, 0, 14).fill_(NAN);
  const Result got = run(*model, images, {{"predictor", "synthetic:1"}});
  EXPECT_EQ(got.report.layers.size(), 6u);
  EXPECT_EQ(got.predictions.depth.sizes(), at::IntArrayRef({1, 2, 84, 84, 1}));
}

}  // namespace
}  // namespace vggt::nn
