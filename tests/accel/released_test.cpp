// SPDX-License-Identifier: Apache-2.0
// Against what the released FastVGGT and LiteVGGT give, and LiteVGGT as meant in float64.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <set>

#include "src/accel/fastvggt.h"
#include "src/accel/geometry_map.h"
#include "src/accel/litevggt.h"
#include "tests/support/golden.h"

namespace vggt::accel {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

struct Case {
  const char* name;
  int64_t frames, grid_h, grid_w;
};

TokenLayout layout_of(const Case& c) {
  return regular_layout(c.frames, c.grid_h, c.grid_w, 5, at::kCPU);
}

// The releases score in bfloat16: where the best two are nearer than this, or equal, its choice is
// one of rounding.
constexpr double kNear = 0.008;

std::vector<int64_t> list(const at::Tensor& x) {
  const at::Tensor flat = x.to(at::kLong).contiguous().flatten();
  return {flat.const_data_ptr<int64_t>(), flat.const_data_ptr<int64_t>() + flat.numel()};
}

// Sources, anchors and protected rows, and each source's anchor, index for index; then the means of
// the groups that no near-tie touches.
void expect_released_map(const MergePlan& plan, const TokenLayout& layout, const Tensors& truth) {
  const std::vector<int64_t> anchors = list(truth.at("dst_order"));
  const std::vector<int64_t> protect = list(truth.at("protected"));
  const std::vector<int64_t> anchor = list(plan.q.anchor);
  const std::vector<int64_t> slot_of = list(plan.q.slot_of);
  ASSERT_EQ(plan.q.slots, static_cast<int64_t>(anchors.size() + protect.size()));
  EXPECT_FALSE(plan.q.partition);
  EXPECT_FALSE(plan.key_bias.defined());
  const std::set<int64_t> expected(anchors.begin(), anchors.end());
  EXPECT_EQ(std::set<int64_t>(anchor.begin(), anchor.begin() + anchors.size()), expected);
  const std::set<int64_t> alone(protect.begin(), protect.end());
  EXPECT_EQ(std::set<int64_t>(anchor.begin() + anchors.size(), anchor.end()), alone);
  for (const int64_t row : protect) {
    EXPECT_GE(slot_of[row], static_cast<int64_t>(anchors.size()));
    EXPECT_EQ(anchor[slot_of[row]], row);
  }
  const std::vector<int64_t> sources = list(truth.at("src_order"));
  const std::vector<int64_t> tied = list(truth.at("tied_at_best"));
  std::set<int64_t> near;
  for (size_t i = 0; i < sources.size(); ++i) {
    if (tied[i] > 1 || truth.at("margin_f64")[i].item<double>() < kNear) near.insert(sources[i]);
  }
  std::set<int64_t> touched;
  int64_t equal = 0;
  int64_t clear = 0;
  for (int64_t i = 0; i < truth.at("pairs").size(0); ++i) {
    const auto source = truth.at("pairs")[i][0].item<int64_t>();
    const auto chosen = truth.at("pairs")[i][1].item<int64_t>();
    const int64_t ours = anchor[slot_of[source]];
    EXPECT_EQ(alone.count(source), 0u);
    equal += ours == chosen ? 1 : 0;
    if (near.count(source) == 0) {
      ++clear;
      EXPECT_EQ(ours, chosen) << source;
    }
    if (ours != chosen) touched.insert({ours, chosen});
  }
  EXPECT_GT(clear, 0);
  EXPECT_GE(static_cast<double>(equal), 0.9 * static_cast<double>(truth.at("pairs").size(0)));
  if (truth.count("q") == 0) return;
  const at::Tensor merged = merge(plan.q, truth.at("q")[0]);
  for (size_t i = 0; i < anchors.size() + protect.size(); ++i) {
    const bool is_mean = i < anchors.size();
    const int64_t row = is_mean ? anchors[i] : protect[i - anchors.size()];
    if (is_mean && touched.count(row)) continue;
    const auto begin = anchor.begin() + (is_mean ? 0 : static_cast<int64_t>(anchors.size()));
    const auto slot = std::find(begin, anchor.end(), row) - anchor.begin();
    EXPECT_LT((merged[slot] - truth.at("q_merged")[0][i]).abs().max().item<double>(), 1e-6) << row;
  }
  EXPECT_EQ(layout.rows, truth.at("q").size(1));
}

class FastVggtRelease : public ::testing::TestWithParam<Case> {};

TEST_P(FastVggtRelease, CompatMergesWhatItMerges) {
  const Tensors truth = testing::golden(std::string("fastvggt/") + GetParam().name);
  const TokenLayout layout = layout_of(GetParam());
  const auto policy = make_fastvggt({.manner = Manner::kCompat}, layout);
  const PlanInputs inputs = {.xn = truth.at("metric")[0]};
  expect_released_map(policy->build(0, inputs), layout, truth);
}

INSTANTIATE_TEST_SUITE_P(Cases,
                         FastVggtRelease,
                         ::testing::Values(Case{"even_6x4_s3", 3, 4, 6},
                                           Case{"odd_7x5_s3", 3, 5, 7},
                                           Case{"oddw_5x6_s4", 4, 6, 5},
                                           Case{"oddh_6x5_s2", 2, 5, 6},
                                           Case{"real_37x28_s3", 3, 28, 37}),
                         [](const auto& info) { return std::string(info.param.name); });

class LiteVggtRelease : public ::testing::TestWithParam<Case> {};

TEST_P(LiteVggtRelease, CompatMergesWhatItMerges) {
  const Tensors truth = testing::golden(std::string("litevggt/") + GetParam().name);
  const TokenLayout layout = layout_of(GetParam());
  const auto policy =
      make_released_litevggt({}, layout, truth.at("info_map").flatten(1), /*layers=*/24);
  const PlanInputs inputs = {.xn = truth.at("metric")[0]};
  expect_released_map(policy->build(0, inputs), layout, truth);
}

SceneMaps maps_of(const Tensors& truth) {
  const auto options = at::TensorOptions().dtype(at::kFloat);
  const at::Tensor mean = at::tensor({0.485, 0.456, 0.406}, options).view({3, 1, 1});
  const at::Tensor std = at::tensor({0.229, 0.224, 0.225}, options).view({3, 1, 1});
  // As the release holds its images: in bfloat16.
  const at::Tensor images = (truth.at("images_u8").to(at::kFloat) / 255 - mean) / std;
  return {images.to(at::kBFloat16).to(at::kFloat), truth.at("patch_tokens").to(at::kFloat)};
}

TEST_P(LiteVggtRelease, TheGeometryMapIsTheOneMeant) {
  const Tensors truth = testing::golden(std::string("litevggt/") + GetParam().name);
  const SceneMaps maps = maps_of(truth);
  const at::Tensor map = geometry_map(maps.images, maps.patches, 0.7, 0.3);
  const at::Tensor expected = truth.at("clean.psi").flatten(1);
  // Float32 against float64; scores are in [0, 1].
  EXPECT_LT((map.pow(1.4) - expected).abs().max().item<double>(), 1e-5);
}

TEST_P(LiteVggtRelease, CleanMergesWhatIsMeant) {
  const Tensors truth = testing::golden(std::string("litevggt/") + GetParam().name);
  const TokenLayout layout = layout_of(GetParam());
  const auto policy = make_litevggt({.reach = Reach::kScene}, layout, maps_of(truth), 24);
  const PlanInputs inputs = {.xn = truth.at("metric")[0]};
  const MergePlan plan = policy->build(0, inputs);
  validate(plan, layout);
  const at::Tensor slot_of = truth.at("clean.slot_of").to(at::kInt);
  const int64_t differ = (plan.q.slot_of[0] != slot_of).sum().item<int64_t>();
  // float32 may choose otherwise only at near-ties; there are none in these cases below 1e-5.
  EXPECT_EQ(differ, 0);
  const at::Tensor anchor = plan.q.anchor.index_select(0, plan.q.slot_of[0].to(at::kLong));
  EXPECT_TRUE(at::equal(anchor, truth.at("clean.anchor_of").to(at::kInt)));
  EXPECT_TRUE(at::equal(plan.q.mass, truth.at("clean.mass")));
  EXPECT_LT((plan.key_bias - truth.at("clean.key_bias")).abs().max().item<double>(), 1e-6);
  EXPECT_LT(
      (merge(plan.q, truth.at("q")[0]) - truth.at("clean.q_merged")).abs().max().item<double>(),
      1e-6);
}

INSTANTIATE_TEST_SUITE_P(Cases,
                         LiteVggtRelease,
                         ::testing::Values(Case{"even_6x4_s3", 3, 4, 6},
                                           Case{"odd_7x5_s3", 3, 5, 7},
                                           Case{"oddw_5x6_s4", 4, 6, 5},
                                           Case{"oddh_6x5_s2", 2, 5, 6},
                                           Case{"shade_8x6_s2", 2, 6, 8}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Releases, OfOneFrameNothingIsMerged) {
  const TokenLayout layout = layout_of({"", 1, 4, 6});
  const auto fast = make_fastvggt({.manner = Manner::kCompat}, layout);
  EXPECT_EQ(fast->act(Site::kGlobal, 0), Act::kNothing);
  const auto lite = make_released_litevggt({}, layout, at::rand({1, 24}), 24);
  EXPECT_EQ(lite->act(Site::kGlobal, 0), Act::kNothing);
}

}  // namespace
}  // namespace vggt::accel
