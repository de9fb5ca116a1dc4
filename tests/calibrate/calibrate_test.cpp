// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/calibrate.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "src/accel/quantize.h"
#include "src/base/error.h"
#include "src/calibrate/chain.h"
#include "src/calibrate/gptq.h"
#include "src/calibrate/scene_choice.h"
#include "src/calibrate/task_loss.h"
#include "src/calibrate/transforms.h"
#include "src/weights/load.h"
#include "src/weights/synthetic.h"
#include "tests/support/message_of.h"

namespace vggt::calibrate {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::shared_ptr<Vggt> tiny_model() { return synthetic_model(1, ModelConfig::tiny(), {}); }

std::vector<at::Tensor> scenes(size_t count) {
  std::vector<at::Tensor> result;
  for (size_t i = 0; i < count; ++i) result.push_back(synthetic_images(2, 42, 56, 10 + i));
  return result;
}

// Two blocks of the tiny model's twelve, so that tests are quick.
accel::QuantRecipe small_recipe(const std::string& scheme) {
  return {{{"aggregator.frame_blocks.1", scheme}, {"aggregator.global_blocks.2", scheme}}};
}

bool same(const at::Tensor& a, const at::Tensor& b) {
  return a.defined() == b.defined() && (!a.defined() || at::equal(a, b));
}

void expect_equal(const BlockCodes& a, const BlockCodes& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, codes] : a) {
    SCOPED_TRACE(name);
    const kernels::QuantizedWeight& other = b.at(name);
    EXPECT_TRUE(same(codes.codes, other.codes));
    EXPECT_TRUE(same(codes.scales, other.scales));
    EXPECT_TRUE(same(codes.zeros, other.zeros));
    EXPECT_TRUE(same(codes.input_scale, other.input_scale));
    EXPECT_TRUE(same(codes.input_signs, other.input_signs));
  }
}

double relative_error(const at::Tensor& got, const at::Tensor& truth) {
  return ((got.to(at::kDouble) - truth.to(at::kDouble)).norm() / truth.to(at::kDouble).norm())
      .item<double>();
}

TEST(Calibrate, EveryMethodCodesWhatTheRecipeNames) {
  const at::Tensor images = scenes(1).front();
  const Predictions exact = tiny_model()->forward(images);
  for (const std::string& method : method_names()) {
    for (const char* scheme : {"w4a16-g16", "int8"}) {
      SCOPED_TRACE(method + " " + scheme);
      const auto model = tiny_model();
      const Calibrated calibrated = calibrate(
          *model, scenes(3), {.recipe = small_recipe(scheme), .method = method_named(method)});
      const size_t most = 8;
      EXPECT_LE(calibrated.layers.size(), most);
      if (method != "qvggt") {
        EXPECT_EQ(calibrated.layers.size(), most);
      }
      EXPECT_EQ(calibrated.report.size(), calibrated.layers.size());
      for (const LayerReport& layer : calibrated.report) {
        // GPTQ's codes stand for another matrix than the weight, on purpose.
        EXPECT_GT(layer.sqnr_db, scheme[0] == 'w' || method == "gptq" ? 14 : 25) << layer.layer;
        EXPECT_LT(layer.bytes, layer.half_bytes);
      }
      const Predictions now = model->forward(images);
      EXPECT_FALSE(at::equal(now.depth, exact.depth));
      EXPECT_LT(relative_error(now.depth, exact.depth), 0.1);
    }
  }
}

TEST(Calibrate, GoesOnAfterAnInterruptionWithTheSameCodes) {
  for (const char* method : {"gptq", "qvggt", "quantvggt"}) {
    SCOPED_TRACE(method);
    Options options = {.recipe = accel::quant_recipe("w4a16-g16"), .method = method_named(method)};
    options.task_scenes = 1;
    options.recipe = {
        {{"aggregator.frame_blocks.1", "w4a16-g16"}, {"aggregator.frame_blocks.3", "w4a16-g16"}}};
    const Calibrated whole = calibrate(*tiny_model(), scenes(2), options);
    std::map<std::string, BlockCodes> kept;
    const BlockStore store = {
        .find = [&](const std::string& block) -> std::optional<BlockCodes> {
          const auto found = kept.find(block);
          return found == kept.end() ? std::nullopt : std::optional(found->second);
        },
        .keep = [&](const std::string& block, const BlockCodes& codes) { kept[block] = codes; }};
    Options stopping = options;
    stopping.progress = [](const Progress& p) { return p.stage != "blocks" || p.done < 4; };
    EXPECT_THROW(calibrate(*tiny_model(), scenes(2), stopping, store), Cancelled);
    EXPECT_GE(kept.size(), 3);
    EXPECT_LT(kept.size(), 12);
    expect_equal(calibrate(*tiny_model(), scenes(2), options, store).layers, whole.layers);
  }
}

