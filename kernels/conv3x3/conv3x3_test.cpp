// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv3x3/conv3x3.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/common/path.h"
#include "src/weights/synthetic.h"
#include "tests/support/message_of.h"

namespace vggt::kernels {
namespace {

using ::testing::HasSubstr;

struct Case {
  int64_t images, rows, columns, in, out;
};

// Sizes of models, and around the kernel's blocks: tiles of 4 x 4, six of them, 16 lanes, panels of
// 32 and of 64 channels.
const Case kCases[] = {{1, 1, 1, 1, 1},
                       {1, 4, 4, 16, 32},
                       {2, 5, 7, 3, 5},
                       {1, 2, 9, 17, 33},
                       {3, 13, 18, 32, 64},
                       {1, 8, 31, 48, 65},
                       {1, 30, 29, 2, 100},
                       {2, 40, 90, 24, 2},
                       {1, 28, 37, 130, 129}};

at::Tensor values(at::IntArrayRef shape, const std::string& key) {
  return synthetic_parameter(key, shape, 7);
}

double relative_error(const at::Tensor& got, const at::Tensor& truth) {
  return ((got.to(at::kDouble) - truth).norm() / truth.norm()).item<double>();
}

struct Operands {
  at::Tensor x, weight, bias;
  Conv3x3Options options;
};

Operands operands(const Case& size) {
  return {values({size.images, size.rows, size.columns, size.in}, "x.pos_embed"),
          values({size.out, size.in, 3, 3}, "layer.weight"),
          values({size.out}, "layer.bias"),
          {}};
}

at::Tensor run(const Operands& of) {
  return conv3x3(of.x, transform_conv3x3(of.weight, of.bias), of.options);
}

at::Tensor to_double(const at::Tensor& x) { return x.defined() ? x.to(at::kDouble) : x; }

at::Tensor truth(const Operands& of) {
  Conv3x3Options options = of.options;
  for (at::Tensor* x : {&options.added,
                        &options.also_added,
                        &options.position.by_column,
                        &options.position.by_row}) {
    *x = to_double(*x);
  }
  return conv3x3_reference(to_double(of.x), to_double(of.weight), to_double(of.bias), options);
}

// The transforms' rows sum up to 10 (inputs) and 19 (results) in each direction, with signs: that
// multiplies the rounding of float32, 6e-8, by some tens.
constexpr double kRounding = 1e-5;

class Conv3x3 : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_conv3x3()) GTEST_SKIP() << "this machine takes LibTorch's convolution";
  }
};

TEST_F(Conv3x3, AgreesWithFloat64) {
  for (const Case& size : kCases) {
    for (const bool bias : {true, false}) {
      Operands of = operands(size);
      if (!bias) of.bias.reset();
      const at::Tensor exact = truth(of);
      const at::Tensor got = run(of);
      EXPECT_EQ(got.sizes(), exact.sizes());
      EXPECT_LT(relative_error(got, exact), kRounding)
          << size.images << " x " << size.rows << " x " << size.columns << " x " << size.in
          << " -> " << size.out;
    }
  }
}

TEST_F(Conv3x3, AddsAndRectifies) {
  for (const Case& size : kCases) {
    Operands of = operands(size);
    const std::vector<int64_t> shape = {size.images, size.rows, size.columns, size.out};
    of.options.added = values(shape, "added.pos_embed");
    EXPECT_LT(relative_error(run(of), truth(of)), kRounding);
    of.options.also_added = values(shape, "also.pos_embed");
    of.options.relu = true;
    const at::Tensor got = run(of);
    const at::Tensor exact = truth(of);
    EXPECT_LT((got.to(at::kDouble) - exact).norm().item<double>(),
              kRounding * (exact.norm() + of.options.added.norm()).item<double>());
    EXPECT_GE(got.min().item<float>(), 0);
  }
}

TEST_F(Conv3x3, ResizesItsInputAndAddsThePosition) {
  for (const Case& size : kCases) {
    for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{2 * size.rows, 3}, {1, 50}}) {
      Operands of = operands(size);
      of.options.rows = rows;
      of.options.columns = columns;
      // The reference in double places the samples more exactly: one rounding of a coordinate.
      EXPECT_LT(relative_error(run(of), truth(of)), 3 * kRounding) << rows << " x " << columns;
      if (size.in % 2 != 0) continue;
      of.options.position = {values({columns, size.in / 2}, "column.pos_embed"),
                             values({rows, size.in / 2}, "row.pos_embed")};
      EXPECT_LT(relative_error(run(of), truth(of)), 3 * kRounding) << rows << " x " << columns;
    }
  }
}

TEST_F(Conv3x3, AddsThePositionWithoutResizing) {
  Operands of = operands({2, 9, 11, 34, 20});
  of.options.position = {values({11, 17}, "column.pos_embed"), values({9, 17}, "row.pos_embed")};
  EXPECT_LT(relative_error(run(of), truth(of)), kRounding);
}

