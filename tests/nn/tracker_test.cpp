// SPDX-License-Identifier: Apache-2.0
// The tracker's parts, and its iterations one by one from the original's state: end to end each
// iteration amplifies differences about tenfold, which would hide an error.
#include "src/nn/tracker.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "src/base/trace.h"
#include "src/models/precision.h"
#include "src/weights/load.h"
#include "tests/support/golden.h"

namespace vggt::nn {
namespace {

using vggt::testing::golden;
using vggt::testing::plain_name;
using vggt::testing::relative_l2;
using Tensors = std::map<std::string, at::Tensor>;

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() ? (a - b).abs().max().item<double>() : 1e9;
}

TEST(Correlate, AgreesWithTheOriginal) {
  auto units = golden("units/units");
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    std::vector<at::Tensor> pyramid = {units.at("corr.fmaps")[0].to(dtype)};
    for (int level = 1; level < 3; ++level)
      pyramid.push_back(at::avg_pool2d(pyramid.back(), {2, 2}, {2, 2}));
    // The fixture is [B, S, N, ...].
    const at::Tensor features = units.at("corr.targets")[0].transpose(0, 1).to(dtype);
    const at::Tensor coords = units.at("corr.coords_xy")[0].transpose(0, 1).to(dtype);
    const at::Tensor out = correlate(pyramid, features, coords, 4).transpose(0, 1);
    const bool wide = dtype == at::kDouble;
    const at::Tensor expected = units.at(wide ? "corr.out_f64" : "corr.out_levels3_radius4")[0];
    // In float32 a coordinate of up to 26 px is rounded to 2e-6 px, and the maps' slopes are of the
    // order of 1.
    EXPECT_LT(largest_difference(out, expected), wide ? 1e-13 : 1e-5);
  }
}

TEST(SampleMaps, AgreesWithTheOriginalAtTheBorder) {
  auto units = golden("units/units");
  const at::Tensor maps = units.at("corr.fmaps").select(1, 0);
  const at::Tensor coords = units.at("corr.coords_xy").select(1, 0);
  const at::Tensor out = sample_maps(maps, coords, Outside::kBorder);
  // As above.
  EXPECT_LT(largest_difference(out, units.at("sample.out")), 1e-5);
  EXPECT_GT(largest_difference(sample_maps(maps, coords, Outside::kZero), out), 0.1)
      << "some points lie outside";
}

TEST(SampleMaps, TakesPixelCentresAtIntegers) {
  const at::Tensor maps = at::arange(6, at::kDouble).view({1, 1, 2, 3});
  const at::Tensor coords =
      at::tensor({2.0, 0.0, 1.0, 1.0, 0.5, 0.5, -3.0, 0.0}, at::kDouble).view({1, 4, 2});
  const at::Tensor border = sample_maps(maps, coords, Outside::kBorder).flatten();
  const at::Tensor zero = sample_maps(maps, coords, Outside::kZero).flatten();
  // A rounding of the normalised coordinate.
  EXPECT_TRUE(at::allclose(border, at::tensor({2.0, 4.0, 2.0, 0.0}, at::kDouble), 0, 1e-14))
      << border;
  EXPECT_EQ(zero[3].item<double>(), 0);
  EXPECT_TRUE(at::allclose(sample_maps(maps + 1, coords, Outside::kBorder).flatten()[3],
                           at::scalar_tensor(1.0, at::kDouble)));
}

TEST(EmbedFlow, AgreesWithTheOriginal) {
  auto units = golden("units/units");
  const at::Tensor out = embed_flow(units.at("flow_embedding.in"), 128);
  ASSERT_EQ(out.scalar_type(), at::kFloat);
  // Sine and cosine of the same float32 angles, which reach 4e4 rad.
  EXPECT_LT(largest_difference(out, units.at("flow_embedding.out")), 2e-7);
}

TEST(EmbedPixels, AgreesWithTheOriginal) {
  auto units = golden("units/units");
  // Computed in double and rounded once.
  EXPECT_LE(largest_difference(embed_pixels(259, 194), units.at("track_pos.388ch_196x259.cols")),
            6e-8);
  EXPECT_LE(largest_difference(embed_pixels(196, 194), units.at("track_pos.388ch_196x259.rows")),
            6e-8);
}

// One iteration after another, each from the original's state.
class Iterations : public ::testing::Test {
 protected:
  static std::shared_ptr<Vggt> model(Precision precision) {
    return synthetic_model(
        1, ModelConfig::read("tests/golden/tiny/config.json"), {.precision = precision});
  }

  Iterations() {
    const c10::InferenceMode inference;
    const auto wide = model(Precision::kFloat64);
    const TraceListener listener([&](const std::string& name, const at::Tensor& value) {
      if (name == "track.fmaps") maps_ = value.clone();
    });
    wide->forward(outputs_.at("in.images").to(at::kDouble),
                  {.query_points = outputs_.at("in.query_points").to(at::kDouble)});
    maps_ = maps_[0];
    queries_ = outputs_.at("in.query_points")[0].to(at::kDouble) / 2;
    const Tracker& tracker = *wide->track_head->tracker;
    const Tracker::State begin = tracker.begin(tracker.prepare(maps_, queries_));
    at::Tensor features = begin.features;
    for (size_t k = 0; k < 4; ++k) {
      const at::Tensor coords = k == 0 ? begin.coords : original_coords(k - 1);
      states_.push_back({coords, features});
      features = features + of_iteration(k, "feat_update").view({12, 3, 32});
    }
    final_features_ = features;
  }

