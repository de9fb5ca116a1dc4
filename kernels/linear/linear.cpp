// SPDX-License-Identifier: Apache-2.0
#include "kernels/linear/linear.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "kernels/common/cpu_features.h"
#include "kernels/common/output_parts.h"
#include "kernels/common/path.h"
#ifdef VGGT_WITH_AVX512_BF16
#include "kernels/linear/few_rows_avx512.h"
#include "kernels/linear/linear_avx512.h"
#endif

namespace vggt::kernels {
namespace {

// Below this, packing the weights costs as much as the product.
constexpr int64_t kLeastRows = 24;

#ifdef VGGT_WITH_AVX512_BF16
at::Tensor linear_cpu(const at::Tensor& x,
                      const at::Tensor& weight,
                      const at::Tensor& bias,
                      Activation activation,
                      at::ScalarType out_dtype) {
  const at::Tensor rows = x.to(at::kBFloat16).contiguous();
  const at::Tensor matrix = weight.contiguous();
  const at::Tensor offset = bias.defined() ? bias.to(at::kFloat).contiguous() : bias;
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  at::Tensor y = at::empty(shape, x.options().dtype(out_dtype));

  LinearParams params;
  params.x = static_cast<const uint16_t*>(rows.const_data_ptr());
  params.weight = static_cast<const uint16_t*>(matrix.const_data_ptr());
  params.bias = offset.defined() ? offset.const_data_ptr<float>() : nullptr;
  params.y = y.mutable_data_ptr();
  params.in = weight.size(1);
  params.out = weight.size(0);
  params.rows = rows.numel() / params.in;
  params.x_stride = params.in;
  params.gelu = activation == Activation::kGelu;
  params.y_is_float = out_dtype == at::kFloat;

  const int64_t columns = linear_columns(params);
  for_each_output_part(params.rows,
                       params.out,
                       columns,
                       linear_scratch_words(params, columns),
                       [&](int64_t row_begin,
                           int64_t row_end,
                           int64_t column_begin,
                           int64_t column_end,
                           uint32_t* scratch) {
                         linear_avx512(
                             params, row_begin, row_end, column_begin, column_end, scratch);
                       });
  return y;
}

// Up to so many rows of x the time goes into reading the weights.
constexpr int64_t kFewRows = 12;

at::Tensor few_rows_cpu(const at::Tensor& x,
                        const at::Tensor& weight,
                        const at::Tensor& bias,
                        Activation activation) {
  const at::Tensor rows = x.to(at::kFloat).contiguous();
  const at::Tensor matrix = weight.contiguous();
  const at::Tensor offset = bias.defined() ? bias.to(at::kFloat).contiguous() : bias;
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.size(0);
  at::Tensor y = at::empty(shape, rows.options());
  const FewRowsParams params{.x = rows.const_data_ptr<float>(),
                             .weight = matrix.const_data_ptr<float>(),
                             .bias = offset.defined() ? offset.const_data_ptr<float>() : nullptr,
                             .y = y.mutable_data_ptr<float>(),
                             .rows = rows.numel() / weight.size(1),
                             .in = weight.size(1),
                             .out = weight.size(0)};
  constexpr int64_t kColumns = 64;  // a part: 512 KB of weights at 2048 inputs
  at::parallel_for(0, (params.out + kColumns - 1) / kColumns, 1, [&](int64_t begin, int64_t end) {
    few_rows_avx512(params, begin * kColumns, std::min(end * kColumns, params.out));
  });
  return activation == Activation::kGelu ? at::gelu_(y) : y;
}
#endif

}  // namespace

at::Tensor linear(const at::Tensor& x,
                  const at::Tensor& weight,
                  const at::Tensor& bias,
                  Activation activation,
                  at::ScalarType out_dtype) {
  TORCH_CHECK(weight.dim() == 2 && x.dim() >= 1 && x.size(-1) == weight.size(1),
              "linear: x of ",
              x.sizes(),
              " does not fit a weight of ",
              weight.sizes());
  TORCH_CHECK(!bias.defined() ||
                  (bias.dim() == 1 && bias.size(0) == weight.size(0) &&
                   at::isFloatingType(bias.scalar_type()) && bias.device() == weight.device()),
              "linear: the bias must be [",
              weight.size(0),
              "] floating point on its device, got ",
              bias.sizes());
  TORCH_CHECK(x.device() == weight.device(), "linear: x and weight must share the device");
  TORCH_CHECK(out_dtype == weight.scalar_type() || out_dtype == at::kFloat,
              "linear: the result is float or of the weight's dtype, not ",
              out_dtype);
#ifdef VGGT_WITH_AVX512_BF16
  const bool needs_grad =
      c10::GradMode::is_enabled() &&
      (x.requires_grad() || weight.requires_grad() || (bias.defined() && bias.requires_grad()));
  if (path() == Path::kFast && prefers_avx512_bf16() && x.is_cpu() && !needs_grad &&
      weight.size(1) > 0) {
    const int64_t rows = x.numel() / weight.size(1);
    if (weight.scalar_type() == at::kBFloat16 && weight.size(1) % 2 == 0 && rows >= kLeastRows) {
      return linear_cpu(x, weight, bias, activation, out_dtype);
    }
    if (weight.scalar_type() == at::kFloat && rows > 0 && rows <= kFewRows) {
      return few_rows_cpu(x, weight, bias, activation);
    }
  }
#endif
  return linear_reference(x, weight, bias, activation, out_dtype);
}

}  // namespace vggt::kernels
