// SPDX-License-Identifier: Apache-2.0
#include "src/accel/merge_plan.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "kernels/attention/attention.h"
#include "src/accel/merge_policy.h"
#include "src/base/mixed.h"
#include "src/weights/synthetic.h"
#include "tests/support/message_of.h"

namespace vggt::accel {
namespace {

using ::testing::HasSubstr;

at::Tensor values(at::IntArrayRef shape, uint64_t seed) {
  return synthetic_parameter("merge.pos_embed", shape, seed).to(at::kDouble);
}

// Groups of a few rows each, drawn by `seed`: int32 [maps, rows].
at::Tensor random_anchors(int64_t maps, int64_t rows, uint64_t seed) {
  at::Tensor anchor_of = at::empty({maps, rows}, at::kInt);
  auto* to = anchor_of.mutable_data_ptr<int32_t>();
  for (int64_t m = 0; m < maps; ++m) {
    std::vector<int32_t> anchors;
    for (int64_t r = 0; r < rows; ++r) {
      if (r == 0 || mixed(seed + static_cast<uint64_t>(m * rows + r)) % 3 == 0) {
        anchors.push_back(static_cast<int32_t>(r));
      }
    }
    for (int64_t r = 0; r < rows; ++r) {
      const bool is_anchor =
          std::binary_search(anchors.begin(), anchors.end(), static_cast<int32_t>(r));
      *to++ = is_anchor ? static_cast<int32_t>(r)
                        : anchors[mixed(seed * 7 + static_cast<uint64_t>(r)) % anchors.size()];
    }
  }
  return anchor_of;
}

TokenMap random_map(int64_t maps, int64_t rows, uint64_t seed) {
  return map_from_anchors(random_anchors(maps, rows, seed), {});
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return a.numel() == 0 ? 0 : (a - b).abs().max().item<double>();
}

TEST(MergePlan, EveryRowIsInOneSlotOfEachMap) {
  for (const int64_t maps : {1, 4}) {
    for (const int64_t rows : {1, 2, 15, 217}) {
      const TokenMap map = random_map(maps, rows, 3);
      EXPECT_NO_THROW(validate(map)) << maps << " " << rows;
      EXPECT_EQ(map.mass.sum().item<double>(), static_cast<double>(maps * rows));
    }
  }
}

TEST(MergePlan, ABrokenMapIsNamed) {
  const TokenMap good = random_map(2, 20, 3);
  const auto complaint = [](const TokenMap& map) {
    return message_of<c10::Error>([&] { validate(map); });
  };
  TokenMap map = good;
  map.slot_of = good.slot_of.clone();
  map.slot_of[0][19] = map.slot_of[0][0];
  map.slot_of[0][0] = good.slot_of[0][19];
  EXPECT_THAT(complaint(map), HasSubstr("slot_of disagrees"));
  map = good;
  map.anchor = good.anchor.flip(0);
  EXPECT_THAT(complaint(map), HasSubstr("anchor"));
  map = good;
  map.members = good.members.slice(0, 1);
  EXPECT_THAT(complaint(map), HasSubstr("member"));
}

TEST(MergePlan, ARowReadsTheMeanOfItsOwnGroup) {
  for (const int64_t maps : {1, 4}) {
    const TokenMap map = random_map(maps, 57, 5);
    const at::Tensor x = values({57, 8}, 1);
    const at::Tensor z = unmerge(map, merge(map, x));
    const int64_t width = 8 / maps;
    for (int64_t m = 0; m < maps; ++m) {
      for (int64_t r = 0; r < 57; ++r) {
        const at::Tensor mine = map.slot_of[m] == map.slot_of[m][r];
        const at::Tensor columns = x.slice(1, m * width, (m + 1) * width);
        const at::Tensor mean = columns.index({mine}).mean(0);
        const at::Tensor read = z[r].slice(0, m * width, (m + 1) * width);
        if (mine.sum().item<int64_t>() == 1) {
          EXPECT_TRUE(at::equal(read, columns[r]));
        } else {
          EXPECT_LT(difference(read, mean), 1e-15);
        }
      }
    }
  }
}

TEST(MergePlan, MergingAgainChangesNothing) {
  for (const int64_t maps : {1, 2}) {
    const TokenMap map = random_map(maps, 40, 8);
    const at::Tensor y = merge(map, values({40, 6}, 2));
    EXPECT_LT(difference(merge(map, unmerge(map, y)), y), 1e-15);
  }
}

TEST(MergePlan, TheIdentityGivesBackTheSameTensor) {
  const TokenMap map = identity_map(9, 1, at::kCPU);
  validate(map);
  EXPECT_TRUE(map.is_identity());
  const at::Tensor x = values({9, 4}, 3);
  EXPECT_TRUE(merge(map, x).is_same(x));
  EXPECT_TRUE(unmerge(map, x).is_same(x));
  EXPECT_FALSE(random_map(1, 9, 3).is_identity());
  const TokenMap by_head = identity_map(9, 2, at::kCPU);
  validate(by_head);
  EXPECT_TRUE(at::equal(unmerge(by_head, merge(by_head, x)), x));
}

TEST(MergePlan, HeadsWithOneAssignmentGiveTheSharedMapsResult) {
  const at::Tensor anchor_of = random_anchors(1, 30, 4);
  const TokenMap shared = map_from_anchors(anchor_of, {});
  const TokenMap by_head = map_from_anchors(anchor_of.repeat({3, 1}), {});
  const at::Tensor x = values({30, 6}, 5);
  EXPECT_TRUE(at::equal(unmerge(by_head, merge(by_head, x)), unmerge(shared, merge(shared, x))));
}

TEST(MergePlan, ComposingEqualsDoingBothWithMasses) {
  const TokenMap first = random_map(1, 60, 6);
  for (const int64_t maps : {1, 2}) {
    const TokenMap second = map_from_anchors(random_anchors(maps, first.slots, 9), {}, first.mass);
    const TokenMap both = compose(first, second);
    validate(both);
    const at::Tensor x = values({60, 4}, 6);
    // The mean of means counts every slot once; with its mass each counts its rows.
    TokenMap weighted = second;
    const at::Tensor slot = second.slot_of.flatten().to(at::kLong);
    const at::Tensor order = std::get<1>(at::sort(slot, true, 0, false));
    const at::Tensor mass = first.mass.index_select(0, second.members.to(at::kLong));
    weighted.weight = mass / second.mass.index_select(0, slot.index_select(0, order));
    EXPECT_LT(difference(merge(both, x), merge(weighted, merge(first, x))), 1e-6);
    EXPECT_TRUE(at::equal(both.mass, second.mass));
  }
}

TEST(MergePlan, ARestrictedMapGroupsWhatRemains) {
  const TokenMap map = random_map(2, 50, 7);
  const TokenMap part = restrict_rows(map, 10, 33);
  validate(part);
  EXPECT_EQ(part.rows, 23);
  for (int64_t m = 0; m < 2; ++m) {
    for (int64_t a = 0; a < 23; ++a) {
      for (int64_t b = 0; b < 23; ++b) {
        const auto same = [&](const TokenMap& of, int64_t shift) {
          return of.slot_of[m][a + shift].item<int>() == of.slot_of[m][b + shift].item<int>();
        };
        EXPECT_EQ(same(part, 0), same(map, 10));
      }
    }
  }
}

// Rows of a group that are equal count exactly as often as they are, and without the bias not.
TEST(MergePlan, TheBiasIsExactWhereMembersAreEqual) {
  constexpr int64_t kRows = 40;
  constexpr int64_t kHeads = 2;
  const at::Tensor anchor_of = random_anchors(1, kRows, 11);
  const at::Tensor name = anchor_of[0].to(at::kLong);
  const auto equal_rows = [&](uint64_t seed) {
    return values({kRows, 8}, seed).index_select(0, name);
  };
  const at::Tensor q = equal_rows(1);
  const at::Tensor k = equal_rows(2) * 3;
  const at::Tensor v = equal_rows(3);
  const TokenLayout layout = regular_layout(1, 5, 7, 5, at::kCPU);
  ASSERT_EQ(layout.rows, kRows);
  const auto heads = [](const at::Tensor& x) { return x.unsqueeze(0).unflatten(2, {kHeads, 4}); };
  const at::Tensor dense = kernels::attention_reference(heads(q), heads(k), heads(v)).squeeze(0);
  for (const double beta : {1.0, 0.0}) {
    const MergePlan plan = plan_from_anchors(layout, {anchor_of, {}}, {}, beta);
    validate(plan, layout);
    kernels::AttentionOptions options;
    if (plan.key_bias.defined()) options.key_bias = plan.key_bias.view({1, 1, -1});
    const at::Tensor merged =
        kernels::attention_reference(
            heads(merge(plan.q, q)), heads(merge(plan.kv, k)), heads(merge(plan.kv, v)), options)
            .squeeze(0);
    const double error = difference(unmerge(plan.q, merged), dense);
    if (beta == 1) {
      EXPECT_LT(error, 1e-6);  // the bias is float32
    } else {
      EXPECT_GT(error, 1e-3);
    }
  }
}

TEST(MergePlan, ABoundLeavesSlotsWithoutMembers) {
  const at::Tensor anchor_of = at::tensor({0, 0, 2, 2}, at::kInt).view({1, 4});
  const TokenMap map = map_from_anchors(anchor_of, {3, 3, false});
  validate(map);
  EXPECT_FALSE(map.is_identity());
  const at::Tensor x = values({4, 2}, 4);
  const at::Tensor y = merge(map, x);
  EXPECT_EQ(y.size(0), 3);
  EXPECT_EQ(y[2].abs().sum().item<double>(), 0);
  EXPECT_EQ(log_mass_bias(map)[2].item<float>(), -std::numeric_limits<float>::infinity());
}

TEST(MergePlan, SaysWhatDoesNotFit) {
  const at::Tensor anchor_of = at::tensor({0, 0, 2, 2}, at::kInt).view({1, 4});
  EXPECT_THAT(message_of<c10::Error>([&] {
                map_from_anchors(anchor_of, {3, 3, true});
              }),
              HasSubstr("2 anchors where 3 slots"));
  const TokenMap map = map_from_anchors(anchor_of, {});
  EXPECT_THAT(message_of<c10::Error>([&] { merge(map, values({5, 2}, 1)); }), HasSubstr("[5, 2]"));
  EXPECT_THAT(message_of<c10::Error>([&] {
                unmerge(map, values({4, 2}, 1));
              }),
              HasSubstr("[4, 2]"));
}

}  // namespace
}  // namespace vggt::accel
