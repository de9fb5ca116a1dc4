// SPDX-License-Identifier: Apache-2.0
#include "kernels/linear/linear.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "kernels/common/cpu_features.h"
#include "src/weights/synthetic.h"
#include "tests/support/message_of.h"

namespace vggt::kernels {
namespace {

using ::testing::HasSubstr;

struct Case {
  int64_t rows;
  int64_t in;
  int64_t out;
};

// Sizes of models, and around the kernel's blocks: 6 rows, 64 columns, 16 lanes, pairs of inputs.
const Case kCases[] = {{1, 8, 3},
                       {24, 2, 1},
                       {25, 30, 17},
                       {29, 64, 64},
                       {30, 34, 65},
                       {31, 192, 576},
                       {100, 1024, 80},
                       {1041, 48, 130},
                       {48, 4096, 64},
                       {37, 5, 7}};

at::Tensor values(at::IntArrayRef shape, const std::string& key) {
  return synthetic_parameter(key, shape, 7);
}

double relative_error(const at::Tensor& got, const at::Tensor& truth) {
  const at::Tensor wide = got.to(at::kDouble);
  return ((wide - truth).norm() / truth.norm()).item<double>();
}

struct Operands {
  at::Tensor x, weight, bias;
};

Operands operands(const Case& size, at::ScalarType dtype) {
  return {values({size.rows, size.in}, "x.pos_embed").to(dtype),
          values({size.out, size.in}, "layer.weight").to(dtype),
          values({size.out}, "layer.bias")};
}

at::Tensor truth(const Operands& of, Activation activation) {
  return linear_reference(of.x.to(at::kDouble),
                          of.weight.to(at::kDouble),
                          of.bias.to(at::kDouble),
                          activation,
                          at::kDouble);
}

// A copy that begins one element after where memory is aligned.
at::Tensor shifted(const at::Tensor& x) {
  const at::Tensor to = at::empty({x.numel() + 1}, x.options()).slice(0, 1).view(x.sizes());
  return to.copy_(x);
}

TEST(Linear, RoundsBfloat16OnceOrNotAtAll) {
  for (const Case& size : kCases) {
    const Operands of = operands(size, at::kBFloat16);
    for (const Activation activation : {Activation::kNone, Activation::kGelu}) {
      SCOPED_TRACE(testing::Message() << size.rows << " x " << size.in << " -> " << size.out
                                      << (activation == Activation::kGelu ? " gelu" : ""));
      const at::Tensor exact = truth(of, activation);
      const at::Tensor rounded = linear(of.x, of.weight, of.bias, activation, at::kBFloat16);
      EXPECT_EQ(rounded.sizes(), exact.sizes());
      EXPECT_EQ(rounded.scalar_type(), at::kBFloat16);
      // Half a unit of the last of 8 bits is 2e-3 to 4e-3 of a value; LibTorch rounds up to three
      // times.
      EXPECT_LT(relative_error(rounded, exact), 6e-3);
      const at::Tensor wide = linear(of.x, of.weight, of.bias, activation, at::kFloat);
      EXPECT_EQ(wide.scalar_type(), at::kFloat);
      EXPECT_LT(relative_error(wide, exact), 6e-3);
    }
  }
}

// Where our kernel runs, nothing is rounded before the result: float sums, float GELU.
TEST(Linear, KeepsFloatSums) {
  const Operands large = operands({600, 512, 200}, at::kBFloat16);
  const at::Tensor wide = linear(large.x, large.weight, large.bias, Activation::kGelu, at::kFloat);
  if (!prefers_avx512_bf16()) GTEST_SKIP() << "this machine takes LibTorch's linear";
  EXPECT_LT(relative_error(wide, truth(large, Activation::kGelu)), 2e-6);
}

TEST(Linear, IsLibTorchsInFloatAndDouble) {
  for (const Case& size : kCases) {
    for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
      if (size.rows == 1 && dtype == at::kFloat) continue;
      Operands of = operands(size, dtype);
      of.bias = of.bias.to(dtype);
      const at::Tensor got = linear(of.x, of.weight, of.bias, Activation::kNone, dtype);
      EXPECT_TRUE(at::equal(got, at::linear(of.x, of.weight, of.bias)));
    }
  }
}

// A row a frame, as in the camera head: six rows at a time, four columns, 16 lanes.
TEST(Linear, TakesFewRowsOfFloat) {
  for (const int64_t rows : {1, 2, 3, 4, 5, 6, 7, 12}) {
    for (const auto& [in, out] : {std::pair{9, 64}, {64, 67}, {130, 1}, {2048, 258}, {17, 3}}) {
      SCOPED_TRACE(testing::Message() << rows << " x " << in << " -> " << out);
      const Operands of = operands({rows, in, out}, at::kFloat);
      for (const Activation activation : {Activation::kNone, Activation::kGelu}) {
        const at::Tensor got = linear(of.x, of.weight, of.bias, activation, at::kFloat);
        EXPECT_EQ(got.sizes(), at::IntArrayRef({rows, out}));
        EXPECT_LT(relative_error(got, truth(of, activation)), 1e-6);
      }
      const at::Tensor bare = linear(of.x, of.weight, {}, Activation::kNone, at::kFloat);
      EXPECT_LT(relative_error(bare + of.bias, truth(of, Activation::kNone)), 1e-6);
    }
  }
}

TEST(Linear, TakesLeadingAxesStridesNoBiasAndNothing) {
  const Operands of = operands({60, 64, 96}, at::kBFloat16);
  const auto run = [&](const at::Tensor& x, const at::Tensor& bias) {
    return linear(x, of.weight, bias, Activation::kNone, at::kFloat);
  };
  const at::Tensor flat = run(of.x, of.bias);
  EXPECT_TRUE(at::equal(run(of.x.view({3, 20, 64}), of.bias), flat.view({3, 20, 96})));
  const at::Tensor strided = at::empty({60, 128}, of.x.options()).slice(1, 0, 64);
  strided.copy_(of.x);
  EXPECT_TRUE(at::equal(run(strided, of.bias), flat));
  EXPECT_TRUE(at::equal(run(of.x.to(at::kFloat), of.bias), flat));
  EXPECT_LT(relative_error(run(of.x, {}) + of.bias, truth(of, Activation::kNone)), 3e-3);
  EXPECT_EQ(run(of.x.slice(0, 0, 0), of.bias).sizes(), at::IntArrayRef({0, 96}));
}

TEST(Linear, TakesMisalignedViews) {
  for (const at::ScalarType dtype : {at::kBFloat16, at::kFloat}) {
    for (const Case& size : {Case{60, 64, 96}, {3, 64, 96}, {31, 34, 65}, {37, 5, 7}}) {
      const Operands of = operands(size, dtype);
      const at::Tensor got = linear(
          shifted(of.x), shifted(of.weight), shifted(of.bias), Activation::kGelu, at::kFloat);
      EXPECT_LT(relative_error(got, truth(of, Activation::kGelu)),
                dtype == at::kBFloat16 ? 6e-3 : 1e-6)
          << c10::toString(dtype) << " " << size.rows << " x " << size.in << " -> " << size.out;
    }
  }
}

// Powers of two, which round nothing.
TEST(Linear, ScalesWithLargeAndSmallValues) {
  for (const at::ScalarType dtype : {at::kBFloat16, at::kFloat}) {
    for (const int64_t rows : {3, 60}) {
      const Operands of = operands({rows, 64, 96}, dtype);
      const auto run = [&](double factor) {
        return linear(of.x * factor, of.weight, {}, Activation::kNone, at::kFloat);
      };
      for (const int power : {-60, 100}) {
        const double factor = std::ldexp(1.0, power);
        EXPECT_TRUE(at::equal(run(factor), run(1) * factor)) << c10::toString(dtype) << power;
      }
    }
  }
}

TEST(Linear, DoesNotDependOnThreads) {
  const Operands of = operands({3000, 256, 640}, at::kBFloat16);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor one = linear(of.x, of.weight, of.bias, Activation::kGelu, at::kBFloat16);
  at::set_num_threads(5);
  const at::Tensor five = linear(of.x, of.weight, of.bias, Activation::kGelu, at::kBFloat16);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one, five));
}

