// SPDX-License-Identifier: Apache-2.0
#include "kernels/token_merge/token_merge.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "src/base/device.h"
#include "src/base/error.h"
#include "src/weights/synthetic.h"
#include "tests/support/message_of.h"

namespace vggt::kernels {
namespace {

using ::testing::HasSubstr;

at::Tensor values(at::IntArrayRef shape, at::ScalarType dtype) {
  return synthetic_parameter("merge.pos_embed", shape, 3).to(dtype);
}

at::Tensor ints(std::vector<int32_t> list) { return at::tensor(list, at::kInt); }

// Seven rows, two maps: slots {0, 3, 6}, {1}, {2, 4, 5}; and {0, 1}, {}, {2 .. 6}.
TokenGroups two_maps() {
  return {ints({0, 3, 6}),
          ints({0, 3, 4, 7, 9, 9, 14}),
          ints({0, 3, 6, 1, 2, 4, 5, 0, 1, 2, 3, 4, 5, 6}),
          {}};
}

TEST(TokenMerge, TakesTheMeanOfEachMapsOwnColumns) {
  const at::Tensor x = values({7, 6}, at::kDouble);
  const at::Tensor y = token_merge(x, two_maps());
  const auto mean = [&](std::vector<int64_t> rows, int64_t map) {
    return x.index_select(0, at::tensor(rows)).mean(0).slice(0, 3 * map, 3 * map + 3);
  };
  ASSERT_EQ(y.sizes(), at::IntArrayRef({6, 3}));
  EXPECT_LT((y[0] - mean({0, 3, 6}, 0)).abs().max().item<double>(), 1e-15);
  EXPECT_TRUE(at::equal(y[1], mean({1}, 0)));
  EXPECT_LT((y[2] - mean({2, 4, 5}, 0)).abs().max().item<double>(), 1e-15);
  EXPECT_LT((y[3] - mean({0, 1}, 1)).abs().max().item<double>(), 1e-15);
  EXPECT_EQ(y[4].abs().max().item<double>(), 0);
  EXPECT_LT((y[5] - mean({2, 3, 4, 5, 6}, 1)).abs().max().item<double>(), 1e-15);
}

TEST(TokenMerge, AgreesWithTheReferenceInEveryDtypeAndOnViews) {
  TokenGroups groups = two_maps();
  for (const bool weighted : {false, true}) {
    if (weighted) groups.weight = values({14}, at::kFloat);
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf, at::kDouble}) {
      // A third of packed q, k, v: rows further apart than they are long.
      const at::Tensor x = values({7, 3, 10}, dtype).select(1, 1);
      const at::Tensor truth = token_merge_reference(x, groups);
      const at::Tensor ours = token_merge(x, groups);
      EXPECT_EQ(ours.scalar_type(), dtype);
      // Float32 sums of at most five numbers below 0.5; both round once to the dtype, where a
      // different order of the sum may tip it over.
      const double unit = dtype == at::kBFloat16 ? 1.0 / 256
                          : dtype == at::kHalf   ? 1.0 / 2048
                                                 : 1e-6;
      EXPECT_LT((ours.to(at::kDouble) - truth.to(at::kDouble)).abs().max().item<double>(), unit)
          << c10::toString(dtype);
    }
  }
}

TEST(TokenUnmerge, GivesEachRowItsSlots) {
  const at::Tensor y = values({5, 3}, at::kFloat);
  const at::Tensor slot_of = ints({0, 1, 1, -1, 2, 3, 4, 4}).view({2, 4});
  const at::Tensor z = token_unmerge(y, slot_of);
  ASSERT_EQ(z.sizes(), at::IntArrayRef({4, 6}));
  EXPECT_TRUE(at::equal(z[0], at::cat({y[0], y[2]})));
  EXPECT_TRUE(at::equal(z[2], at::cat({y[1], y[4]})));
  EXPECT_TRUE(at::equal(z[3], at::cat({at::zeros({3}), y[4]})));
  for (const at::ScalarType dtype : {at::kBFloat16, at::kDouble}) {
    EXPECT_TRUE(at::equal(token_unmerge(y.to(dtype), slot_of),
                          token_unmerge_reference(y.to(dtype), slot_of)));
  }
}

TEST(TokenMerge, HasTheGradientOfItsValues) {
  const TokenGroups groups = two_maps();
  const at::Tensor x = values({7, 6}, at::kDouble).requires_grad_(true);
  const at::Tensor slot_of = ints({0, 1, 2, 0, 2, 2, 0, 3, 3, 5, 5, 5, 5, 5}).view({2, 7});
  const auto loss = [&](const at::Tensor& at) {
    return token_unmerge(token_merge(at, groups), slot_of).pow(3).sum();
  };
  loss(x).backward();
  constexpr double kStep = 1e-5;
  for (int64_t i = 0; i < x.numel(); ++i) {
    const auto moved = [&](double step) {
      at::Tensor there = x.detach().clone();
      there.view(-1)[i] += step;
      return loss(there).item<double>();
    };
    EXPECT_NEAR(
        x.grad().view(-1)[i].item<double>(), (moved(kStep) - moved(-kStep)) / (2 * kStep), 1e-8);
  }
}

TEST(TokenMerge, TakesNoRowsAndNoSlots) {
  const TokenGroups none = {ints({0, 0}), ints({0}), at::empty({0}, at::kInt), {}};
  EXPECT_EQ(token_merge(at::empty({0, 4}), none).sizes(), at::IntArrayRef({0, 4}));
  EXPECT_EQ(token_unmerge(at::empty({0, 4}), at::empty({1, 0}, at::kInt)).sizes(),
            at::IntArrayRef({0, 4}));
}

TEST(TokenMerge, SaysWhatDoesNotFit) {
  const auto said = [](const at::Tensor& x, const TokenGroups& groups) {
    return message_of<c10::Error>([&] { token_merge(x, groups); });
  };
  EXPECT_THAT(said(values({7, 5}, at::kFloat), two_maps()), HasSubstr("a multiple of 2"));
  EXPECT_THAT(said(values({6, 7}, at::kFloat).t(), two_maps()), HasSubstr("last stride"));
  TokenGroups longs = two_maps();
  longs.members = longs.members.to(at::kLong);
  EXPECT_THAT(said(values({7, 6}, at::kFloat), longs), HasSubstr("int32"));
}

TEST(TokenMergeOnGpu, AgreesWithTheCpu) {
  try {
    select_device("cuda");
  } catch (const ConfigError& error) {
    GTEST_SKIP() << error.what();
  }
  const TokenGroups groups = two_maps();
  const auto there = [](const at::Tensor& x) { return x.to(at::kCUDA); };
  const TokenGroups on_gpu = {
      there(groups.map_offsets), there(groups.member_offsets), there(groups.members), {}};
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
    const at::Tensor x = values({7, 70}, dtype);
    const at::Tensor ours = token_merge(there(x), on_gpu).cpu();
    EXPECT_LT(
        (ours.to(at::kDouble) - token_merge(x, groups).to(at::kDouble)).abs().max().item<double>(),
        dtype == at::kFloat ? 1e-6 : 1.0 / 256);
    const at::Tensor slot_of = ints({0, 1, 1, -1, 2, 3, 4, 4}).view({2, 4});
    EXPECT_TRUE(
        at::equal(token_unmerge(there(x), there(slot_of)).cpu(), token_unmerge(x, slot_of)));
  }
}

}  // namespace
}  // namespace vggt::kernels