TEST(Calibrate, RefusesWhatCannotBeCalibrated) {
  const auto complaint = [](const Options& options, std::vector<at::Tensor> images) {
    return message_of<ConfigError>([&] { calibrate(*tiny_model(), images, options); });
  };
  Options options = {.recipe = small_recipe("w4a16-g16"), .method = Method::kAwq};
  EXPECT_THAT(complaint(options, {}), AllOf(HasSubstr("images"), HasSubstr("awq")));
  for (const float strange :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    std::vector<at::Tensor> images = scenes(2);
    images[1] = images[1].clone();
    images[1][0][1][0][3][3] = strange;
    for (const Method method : {Method::kAwq, Method::kGptq, Method::kQvggt, Method::kQuantVggt}) {
      options.method = method;
      EXPECT_THAT(complaint(options, images), HasSubstr("NaN or infinity"));
    }
  }
  options.recipe = {{{"aggregator.frame_blocks.9", "int8"}}};
  EXPECT_THAT(complaint(options, scenes(1)), HasSubstr("aggregator.frame_blocks.9"));
  options.recipe = small_recipe("w4a16-g32");
  EXPECT_THAT(complaint(options, scenes(1)),
              AllOf(HasSubstr("aggregator.frame_blocks.1.attn.qkv"), HasSubstr("48 inputs")));
  EXPECT_THAT(message_of<ConfigError>([] { method_named("best"); }), HasSubstr("quantvggt"));
}

TEST(Calibrate, CompensationIsTheMeanCameraTokenAsLongAsAPatch) {
  const auto model = tiny_model();
  const std::vector<at::Tensor> images = scenes(2);
  at::Tensor sum = at::zeros({96}, at::kDouble);
  for (const at::Tensor& scene : images) {
    sum +=
        model->aggregator->forward(scene, {}, nullptr).camera.flatten(0, 1).to(at::kDouble).sum(0);
  }
  const Calibrated calibrated = calibrate(
      *model,
      images,
      {.recipe = small_recipe("int8"), .method = Method::kRoundToNearest, .compensation = true});
  const at::Tensor token = calibrated.compensation_token;
  ASSERT_EQ(token.sizes(), at::IntArrayRef({96}));
  EXPECT_LT(relative_error(token / token.norm(), sum / sum.norm()), 1e-5);
}

TEST(Chain, PassesTheAggregatorAsAForwardDoes) {
  const auto model = tiny_model();
  const at::Tensor images = scenes(1).front();
  Chain chain(*model->aggregator, images);
  at::Tensor frame_half;
  for (const BlockSite& site : block_sites(*model->aggregator)) {
    if (site.global) frame_half = chain.camera_tokens();
    chain.advance(chain.inputs(site).out);
  }
  const at::Tensor camera = model->aggregator->forward(images, {}, nullptr).camera;
  EXPECT_LT(relative_error(at::cat({frame_half, chain.camera_tokens()}, 1), camera[0]), 1e-5);
}

TEST(Chain, LeavesOutTheCameraAndRegisterTokens) {
  const auto model = tiny_model();
  const Chain chain(*model->aggregator, scenes(1).front());
  const int64_t patches = 42 / 14 * (56 / 14);
  for (const bool global : {false, true}) {
    const at::Tensor stream = chain.stream(global);
    EXPECT_EQ(chain.rows(stream, false).size(0), 2 * (patches + 5));
    const at::Tensor rows = chain.rows(stream, true);
    EXPECT_EQ(rows.size(0), 2 * patches);
    EXPECT_TRUE(at::equal(rows[0], chain.stream(false)[0][5]));
    EXPECT_TRUE(at::equal(rows[patches], chain.stream(false)[1][5]));
  }
}