TEST_F(Conv3x3, TakesStridesAndNothing) {
  Operands of = operands({2, 9, 11, 32, 48});
  const at::Tensor flat = run(of);
  of.x = of.x.permute({0, 3, 1, 2}).contiguous().permute({0, 2, 3, 1});
  EXPECT_TRUE(at::equal(run(of), flat));
  for (const int64_t axis : {0, 1, 2}) {
    Operands none = of;
    none.x = of.x.slice(axis, 0, 0);
    EXPECT_EQ(run(none).numel(), 0);
  }
}

TEST_F(Conv3x3, TakesMisalignedViews) {
  const auto shifted = [](const at::Tensor& x) {
    const at::Tensor to = at::empty({x.numel() + 1}, x.options()).slice(0, 1).view(x.sizes());
    return to.copy_(x);
  };
  for (const Case& size : kCases) {
    Operands of = operands(size);
    of.options.added = values({size.images, size.rows, size.columns, size.out}, "added.pos_embed");
    const at::Tensor aligned = run(of);
    Operands moved = {shifted(of.x), shifted(of.weight), shifted(of.bias), {}};
    moved.options.added = shifted(of.options.added);
    EXPECT_TRUE(at::equal(run(moved), aligned)) << size.rows << " x " << size.columns;
  }
}

TEST_F(Conv3x3, ScalesWithLargeAndSmallValues) {
  Operands of = operands({1, 9, 11, 32, 48});
  of.bias.reset();
  const at::Tensor y = run(of);
  for (const int power : {-80, 100}) {
    Operands scaled = of;
    scaled.x = of.x * std::ldexp(1.0, power);
    EXPECT_TRUE(at::equal(run(scaled), y * std::ldexp(1.0, power))) << power;
  }
}

TEST_F(Conv3x3, KeepsNotANumberNearItsPixel) {
  Operands of = operands({1, 24, 24, 8, 16});
  of.options.relu = true;
  of.x[0][10][13][5] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor spoilt = at::isnan(run(of));
  EXPECT_TRUE(spoilt.slice(1, 9, 12).slice(2, 12, 15).all().item<bool>());
  EXPECT_FALSE(spoilt.slice(1, 0, 4).any().item<bool>());
  EXPECT_FALSE(spoilt.slice(1, 16).any().item<bool>());
  EXPECT_FALSE(spoilt.slice(2, 0, 8).any().item<bool>());
  EXPECT_FALSE(spoilt.slice(2, 20).any().item<bool>());
}

TEST_F(Conv3x3, DoesNotDependOnThreads) {
  for (const Case& size : {Case{1, 60, 60, 64, 130}, Case{1, 9, 9, 64, 256}}) {
    const Operands of = operands(size);
    const int threads = at::get_num_threads();
    at::set_num_threads(1);
    const at::Tensor one = run(of);
    at::set_num_threads(5);
    const at::Tensor five = run(of);
    at::set_num_threads(threads);
    EXPECT_TRUE(at::equal(one, five));
  }
}

TEST_F(Conv3x3, IsNotOnThePlainPath) {
  const PathScope plain(Path::kPlain);
  EXPECT_FALSE(has_conv3x3());
  EXPECT_THROW(run(operands({1, 4, 4, 8, 8})), c10::Error);
}

TEST_F(Conv3x3, RefusesWhatDoesNotFit) {
  const Operands of = operands({1, 4, 5, 6, 7});
  const auto message = [&](const at::Tensor& x, const Conv3x3Options& options) {
    return message_of<c10::Error>(
        [&] { conv3x3(x, transform_conv3x3(of.weight, of.bias), options); });
  };
  EXPECT_THAT(message(at::zeros({1, 4, 5, 7}), {}), HasSubstr("must be [N, H, W, 6]"));
  EXPECT_THAT(message(of.x.to(at::kDouble), {}), HasSubstr("float on the CPU"));
  EXPECT_THAT(message(of.x, {.rows = 4}), HasSubstr("cannot resize to 4 x 0"));
  EXPECT_THAT(message(of.x.slice(1, 0, 0), {.rows = 4, .columns = 4}), HasSubstr("empty map"));
  EXPECT_THAT(message(of.x, {.position = {at::zeros({5, 3}), at::zeros({4, 2})}}),
              HasSubstr("position must be [5, 3] and [4, 3]"));
  EXPECT_THAT(message(of.x, {.added = at::zeros({1, 4, 5, 6})}),
              HasSubstr("added must be [1, 4, 5, 7]"));
  EXPECT_THAT(message_of<c10::Error>([] {
                transform_conv3x3(at::zeros({4, 4, 1, 1}), {});
              }),
              HasSubstr("[K, C, 3, 3]"));
  EXPECT_THAT(message_of<c10::Error>([] {
                transform_conv3x3(at::zeros({4, 4, 3, 3}), at::zeros({3}));
              }),
              HasSubstr("bias must be [4]"));
}

}  // namespace
}  // namespace vggt::kernels
