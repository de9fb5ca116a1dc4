// SPDX-License-Identifier: Apache-2.0
#include "kernels/match_rows/match_rows.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <limits>
#include <numeric>

#include "src/weights/synthetic.h"
#include "tests/support/message_of.h"

namespace vggt::kernels {
namespace {

using ::testing::HasSubstr;

at::Tensor values(at::IntArrayRef shape, uint64_t seed) {
  return synthetic_parameter("match.pos_embed", shape, seed);
}

at::Tensor ints(const std::vector<int32_t>& list) { return at::tensor(list, at::kInt); }

// `rows` rows in blocks of `size`: every fourth an anchor of its block, the others sources.
MatchBlocks runs(int64_t rows, int64_t size) {
  std::vector<int32_t> sources;
  std::vector<int32_t> anchors;
  std::vector<int32_t> source_offsets = {0};
  std::vector<int32_t> anchor_offsets = {0};
  for (int64_t begin = 0; begin < rows; begin += size) {
    for (int64_t r = begin; r < std::min(begin + size, rows); ++r) {
      (r % 4 == 0 ? anchors : sources).push_back(static_cast<int32_t>(r));
    }
    source_offsets.push_back(static_cast<int32_t>(sources.size()));
    anchor_offsets.push_back(static_cast<int32_t>(anchors.size()));
  }
  return {ints(source_offsets), ints(sources), ints(anchor_offsets), ints(anchors)};
}

// float32 sums of W products of numbers below 1.
constexpr double kRounding = 2e-6;

// The anchors agree where the best score is not a tie within rounding.
void expect_agreement(const at::Tensor& x, int64_t maps, const MatchBlocks& blocks) {
  const Match ours = match_rows(x, maps, blocks);
  const Match truth = match_rows_reference(x, maps, blocks);
  ASSERT_EQ(ours.anchor.sizes(), truth.anchor.sizes());
  EXPECT_LT((ours.score - truth.score).abs().max().item<double>(), kRounding);
  const int64_t differ = (ours.anchor != truth.anchor).sum().item<int64_t>();
  EXPECT_LE(differ, ours.anchor.numel() / 1000);
  const Match tiled = match_rows_tiled(x, maps, blocks);
  EXPECT_LT((tiled.score - truth.score).abs().max().item<double>(), kRounding);
  EXPECT_LE((tiled.anchor != truth.anchor).sum().item<int64_t>(), ours.anchor.numel() / 1000);
}

TEST(MatchRows, FindsTheNearestAnchorOfEachBlockAndMap) {
  for (const int64_t maps : {1, 4}) {
    for (const int64_t size : {3, 50, 700, 2000}) {
      const MatchBlocks blocks = runs(1500, size);
      expect_agreement(values({1500, 64}, 1), maps, blocks);
      expect_agreement(values({1500, 64}, 1).to(at::kBFloat16), maps, blocks);
    }
  }
}

TEST(MatchRows, ReadsAViewAsItsCopy) {
  const at::Tensor packed = values({300, 3, 32}, 2);
  const at::Tensor view = packed.select(1, 1);
  const MatchBlocks blocks = runs(300, 90);
  const Match of_view = match_rows(view, 2, blocks);
  const Match of_copy = match_rows(view.contiguous(), 2, blocks);
  EXPECT_TRUE(at::equal(of_view.anchor, of_copy.anchor));
  EXPECT_TRUE(at::equal(of_view.score, of_copy.score));
}

TEST(MatchRows, OfEqualScoresTheLowestRowWins) {
  const at::Tensor x = at::ones({40, 8});
  const Match match = match_rows(x, 2, runs(40, 20));
  for (int64_t i = 0; i < match.anchor.size(1); ++i) {
    EXPECT_EQ(match.anchor[1][i].item<int>(), i < 15 ? 0 : 20);
  }
}

TEST(MatchRows, NanAndZerosNeverWin) {
  at::Tensor x = values({12, 4}, 3);
  const MatchBlocks blocks = {ints({0, 3}), ints({9, 10, 11}), ints({0, 3}), ints({0, 1, 2})};
  x[1].fill_(std::numeric_limits<float>::quiet_NaN());
  x[10].fill_(std::numeric_limits<float>::quiet_NaN());
  x[2].zero_();
  x[9].copy_(x[0]);
  x[11].copy_(-x[0]);
  const Match match = match_rows(x, 1, blocks);
  EXPECT_EQ(match.anchor[0][0].item<int>(), 0);
  EXPECT_EQ(match.anchor[0][1].item<int>(), 0);  // the first
  EXPECT_EQ(match.score[0][1].item<float>(), -2);
  EXPECT_EQ(match.anchor[0][2].item<int>(), 2);  // 0 is more than -1
  EXPECT_TRUE(at::equal(match.anchor, match_rows_tiled(x, 1, blocks).anchor));
  EXPECT_TRUE(at::equal(match.anchor, match_rows_reference(x, 1, blocks).anchor));
}

TEST(MatchRows, ASourceWithoutAnchorsStaysAlone) {
  const MatchBlocks blocks = {ints({0, 2, 3}), ints({1, 2, 4}), ints({0, 0, 1}), ints({3})};
  const Match match = match_rows(values({5, 4}, 4), 1, blocks);
  EXPECT_TRUE(at::equal(match.anchor, match_rows_tiled(values({5, 4}, 4), 1, blocks).anchor));
  EXPECT_EQ(match.anchor[0][0].item<int>(), 1);
  EXPECT_EQ(match.anchor[0][1].item<int>(), 2);
  EXPECT_EQ(match.anchor[0][2].item<int>(), 3);
  const MatchBlocks none = {
      ints({0}), at::empty({0}, at::kInt), ints({0}), at::empty({0}, at::kInt)};
  EXPECT_EQ(match_rows(values({5, 4}, 4), 2, none).anchor.sizes(), at::IntArrayRef({2, 0}));
}

TEST(MatchRows, GivesTheSameWithAnyNumberOfThreads) {
  const at::Tensor x = values({1500, 64}, 5);
  const int threads = at::get_num_threads();
  for (const int64_t size : {100, 1500}) {
    at::set_num_threads(1);
    const Match alone = match_rows(x, 1, runs(1500, size));
    at::set_num_threads(3);
    const Match together = match_rows(x, 1, runs(1500, size));
    EXPECT_TRUE(at::equal(alone.anchor, together.anchor)) << size;
  }
  at::set_num_threads(threads);
}

TEST(MatchRows, SaysWhatDoesNotFit) {
  const auto said = [](const at::Tensor& x, int64_t maps) {
    return message_of<c10::Error>([&] { match_rows(x, maps, runs(12, 6)); });
  };
  EXPECT_THAT(said(values({12, 6}, 1), 4), HasSubstr("a multiple of 4"));
  EXPECT_THAT(said(values({12, 6}, 1).to(at::kDouble), 1), HasSubstr("float or bfloat16"));
}

}  // namespace
}  // namespace vggt::kernels
