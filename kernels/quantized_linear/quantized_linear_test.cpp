// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantized_linear/quantized_linear.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "src/accel/quantize.h"
#include "src/weights/synthetic.h"
#include "tests/support/message_of.h"

namespace vggt::kernels {
namespace {

using ::testing::HasSubstr;

constexpr const char* kSchemes[] = {"fp8", "int8", "w8a16", "w4a16-g32", "w4a16-g32-sym"};

struct Case {
  int64_t rows, in, out;
};

// Around 6 rows, 64 columns, 16 and 32 codes; VGGT's shapes in part.
const Case kCases[] = {{1, 32, 1},
                       {5, 64, 63},
                       {6, 96, 64},
                       {7, 128, 65},
                       {13, 1024, 130},
                       {1041, 64, 192},
                       {40, 4096, 70}};

at::Tensor values(at::IntArrayRef shape, const std::string& key) {
  return synthetic_parameter(key, shape, 7);
}

struct Layer {
  at::Tensor x, bias;
  QuantizedWeight weight;
};

Layer layer(const Case& size, const std::string& scheme) {
  return {values({size.rows, size.in}, "x.pos_embed"),
          values({size.out}, "layer.bias"),
          accel::quantize(
              values({size.out, size.in}, "layer.weight"), accel::quant_scheme(scheme), "layer")};
}

double relative_error(const at::Tensor& got, const at::Tensor& truth) {
  return ((got.to(at::kDouble) - truth).norm() / truth.norm()).item<double>();
}

// What comes of the quantised operands, in double: the kernel may differ by its sums alone, and by
// bfloat16 where inputs or 4-bit weights are rounded to it.
at::Tensor truth(const Layer& of, Activation activation) {
  const bool rounds_rows =
      of.weight.format == WeightFormat::kW8 || of.weight.format == WeightFormat::kW4;
  const at::Tensor x = rounds_rows ? of.x.to(at::kBFloat16) : of.x;
  return quantized_linear_reference(x.to(at::kDouble), of.weight, of.bias, activation, at::kDouble);
}

// The products of absolute values: where a sum's terms cancel, their rounding does not.
double size_of_terms(const Layer& of) {
  const at::Tensor weight = dequantize(of.weight, at::kDouble).abs();
  return (at::mm(of.x.to(at::kDouble).abs(), weight.t()) + of.bias.abs()).norm().item<double>();
}

TEST(QuantizedLinear, AgreesWithItsQuantisedOperands) {
  for (const char* scheme : kSchemes) {
    for (const Case& size : kCases) {
      for (const Activation activation : {Activation::kNone, Activation::kGelu}) {
        SCOPED_TRACE(testing::Message()
                     << scheme << " " << size.rows << " x " << size.in << " -> " << size.out);
        const Layer of = layer(size, scheme);
        const at::Tensor exact = truth(of, activation);
        const at::Tensor wide = quantized_linear(of.x, of.weight, of.bias, activation, at::kFloat);
        EXPECT_EQ(wide.sizes(), exact.sizes());
        // What is rounded to bfloat16 on the way: rows, 4-bit weights; by 2^-9 at most.
        EXPECT_LT((wide - exact).norm().item<double>(), size_of_terms(of) * 0x1p-9);
        const at::Tensor half =
            quantized_linear(of.x, of.weight, of.bias, activation, at::kBFloat16);
        EXPECT_EQ(half.scalar_type(), at::kBFloat16);
        EXPECT_LT((half - wide).norm().item<double>(), wide.norm().item<double>() * 0x1p-8);
      }
    }
  }
}

TEST(QuantizedLinear, IntegerSumsAreExact) {
  const Layer of = layer({9, 4096, 64}, "int8");
  const at::Tensor got = quantized_linear(of.x, of.weight, {}, Activation::kNone, at::kFloat);
  EXPECT_LT(relative_error(got, truth({of.x, {}, of.weight}, Activation::kNone)), 2e-7);
}

TEST(QuantizedLinear, TakesLeadingAxesStridesNoBiasAndNothing) {
  for (const char* scheme : kSchemes) {
    SCOPED_TRACE(scheme);
    const Layer of = layer({12, 64, 96}, scheme);
    const auto run = [&](const at::Tensor& x, const at::Tensor& bias) {
      return quantized_linear(x, of.weight, bias, Activation::kNone, at::kFloat);
    };
    const at::Tensor flat = run(of.x, of.bias);
    EXPECT_TRUE(at::equal(run(of.x.view({3, 4, 64}), of.bias), flat.view({3, 4, 96})));
    const at::Tensor strided = at::empty({12, 128}).slice(1, 0, 64);
    strided.copy_(of.x);
    EXPECT_TRUE(at::equal(run(strided, of.bias), flat));
    EXPECT_LT(relative_error(run(of.x, {}) + of.bias, flat.to(at::kDouble)), 1e-6);
    EXPECT_EQ(run(of.x.slice(0, 0, 0), of.bias).sizes(), at::IntArrayRef({0, 96}));
  }
}

TEST(QuantizedLinear, RotatesAndScalesItsInputsWhereAsked) {
  for (const char* scheme : kSchemes) {
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      SCOPED_TRACE(scheme);
      Layer of = layer({10, 96, 70}, scheme);
      of.x = of.x.to(dtype);
      const at::Tensor signs = values({96}, "v.pos_embed").sign().to(at::kChar);
      const at::Tensor scale = values({96}, "s.pos_embed") + 1;
      const at::Tensor changed = hadamard(of.x.to(at::kFloat) * signs) * scale;
      const auto run = [&](const at::Tensor& x) {
        return quantized_linear(x, of.weight, of.bias, Activation::kNone, at::kFloat);
      };
      const at::Tensor expected = run(changed);
      of.weight.input_signs = signs;
      of.weight.input_scale = scale;
      EXPECT_LT(relative_error(run(of.x), expected.to(at::kDouble)), 1e-6);
    }
  }
}

TEST(QuantizedLinear, QuantisesRowsAsTheReferenceDoes) {
  // The product with an identity shows the codes: any other rounding would be a whole step apart.
  for (const char* scheme : {"int8", "fp8"}) {
    Layer of = layer({33, 64, 64}, scheme);
    of.weight = accel::quantize(at::eye(64), accel::quant_scheme(scheme), "eye");
    of.x[5] *= 1e4;
    const auto run = [&] {
      return quantized_linear(of.x, of.weight, {}, Activation::kNone, at::kFloat);
    };
    const at::Tensor exact =
        quantized_linear_reference(of.x, of.weight, {}, Activation::kNone, at::kFloat);
    EXPECT_LT(((run() - exact).abs() / exact.abs().amax(1, true)).max().item<double>(), 1e-6)
        << scheme;
  }
}

TEST(Hadamard, IsItsOwnInverseAndTheDenseProduct) {
  const at::Tensor x = values({5, 96}, "x.pos_embed").to(at::kDouble);
  EXPECT_LT(relative_error(hadamard(hadamard(x)), x), 1e-14);
  at::Tensor dense = at::ones({1, 1}, at::kDouble);
  for (int i = 0; i < 5; ++i) dense = at::kron(at::tensor({1., 1., 1., -1.}).view({2, 2}), dense);
  const at::Tensor expected = at::matmul(x.view({5, 3, 32}), dense / std::sqrt(32.)).view({5, 96});
  EXPECT_LT(relative_error(hadamard(x), expected), 1e-14);
  EXPECT_LT(relative_error(hadamard(x.to(at::kFloat)), expected), 1e-6);
  EXPECT_TRUE(at::equal(hadamard(x.slice(1, 0, 95)), x.slice(1, 0, 95))) << "an odd length";
}

TEST(QuantizedLinear, DoesNotDependOnThreads) {
  const Layer of = layer({900, 256, 640}, "int8");
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor one =
      quantized_linear(of.x, of.weight, of.bias, Activation::kGelu, at::kBFloat16);
  at::set_num_threads(5);
  const at::Tensor five =
      quantized_linear(of.x, of.weight, of.bias, Activation::kGelu, at::kBFloat16);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one, five));
}

