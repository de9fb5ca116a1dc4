// SPDX-License-Identifier: Apache-2.0
#include "kernels/residual_norm/residual_norm.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include "kernels/common/cpu_features.h"
#include "kernels/common/path.h"
#include "kernels/residual_norm/residual_norm_params.h"
#ifdef VGGT_WITH_AVX512_BF16
#include "kernels/residual_norm/residual_norm_avx512.h"
#endif
#ifdef VGGT_WITH_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels/residual_norm/residual_norm_launch.h"
#endif

namespace vggt::kernels {
namespace {

void check(const at::Tensor& x,
           const at::Tensor& update,
           const at::Tensor& gamma,
           const at::Tensor& weight,
           const at::Tensor& bias) {
  TORCH_CHECK(x.dim() >= 1 && x.is_contiguous(), "residual_norm: x must be contiguous");
  const auto fits = [&](const at::Tensor& vector) {
    return vector.defined() && vector.dim() == 1 && vector.size(0) == x.size(-1) &&
           vector.device() == x.device();
  };
  TORCH_CHECK(fits(weight) && fits(bias),
              "residual_norm: weight and bias must be [",
              x.size(-1),
              "] on x's device");
  TORCH_CHECK(!update.defined() ||
                  (update.sizes() == x.sizes() && update.device() == x.device() && fits(gamma)),
              "residual_norm: an update must be ",
              x.sizes(),
              " and have a gamma");
}

// Runs `pass` on what the operands hold, contiguous while it does; its result.
at::Tensor with_params(at::Tensor& x,
                       const at::Tensor& update,
                       const at::Tensor& gamma,
                       const at::Tensor& weight,
                       const at::Tensor& bias,
                       double eps,
                       at::ScalarType out_dtype,
                       const auto& pass) {
  at::Tensor out = at::empty(x.sizes(), x.options().dtype(out_dtype));
  const at::Tensor added = update.defined() ? update.contiguous() : update;
  const at::Tensor factor = update.defined() ? gamma.contiguous() : gamma;
  const at::Tensor scale = weight.contiguous();
  const at::Tensor offset = bias.contiguous();
  ResidualNormParams params;
  params.x = x.mutable_data_ptr<float>();
  params.update = added.defined() ? added.const_data_ptr<float>() : nullptr;
  params.gamma = added.defined() ? factor.const_data_ptr<float>() : nullptr;
  params.weight = scale.const_data_ptr<float>();
  params.bias = offset.const_data_ptr<float>();
  params.out = out.mutable_data_ptr();
  params.channels = x.size(-1);
  params.rows = x.numel() / params.channels;
  params.eps = static_cast<float>(eps);
  params.out_type = out_dtype == at::kHalf ? ResidualNormOut::kHalf : ResidualNormOut::kBFloat16;
  pass(params);
  return out;
}

}  // namespace

at::Tensor residual_norm(at::Tensor& x,
                         const at::Tensor& update,
                         const at::Tensor& gamma,
                         const at::Tensor& weight,
                         const at::Tensor& bias,
                         double eps,
                         at::ScalarType out_dtype) {
  check(x, update, gamma, weight, bias);
  const auto is_float = [](const at::Tensor& t) {
    return !t.defined() || t.scalar_type() == at::kFloat;
  };
  const bool is_common = path() == Path::kFast && x.numel() > 0 && is_float(x) &&
                         is_float(update) && is_float(gamma) && is_float(weight) &&
                         is_float(bias) && !(c10::GradMode::is_enabled() && x.requires_grad());
  if (is_common) {
#ifdef VGGT_WITH_AVX512_BF16
    if (x.is_cpu() && out_dtype == at::kBFloat16 && prefers_avx512_bf16()) {
      const auto pass = [](const ResidualNormParams& params) {
        at::parallel_for(0, params.rows, 64, [&](int64_t begin, int64_t end) {
          residual_norm_avx512(params, begin, end);
        });
      };
      return with_params(x, update, gamma, weight, bias, eps, out_dtype, pass);
    }
#endif
#ifdef VGGT_WITH_CUDA
    constexpr int64_t kMostChannels = 8192;
    if (x.is_cuda() && at::isReducedFloatingType(out_dtype) && x.size(-1) <= kMostChannels) {
      const auto pass = [&](const ResidualNormParams& params) {
        const c10::cuda::CUDAGuard guard(x.device());
        const cudaError_t status = launch_residual_norm(
            params, c10::cuda::getCurrentCUDAStream(x.device().index()).stream());
        TORCH_CHECK(status == cudaSuccess, "residual_norm: ", cudaGetErrorString(status));
      };
      return with_params(x, update, gamma, weight, bias, eps, out_dtype, pass);
    }
#endif
  }
  return residual_norm_reference(x, update, gamma, weight, bias, eps, out_dtype);
}

}  // namespace vggt::kernels