TEST(Transforms, LeaveTheLayerWhatItIs) {
  const at::Tensor weight = synthetic_parameter("layer.weight", {40, 96}, 1);
  const at::Tensor x = synthetic_parameter("x.pos_embed", {30, 96}, 2);
  const at::Tensor exact = at::mm(x, weight.t());
  const at::Tensor signs = random_signs(96, 3);
  EXPECT_TRUE((signs.abs() == 1).all().item<bool>());
  EXPECT_LT(std::abs(signs.to(at::kFloat).mean().item<double>()), 0.5);
  const at::Tensor scale = smoothing_scale(x.abs().amax(0), weight);
  for (const InputTransform& transform : {InputTransform{},
                                          InputTransform{signs, {}},
                                          InputTransform{{}, scale},
                                          InputTransform{signs, scale}}) {
    kernels::QuantizedWeight how = {.in = 96, .input_signs = transform.signs};
    if (transform.scale.defined()) how.input_scale = transform.scale.reciprocal();
    const at::Tensor y =
        at::mm(kernels::transformed_input(x, how), transformed_weight(weight, transform).t());
    EXPECT_LT(relative_error(y, exact), 1e-5);
    const kernels::QuantizedWeight codes =
        coded(weight, accel::quant_scheme("int8"), transform, "layer");
    EXPECT_LT(relative_error(accel::effective_weight(codes, at::kDouble), weight), 0.01);
  }
}

TEST(Transforms, RotationSpreadsOutliers) {
  at::Tensor x = synthetic_parameter("x.pos_embed", {200, 128}, 2);
  x.select(1, 7).mul_(100);
  const at::Tensor weight = synthetic_parameter("layer.weight", {64, 128}, 1);
  const at::Tensor exact = at::mm(x, weight.t());
  const auto error = [&](const InputTransform& transform) {
    const kernels::QuantizedWeight codes =
        coded(weight, accel::quant_scheme("int8"), transform, "layer");
    return relative_error(
        kernels::quantized_linear_reference(x, codes, {}, kernels::Activation::kNone, at::kFloat),
        exact);
  };
  EXPECT_LT(error({random_signs(128, 1), {}}), error({}) / 1.5);
  EXPECT_LT(error({{}, smoothing_scale(x.abs().amax(0), weight)}), error({}) / 1.5);
}

TEST(Gptq, LosesLessThanRoundingOnInputsThatBelongTogether) {
  const at::Tensor mixing = synthetic_parameter("mix.weight", {16, 64}, 5);
  const at::Tensor x = at::mm(synthetic_parameter("x.pos_embed", {500, 16}, 2), mixing) +
                       0.1 * synthetic_parameter("n.pos_embed", {500, 64}, 2);
  const at::Tensor weight = synthetic_parameter("layer.weight", {48, 64}, 1);
  const at::Tensor exact = at::mm(x, weight.t());
  Moments moments;
  moments.add(x.slice(0, 0, 200), x.slice(0, 0, 200));
  moments.add(x.slice(0, 200), x.slice(0, 200));
  EXPECT_LT(relative_error(retargeted(weight, moments), weight), 1e-6) << "equal inputs";
  for (const char* scheme : {"w4a16-g32", "w4a16-g16-sym", "w8a16", "fp8"}) {
    SCOPED_TRACE(scheme);
    const accel::QuantScheme of = accel::quant_scheme(scheme);
    const auto error = [&](const kernels::QuantizedWeight& codes) {
      return relative_error(at::mm(x, accel::effective_weight(codes, at::kFloat).t()), exact);
    };
    EXPECT_LT(error(gptq(weight, moments.gram, of, "layer")),
              0.7 * error(accel::quantize(weight, of, "layer")));
  }
}

TEST(Gptq, MakesUpForWhatTheInputsLost) {
  const at::Tensor x = synthetic_parameter("x.pos_embed", {400, 32}, 2);
  const at::Tensor lost = x * 0.8 + 0.05 * synthetic_parameter("n.pos_embed", {400, 32}, 3);
  const at::Tensor weight = synthetic_parameter("layer.weight", {24, 32}, 1);
  const at::Tensor exact = at::mm(x, weight.t());
  Moments moments;
  moments.add(x, lost);
  const at::Tensor better = retargeted(weight, moments).to(at::kFloat);
  EXPECT_LT(relative_error(at::mm(lost, better.t()), exact),
            0.5 * relative_error(at::mm(lost, weight.t()), exact));
}

