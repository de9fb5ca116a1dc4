// SPDX-License-Identifier: Apache-2.0
#include "kernels/split_heads/split_heads.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <limits>

#include "src/base/device.h"
#include "src/base/error.h"
#include "src/weights/synthetic.h"
#include "tests/support/message_of.h"

namespace vggt::kernels {
namespace {

using ::testing::HasSubstr;

// Values in [-0.5, 0.5), the same in every run.
at::Tensor values(at::IntArrayRef shape, uint64_t seed) {
  return synthetic_parameter("heads.pos_embed", shape, seed);
}

struct Case {
  int64_t batch, tokens, heads, head_dim, tables;
};

struct Operands {
  at::Tensor packed;
  HeadNorm q_norm, k_norm;
  RopeTables tables;
};

Operands operands(const Case& c, at::ScalarType dtype, double size = 1) {
  const auto norm = [&](uint64_t seed) {
    return HeadNorm{
        (values({c.head_dim}, seed) + 1).to(dtype), values({c.head_dim}, seed + 1).to(dtype), 1e-5};
  };
  const at::Tensor places = (values({c.tables, c.tokens, 2}, 9) * 80).abs().to(at::kLong);
  return {(values({c.batch, c.tokens, 3 * c.heads * c.head_dim}, 1) * size).to(dtype),
          norm(2),
          norm(4),
          rope2d_tables(places, c.head_dim, 100, dtype)};
}

Operands moved(const Operands& of, at::TensorOptions to) {
  const auto norm = [&](const HeadNorm& n) {
    return HeadNorm{n.weight.to(to), n.bias.to(to), n.eps};
  };
  return {of.packed.to(to),
          norm(of.q_norm),
          norm(of.k_norm),
          {of.tables.cos.to(to), of.tables.sin.to(to)}};
}

Heads empty_heads(const Case& c, at::TensorOptions options) {
  const auto part = [&] { return at::empty({c.batch, c.tokens, c.heads, c.head_dim}, options); };
  return {part(), part(), part()};
}

// From the same float32 numbers, in double.
Heads truth(const Case& c, const Operands& of) {
  const Operands wide = moved(of, at::TensorOptions().device(at::kCPU).dtype(at::kDouble));
  const Heads out = empty_heads(c, at::kDouble);
  split_heads_reference(wide.packed, wide.q_norm, wide.k_norm, &wide.tables, out);
  return out;
}

// One rounding to 8 bits: at most 2^-8 of a value.
void expect_rounded_once(const at::Tensor& got, const at::Tensor& exact) {
  ASSERT_EQ(got.sizes(), exact.sizes());
  if (exact.numel() == 0) return;
  const at::Tensor apart = (got.cpu().to(at::kDouble) - exact).abs();
  EXPECT_TRUE((apart <= exact.abs() / 256 + 1e-5).all().item<bool>()) << apart.max();
}

// VGGT's heads, and sizes that only a GPU's kernel or the reference takes.
const Case kCases[] = {{1, 1, 1, 64, 1},
                       {1, 130, 16, 64, 1},
                       {3, 41, 3, 64, 1},
                       {3, 41, 2, 64, 3},
                       {2, 9, 5, 16, 1},
                       {1, 7, 2, 128, 1},
                       {2, 5, 2, 36, 2},
                       {1, 0, 2, 64, 1},
                       {0, 4, 2, 64, 1}};

void expect_exact(c10::Device device) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(testing::Message() << c.batch << " x " << c.tokens << ", " << c.heads
                                    << " heads of " << c.head_dim << ", " << c.tables << " tables");
    const Operands of = moved(operands(c, at::kFloat), at::TensorOptions().device(device));
    const Heads got = empty_heads(c, at::TensorOptions().device(device).dtype(at::kBFloat16));
    split_heads(of.packed, of.q_norm, of.k_norm, &of.tables, got);
    const Heads exact = truth(c, of);
    expect_rounded_once(got.q, exact.q);
    expect_rounded_once(got.k, exact.k);
    expect_rounded_once(got.v, exact.v);
  }
}

TEST(SplitHeads, NormsTurnsAndRoundsOnce) { expect_exact(c10::Device(c10::kCPU)); }

TEST(SplitHeads, NormsTurnsAndRoundsOnAGpu) {
  const c10::Device device = select_device("auto");
  if (!device.is_cuda()) GTEST_SKIP() << "no GPU";
  expect_exact(device);
}

TEST(SplitHeads, WritesIntoPartOfLongerSequences) {
  const Case c = {2, 20, 2, 64, 1};
  const Operands of = operands(c, at::kFloat);
  const Heads whole = empty_heads({2, 50, 2, 64, 1}, at::kBFloat16);
  for (const at::Tensor* part : {&whole.q, &whole.k, &whole.v}) part->fill_(7);
  const auto slice = [](const at::Tensor& x) { return x.slice(1, 10, 30); };
  split_heads(of.packed,
              of.q_norm,
              of.k_norm,
              &of.tables,
              {slice(whole.q), slice(whole.k), slice(whole.v)});
  const Heads exact = truth(c, of);
  expect_rounded_once(slice(whole.q), exact.q);
  expect_rounded_once(slice(whole.k), exact.k);
  expect_rounded_once(slice(whole.v), exact.v);
  for (const at::Tensor* part : {&whole.q, &whole.k, &whole.v}) {
    EXPECT_TRUE((part->slice(1, 0, 10) == 7).all().item<bool>());
    EXPECT_TRUE((part->slice(1, 30) == 7).all().item<bool>());
  }
}

