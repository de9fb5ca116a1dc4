// SPDX-License-Identifier: Apache-2.0
// Against the released predictor of Co-Me (tests/golden/come), and its files.
#include "src/accel/come_predictor.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "src/base/error.h"
#include "src/weights/safetensors.h"
#include "src/weights/synthetic.h"
#include "tests/support/golden.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

namespace vggt::accel {
namespace {

using ::testing::HasSubstr;
using Tensors = std::map<std::string, at::Tensor>;

struct Case {
  const char* name;
  int64_t channels, width;
  bool above_one;
  uint64_t seed;
  double amplitude;  ///< of the tokens that are made by the rule
  double bf16;       ///< bound of the error in bfloat16
};

std::shared_ptr<ComePredictor> predictor_of(const Case& c) {
  auto predictor = std::make_shared<ComePredictor>(c.channels, c.width);
  for (auto& parameter : predictor->named_parameters()) {
    parameter.value().set_data(
        synthetic_parameter(parameter.key(), parameter.value().sizes(), c.seed));
  }
  predictor->above_one = c.above_one;
  return predictor;
}

class ReleasedPredictor : public ::testing::TestWithParam<Case> {};

TEST_P(ReleasedPredictor, GivesTheSameConfidence) {
  const Case& c = GetParam();
  const Tensors truth = testing::golden(std::string("come/predictor_") + c.name);
  const at::Tensor expected = truth.at("confidence_f64");
  const int64_t h = expected.size(2);
  const int64_t w = expected.size(3);
  at::Tensor tokens;
  if (truth.count("tokens")) {
    tokens = truth.at("tokens").flatten(2, 3);
  } else {
    // Numbers of the rule in [-1, 1): its scale for a vector that is a bias is 0.1.
    const std::string key = std::string("come.tokens.") + c.name;
    tokens = synthetic_parameter(key, {expected.size(0), expected.size(1), h * w, c.channels}, 1);
    tokens =
        tokens * (truth.at("tokens_head")[0].item<float>() / tokens.flatten()[0].item<float>());
    ASSERT_LT(
        (tokens.flatten().slice(0, 0, 64) - truth.at("tokens_head")).abs().max().item<double>(),
        1e-6);
  }
  for (const auto& [name, values] : truth) {
    if (!name.starts_with("weight.")) continue;
    for (const auto& parameter : predictor_of(c)->named_parameters()) {
      if ("weight." + parameter.key() != name) continue;
      EXPECT_TRUE(at::equal(parameter.value(), values)) << name;
    }
  }
  const auto error = [&](at::ScalarType products, at::ScalarType wide) {
    const auto predictor = predictor_of(c);
    predictor->convert(at::kCPU, products, wide);
    const at::Tensor got = predictor->forward(tokens.to(wide), h, w);
    EXPECT_EQ(got.sizes(), expected.sizes());
    return (got.to(at::kDouble) - expected).abs().max().item<double>();
  };
  // Tokens of a rule come from a division in float32.
  EXPECT_LT(error(at::kDouble, at::kDouble), truth.count("tokens") ? 1e-12 : 1e-6);
  EXPECT_LT(error(at::kFloat, at::kFloat), 1e-5);
  EXPECT_LT(error(at::kBFloat16, at::kFloat), c.bf16);
}

INSTANTIATE_TEST_SUITE_P(Cases,
                         ReleasedPredictor,
                         ::testing::Values(Case{"w16", 48, 16, true, 5, 1, 0.1},
                                           Case{"w16_none", 48, 16, false, 6, 2, 0.1},
                                           Case{"b_1024_128", 1024, 128, true, 0, 1, 0.03},
                                           Case{"a_1024_32", 1024, 32, false, 0, 1, 0.03}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(ComePredictor, HasAsManyParametersAsTheReleasedCheckpoints) {
  const auto count = [](int64_t width) {
    int64_t sum = 0;
    for (const auto& p : ComePredictor(1024, width).named_parameters()) sum += p.value().numel();
    return sum;
  };
  EXPECT_EQ(count(128), 412417);
  EXPECT_EQ(count(32), 50881);
}

TEST(ComePredictor, TakesManyFramesAFewAtATimeAndGridsOfOneRow) {
  const ComePredictorFile file = synthetic_predictor(1, 8, 24);
  const at::Tensor tokens = synthetic_parameter("t.pos_embed", {1, 120, 9, 8}, 1);
  const at::Tensor all = file.predictor->forward(tokens, 3, 3);
  EXPECT_EQ(all.sizes(), at::IntArrayRef({1, 120, 3, 3}));
  EXPECT_TRUE(
      at::equal(all.slice(1, 16, 32), file.predictor->forward(tokens.slice(1, 16, 32), 3, 3)));
  EXPECT_TRUE(file.predictor->forward(tokens, 1, 9).isfinite().all().item<bool>());
}

TEST(ComePredictor, AFileGivesBackWhatWasWritten) {
  TemporaryFolder folder;
  ComePredictorFile file = synthetic_predictor(3, 48, 24);
  file.tap = 7;
  file.normed = true;
  file.predictor->above_one = false;
  for (auto& p : file.predictor->named_parameters()) {
    p.value().set_data(p.value().to(at::kBFloat16).to(at::kFloat));
  }
  write_predictor(folder.file("p.safetensors"), file);
  const ComePredictorFile read = read_predictor(folder.file("p.safetensors"), 24);
  EXPECT_EQ(read.tap, 7);
  EXPECT_TRUE(read.normed);
  EXPECT_FALSE(read.predictor->above_one);
  const at::Tensor tokens = synthetic_parameter("t.pos_embed", {1, 2, 12, 48}, 1);
  EXPECT_TRUE(
      at::equal(read.predictor->forward(tokens, 3, 4), file.predictor->forward(tokens, 3, 4)));
}

Tensors released(int64_t width) {
  Tensors tensors;
  for (const auto& p : ComePredictor(48, width).named_parameters()) {
    tensors[p.key()] = synthetic_parameter(p.key(), p.value().sizes(), 1).to(at::kBFloat16);
  }
  return tensors;
}

TEST(ComePredictor, AReleasedCheckpointIsKnownByItsWidth) {
  TemporaryFolder folder;
  write_safetensors(folder.file("b.safetensors"), released(128));
  const ComePredictorFile second = read_predictor(folder.file("b.safetensors"), 24);
  EXPECT_EQ(second.tap, 14);
  EXPECT_FALSE(second.normed);
  EXPECT_TRUE(second.predictor->above_one);
  write_safetensors(folder.file("a.safetensors"), released(32));
  const ComePredictorFile first = read_predictor(folder.file("a.safetensors"), 24);
  EXPECT_EQ(first.tap, 15);
  EXPECT_TRUE(first.normed);
  EXPECT_FALSE(first.predictor->above_one);
  EXPECT_EQ(come_tap(6), 3);
  EXPECT_EQ(come_tap(1), 0);
}

TEST(ComePredictor, SaysWhatIsWrongWithAFile) {
  TemporaryFolder folder;
  const std::string path = folder.file("p.safetensors");
  const auto said = [&](const Tensors& tensors,
                        const std::map<std::string, std::string>& metadata = {}) {
    write_safetensors(path, tensors, metadata);
    return message_of<IoError>([&] { read_predictor(path, 24); });
  };
  EXPECT_EQ(said(released(16)), "");
  Tensors bad = released(16);
  bad.erase("proj1.weight");
  EXPECT_THAT(said(bad), HasSubstr("no predictor of Co-Me: it has no matrix proj1.weight"));
  bad = released(16);
  bad.erase("proj2.2.bias");
  EXPECT_THAT(said(bad), HasSubstr("proj2.2.bias is missing"));
  bad = released(16);
  bad["proj2.0.weight"] = at::zeros({16, 16, 1, 1});
  EXPECT_THAT(said(bad),
              HasSubstr("must be numbers of shape [16, 16, 3, 3], it is [16, 16, 1, 1]"));
  bad = released(16);
  bad["block.norm1.bias"] = at::full({16}, NAN);
  EXPECT_THAT(said(bad), HasSubstr("block.norm1.bias holds NaN"));
  bad = released(16);
  bad["more"] = at::zeros({1});
  EXPECT_THAT(said(bad), HasSubstr("holds 19 tensors, a predictor has 18"));
  EXPECT_THAT(said(released(16), {{"vggt.come.tap", "x"}}), HasSubstr("is no whole number"));
  EXPECT_THAT(said(released(16), {{"vggt.come.output", "y"}}), HasSubstr("is none of x, exp(x)+1"));
  EXPECT_THROW(read_predictor(folder.file("none"), 24), IoError);
}

}  // namespace
}  // namespace vggt::accel
