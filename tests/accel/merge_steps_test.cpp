// SPDX-License-Identifier: Apache-2.0
#include "src/accel/merge_steps.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <limits>

#include "src/weights/synthetic.h"

namespace vggt::accel {
namespace {

using ::testing::ElementsAre;

at::Tensor values(at::IntArrayRef shape, uint64_t seed) {
  return synthetic_parameter("steps.pos_embed", shape, seed);
}

template <class T>
std::vector<T> list(const at::Tensor& x) {
  const at::Tensor flat = x.contiguous().flatten();
  return std::vector<T>(flat.const_data_ptr<T>(), flat.const_data_ptr<T>() + flat.numel());
}

TokenLayout grid(int64_t frames, int64_t h, int64_t w) {
  return regular_layout(frames, h, w, 5, at::kCPU);
}

TEST(MergeSteps, SpecialTokensAreProtectedAndTheFirstFrameIsAsTold) {
  const TokenLayout layout = grid(2, 1, 2);
  const auto protect = static_cast<uint8_t>(Role::kProtected);
  const auto anchor = static_cast<uint8_t>(Role::kAnchor);
  const auto source = static_cast<uint8_t>(Role::kSource);
  const auto first = [&](FirstFrame of) {
    const std::vector<uint8_t> role = list<uint8_t>(roles(layout, of));
    EXPECT_EQ(role.size(), 14u);
    for (const size_t r : {0, 4, 7, 11}) EXPECT_EQ(role[r], protect);
    EXPECT_EQ(role[12], source);
    return role[5];
  };
  EXPECT_EQ(first(FirstFrame::kPlain), source);
  EXPECT_EQ(first(FirstFrame::kAnchors), anchor);
  EXPECT_EQ(first(FirstFrame::kProtected), protect);
}

TEST(MergeSteps, CellsFollowTheTrueWidthOfTheGrid) {
  const TokenLayout layout = grid(1, 3, 5);
  EXPECT_THAT(list<int64_t>(grid_cells(layout, 2, CellEdge::kRagged).of_patch),
              ElementsAre(0, 0, 1, 1, 2, 0, 0, 1, 1, 2, 3, 3, 4, 4, 5));
  EXPECT_EQ(grid_cells(layout, 2, CellEdge::kRagged).count, 6);
  EXPECT_THAT(list<int64_t>(grid_cells(layout, 2, CellEdge::kSingle).of_patch),
              ElementsAre(0, 0, 1, 1, -1, 0, 0, 1, 1, -1, -1, -1, -1, -1, -1));
  EXPECT_EQ(grid_cells(layout, 2, CellEdge::kSingle).count, 2);
}

TEST(MergeSteps, ACellsLowestIsPickedAmongThoseAllowed) {
  const Cells cells = grid_cells(grid(1, 2, 4), 2, CellEdge::kRagged);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor score = at::tensor({3.f, 1.f, 5.f, 5.f, 2.f, 0.f, nan, 5.f}).view({1, 8});
  const at::Tensor allowed = (at::tensor({1, 1, 1, 1, 1, 0, 1, 1}) > 0).view({1, 8});
  EXPECT_THAT(list<bool>(lowest_of_cells(cells, score, allowed)),
              ElementsAre(false, true, true, false, false, false, false, false));
  const at::Tensor none = at::zeros({1, 8}, at::kBool);
  EXPECT_FALSE(lowest_of_cells(cells, score, none).any().item<bool>());
}

TEST(MergeSteps, RandomScoresBelongToTheFrameNotItsPlace) {
  TokenLayout layout = grid(3, 2, 3);
  const at::Tensor scores = random_scores(layout, 5);
  layout.frame_id = {2, 0, 1};
  EXPECT_TRUE(at::equal(random_scores(layout, 5), scores.index_select(0, at::tensor({2, 0, 1}))));
  EXPECT_FALSE(at::equal(random_scores(layout, 6), random_scores(layout, 5)));
  EXPECT_GE(scores.min().item<float>(), 0);
  EXPECT_LT(scores.max().item<float>(), 1);
}

TEST(MergeSteps, TheHighestTakeTheLowestIndexOfEqualsAndNoNan) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor score = at::tensor({1.f, 2.f, 2.f, nan, 0.f, 0.f, 0.f, 0.f}).view({2, 4});
  EXPECT_THAT(list<bool>(highest(score, 2)),
              ElementsAre(false, true, true, false, true, true, false, false));
  EXPECT_FALSE(highest(score, 0).any().item<bool>());
  EXPECT_TRUE(highest(score, 9).all().item<bool>());
}

TEST(MergeSteps, WindowsHoldTheSamePlacesOfFramesThatFollow) {
  const TokenLayout layout = grid(5, 2, 3);  // 6 patches, 11 rows a frame
  const Windows windows =
      window_blocks(layout, {.run = 4, .frames = 2}, {.period = 4, .step = 1}, FirstFrame::kPlain);
  ASSERT_EQ(windows.sources.size(), 6u);
  // Frames 0 and 1, places 0 to 3: the anchors are (s + t) mod 4 = 0.
  EXPECT_THAT(list<int32_t>(windows.blocks.anchors.slice(0, 0, 2)), ElementsAre(5, 11 + 5 + 3));
  EXPECT_THAT(list<int32_t>(windows.blocks.sources.slice(0, 0, 6)),
              ElementsAre(6, 7, 8, 16, 17, 18));
  // Every patch is once a source or an anchor.
  const at::Tensor all =
      std::get<0>(at::sort(at::cat({windows.blocks.sources, windows.blocks.anchors})));
  EXPECT_EQ(all.size(0), 30);
  EXPECT_TRUE(at::equal(all.to(at::kLong), patch_rows(layout).flatten()));
}

TEST(MergeSteps, AnAnchoredFirstFrameNeverMovesAndTheNumberOfAnchorsStays) {
  const TokenLayout layout = grid(20, 2, 5);
  const auto anchors = [&](FirstFrame first) {
    return window_blocks(layout, {.run = 10, .frames = 20}, {.period = 4, .step = 1}, first);
  };
  const Windows plain = anchors(FirstFrame::kPlain);
  const Windows anchored = anchors(FirstFrame::kAnchors);
  EXPECT_EQ(plain.anchors, anchored.anchors);
  EXPECT_EQ(plain.sources, anchored.sources);
  EXPECT_TRUE(
      at::equal(anchored.blocks.anchors.slice(0, 0, 10).to(at::kLong), patch_rows(layout)[0]));
  const Windows left = anchors(FirstFrame::kProtected);
  EXPECT_EQ(left.sources[0] + left.anchors[0], 190);
}

TEST(MergeSteps, OnlyTheBestSourcesOfEachBlockMerge) {
  const auto ints = [](std::vector<int32_t> v) { return at::tensor(v, at::kInt); };
  const kernels::MatchBlocks blocks = {
      ints({0, 3, 5}), ints({1, 2, 3, 5, 6}), ints({0, 1, 2}), ints({0, 4})};
  const kernels::Match match = {ints({0, 0, 0, 4, 4}).view({1, 5}),
                                at::tensor({0.5f, 0.9f, 0.9f, -1.f, 0.f}).view({1, 5})};
  EXPECT_THAT(list<int32_t>(anchors_from_match(7, blocks, match)),
              ElementsAre(0, 0, 0, 0, 4, 4, 4));
  EXPECT_THAT(list<int32_t>(anchors_from_match(7, blocks, match, {1, 1})),
              ElementsAre(0, 1, 0, 3, 4, 5, 4));
  EXPECT_THAT(list<int32_t>(anchors_from_match(7, blocks, match, {0, 2})),
              ElementsAre(0, 1, 2, 3, 4, 4, 4));
}

TEST(MergeSteps, ExactlyTheAskedNumberOfOutliersLeaves) {
  const at::Tensor anchor_of =
      at::tensor({0, 0, 0, 3, 3, 5, 1, 1, 1, 3, 3, 3}, at::kInt).view({2, 6});
  // In the second map row 0 is in the group that row 1 names.
  const TokenMap map = map_from_anchors(anchor_of, {});
  const at::Tensor x = values({6, 8}, 2);
  for (const int64_t count : {0, 1, 4, 12}) {
    const TokenMap left = map_from_anchors(release_outliers(map, x, count), {});
    validate(left);
    // Groups of the old map that stand alone in the new one, without those that did before.
    int64_t alone = 0;
    for (int64_t m = 0; m < 2; ++m) {
      for (int64_t r = 0; r < 6; ++r) {
        const auto size = [&](const TokenMap& of) {
          return (of.slot_of[m] == of.slot_of[m][r]).sum().item<int64_t>();
        };
        alone += size(map) > 1 && size(left) == 1 ? 1 : 0;
      }
    }
    EXPECT_GE(alone, std::min<int64_t>(count, 11));
    EXPECT_EQ(alone == 0, count == 0);
    EXPECT_EQ(left.is_identity(), count == 12);
  }
  // The one that deviates most, found by hand.
  const at::Tensor mean = unmerge(map, merge(map, x));
  const at::Tensor far = (x - mean).unflatten(1, {2, 4}).square().sum(2).t().reshape({-1});
  const auto most = far.argmax().item<int64_t>();
  const at::Tensor named = release_outliers(map, x, 1);
  EXPECT_EQ(named.view(-1)[most].item<int64_t>(), most % 6);
}

}  // namespace
}  // namespace vggt::accel
