// SPDX-License-Identifier: Apache-2.0
#include "src/nn/block.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

namespace vggt::nn {
namespace {

constexpr int64_t kChannels = 32;
constexpr int64_t kHeads = 2;

// A block with q/k norms and weights that are not small, in `matrices`.
Block drawn_block(at::ScalarType matrices) {
  at::manual_seed(3);
  Block block({.channels = kChannels, .heads = kHeads, .qk_norm = true});
  for (const auto& item : block.named_parameters()) {
    const bool is_matrix = item.value().dim() == 2;
    at::Tensor drawn = at::randn(item.value().sizes(), at::kDouble) * (is_matrix ? 0.2 : 1.0);
    item.value().set_data(drawn.to(is_matrix || matrices == at::kDouble ? matrices : at::kFloat));
  }
  return block;
}

// Positions of a strip of patches, a table for each of `tables` groups.
kernels::RopeTables strip(int64_t tokens, int64_t tables, at::ScalarType dtype) {
  at::Tensor places = at::stack({at::arange(tokens), at::arange(tokens) % 3}, 1).unsqueeze(0);
  places = places + at::arange(tables).view({tables, 1, 1});
  return kernels::rope2d_tables(places, kChannels / kHeads, 100, dtype);
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

struct Case {
  int64_t groups, tokens, tables, at_a_time;
};

class BlockUpdate : public ::testing::TestWithParam<Case> {};

TEST_P(BlockUpdate, IsForwardPieceByPiece) {
  const Case& c = GetParam();
  const c10::NoGradGuard inference;
  const Block block = drawn_block(at::kDouble);
  const at::Tensor x = at::randn({c.groups, c.tokens, kChannels}, at::kDouble);
  const kernels::RopeTables rope = strip(c.tokens, c.tables, at::kDouble);
  const at::Tensor expected = block.forward(x, &rope);
  at::Tensor updated = x.clone();
  const void* memory = updated.data_ptr();
  block.update(updated, &rope, c.at_a_time);
  EXPECT_EQ(updated.data_ptr(), memory) << "written over x";
  EXPECT_LT(largest_difference(updated, expected), 1e-12);
  EXPECT_GT(largest_difference(updated, x), 0.1) << "it did something";
}

INSTANTIATE_TEST_SUITE_P(Shapes,
                         BlockUpdate,
                         ::testing::Values(Case{1, 50, 1, 64},  // all at once
                                           Case{1, 50, 1, 16},  // tokens in parts, a last small one
                                           Case{1, 50, 1, 1},   // one by one
                                           Case{5, 10, 1, 20},  // groups in parts, one table
                                           Case{5, 10, 5, 20},  // a table each
                                           Case{3, 10, 3, 4},   // parts within each group
                                           Case{2, 10, 1, 1000}));  // more than there is

TEST(BlockUpdate, WorksWithoutPositions) {
  const c10::NoGradGuard inference;
  const Block block = drawn_block(at::kFloat);
  const at::Tensor x = at::randn({2, 30, kChannels});
  at::Tensor updated = x.clone();
  block.update(updated, nullptr, 8);
  EXPECT_LT(largest_difference(updated, block.forward(x)), 1e-4);
}

TEST(BlockUpdate, InBfloat16RoundsAsForwardDoes) {
  const c10::NoGradGuard inference;
  const Block block = drawn_block(at::kBFloat16);
  const at::Tensor x = at::randn({1, 90, kChannels});
  const kernels::RopeTables rope = strip(90, 1, at::kFloat);
  at::Tensor updated = x.clone();
  block.update(updated, &rope, 40);
  const at::Tensor expected = block.forward(x, &rope);
  // Sums of another order may round a product's input the other way.
  EXPECT_LT((updated - expected).norm().item<double>(), 2e-3 * expected.norm().item<double>());
}

TEST(BlockUpdate, LeavesGradientsWhole) {
  const Block block = drawn_block(at::kDouble);
  const at::Tensor input = at::randn({1, 20, kChannels}, at::kDouble).requires_grad_();
  at::Tensor x = input * 1;
  block.update(x, nullptr, 4);
  x.sum().backward();
  EXPECT_TRUE(input.grad().defined());
  EXPECT_GT(input.grad().abs().max().item<double>(), 0);
}

}  // namespace
}  // namespace vggt::nn
