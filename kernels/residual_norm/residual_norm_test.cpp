// SPDX-License-Identifier: Apache-2.0
#include "kernels/residual_norm/residual_norm.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <limits>

#include "kernels/common/cpu_features.h"
#include "src/base/device.h"
#include "src/base/error.h"
#include "src/weights/synthetic.h"
#include "tests/support/message_of.h"

namespace vggt::kernels {
namespace {

using ::testing::HasSubstr;

constexpr double kEps = 1e-5;

// Values in [-0.5, 0.5), the same in every run.
at::Tensor values(at::IntArrayRef shape, uint64_t seed) {
  return synthetic_parameter("norm.pos_embed", shape, seed);
}

struct Operands {
  at::Tensor x, update, gamma, weight, bias;
};

Operands operands(at::IntArrayRef shape, at::ScalarType dtype, double size = 1) {
  const int64_t channels = shape.back();
  return {(values(shape, 1) * size).to(dtype),
          (values(shape, 2) * size).to(dtype),
          values({channels}, 3).to(dtype),
          (values({channels}, 4) + 1).to(dtype),
          values({channels}, 5).to(dtype)};
}

struct Result {
  at::Tensor x, normed;
};

Result truth(const Operands& of, bool updates) {
  const auto wide = [](const at::Tensor& t) { return t.to(at::kCPU, at::kDouble, false, true); };
  at::Tensor x = wide(of.x);
  const at::Tensor normed = residual_norm_reference(x,
                                                    updates ? wide(of.update) : at::Tensor(),
                                                    wide(of.gamma),
                                                    wide(of.weight),
                                                    wide(of.bias),
                                                    kEps,
                                                    at::kDouble);
  return {x, normed};
}

Result run(const Operands& of, bool updates, at::ScalarType out_dtype) {
  at::Tensor x = of.x.clone();
  const at::Tensor update = updates ? of.update : at::Tensor();
  const at::Tensor normed = residual_norm(x, update, of.gamma, of.weight, of.bias, kEps, out_dtype);
  return {x.cpu().to(at::kDouble), normed.cpu()};
}

double relative_error(const at::Tensor& got, const at::Tensor& truth) {
  return ((got.to(at::kDouble) - truth).norm() / truth.norm()).item<double>();
}

// Around 16 lanes, 256 threads and 1024 channels; one row and many.
const std::vector<std::vector<int64_t>> kShapes = {
    {1, 1}, {5, 16}, {3, 17}, {2, 7, 40}, {70, 192}, {33, 255}, {9, 1024}, {4, 1030}, {2, 2048}};

void expect_exact(c10::Device device) {
  for (const auto& shape : kShapes) {
    for (const bool updates : {false, true}) {
      SCOPED_TRACE(testing::Message() << at::IntArrayRef(shape) << (updates ? " updated" : ""));
      Operands of = operands(shape, at::kFloat);
      for (at::Tensor* t : {&of.x, &of.update, &of.gamma, &of.weight, &of.bias}) *t = t->to(device);
      const Result expected = truth(of, updates);
      const Result got = run(of, updates, at::kBFloat16);
      EXPECT_EQ(got.normed.scalar_type(), at::kBFloat16);
      EXPECT_EQ(got.normed.sizes(), expected.normed.sizes());
      EXPECT_LT(relative_error(got.x, expected.x), 1e-7);
      // One rounding to 8 bits: at most 2^-8 of a value.
      const at::Tensor apart = (got.normed.to(at::kDouble) - expected.normed).abs();
      EXPECT_TRUE((apart <= expected.normed.abs() / 256 + 1e-5).all().item<bool>()) << apart.max();
    }
  }
}

TEST(ResidualNorm, AddsAndNormsWithOneRounding) { expect_exact(c10::Device(c10::kCPU)); }

TEST(ResidualNorm, AddsAndNormsOnAGpu) {
  const c10::Device device = select_device("auto");
  if (!device.is_cuda()) GTEST_SKIP() << "no GPU";
  expect_exact(device);
}

TEST(ResidualNorm, IsTheReferenceInWiderTypes) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    const Operands of = operands({6, 30}, dtype);
    const Result got = run(of, true, dtype);
    EXPECT_EQ(got.normed.scalar_type(), dtype);
    EXPECT_LT(relative_error(got.normed, truth(of, true).normed),
              dtype == at::kDouble ? 1e-14 : 1e-6);
  }
}

// The mean is taken off before squares are summed: an offset a thousand times the spread is kept.
TEST(ResidualNorm, HoldsWithALargeOffset) {
  Operands of = operands({8, 1024}, at::kFloat);
  of.x += 1000;
  const Result expected = truth(of, true);
  EXPECT_LT(relative_error(run(of, true, at::kBFloat16).normed, expected.normed), 4e-3);
}

TEST(ResidualNorm, HoldsWithLargeAndVanishingValues) {
  const Operands large = operands({4, 64}, at::kFloat, 1e15);
  EXPECT_LT(relative_error(run(large, true, at::kBFloat16).normed, truth(large, true).normed),
            4e-3);
  Operands none = operands({4, 64}, at::kFloat, 0);
  EXPECT_LT(relative_error(run(none, true, at::kBFloat16).normed, truth(none, true).normed), 4e-3);
}

TEST(ResidualNorm, KeepsNotANumberInItsRow) {
  Operands of = operands({6, 40}, at::kFloat);
  of.update[2][39] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor normed = run(of, true, at::kBFloat16).normed;
  EXPECT_TRUE(at::isnan(normed[2]).all().item<bool>());
  EXPECT_EQ(at::isnan(normed).sum().item<int64_t>(), 40);
}

// Each begins one element after where memory is aligned.
TEST(ResidualNorm, TakesMisalignedViews) {
  const auto shifted = [](const at::Tensor& x) {
    const at::Tensor to = at::empty({x.numel() + 1}, x.options()).slice(0, 1).view(x.sizes());
    return to.copy_(x);
  };
  for (const int64_t channels : {40, 1024, 1030}) {
    const Operands of = operands({5, channels}, at::kFloat);
    at::Tensor x = shifted(of.x);
    const at::Tensor normed = residual_norm(x,
                                            shifted(of.update),
                                            shifted(of.gamma),
                                            shifted(of.weight),
                                            shifted(of.bias),
                                            kEps,
                                            at::kBFloat16);
    const Result aligned = run(of, true, at::kBFloat16);
    EXPECT_TRUE(at::equal(normed, aligned.normed)) << channels;
    EXPECT_TRUE(at::equal(x.to(at::kDouble), aligned.x)) << channels;
  }
}

TEST(ResidualNorm, TakesNothing) {
  const Operands of = operands({0, 40}, at::kFloat);
  EXPECT_EQ(run(of, true, at::kBFloat16).normed.sizes(), at::IntArrayRef({0, 40}));
}

TEST(ResidualNorm, RefusesWhatDoesNotFit) {
  const Operands of = operands({6, 40}, at::kFloat);
  const auto message =
      [&](const at::Tensor& x, const at::Tensor& update, const at::Tensor& weight) {
        return message_of<c10::Error>([&] {
          at::Tensor stream = x;
          residual_norm(stream, update, of.gamma, weight, of.bias, kEps, at::kBFloat16);
        });
      };
  EXPECT_THAT(message(of.x, of.update, values({41}, 1)), HasSubstr("must be [40]"));
  EXPECT_THAT(message(of.x, values({6, 41}, 1), of.weight), HasSubstr("an update must be"));
  EXPECT_THAT(message(of.x.t(), {}, of.weight), HasSubstr("contiguous"));
}

}  // namespace
}  // namespace vggt::kernels
