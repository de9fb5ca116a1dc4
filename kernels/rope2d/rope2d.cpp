// SPDX-License-Identifier: Apache-2.0
#include "kernels/rope2d/rope2d.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/common/path.h"

#ifdef VGGT_WITH_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels/rope2d/rope2d_launch.h"
#endif

namespace vggt::kernels {
namespace {

// One pass over x, where the reference makes eight: its cost is that of reading and writing memory.
at::Tensor rope2d_cpu(const at::Tensor& x, const RopeTables& tables) {
  const at::Tensor cos = tables.cos.contiguous();
  const at::Tensor sin = tables.sin.contiguous();
  at::Tensor out = at::empty(x.sizes(), x.options());
  const int64_t tokens = x.size(1);
  const int64_t heads = x.size(2);
  const int64_t quarter = x.size(3) / 4;
  const int64_t table_batch = cos.size(0) == 1 ? 0 : cos.stride(0);
  const auto* in = x.const_data_ptr<float>();
  auto* to = out.mutable_data_ptr<float>();
  at::parallel_for(0, x.size(0) * tokens, 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t batch = row / tokens;
      const int64_t token = row % tokens;
      const int64_t table = batch * table_batch + token * 2 * quarter;
      for (int64_t head = 0; head < heads; ++head) {
        for (int64_t axis = 0; axis < 2; ++axis) {
          const float* u = in + batch * x.stride(0) + token * x.stride(1) + head * x.stride(2) +
                           axis * 2 * quarter;
          const float* c = cos.const_data_ptr<float>() + table + axis * quarter;
          const float* s = sin.const_data_ptr<float>() + table + axis * quarter;
          float* turned = to + ((row * heads + head) * 2 + axis) * 2 * quarter;
          for (int64_t j = 0; j < quarter; ++j) {
            turned[j] = u[j] * c[j] - u[j + quarter] * s[j];
            turned[j + quarter] = u[j + quarter] * c[j] + u[j] * s[j];
          }
        }
      }
    }
  });
  return out;
}

#ifdef VGGT_WITH_CUDA
at::Tensor rope2d_cuda(const at::Tensor& x, const RopeTables& tables, at::ScalarType result_dtype) {
  const c10::cuda::CUDAGuard guard(x.device());
  at::Tensor out = at::empty(x.sizes(), x.options().dtype(result_dtype));
  const at::Tensor cos = tables.cos.contiguous();
  const at::Tensor sin = tables.sin.contiguous();
  Rope2dParams params;
  params.x = x.const_data_ptr<float>();
  params.cos = cos.const_data_ptr<float>();
  params.sin = sin.const_data_ptr<float>();
  params.out = out.mutable_data_ptr();
  params.batch = x.size(0);
  params.tokens = x.size(1);
  params.heads = x.size(2);
  params.head_dim = x.size(3);
  params.stride_batch = x.stride(0);
  params.stride_token = x.stride(1);
  params.stride_head = x.stride(2);
  params.table_stride_batch = cos.size(0) == 1 ? 0 : cos.stride(0);
  params.out_type = result_dtype == at::kFloat      ? Rope2dOut::kFloat
                    : result_dtype == at::kBFloat16 ? Rope2dOut::kBFloat16
                                                    : Rope2dOut::kHalf;
  const cudaError_t status =
      launch_rope2d(params, c10::cuda::getCurrentCUDAStream(x.device().index()).stream());
  TORCH_CHECK(status == cudaSuccess, "rope2d: ", cudaGetErrorString(status));
  return out;
}
#endif

// Whether one of the passes above takes it.
bool has_kernel(const at::Tensor& x, at::ScalarType result_dtype) {
  if (path() == Path::kPlain || x.scalar_type() != at::kFloat) return false;
#ifdef VGGT_WITH_CUDA
  if (x.is_cuda()) {
    return result_dtype == at::kFloat || result_dtype == at::kBFloat16 || result_dtype == at::kHalf;
  }
#endif
  return x.is_cpu();
}

at::Tensor rope2d_kernel(const at::Tensor& x,
                         const RopeTables& tables,
                         at::ScalarType result_dtype) {
#ifdef VGGT_WITH_CUDA
  if (x.is_cuda()) return rope2d_cuda(x, tables, result_dtype);
#endif
  return rope2d_cpu(x, tables).to(result_dtype);
}

// The gradient of a rotation is turned back.
class Rotate : public torch::autograd::Function<Rotate> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context,
                            const at::Tensor& x,
                            const at::Tensor& cos,
                            const at::Tensor& sin) {
    context->save_for_backward({cos, sin});
    return rope2d_kernel(x, {cos, sin}, at::kFloat);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const torch::autograd::variable_list tables = context->get_saved_variables();
    const at::Tensor turned =
        rope2d_kernel(gradients.front().contiguous(), {tables[0], tables[1].neg()}, at::kFloat);
    return {turned, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

RopeTables rope2d_tables(const at::Tensor& positions,
                         int64_t head_dim,
                         double base,
                         at::ScalarType dtype) {
  TORCH_CHECK(positions.dim() == 3 && positions.size(2) == 2,
              "rope2d: positions must be [B, N, 2], got ",
              positions.sizes());
  TORCH_CHECK(head_dim > 0 && head_dim % 4 == 0,
              "rope2d: the head size must be divisible by 4, got ",
              head_dim);
  const auto options = positions.options().dtype(at::kFloat);
  const at::Tensor exponents =
      at::arange(0, head_dim / 2, 2, options) / static_cast<double>(head_dim / 2);
  const at::Tensor frequencies = 1.0 / at::pow(at::scalar_tensor(base, options), exponents);
  const at::Tensor angles =
      (positions.to(at::kFloat).unsqueeze(3) * frequencies).flatten(2).to(dtype);
  return {angles.cos(), angles.sin()};
}

at::Tensor rope2d(const at::Tensor& x,
                  const RopeTables& tables,
                  std::optional<at::ScalarType> out_dtype) {
  TORCH_CHECK(x.dim() == 4, "rope2d: x must be [B, N, A, D], got ", x.sizes());
  TORCH_CHECK(x.stride(3) == 1, "rope2d: the last stride of x must be 1");
  for (const at::Tensor& table : {tables.cos, tables.sin}) {
    TORCH_CHECK(table.dim() == 3 && (table.size(0) == x.size(0) || table.size(0) == 1) &&
                    table.size(1) == x.size(1) && table.size(2) * 2 == x.size(3),
                "rope2d: tables of ",
                table.sizes(),
                " do not fit x of ",
                x.sizes());
    TORCH_CHECK(table.scalar_type() == x.scalar_type() && table.device() == x.device(),
                "rope2d: x and its tables must share dtype and device");
  }
  const at::ScalarType result_dtype = out_dtype.value_or(x.scalar_type());
  if (!has_kernel(x, result_dtype)) return rope2d_reference(x, tables).to(result_dtype);
  if (c10::GradMode::is_enabled() && x.requires_grad()) {
    return Rotate::apply(x, tables.cos, tables.sin).to(result_dtype);
  }
  return rope2d_kernel(x, tables, result_dtype);
}

}  // namespace vggt::kernels