TEST(Gptq, TakesInputsThatAreAlwaysZeroAndRefusesNaN) {
  at::Tensor x = synthetic_parameter("x.pos_embed", {100, 32}, 2);
  x.select(1, 4).zero_();
  const at::Tensor weight = synthetic_parameter("layer.weight", {24, 32}, 1);
  const accel::QuantScheme scheme = accel::quant_scheme("w4a16-g32");
  Moments moments;
  moments.add(x, x);
  const kernels::QuantizedWeight codes = gptq(weight, moments.gram, scheme, "layer");
  EXPECT_GT(accel::sqnr_db(codes, weight), 12);
  x[3][3] = std::numeric_limits<float>::quiet_NaN();
  Moments broken;
  broken.add(x, x);
  EXPECT_THAT(message_of<ConfigError>([&] { gptq(weight, broken.gram, scheme, "block.3"); }),
              AllOf(HasSubstr("block.3"), HasSubstr("NaN")));
}

TEST(ChooseScenes, DropsOutliersAndDrawsFromEveryCluster) {
  std::vector<SceneTraits> traits;
  for (size_t i = 0; i < 20; ++i) {
    const auto value = static_cast<double>(i % 5);
    // Three kinds of likeness.
    traits.push_back({{value}, {1 + value}, {static_cast<double>(i % 3), 0}});
  }
  for (const size_t outlier : {2, 11, 12, 17}) traits[outlier].means = {1000};
  const std::vector<size_t> chosen = choose_scenes(traits, 6, 1);
  EXPECT_EQ(chosen.size(), 6);
  EXPECT_TRUE(std::is_sorted(chosen.begin(), chosen.end()));
  std::array<int, 3> of_kind = {};
  for (const size_t i : chosen) {
    EXPECT_NE(traits[i].means.front(), 1000);
    ++of_kind[i % 3];
  }
  EXPECT_THAT(of_kind, ElementsAre(2, 2, 2));
  EXPECT_EQ(choose_scenes(traits, 6, 1), chosen);
  EXPECT_NE(choose_scenes(traits, 6, 2), chosen);
  EXPECT_EQ(choose_scenes(traits, 100, 1).size(), 16);
  traits[3].likeness[0] = std::nan("");
  EXPECT_THAT(message_of<ConfigError>([&] { choose_scenes(traits, 6, 1); }), HasSubstr("scene 3"));
}

TEST(TaskLoss, IsNothingForTheModelItselfAndGrowsWithDamage) {
  // Without the point head, whose points on synthetic weights are not the unprojected depth.
  ModelConfig config = ModelConfig::tiny();
  config.keep_heads({"camera", "depth"}, "heads");
  const auto model = synthetic_model(1, config, {});
  const Lesson lesson = make_lessons(*model, scenes(1)).front();
  EXPECT_LT(output_change(*model, lesson).sum(), 1e-3);
  const double self = task_loss(*model, lesson);
  EXPECT_LT(self, 1e-6);
  const auto layer = model->aggregator->frame_blocks[2]->mlp->fc1;
  layer->weight = layer->weight * 1.3;
  EXPECT_GT(task_loss(*model, lesson), self + 1e-3);
  EXPECT_GT(output_change(*model, lesson).sum(), 1e-2);
}

TEST(TaskLoss, AnglesAreThoseOfTheCameras) {
  at::Tensor a = at::zeros({2, 9}, at::kDouble);
  a.select(1, 6).fill_(1);
  a[1][0] = 1;
  at::Tensor b = a.clone();
  EXPECT_LT(pose_angles(a, b)[0].item<double>(), 1e-6);
  b[1][5] = std::sin(0.1);
  b[1][6] = std::cos(0.1);
  EXPECT_NEAR(pose_angles(a, b)[0].item<double>(), 0.2, 1e-6);
  b = a.clone();
  b[1][0] = 0;
  b[1][1] = 1;
  EXPECT_NEAR(pose_angles(a, b)[0].item<double>(), std::acos(0.), 1e-6);
}

}  // namespace
}  // namespace vggt::calibrate
