// SPDX-License-Identifier: Apache-2.0
// quantized_linear() against linear() in bfloat16: a layer of VGGT-1B's blocks, from one row to eight
// frames of 392 x 518 px. For int8 also LibTorch's own calls (oneDNN's), packed beforehand.
#include "kernels/quantized_linear/quantized_linear.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/InferenceMode.h>

#include "kernels/common/bench.h"

namespace vggt::kernels {
namespace {

constexpr int64_t kIn = 1024;
constexpr int64_t kOut = 4096;
constexpr int64_t kGroup = 128;

QuantizedWeight codes_of(const at::Tensor& weight, WeightFormat format) {
  if (format != WeightFormat::kW4) {
    const QuantizedRows rows = quantize_rows(weight, format);
    return {.format = format, .in = kIn, .codes = rows.codes, .scales = rows.scales};
  }
  const at::Tensor groups = weight.unflatten(1, {-1, kGroup});
  const at::Tensor scales = (groups.abs().amax(2) / 7).to(at::kHalf);
  const at::Tensor codes =
      (groups / scales.to(at::kFloat).unsqueeze(2)).round().add(8).clamp(0, 15).flatten(1);
  return {.format = format,
          .in = kIn,
          .group = kGroup,
          .codes = pack_int4(codes.to(at::kByte)),
          .scales = scales,
          .zeros = at::full_like(scales, 8, at::kByte)};
}

void measure(const char* name, WeightFormat format, int64_t rows) {
  const at::Tensor x = at::randn({rows, kIn}, at::kBFloat16);
  const at::Tensor weight = at::randn({kOut, kIn}) / 32;
  const at::Tensor half = weight.to(at::kBFloat16);
  const at::Tensor bias = at::randn({kOut});
  const QuantizedWeight codes = codes_of(weight, format);
  const auto ours = [&] {
    return quantized_linear(x, codes, bias, Activation::kNone, at::kBFloat16);
  };
  const auto plain = [&] { return linear(x, half, bias, Activation::kNone, at::kBFloat16); };
  const at::Tensor few = x.slice(0, 0, 64);
  const at::Tensor truth = linear_reference(few.to(at::kDouble),
                                            weight.to(at::kDouble),
                                            bias.to(at::kDouble),
                                            Activation::kNone,
                                            at::kDouble);
  const auto error = [&](const at::Tensor& y) { return relative_error(y.slice(0, 0, 64), truth); };
  const double flop = 2.0 * static_cast<double>(rows * kIn * kOut);
  const std::string label = std::string(name) + ", " + std::to_string(rows) + " rows";
  print_row(label.c_str(), flop, time_pair(ours, plain), error(ours()), error(plain()));
}

// oneDNN takes unsigned bytes with a scale for the whole tensor: rows keep their own by dividing it
// out before (here left out, as is the quantising of rows: what is timed is the product alone).
void measure_onednn(int64_t rows) {
  auto& dispatcher = c10::Dispatcher::singleton();
  const auto prepack = dispatcher.findSchemaOrThrow("onednn::qlinear_prepack", "");
  const auto product = dispatcher.findSchemaOrThrow("onednn::qlinear_pointwise", "");
  const at::Tensor weight = at::randn({kOut, kIn}) / 32;
  const at::Tensor half = weight.to(at::kBFloat16);
  const at::Tensor bias = at::randn({kOut});
  const QuantizedWeight codes = codes_of(weight, WeightFormat::kInt8);
  const at::Tensor x = at::randn({rows, kIn}, at::kBFloat16);
  const QuantizedRows quantized = quantize_rows(x, WeightFormat::kInt8);
  const at::Tensor bytes = (quantized.codes.to(at::kShort) + 128).to(at::kByte);
  torch::jit::Stack stack;
  const auto call = [&](const c10::OperatorHandle& op, std::vector<c10::IValue> arguments) {
    stack.assign(arguments.begin(), arguments.end());
    op.callBoxed(&stack);
    return stack.front().toTensor();
  };
  const at::Tensor packed =
      call(prepack, {codes.codes, c10::IValue(std::vector<int64_t>{rows, kIn})});
  const auto theirs = [&] {
    return call(product,
                {bytes,
                 1.0 / 127,
                 int64_t{128},
                 packed,
                 codes.scales,
                 at::zeros({kOut}, at::kLong),
                 bias,
                 1.0,
                 int64_t{0},
                 at::kBFloat16,
                 "none",
                 c10::List<std::optional<at::Scalar>>(),
                 ""});
  };
  const auto ours = [&] {
    return quantized_linear(x, codes, bias, Activation::kNone, at::kBFloat16);
  };
  const double flop = 2.0 * static_cast<double>(rows * kIn * kOut);
  const std::string label = "int8/oneDNN, " + std::to_string(rows) + " rows";
  print_row(label.c_str(), flop, time_pair(ours, theirs), 0, 0);
}

}  // namespace
}  // namespace vggt::kernels

int main() {
  using vggt::kernels::WeightFormat;
  const c10::InferenceMode inference;
  vggt::kernels::print_header();
  for (const auto& [name, format] : {std::pair("int8", WeightFormat::kInt8),
                                     std::pair("fp8", WeightFormat::kFp8),
                                     std::pair("w8a16", WeightFormat::kW8),
                                     std::pair("w4a16", WeightFormat::kW4)}) {
    for (const int64_t rows : {1, 16, 128, 1041, 8328}) {
      vggt::kernels::measure(name, format, rows);
    }
  }
  for (const int64_t rows : {16, 128, 1041, 8328}) vggt::kernels::measure_onednn(rows);
}
