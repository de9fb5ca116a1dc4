// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include <cmath>

#include "kernels/common/fp8.h"
#include "kernels/quantized_linear/quantized_linear.h"

namespace vggt::kernels {
int64_t QuantizedWeight::bytes() const {
  int64_t sum = 0;
  for (const at::Tensor* part : {&codes, &scales, &zeros, &input_signs, &input_scale}) {
    if (part->defined()) sum += static_cast<int64_t>(part->nbytes());
  }
  return sum;
}

QuantizedWeight QuantizedWeight::to(at::Device device) const {
  QuantizedWeight moved = *this;
  for (at::Tensor* part :
       {&moved.codes, &moved.scales, &moved.zeros, &moved.input_signs, &moved.input_scale}) {
    if (part->defined()) *part = part->to(device);
  }
  return moved;
}

at::Tensor hadamard(const at::Tensor& x) {
  const int64_t columns = x.size(-1);
  const int64_t n = columns & -columns;  // the lowest bit that is set
  at::Tensor y = x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
  for (int64_t half = 1; half < n; half *= 2) {
    const at::Tensor pairs = y.reshape({-1, 2, half});
    const at::Tensor first = pairs.select(1, 0);
    const at::Tensor second = pairs.select(1, 1);
    y = at::stack({first + second, first - second}, 1);
  }
  return (y * (1 / std::sqrt(static_cast<double>(n)))).view(x.sizes());
}

at::Tensor transformed_input(const at::Tensor& x, const QuantizedWeight& weight) {
  at::Tensor y = x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
  if (weight.input_signs.defined()) y = hadamard(y * weight.input_signs);
  if (weight.input_scale.defined()) y = y * weight.input_scale.to(y.scalar_type());
  return y;
}

at::Tensor to_fp8(const at::Tensor& values) {
  // LibTorch rounds alike on every device, but does not saturate.
  return values.to(at::kFloat)
      .clamp(-kFp8Largest, kFp8Largest)
      .to(at::kFloat8_e4m3fn)
      .view(at::kByte);
}

at::Tensor from_fp8(const at::Tensor& codes, at::ScalarType dtype) {
  at::Tensor table = at::empty({256}, at::kFloat);
  for (int i = 0; i < 256; ++i) {
    table.mutable_data_ptr<float>()[i] = from_fp8(static_cast<uint8_t>(i));
  }
  return table.to(codes.device(), dtype)
      .index_select(0, codes.flatten().to(at::kLong))
      .view(codes.sizes());
}

at::Tensor pack_int4(const at::Tensor& codes) {
  TORCH_CHECK(codes.dim() == 2 && codes.size(1) % 2 == 0 && codes.scalar_type() == at::kByte,
              "pack_int4: codes must be bytes [N, K] with an even K, got ",
              codes.sizes());
  const at::Tensor pairs = codes.unflatten(1, {-1, 2});
  return pairs.select(2, 0).bitwise_or(pairs.select(2, 1).bitwise_left_shift(4));
}

at::Tensor unpack_int4(const at::Tensor& packed) {
  return at::stack({packed.bitwise_and(15), packed.bitwise_right_shift(4)}, 2).flatten(1);
}

at::Tensor dequantize(const QuantizedWeight& weight, at::ScalarType dtype) {
  const at::Tensor scales = weight.scales.to(dtype);
  switch (weight.format) {
    case WeightFormat::kFp8:
      return from_fp8(weight.codes, dtype) * scales.unsqueeze(1);
    case WeightFormat::kInt8:
    case WeightFormat::kW8:
      return weight.codes.to(dtype) * scales.unsqueeze(1);
    case WeightFormat::kW4:
      break;
  }
  const at::Tensor groups = unpack_int4(weight.codes).to(dtype).unflatten(1, {-1, weight.group});
  return ((groups - weight.zeros.to(dtype).unsqueeze(2)) * scales.unsqueeze(2)).flatten(1);
}

QuantizedRows quantize_rows(const at::Tensor& x, WeightFormat format) {
  const bool is_fp8 = format == WeightFormat::kFp8;
  const double largest = is_fp8 ? kFp8Largest : 127.0;
  const at::Tensor rows = x.to(at::kFloat);
  const at::Tensor magnitude =
      x.size(1) > 0 ? rows.abs().amax(1) : at::zeros({x.size(0)}, rows.options());
  // A row with NaN or infinity has no scale: all its results are NaN.
  const at::Tensor scales = at::where(magnitude.isfinite(),
                                      magnitude.clamp_min(kSmallestMagnitude) / largest,
                                      at::full({}, NAN, rows.options()));
  const at::Tensor divided = at::nan_to_num(rows / scales.unsqueeze(1), 0, 0, 0);
  if (is_fp8) return {to_fp8(divided), scales};
  return {divided.round().clamp(-127, 127).to(at::kChar), scales};
}

at::Tensor quantized_linear_reference(const at::Tensor& x,
                                      const QuantizedWeight& weight,
                                      const at::Tensor& bias,
                                      Activation activation,
                                      at::ScalarType out_dtype) {
  const at::ScalarType dtype = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor rows = transformed_input(x.reshape({-1, weight.in}), weight);
  at::Tensor y;
  if (weight.format == WeightFormat::kFp8 || weight.format == WeightFormat::kInt8) {
    const bool is_fp8 = weight.format == WeightFormat::kFp8;
    const QuantizedRows quantized = quantize_rows(rows, weight.format);
    // Sums of integers up to 127^2 K are exact in double, not in float.
    const at::ScalarType sums = is_fp8 ? dtype : at::kDouble;
    const auto decoded = [&](const at::Tensor& codes) {
      return is_fp8 ? from_fp8(codes, sums) : codes.to(sums);
    };
    y = at::mm(decoded(quantized.codes), decoded(weight.codes).t());
    y = (y * quantized.scales.to(sums).unsqueeze(1) * weight.scales.to(sums)).to(dtype);
  } else {
    y = at::mm(rows, dequantize(weight, dtype).t());
  }
  if (bias.defined()) y = y + bias.to(dtype);
  if (activation == Activation::kGelu) y = at::gelu(y);
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.out();
  return y.to(out_dtype).view(shape);
}

}  // namespace vggt::kernels