TEST(Linear, GeluHoldsFromEndToEnd) {
  // The identity as the weight: what comes out is GELU of the numbers themselves.
  const at::Tensor x = at::linspace(-12, 12, 4096, at::kFloat).to(at::kBFloat16).view({64, 64});
  const at::Tensor eye = at::eye(64, at::kBFloat16);
  const at::Tensor got = linear(x, eye, {}, Activation::kGelu, at::kFloat);
  const at::Tensor exact = at::gelu(x.to(at::kDouble));
  // Absolute, where erf is near -1 and GELU near 0. Where LibTorch's linear is taken, its rounding.
  const at::Tensor allowed =
      prefers_avx512_bf16() ? exact.abs() * 1e-6 + 3e-6 : exact.abs() * 8e-3 + 1e-6;
  EXPECT_TRUE(((got.to(at::kDouble) - exact).abs() <= allowed).all().item<bool>())
      << (got.to(at::kDouble) - exact).abs().max();
}

TEST(Linear, KeepsNotANumberInItsRow) {
  const Operands of = operands({40, 64, 64}, at::kBFloat16);
  at::Tensor x = of.x.clone();
  x[13][5] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor y = linear(x, of.weight, of.bias, Activation::kGelu, at::kBFloat16);
  EXPECT_TRUE(at::isnan(y[13]).all().item<bool>());
  EXPECT_EQ(at::isnan(y).sum().item<int64_t>(), 64);
}

TEST(Linear, RefusesWhatDoesNotFit) {
  const at::Tensor x = at::zeros({4, 6});
  const at::Tensor weight = at::zeros({5, 6});
  const auto message = [](auto... arguments) {
    return message_of<c10::Error>([=] { linear(arguments...); });
  };
  EXPECT_THAT(message(x, at::zeros({5, 7}), at::Tensor(), Activation::kNone, at::kFloat),
              HasSubstr("does not fit"));
  EXPECT_THAT(message(x, weight, at::zeros({6}), Activation::kNone, at::kFloat),
              HasSubstr("bias must be [5]"));
  EXPECT_THAT(message(x, weight, at::zeros({5}), Activation::kNone, at::kHalf),
              HasSubstr("result is float"));
}

}  // namespace
}  // namespace vggt::kernels
