// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantized_linear/quantized_linear.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "kernels/common/cpu_features.h"
#include "kernels/common/output_parts.h"
#include "kernels/common/path.h"
#ifdef VGGT_WITH_CUDA
#include "kernels/quantized_linear/quantized_linear_cuda.h"
#endif
#ifdef VGGT_WITH_AVX512_BF16
#include "kernels/quantized_linear/quantized_linear_avx512.h"
#endif

namespace vggt::kernels {
namespace {

void check(const at::Tensor& x,
           const QuantizedWeight& weight,
           const at::Tensor& bias,
           at::ScalarType out_dtype) {
  TORCH_CHECK(x.dim() >= 1 && x.size(-1) == weight.in && at::isFloatingType(x.scalar_type()),
              "quantized_linear: x of ",
              x.sizes(),
              " does not fit a weight of ",
              weight.in,
              " inputs");
  TORCH_CHECK(!bias.defined() || (bias.dim() == 1 && bias.size(0) == weight.out()),
              "quantized_linear: the bias must be [",
              weight.out(),
              "], got ",
              bias.sizes());
  TORCH_CHECK(x.device() == weight.codes.device(),
              "quantized_linear: x and weight must share the device");
  TORCH_CHECK(out_dtype == at::kFloat || out_dtype == at::kBFloat16 || out_dtype == at::kHalf ||
                  out_dtype == at::kDouble,
              "quantized_linear: the result is floating point, not ",
              out_dtype);
}

#ifdef VGGT_WITH_AVX512_BF16
bool fits_cpu(const at::Tensor& x, const QuantizedWeight& weight, at::ScalarType out_dtype) {
  const bool is_w4 = weight.format == WeightFormat::kW4;
  return path() == Path::kFast && x.is_cpu() && prefers_avx512_bf16() &&
         __builtin_cpu_supports("avx512vnni") && x.scalar_type() != at::kDouble && x.numel() > 0 &&
         weight.in % 4 == 0 && (!is_w4 || weight.group % 16 == 0) &&
         (out_dtype == at::kFloat || out_dtype == at::kBFloat16);
}

at::Tensor quantized_linear_cpu(const at::Tensor& x,
                                const QuantizedWeight& weight,
                                const at::Tensor& bias,
                                Activation activation,
                                at::ScalarType out_dtype) {
  const int64_t in = weight.in;
  at::Tensor rows = x.reshape({-1, in}).contiguous();
  const int64_t count = rows.size(0);
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.out();
  at::Tensor y = at::empty(shape, x.options().dtype(out_dtype));

  QuantizedLinearParams params;
  at::Tensor row_scales;
  if (weight.format == WeightFormat::kInt8 || weight.format == WeightFormat::kFp8) {
    const bool integer = weight.format == WeightFormat::kInt8;
    at::Tensor from = rows;
    // The scale goes with the rounding; a rotation comes before it.
    if (weight.input_signs.defined()) from = hadamard(rows.to(at::kFloat) * weight.input_signs);
    if (from.scalar_type() != at::kBFloat16) from = from.to(at::kFloat);
    const at::Tensor input_scale =
        weight.input_scale.defined() ? weight.input_scale.contiguous() : weight.input_scale;
    rows = at::empty({count, in}, integer ? at::kByte : at::kBFloat16);
    row_scales = at::empty({count}, at::kFloat);
    const RowsParams of_rows = {
        .x = from.const_data_ptr(),
        .x_is_float = from.scalar_type() == at::kFloat,
        .input_scale = input_scale.defined() ? input_scale.const_data_ptr<float>() : nullptr,
        .columns = in,
        .scales = row_scales.mutable_data_ptr<float>()};
    void* to = rows.mutable_data_ptr();
    at::parallel_for(0, count, 32, [&](int64_t begin, int64_t end) {
      if (integer) {
        quantize_rows_int8_avx512(of_rows, begin, end, static_cast<uint8_t*>(to));
      } else {
        quantize_rows_fp8_avx512(of_rows, begin, end, static_cast<uint16_t*>(to));
      }
    });
  } else {
    const bool changed = weight.input_signs.defined() || weight.input_scale.defined();
    rows = (changed ? transformed_input(rows, weight) : rows).to(at::kBFloat16);
  }
  const at::Tensor codes = weight.codes.contiguous();
  const at::Tensor scales = weight.scales.to(at::kFloat).contiguous();
  const at::Tensor zeros = weight.zeros.defined() ? weight.zeros.contiguous() : weight.zeros;
  const at::Tensor offset = bias.defined() ? bias.to(at::kFloat).contiguous() : bias;
  params.x = rows.const_data_ptr();
  params.row_scales = row_scales.defined() ? row_scales.const_data_ptr<float>() : nullptr;
  params.codes = static_cast<const uint8_t*>(codes.const_data_ptr());
  params.scales = scales.const_data_ptr<float>();
  params.zeros = zeros.defined() ? zeros.const_data_ptr<uint8_t>() : nullptr;
  params.bias = offset.defined() ? offset.const_data_ptr<float>() : nullptr;
  params.y = y.mutable_data_ptr();
  params.rows = count;
  params.in = in;
  params.out = weight.out();
  params.group = weight.group;
  params.format = weight.format == WeightFormat::kFp8  ? PackedCodes::kFp8
                  : weight.format == WeightFormat::kW4 ? PackedCodes::kInt4
                                                       : PackedCodes::kInt8;
  params.integer = weight.format == WeightFormat::kInt8;
  params.gelu = activation == Activation::kGelu;
  params.y_is_float = out_dtype == at::kFloat;

  const int64_t columns = quantized_linear_columns(params);
  for_each_output_part(params.rows,
                       params.out,
                       columns,
                       quantized_linear_scratch_words(params, columns),
                       [&](int64_t row_begin,
                           int64_t row_end,
                           int64_t column_begin,
                           int64_t column_end,
                           uint32_t* scratch) {
                         quantized_linear_avx512(
                             params, row_begin, row_end, column_begin, column_end, scratch);
                       });
  return y;
}
#endif

}  // namespace

at::Tensor quantized_linear(const at::Tensor& x,
                            const QuantizedWeight& weight,
                            const at::Tensor& bias,
                            Activation activation,
                            at::ScalarType out_dtype) {
  check(x, weight, bias, out_dtype);
#ifdef VGGT_WITH_CUDA
  if (x.is_cuda() && path() == Path::kFast) {
    const at::Tensor y = quantized_linear_cuda(x, weight, bias, activation, out_dtype);
    if (y.defined()) return y;
  }
#endif
#ifdef VGGT_WITH_AVX512_BF16
  if (fits_cpu(x, weight, out_dtype)) {
    return quantized_linear_cpu(x, weight, bias, activation, out_dtype);
  }
#endif
  return quantized_linear_reference(x, weight, bias, activation, out_dtype);
}

}  // namespace vggt::kernels