TEST(QuantizedLinear, HoldsWithOutliersAndZeroRows) {
  for (const char* scheme : {"fp8", "int8"}) {
    Layer of = layer({8, 64, 64}, scheme);
    of.x[2].zero_();
    of.x[3][5] = 1e4;
    const at::Tensor got =
        quantized_linear(of.x, of.weight, of.bias, Activation::kNone, at::kFloat);
    EXPECT_TRUE(at::equal(got[2], of.bias)) << scheme;
    EXPECT_LT(relative_error(got, truth(of, Activation::kNone)), 1e-5) << scheme;
  }
}

TEST(QuantizedLinear, KeepsNotANumberInItsRow) {
  for (const char* scheme : kSchemes) {
    for (const float strange :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      SCOPED_TRACE(scheme);
      Layer of = layer({10, 64, 64}, scheme);
      of.x[4][9] = strange;
      const at::Tensor got =
          quantized_linear(of.x, of.weight, of.bias, Activation::kNone, at::kFloat);
      EXPECT_FALSE(at::isfinite(got[4]).any().item<bool>());
      EXPECT_EQ(at::isfinite(got).sum().item<int64_t>(), 9 * 64);
    }
  }
}

TEST(QuantizedLinear, RefusesWhatDoesNotFit) {
  const Layer of = layer({4, 64, 8}, "int8");
  const auto message = [&](const at::Tensor& x, const at::Tensor& bias, at::ScalarType dtype) {
    return message_of<c10::Error>(
        [&] { quantized_linear(x, of.weight, bias, Activation::kNone, dtype); });
  };
  EXPECT_THAT(message(at::zeros({4, 60}), {}, at::kFloat), HasSubstr("does not fit"));
  EXPECT_THAT(message(of.x, at::zeros({9}), at::kFloat), HasSubstr("bias must be [8]"));
  EXPECT_THAT(message(of.x, {}, at::kInt), HasSubstr("floating point"));
}

}  // namespace
}  // namespace vggt::kernels