  const at::Tensor& of_iteration(size_t k, const std::string& name) const {
    return intermediates_.at("track.iter" + std::to_string(k) + "." + name);
  }

  // [N, S, 2] in feature pixels after iteration k.
  at::Tensor original_coords(size_t k) const {
    return outputs_.at("out.track_" + std::to_string(k))[0].transpose(0, 1) / 2;
  }

  // What iteration k gives from the original's state: "coords", "features" and all that it traces.
  Tensors step(const Tracker& tracker, at::ScalarType dtype, size_t k) const {
    const c10::InferenceMode inference;
    Tensors out;
    const Tracker::Context context = tracker.prepare(maps_.to(dtype), queries_.to(dtype));
    const TraceListener listener(
        [&](const std::string& name, const at::Tensor& value) { out[name] = value.clone(); });
    const Tracker::State next =
        tracker.step(context, {states_[k].coords.to(dtype), states_[k].features.to(dtype)});
    out["coords"] = next.coords;
    out["features"] = next.features;
    return out;
  }

  // The heads of a half-precision model compute in float32, so it errs no more than that.
  void expect_float32_errors(Precision precision) const {
    const auto of_model = model(precision);
    const auto errors =
        nlohmann::json::parse(std::ifstream("tests/golden/tiny/errors.json")).at("s3_70x98");
    const auto original = [&](const std::string& name) {
      return errors.at(name).at("float32").at("rel_l2").get<double>();
    };
    const Tracker& tracker = *of_model->track_head->tracker;
    for (size_t k = 0; k < 4; ++k) {
      const at::Tensor coords = step(tracker, at::kFloat, k).at("coords");
      ASSERT_EQ(coords.scalar_type(), at::kFloat);
      EXPECT_LT(relative_l2("", coords, original_coords(k)),
                3 * original("track_" + std::to_string(k)))
          << "iteration " << k;
    }
    const at::Tensor features = final_features_.to(at::kFloat);
    const at::Tensor visibility = tracker.visibility(features).transpose(0, 1);
    const at::Tensor confidence = tracker.confidence(features).transpose(0, 1);
    EXPECT_LT(relative_l2("", visibility, outputs_.at("out.vis")[0]), 3 * original("vis"));
    EXPECT_LT(relative_l2("", confidence, outputs_.at("out.conf")[0]), 3 * original("conf"));
  }

  Tensors outputs_ = golden("tiny/case_s3_70x98");
  Tensors intermediates_ = golden("tiny/intermediates_heads_s3_70x98");
  at::Tensor maps_;  // [S, F, h, w]
  at::Tensor queries_;
  std::vector<Tracker::State> states_;  // entering iteration k
  at::Tensor final_features_;
};

TEST_F(Iterations, StartFromTheOriginalsState) {
  int compared = 0;
  for (const auto& [name, truth] : intermediates_) {
    if (plain_name(name) != "track.fmaps") continue;
    EXPECT_LT(relative_l2(name, maps_.unsqueeze(0), truth), 3e-7);
    ++compared;
  }
  EXPECT_EQ(compared, 1);
  const at::Tensor rows = final_features_.transpose(0, 1).flatten(0, 1);
  EXPECT_LT(relative_l2("", rows, intermediates_.at("track.final_feats")), 3e-7);
}

TEST_F(Iterations, AgreeInFloat64) {
  const auto wide = model(Precision::kFloat64);
  for (size_t k = 0; k < 4; ++k) {
    const Tensors out = step(*wide->track_head->tracker, at::kDouble, k);
    EXPECT_LT(relative_l2("", out.at("coords"), original_coords(k)), 3e-7) << "iteration " << k;
    const at::Tensor& features = k == 3 ? final_features_ : states_[k + 1].features;
    EXPECT_LT(relative_l2("", out.at("features"), features), 3e-7) << "iteration " << k;
    for (const char* name : {"corr", "corr_mlp", "transformer_in", "delta", "feat_update"}) {
      EXPECT_LT(relative_l2("", out.at(name), of_iteration(k, name)), 3e-7)
          << name << " of iteration " << k;
    }
  }
  const at::Tensor visibility =
      wide->track_head->tracker->visibility(final_features_).transpose(0, 1);
  const at::Tensor confidence =
      wide->track_head->tracker->confidence(final_features_).transpose(0, 1);
  EXPECT_LT(relative_l2("", visibility, outputs_.at("out.vis")[0]), 3e-7);
  EXPECT_LT(relative_l2("", confidence, outputs_.at("out.conf")[0]), 3e-7);
}

TEST_F(Iterations, ErrInFloat32AtMostThreeTimesAsMuchAsTheOriginal) {
  expect_float32_errors(Precision::kFloat32);
}

TEST_F(Iterations, ErrNoMoreInAHalfPrecisionModel) { expect_float32_errors(Precision::kBFloat16); }

TEST_F(Iterations, KeepTheQueryPointsInFrameZero) {
  const auto wide = model(Precision::kFloat64);
  const at::Tensor coords = step(*wide->track_head->tracker, at::kDouble, 2).at("coords");
  EXPECT_TRUE(at::equal(coords.select(1, 0), queries_));
  EXPECT_FALSE(at::equal(coords.select(1, 1), states_[2].coords.select(1, 1)));
}

}  // namespace
}  // namespace vggt::nn
