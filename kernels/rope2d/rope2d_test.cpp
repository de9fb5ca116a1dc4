// SPDX-License-Identifier: Apache-2.0
#include "kernels/rope2d/rope2d.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>

#include "src/base/device.h"
#include "src/base/error.h"
#include "src/weights/synthetic.h"
#include "tests/support/golden.h"
#include "tests/support/message_of.h"

namespace vggt::kernels {
namespace {

using ::testing::HasSubstr;
using vggt::testing::golden;

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return 1e9;
  if (a.numel() == 0) return 0;
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

// Values in [-0.5, 0.5), the same in every run.
at::Tensor values(at::IntArrayRef shape, at::ScalarType dtype) {
  return synthetic_parameter("rope.pos_embed", shape, 3).to(dtype);
}

// [B, N, 2] positions up to 40, the first at zero as a camera token has it.
at::Tensor positions(int64_t batch, int64_t tokens) {
  at::Tensor at =
      (synthetic_parameter("rope.cls_token", {batch, tokens, 2}, 4) * 80).abs().to(at::kLong);
  at.slice(1, 0, 1).zero_();
  return at;
}

TEST(Rope2d, AgreesWithTheOriginal) {
  auto units = golden("units/units");
  const at::Tensor places = units.at("rope.positions_yx");
  for (const int64_t head_dim : {64, 16}) {
    const std::string name = "rope" + std::to_string(head_dim);
    // The fixture is [B, A, N, D].
    const at::Tensor x = units.at(name + ".in").transpose(1, 2);
    const auto run = [&](at::ScalarType dtype) {
      return rope2d(x.to(dtype), rope2d_tables(places, head_dim, 100, dtype)).transpose(1, 2);
    };
    // Two products of numbers up to about 4, rounded.
    EXPECT_LT(largest_difference(run(at::kFloat), units.at(name + ".out_f32")), 1e-6) << name;
    // The same float32 angles; their sine and cosine in double.
    EXPECT_LT(largest_difference(run(at::kDouble), units.at(name + ".out_f64")), 1e-14) << name;
  }
}

TEST(Rope2d, RotatesTheFirstHalfByTheRowAndTheSecondByTheColumn) {
  const at::Tensor x = at::tensor({1.0, 0.0, 1.0, 0.0}, at::kDouble).view({1, 1, 1, 4});
  const at::Tensor places = at::tensor({2, 5}, at::kLong).view({1, 1, 2});
  const at::Tensor out = rope2d(x, rope2d_tables(places, 4, 100, at::kDouble)).flatten();
  const at::Tensor expected =
      at::tensor({std::cos(2.0), std::sin(2.0), std::cos(5.0), std::sin(5.0)}, at::kDouble);
  EXPECT_LT(largest_difference(out, expected), 1e-15) << out;
}

TEST(Rope2d, LeavesPositionZeroUnchanged) {
  const at::Tensor x = values({2, 5, 3, 16}, at::kFloat);
  const at::Tensor out = rope2d(x, rope2d_tables(positions(2, 5), 16, 100, at::kFloat));
  EXPECT_TRUE(at::equal(out.select(1, 0), x.select(1, 0)));
  EXPECT_FALSE(at::equal(out.select(1, 1), x.select(1, 1)));
}

TEST(Rope2d, KeepsLengths) {
  const at::Tensor x = values({1, 7, 2, 32}, at::kDouble);
  const at::Tensor out = rope2d(x, rope2d_tables(positions(1, 7), 32, 100, at::kDouble));
  // Rotations, to a few roundings.
  EXPECT_LT(largest_difference(out.norm(2, -1), x.norm(2, -1)), 1e-14);
}

TEST(Rope2d, SharesTablesAmongABatch) {
  const at::Tensor x = values({3, 5, 2, 16}, at::kFloat);
  const at::Tensor places = positions(1, 5);
  const at::Tensor shared = rope2d(x, rope2d_tables(places, 16, 100, at::kFloat));
  const at::Tensor apart =
      rope2d(x, rope2d_tables(places.expand({3, -1, -1}), 16, 100, at::kFloat));
  EXPECT_TRUE(at::equal(shared, apart));
}

TEST(Rope2d, TakesStridedInput) {
  // q as attention has it: a part of the packed q, k, v.
  const at::Tensor packed = values({2, 5, 3, 4, 16}, at::kFloat);
  const RopeTables tables = rope2d_tables(positions(2, 5), 16, 100, at::kFloat);
  for (const at::Tensor& x :
       {packed.select(2, 1), values({2, 4, 5, 16}, at::kFloat).transpose(1, 2)}) {
    ASSERT_FALSE(x.is_contiguous());
    const at::Tensor out = rope2d(x, tables);
    EXPECT_TRUE(out.is_contiguous());
    EXPECT_TRUE(at::equal(out, rope2d(x.contiguous(), tables)));
  }
}

TEST(Rope2d, TakesMisalignedViewsAndLargeValues) {
  for (const int64_t head_dim : {64, 12}) {
    const at::Tensor x = values({2, 5, 3, head_dim}, at::kFloat);
    const RopeTables tables = rope2d_tables(positions(2, 5), head_dim, 100, at::kFloat);
    const at::Tensor turned = rope2d(x, tables);
    // One element after where memory is aligned.
    const at::Tensor shifted = at::empty({x.numel() + 1}).slice(0, 1).view(x.sizes());
    EXPECT_TRUE(at::equal(rope2d(shifted.copy_(x), tables), turned)) << head_dim;
    // Powers of two, which round nothing.
    for (const int power : {-80, 120}) {
      const double factor = std::ldexp(1.0, power);
      EXPECT_TRUE(at::equal(rope2d(x * factor, tables), turned * factor)) << power;
    }
  }
}

TEST(Rope2d, TakesNothing) {
  for (const auto& shape :
       std::vector<std::vector<int64_t>>{{0, 5, 2, 16}, {2, 0, 2, 16}, {2, 5, 0, 16}}) {
    const at::Tensor places = at::zeros({shape[0], shape[1], 2}, at::kLong);
    const at::Tensor out = rope2d(at::empty(shape), rope2d_tables(places, 16, 100, at::kFloat));
    EXPECT_EQ(out.sizes(), shape);
  }
}

TEST(Rope2d, RoundsOnceToTheOutputsDtype) {
  const at::Tensor x = values({2, 9, 3, 16}, at::kFloat);
  const RopeTables tables = rope2d_tables(positions(2, 9), 16, 100, at::kFloat);
  for (const at::ScalarType dtype : {at::kBFloat16, at::kHalf, at::kDouble}) {
    const at::Tensor out = rope2d(x, tables, dtype);
    EXPECT_EQ(out.scalar_type(), dtype);
    EXPECT_TRUE(at::equal(out, rope2d(x, tables).to(dtype))) << c10::toString(dtype);
  }
}

TEST(Rope2d, HasTheGradientOfItsValues) {
  const RopeTables tables = rope2d_tables(positions(1, 3), 8, 100, at::kDouble);
  const at::Tensor x = values({1, 3, 2, 8}, at::kDouble).requires_grad_(true);
  const at::Tensor weights = synthetic_parameter("w.pos_embed", {1, 3, 2, 8}, 5).to(at::kDouble);
  const auto loss = [&](const at::Tensor& at) {
    return (rope2d(at, tables).pow(3) * weights).sum();
  };
  loss(x).backward();
  ASSERT_TRUE(x.grad().defined());
  constexpr double kStep = 1e-5;
  for (int64_t i = 0; i < x.numel(); ++i) {
    const auto moved = [&](double step) {
      at::Tensor there = x.detach().clone();
      there.view(-1)[i] += step;
      return loss(there).item<double>();
    };
    const double slope = (moved(kStep) - moved(-kStep)) / (2 * kStep);
    // The central difference errs by step^2 and by the rounding of the loss, 1e-16 / step.
    EXPECT_NEAR(x.grad().view(-1)[i].item<double>(), slope, 1e-9) << i;
  }
}

TEST(Rope2d, LearnsInFloatAsTheReferenceDoes) {
  const RopeTables tables = rope2d_tables(positions(2, 9), 16, 100, at::kFloat);
  const at::Tensor weights = values({2, 3, 9, 16}, at::kFloat).transpose(1, 2);
  const auto gradient = [&](const auto& rotate, const at::Tensor& x) {
    const at::Tensor leaf = x.detach().requires_grad_(true);
    (rotate(leaf) * weights).sum().backward();
    return leaf.grad();
  };
  // Heads before tokens, as part of a packed q, k, v: strides that the kernel must follow.
  const at::Tensor x = values({2, 9, 3, 3, 16}, at::kFloat).select(2, 1);
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const at::Tensor ours =
        gradient([&](const at::Tensor& at) { return rope2d(at, tables, dtype); }, x);
    const at::Tensor truth =
        gradient([&](const at::Tensor& at) { return rope2d_reference(at, tables).to(dtype); }, x);
    EXPECT_LT((ours - truth).abs().max().item<double>(), 1e-6) << c10::toString(dtype);
    EXPECT_GT(truth.abs().max().item<double>(), 0.1);
  }
}

TEST(Rope2d, SaysWhatDoesNotFit) {
  const at::Tensor x = values({2, 5, 3, 16}, at::kFloat);
  const at::Tensor places = positions(2, 5);
  const RopeTables tables = rope2d_tables(places, 16, 100, at::kFloat);
  const auto of_tables = [](const at::Tensor& at, int64_t head_dim) {
    return message_of<c10::Error>([&] { rope2d_tables(at, head_dim, 100, at::kFloat); });
  };
  EXPECT_THAT(of_tables(places, 18), HasSubstr("divisible by 4, got 18"));
  EXPECT_THAT(of_tables(places, 0), HasSubstr("divisible by 4, got 0"));
  EXPECT_THAT(of_tables(places[0], 16), HasSubstr("positions must be [B, N, 2]"));
  EXPECT_THAT(of_tables(at::zeros({2, 5, 3}, at::kLong), 16),
              HasSubstr("positions must be [B, N, 2]"));
  const auto of_rope = [&](const at::Tensor& at, const RopeTables& with) {
    return message_of<c10::Error>([&] { rope2d(at, with); });
  };
  EXPECT_THAT(of_rope(x[0], tables), HasSubstr("x must be [B, N, A, D]"));
  EXPECT_THAT(of_rope(x.transpose(2, 3), tables), HasSubstr("last stride"));
  EXPECT_THAT(of_rope(x.slice(1, 0, 4), tables), HasSubstr("do not fit"));
  EXPECT_THAT(of_rope(x.slice(3, 0, 12), tables), HasSubstr("do not fit"));
  EXPECT_THAT(of_rope(values({3, 5, 3, 16}, at::kFloat), tables), HasSubstr("do not fit"));
  EXPECT_THAT(of_rope(x.to(at::kDouble), tables), HasSubstr("dtype and device"));
}

TEST(Rope2dOnGpu, AgreesWithTheReference) {
  c10::Device device(c10::kCPU);
  try {
    device = select_device("cuda");
  } catch (const ConfigError& error) {
    GTEST_SKIP() << error.what();
  }
  // Heads of 64 as in VGGT-1B, sizes that are no multiples of a block or a warp, one element, none.
  for (const auto& shape : std::vector<std::vector<int64_t>>{{1, 62, 2, 64},
                                                             {3, 261, 16, 64},
                                                             {2, 5, 3, 16},
                                                             {1, 1, 1, 4},
                                                             {2, 7, 5, 12},
                                                             {2, 0, 3, 16}}) {
    const int64_t head_dim = shape[3];
    const at::Tensor places = positions(shape[0], shape[1]);
    const at::Tensor x =
        values({shape[0], shape[1], 3, shape[2], head_dim}, at::kFloat).select(2, 1);
    // The same float32 tables everywhere, so that only the rotation is compared.
    const RopeTables tables = rope2d_tables(places, head_dim, 100, at::kFloat);
    const at::Tensor truth = rope2d_reference(
        x.to(at::kDouble), {tables.cos.to(at::kDouble), tables.sin.to(at::kDouble)});
    const double of_reference = largest_difference(rope2d_reference(x, tables), truth);
    const RopeTables on_gpu = {tables.cos.to(device), tables.sin.to(device)};
    // Strided as in attention: not made contiguous on the way.
    const at::Tensor strided =
        values({shape[0], shape[1], 3, shape[2], head_dim}, at::kFloat).to(device).select(2, 1);
    // Values of up to 0.71: one rounding of float32, bfloat16 and half there.
    for (const auto& [dtype, rounding] : {std::pair(at::kFloat, 6e-8),
                                          std::pair(at::kBFloat16, 2.0e-3),
                                          std::pair(at::kHalf, 2.5e-4)}) {
      const at::Tensor out = rope2d(strided, on_gpu, dtype);
      EXPECT_TRUE(out.is_cuda());
      EXPECT_EQ(out.scalar_type(), dtype);
      EXPECT_LE(largest_difference(out.cpu(), truth), 2 * of_reference + rounding)
          << c10::toString(dtype) << " " << x.sizes();
    }
  }
}

}  // namespace
}  // namespace vggt::kernels
