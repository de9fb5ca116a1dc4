// SPDX-License-Identifier: Apache-2.0
// Which patches Co-Me merges, against the released code and Co-Me as meant (tests/golden/come).
#include "src/accel/come.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>

#include "kernels/attention/attention.h"
#include "src/accel/methods.h"
#include "src/base/error.h"
#include "src/weights/synthetic.h"
#include "tests/support/golden.h"
#include "tests/support/message_of.h"

namespace vggt::accel {
namespace {

using ::testing::HasSubstr;
using Tensors = std::map<std::string, at::Tensor>;

at::Tensor values(at::IntArrayRef shape, uint64_t seed) {
  return synthetic_parameter("come.pos_embed", shape, seed);
}

double most(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

TokenLayout layout_of(int64_t frames, int64_t h, int64_t w) {
  return regular_layout(frames, h, w, 5, at::kCPU);
}

// The confidence [S, h w] of a file, of a scene of `h` rows.
struct Case {
  TokenLayout layout;
  at::Tensor confidence;
  Tensors truth;
};

Case golden_case(const std::string& name) {
  Case made;
  made.truth = testing::golden("come/" + name);
  at::Tensor c = made.truth.at("confidence");
  if (c.dim() == 4) c = c[0];
  made.layout = layout_of(c.size(0), c.size(1), c.size(2));
  made.confidence = c.flatten(1);
  return made;
}

// Whether each patch's cell of `side` is marked: [S, cells] -> [S, h w].
at::Tensor of_patches(const at::Tensor& mask, const TokenLayout& layout, int64_t side) {
  return mask.to(at::kBool)
      .view({layout.frames, layout.grid_h / side, layout.grid_w / side})
      .repeat_interleave(side, 1)
      .repeat_interleave(side, 2)
      .flatten(1);
}

TEST(Come, CompatMergesTheGroupsBelowTheQuantile) {
  for (const char* name : {"unit_b2d_6x9_s3", "unit_b2d_6x9_s3_ties"}) {
    const Case c = golden_case(name);
    for (const int64_t percent : {0, 25, 50, 75, 100}) {
      ComeOptions options;
      options.merged = static_cast<double>(percent) / 100;
      options.manner = Manner::kCompat;
      const SpanPlan made = come_plan(options, c.layout, c.confidence);
      validate(made.plan, c.layout);
      const at::Tensor mask = c.truth.at("mask_p" + std::to_string(percent));
      EXPECT_TRUE(at::equal(made.merged_patches, of_patches(mask, c.layout, 3)))
          << name << " " << percent;
      EXPECT_EQ(made.plan.q.slots, c.layout.rows - 8 * mask.sum().item<int64_t>());
    }
  }
}

TEST(Come, CleanMergesTheLowestGroupsWhateverTheirTies) {
  for (const char* name : {"unit_b2d_6x9_s3", "unit_b2d_6x9_s3_ties", "unit_clean_7x8_s3"}) {
    SCOPED_TRACE(name);
    const Case c = golden_case(name);
    const MergePlan plan = come_plan({}, c.layout, c.confidence).plan;
    validate(plan, c.layout);
    const auto truth = [&](const char* what) {
      return c.truth.at(std::string("clean.scene0.") + what);
    };
    EXPECT_TRUE(at::equal(plan.q.slot_of[0], truth("slot_of")));
    EXPECT_TRUE(at::equal(plan.q.anchor.index_select(0, plan.q.slot_of[0].to(at::kLong)),
                          truth("anchor_of")));
    EXPECT_TRUE(at::equal(plan.q.mass, truth("mass")));
    EXPECT_TRUE(at::equal(plan.position, truth("position").to(at::kLong)));
    EXPECT_TRUE(at::equal(plan.frame_offsets, truth("frame_offsets")));
    EXPECT_LT(most(plan.key_bias, truth("key_bias")), 1e-6);
    EXPECT_EQ(plan.q.mass.sum().item<double>(), static_cast<double>(c.layout.rows));
  }
}

TEST(Come, AttentionOfItsSlotsIsTheOneMeant) {
  for (const char* name : {"unit_b2d_6x9_s3", "unit_clean_7x8_s3"}) {
    const Case c = golden_case(name);
    const MergePlan plan = come_plan({}, c.layout, c.confidence).plan;
    const auto heads = [&](const char* what) {
      const at::Tensor rows = c.truth.at(what)[0].flatten(0, 1).to(at::kDouble);
      return merge(plan.q, rows).unsqueeze(0).unflatten(2, {3, 8});
    };
    kernels::AttentionOptions over_all = {.key_bias = plan.key_bias.view({1, 1, -1})};
    kernels::AttentionOptions within = over_all;
    within.q_offsets = within.k_offsets = plan.frame_offsets;
    const auto attended = [&](const kernels::AttentionOptions& among) {
      return kernels::attention(heads("q"), heads("k"), heads("v"), among)[0];
    };
    EXPECT_LT(most(attended(within), c.truth.at("clean.scene0.attn_frame")), 1e-6) << name;
    const at::Tensor all = attended(over_all);
    EXPECT_LT(most(all, c.truth.at("clean.scene0.attn_global")), 1e-6) << name;
    EXPECT_LT(most(unmerge(plan.q, all), c.truth.at("clean.scene0.restored_global")), 1e-6) << name;
  }
}

TEST(Come, TheFirstReleaseRanksRunsOfFourByFrame) {
  for (const auto& [name, share] : std::vector<std::pair<const char*, double>>{
           {"unit_a4_6x8_s3", 0.5}, {"unit_a4_4x6_s2_p40", 0.4}}) {
    const Case c = golden_case(name);
    ComeOptions options;
    options.variant = ComeVariant::kFirst;
    options.merged = share;
    const SpanPlan made = come_plan(options, c.layout, c.confidence);
    validate(made.plan, c.layout);
    const at::Tensor mask = c.truth.at("mask").to(at::kBool).repeat_interleave(4, 1);
    EXPECT_TRUE(at::equal(made.merged_patches, mask)) << name;
    EXPECT_TRUE(at::equal(made.plan.position.view({c.layout.frames, -1, 2}),
                          c.truth.at("position").to(at::kLong)))
        << name;
  }
}

TEST(Come, WhatIsMergedIsTheMeanAndWhatIsNotStaysAsItIs) {
  const TokenLayout layout = layout_of(3, 7, 8);
  const SpanPlan made = come_plan({}, layout, values({3, 56}, 1));
  const at::Tensor x = values({layout.rows, 6}, 2).to(at::kDouble);
  const at::Tensor slots = merge(made.plan.q, x);
  const at::Tensor restored = unmerge(made.plan.q, slots);
  EXPECT_EQ(most(merge(made.plan.q, restored), slots) < 1e-12, true);
  const at::Tensor shared =
      at::cat({at::zeros({3, 5}, at::kBool), made.merged_patches}, 1).flatten();
  EXPECT_TRUE(at::equal(restored.index({~shared}), x.index({~shared})));
  EXPECT_GT(most(restored.index({shared}), x.index({shared})), 0.01);
}

TEST(Come, AGroupsPositionIsItsCentre) {
  for (int64_t side = 3; side <= 72; ++side) {
    ComeOptions options;
    options.merged = 1;
    const TokenLayout layout = layout_of(1, side, side);
    const MergePlan plan = come_plan(options, layout, values({1, side * side}, 1)).plan;
    const at::Tensor merged = plan.position.index({plan.q.mass == 9});
    ASSERT_EQ(merged.size(0), (side / 3) * (side / 3));
    const at::Tensor centre = at::arange(side / 3, at::kLong) * 3 + 2;  // counted from 1
    EXPECT_TRUE(at::equal(merged.select(1, 0), centre.repeat_interleave(side / 3))) << side;
    EXPECT_TRUE(at::equal(merged.select(1, 1), centre.repeat({side / 3}))) << side;
  }
}

TEST(Come, TheNumberOfSlotsIsKnownFromTheShape) {
  // As published: 36 x 36 patches, half of the groups.
  const TokenLayout layout = layout_of(2, 36, 36);
  const MergePlan plan = come_plan({}, layout, values({2, 36 * 36}, 1)).plan;
  EXPECT_EQ(plan.q.slots, 2 * 1301 - 8 * 144);
  EXPECT_TRUE(plan.q.exact);
  EXPECT_EQ(plan.q.mass.sum().item<double>(), 2 * 1301);
}

TEST(Come, GroupsOfEqualTokensLoseNothing) {
  const TokenLayout layout = layout_of(2, 6, 6);
  ComeOptions options;
  options.merged = 1;
  const MergePlan plan = come_plan(options, layout, values({2, 36}, 1)).plan;
  const auto equal_in_groups = [&](uint64_t seed) {
    const at::Tensor x = values({layout.rows, 24}, seed).to(at::kDouble) * 2;
    return unmerge(plan.q, merge(plan.q, x));
  };
  const at::Tensor q = equal_in_groups(2), k = equal_in_groups(3), v = equal_in_groups(4);
  const auto heads = [](const at::Tensor& x) { return x.unsqueeze(0).unflatten(2, {3, 8}); };
  const auto in_slots = [&](const kernels::AttentionOptions& among) {
    const auto slots = [&](const at::Tensor& x) { return heads(merge(plan.q, x)); };
    return unmerge(plan.q, kernels::attention(slots(q), slots(k), slots(v), among)[0]);
  };
  const at::Tensor dense = kernels::attention(heads(q), heads(k), heads(v))[0];
  EXPECT_LT(most(dense, in_slots({.key_bias = plan.key_bias.view({1, 1, -1})})), 1e-7);
  EXPECT_GT(most(dense, in_slots({})), 1e-3) << "the bias has no effect";
}

TEST(Come, TheBiasIsTwoAttentionsJoinedByTheirSums) {
  // Keys of one token and keys of nine, the second's sum times nine: what a library without a bias
  // would do.
  const at::Tensor q = values({1, 20, 2, 16}, 1), k = values({1, 30, 2, 16}, 2),
                   v = values({1, 30, 2, 16}, 3);
  const at::Tensor bias = at::cat({at::zeros({18}), at::full({12}, std::log(9.0))});
  const at::Tensor with_bias = kernels::attention(q, k, v, {.key_bias = bias.view({1, 1, -1})});
  const auto part = [&](int64_t begin, int64_t end, double mass) {
    const auto by_head = [](const at::Tensor& x) { return x[0].transpose(0, 1); };
    const at::Tensor logits =
        by_head(q).matmul(by_head(k.slice(1, begin, end)).transpose(1, 2)) / 4;
    const at::Tensor weights = logits.exp() * mass;
    return std::pair(weights.matmul(by_head(v.slice(1, begin, end))), weights.sum(2, true));
  };
  const auto [ones, of_ones] = part(0, 18, 1);
  const auto [nines, of_nines] = part(18, 30, 9);
  const at::Tensor joined = ((ones + nines) / (of_ones + of_nines)).transpose(0, 1).flatten(1);
  EXPECT_LT(most(with_bias[0], joined), 1e-6);
}

TEST(Come, ItsEdges) {
  const std::vector<std::array<int64_t, 3>> shapes = {
      {1, 3, 3}, {1, 1, 1}, {2, 1, 9}, {3, 2, 7}, {5, 7, 5}};
  for (const auto& [frames, h, w] : shapes) {
    for (const ComeVariant variant : {ComeVariant::kFused, ComeVariant::kFirst}) {
      for (const double share : {0.0, 0.5, 1.0}) {
        const TokenLayout layout = layout_of(frames, h, w);
        ComeOptions options;
        options.variant = variant;
        options.merged = share;
        at::Tensor confidence = values({frames, h * w}, 1).clone();
        const SpanPlan made = come_plan(options, layout, confidence);
        ASSERT_NO_THROW(validate(made.plan, layout)) << h << " x " << w;
        EXPECT_EQ(made.plan.is_identity(), !made.merged_patches.any().item<bool>());
        // What is no number is the last to be merged.
        confidence.fill_(NAN);
        ASSERT_NO_THROW(validate(come_plan(options, layout, confidence).plan, layout));
      }
    }
  }
  // One frame that is one group: its special tokens and one anchor remain.
  ComeOptions options;
  options.merged = 1;
  EXPECT_EQ(come_plan(options, layout_of(1, 3, 3), at::ones({1, 9})).plan.q.slots, 6);
  // The first frame can be left alone.
  options.first_frame = FirstFrame::kProtected;
  const SpanPlan later = come_plan(options, layout_of(2, 6, 6), values({2, 36}, 1));
  EXPECT_FALSE(later.merged_patches[0].any().item<bool>());
  EXPECT_TRUE(later.merged_patches[1].all().item<bool>());
}

TEST(Come, NaNGroupsAreTheLastToMerge) {
  const TokenLayout layout = layout_of(1, 6, 6);
  at::Tensor confidence = values({1, 36}, 1).clone();
  confidence[0][0] = NAN;
  ComeOptions options;
  options.merged = 0.75;
  EXPECT_FALSE(come_plan(options, layout, confidence).merged_patches[0][0].item<bool>());
}

TEST(Come, TheSettingsOfARatio) {
  const auto settings = [](const char* ratio) {
    const auto list = method_named("come").describe({"come", {{"ratio", ratio}}});
    return std::map<std::string, std::string>(list.begin(), list.end());
  };
  EXPECT_EQ(settings("1").at("merged"), "0");
  EXPECT_EQ(settings("0.2").at("merged"), "0.9");
  EXPECT_EQ(settings("0.2").at("cell"), "3");
  EXPECT_EQ(settings("0.0625").at("cell"), "4");
  EXPECT_EQ(settings("0.0625").at("merged"), "1");
}

TEST(Come, SaysHowToMakeAPredictorThatIsMissingOrDoesNotFit) {
  const TokenLayout layout = layout_of(2, 6, 6);
  const SceneMaps none;
  PassFacts pass = {.layout = layout, .maps = none, .encoder_blocks = 24, .channels = 48};
  const auto said = [&](const ComeOptions& options) {
    return message_of<ConfigError>([&] { make_come(options, pass); });
  };
  EXPECT_THAT(said({}), HasSubstr("vggt train models/recipes/come.json --distil come"));
  EXPECT_THAT(said({.predictor = "synthetic:x"}), HasSubstr("a whole number"));
  ComeOptions tapped = {.predictor = "synthetic:1"};
  tapped.tap = 24;
  EXPECT_THAT(said(tapped), HasSubstr("tap 24 is no block of an encoder of 24"));
  EXPECT_EQ(make_come({.predictor = "synthetic:1"}, pass)->tap(), 14);
  EXPECT_EQ(make_come({.score = ComeScore::kRandom}, pass)->tap(), 14);
}

}  // namespace
}  // namespace vggt::accel