// Operands and results begin one element after where memory is aligned.
TEST(SplitHeads, TakesMisalignedViews) {
  const auto shifted = [](const at::Tensor& x) {
    const at::Tensor to = at::empty({x.numel() + 1}, x.options()).slice(0, 1).view(x.sizes());
    return to.copy_(x);
  };
  const auto norm = [&](const HeadNorm& n) {
    return HeadNorm{shifted(n.weight), shifted(n.bias), n.eps};
  };
  for (const Case& c : {Case{2, 20, 3, 64, 1}, {2, 5, 2, 36, 2}}) {
    const Operands of = operands(c, at::kFloat);
    const Heads aligned = empty_heads(c, at::kBFloat16);
    split_heads(of.packed, of.q_norm, of.k_norm, &of.tables, aligned);
    const RopeTables tables = {shifted(of.tables.cos), shifted(of.tables.sin)};
    const Heads got = {shifted(aligned.v), shifted(aligned.v), shifted(aligned.q)};
    split_heads(shifted(of.packed), norm(of.q_norm), norm(of.k_norm), &tables, got);
    EXPECT_TRUE(at::equal(got.q, aligned.q)) << c.head_dim;
    EXPECT_TRUE(at::equal(got.k, aligned.k)) << c.head_dim;
    EXPECT_TRUE(at::equal(got.v, aligned.v)) << c.head_dim;
  }
}

TEST(SplitHeads, GoesWithoutNormOrRotation) {
  const Case c = {2, 8, 2, 64, 1};
  const Operands of = operands(c, at::kFloat);
  const Heads got = empty_heads(c, at::kBFloat16);
  split_heads(of.packed, {}, {}, nullptr, got);
  const at::Tensor parts = of.packed.to(at::kDouble).view({2, 8, 3, 2, 64});
  expect_rounded_once(got.q, parts.select(2, 0));
  expect_rounded_once(got.k, parts.select(2, 1));
  expect_rounded_once(got.v, parts.select(2, 2));
}

TEST(SplitHeads, HoldsWithLargeAndVanishingValues) {
  const Case c = {1, 12, 2, 64, 1};
  for (const double size : {1e15, 0.0}) {
    const Operands of = operands(c, at::kFloat, size);
    const Heads got = empty_heads(c, at::kBFloat16);
    split_heads(of.packed, of.q_norm, of.k_norm, &of.tables, got);
    const Heads exact = truth(c, of);
    expect_rounded_once(got.q, exact.q);
    expect_rounded_once(got.v, exact.v);
  }
}

TEST(SplitHeads, KeepsNotANumberInItsHead) {
  const Case c = {1, 6, 2, 64, 1};
  Operands of = operands(c, at::kFloat);
  of.packed[0][3][70] = std::numeric_limits<float>::quiet_NaN();  // q, head 1
  const Heads got = empty_heads(c, at::kBFloat16);
  split_heads(of.packed, of.q_norm, of.k_norm, &of.tables, got);
  EXPECT_EQ(at::isnan(got.q).sum().item<int64_t>(), 64);
  EXPECT_TRUE(at::isnan(got.q[0][3][1]).all().item<bool>());
  EXPECT_FALSE(at::isnan(got.k).any().item<bool>());
}

TEST(SplitHeads, RefusesWhatDoesNotFit) {
  const Case c = {1, 6, 2, 64, 1};
  const Operands of = operands(c, at::kFloat);
  const auto message = [&](const at::Tensor& packed, const Heads& out) {
    return message_of<c10::Error>(
        [&] { split_heads(packed, of.q_norm, of.k_norm, &of.tables, out); });
  };
  const Heads out = empty_heads(c, at::kBFloat16);
  EXPECT_THAT(message(of.packed.slice(1, 0, 5), out), HasSubstr("does not fit"));
  EXPECT_THAT(message(of.packed, {out.q.transpose(2, 3), out.k, out.v}), HasSubstr("contiguous"));
  const Heads longer = empty_heads({1, 6, 2, 64, 1}, at::kFloat);
  EXPECT_THAT(message(of.packed, {out.q, longer.k, out.v}), HasSubstr("share"));
  const Operands other = operands({1, 5, 2, 64, 1}, at::kFloat);
  EXPECT_THAT(message_of<c10::Error>(
                  [&] { split_heads(of.packed, of.q_norm, of.k_norm, &other.tables, out); }),
              HasSubstr("tables"));
}

}  // namespace
}  // namespace vggt::kernels
