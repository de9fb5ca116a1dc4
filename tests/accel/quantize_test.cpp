// SPDX-License-Identifier: Apache-2.0
#include "src/accel/quantize.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "kernels/common/fp8.h"
#include "src/base/error.h"
#include "tests/support/message_of.h"

namespace vggt::accel {
namespace {

using kernels::QuantizedWeight;
using kernels::WeightFormat;
using ::testing::AllOf;
using ::testing::HasSubstr;

at::Tensor gaussian(int64_t rows, int64_t columns) {
  at::manual_seed(5);
  return at::randn({rows, columns});
}

double relative_error(const at::Tensor& got, const at::Tensor& truth) {
  return ((got.to(at::kDouble) - truth.to(at::kDouble)).norm() / truth.to(at::kDouble).norm())
      .item<double>();
}

double weight_error(const std::string& scheme, const at::Tensor& weight) {
  return relative_error(
      kernels::dequantize(quantize(weight, quant_scheme(scheme), "w"), at::kDouble), weight);
}

// On Gaussian weights [1024, 1024]: figures computed apart, in NumPy, to a tenth.
TEST(Quantize, LosesAsMuchAsItsFormatMust) {
  const at::Tensor weight = gaussian(1024, 1024);
  const std::map<std::string, double> expected = {{"w4a16-g64", 0.091},
                                                  {"w4a16-g128", 0.101},
                                                  {"w4a16-g64-sym", 0.108},
                                                  {"w4a16-g128-sym", 0.118},
                                                  {"fp8", 0.026}};
  for (const auto& [scheme, error] : expected) {
    EXPECT_NEAR(weight_error(scheme, weight), error, 0.1 * error) << scheme;
  }
}

TEST(Quantize, Int8ProductsLoseAboutAPercent) {
  const at::Tensor weight = gaussian(512, 1024);
  const at::Tensor x = at::randn({256, 1024});
  const at::Tensor exact = at::mm(x.to(at::kDouble), weight.to(at::kDouble).t());
  const auto error = [&](const std::string& scheme) {
    const QuantizedWeight quantized = quantize(weight, quant_scheme(scheme), "w");
    return relative_error(kernels::quantized_linear_reference(
                              x, quantized, {}, kernels::Activation::kNone, at::kFloat),
                          exact);
  };
  EXPECT_NEAR(error("int8"), 0.011, 0.0011);
  EXPECT_NEAR(error("fp8"), 0.037, 0.0037);
}

TEST(Quantize, W4StaysWithinHalfAStep) {
  for (const at::Tensor& weight : {gaussian(64, 256), gaussian(64, 256).abs() + 3}) {
    const QuantizedWeight quantized = quantize(weight, quant_scheme("w4a16-g32"), "w");
    const at::Tensor apart = (kernels::dequantize(quantized, at::kFloat) - weight).abs();
    const at::Tensor half_step =
        (quantized.scales.to(at::kFloat) / 2).unsqueeze(2).expand({-1, -1, 32}).flatten(1);
    // The scale is rounded to half precision: 15 steps may be that much short.
    EXPECT_TRUE((apart <= half_step * (1 + 31.0 / 2048) + 1e-6).all().item<bool>());
  }
}

TEST(Quantize, KeepsZerosAndConstants) {
  at::Tensor weight = gaussian(8, 128);
  weight[2].zero_();
  weight[3].fill_(0.25);
  weight[4].fill_(-1e4);
  for (const char* scheme : {"fp8", "int8", "w8a16", "w4a16", "w4a16-sym"}) {
    SCOPED_TRACE(scheme);
    const at::Tensor decoded =
        kernels::dequantize(quantize(weight, quant_scheme(scheme), "w"), at::kDouble);
    EXPECT_TRUE((decoded[2] == 0).all().item<bool>());
    EXPECT_LT((decoded[3] - 0.25).abs().max().item<double>(), 0.25 / 1000);
    EXPECT_LT((decoded[4] + 1e4).abs().max().item<double>(), 10);
  }
}

TEST(Quantize, PacksTwoCodesAByteAndBack) {
  const at::Tensor codes = at::arange(64, at::kByte).bitwise_and(15).view({4, 16});
  const at::Tensor packed = kernels::pack_int4(codes);
  EXPECT_EQ(packed.sizes(), at::IntArrayRef({4, 8}));
  EXPECT_EQ(packed[0][1].item<int>(), 2 | 3 << 4) << "the even input in the low bits";
  EXPECT_TRUE(at::equal(kernels::unpack_int4(packed), codes));
  const at::Tensor bytes = at::arange(256, at::kByte).view({16, 16});
  EXPECT_TRUE(at::equal(kernels::pack_int4(kernels::unpack_int4(bytes)), bytes));
}

TEST(Quantize, NamesSchemesBothWays) {
  for (const char* name : {"fp8", "int8", "w8a16", "w4a16-g32", "w4a16-g128-sym"}) {
    EXPECT_EQ(to_string(quant_scheme(name)), name);
  }
  EXPECT_EQ(to_string(quant_scheme("w4a16")), "w4a16-g128");
  for (const char* name : {"", "w4", "w4a16-g48", "w4a16-symm", "int5"}) {
    EXPECT_THAT(message_of<ConfigError>([&] { quant_scheme(name); }), HasSubstr("format"));
  }
}

TEST(Quantize, RefusesWhatItCannotHold) {
  const auto complaint = [](const at::Tensor& weight, const char* scheme) {
    return message_of<ConfigError>([&] { quantize(weight, quant_scheme(scheme), "blocks.3.qkv"); });
  };
  EXPECT_THAT(complaint(gaussian(4, 96), "w4a16"),
              AllOf(HasSubstr("blocks.3.qkv"), HasSubstr("96"), HasSubstr("group")));
  EXPECT_THAT(complaint(gaussian(4, 6), "int8"), HasSubstr("blocks.3.qkv"));
  at::Tensor broken = gaussian(4, 128);
  broken[1][7] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(complaint(broken, "fp8"), HasSubstr("NaN or infinity"));
  EXPECT_THAT(complaint(gaussian(4, 128) * 1e7, "w4a16"), HasSubstr("too large"));
  EXPECT_THAT(complaint(gaussian(1, 128)[0], "int8"), HasSubstr("no matrix"));
}

TEST(Fp8, DecodesEveryCode) {
  for (int code = 0; code < 256; ++code) {
    const int exponent = code >> 3 & 15;
    const int mantissa = code & 7;
    const double magnitude = exponent > 0 ? std::ldexp(1 + mantissa / 8.0, exponent - 7)
                                          : std::ldexp(mantissa / 8.0, -6);
    const float decoded = kernels::from_fp8(static_cast<uint8_t>(code));
    if ((code & 127) == 127) {
      EXPECT_TRUE(std::isnan(decoded)) << code;
      continue;
    }
    EXPECT_EQ(decoded, code < 128 ? magnitude : -magnitude) << code;
    EXPECT_EQ(kernels::to_fp8(decoded), code);
  }
}

TEST(Fp8, RoundsToTheNearestEvenAndSaturates) {
  EXPECT_EQ(kernels::to_fp8(1.F), 0x38);
  EXPECT_EQ(kernels::to_fp8(448.F), 0x7e);
  EXPECT_EQ(kernels::to_fp8(1e30F), 0x7e);
  EXPECT_EQ(kernels::to_fp8(-std::numeric_limits<float>::infinity()), 0xfe);
  EXPECT_EQ(kernels::to_fp8(0x1p-6F), 0x08);
  EXPECT_EQ(kernels::to_fp8(0x1p-9F), 0x01);
  EXPECT_EQ(kernels::to_fp8(0x1p-10F), 0x00) << "half of the smallest: to even";
  EXPECT_EQ(kernels::to_fp8(0x1.8p-9F), 0x02) << "between the first two: to even";
  EXPECT_EQ(kernels::to_fp8(std::nanf("")), 0x7f);
  // Between each two neighbours: the middle goes to the even code, what is nearer to the nearer.
  for (int code = 0; code < 0x7e; ++code) {
    const double low = kernels::from_fp8(static_cast<uint8_t>(code));
    const double high = kernels::from_fp8(static_cast<uint8_t>(code + 1));
    const auto middle = static_cast<float>((low + high) / 2);
    EXPECT_EQ(kernels::to_fp8(middle), code + code % 2) << code;
    EXPECT_EQ(kernels::to_fp8(std::nextafter(middle, 0.F)), code);
    EXPECT_EQ(kernels::to_fp8(std::nextafter(middle, 1e3F)), code + 1);
  }
}

TEST(Fp8, TensorsAreEncodedAsNumbersAre) {
  // Every float of 16 bits (bfloat16), and the middles between codes' values.
  const at::Tensor words = at::arange(65536, at::kInt).to(at::kShort).view(at::kBFloat16);
  const at::Tensor codes = at::arange(0x7e, at::kInt).to(at::kByte);
  const at::Tensor next = codes + 1;
  const at::Tensor middles =
      (kernels::from_fp8(codes, at::kFloat) + kernels::from_fp8(next, at::kFloat)) / 2;
  const at::Tensor values = at::cat({words.to(at::kFloat), middles, -middles});
  const at::Tensor encoded = kernels::to_fp8(values);
  for (int64_t i = 0; i < values.numel(); ++i) {
    const float value = values.const_data_ptr<float>()[i];
    ASSERT_EQ(encoded.const_data_ptr<uint8_t>()[i], kernels::to_fp8(value)) << value;
  }
}

}  // namespace
}  // namespace vggt::accel
