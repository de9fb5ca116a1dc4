// SPDX-License-Identifier: Apache-2.0
#include "kernels/split_heads/split_heads.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include "kernels/common/cpu_features.h"
#include "kernels/common/path.h"
#include "kernels/split_heads/split_heads_params.h"
#ifdef VGGT_WITH_AVX512_BF16
#include "kernels/split_heads/split_heads_avx512.h"
#endif
#ifdef VGGT_WITH_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels/split_heads/split_heads_launch.h"
#endif

namespace vggt::kernels {
namespace {

void check(const at::Tensor& packed, const RopeTables* tables, const Heads& out) {
  TORCH_CHECK(packed.dim() == 3, "split_heads: packed must be [B, N, 3 A D], got ", packed.sizes());
  for (const at::Tensor* part : {&out.q, &out.k, &out.v}) {
    TORCH_CHECK(
        part->dim() == 4 && part->size(0) == packed.size(0) && part->size(1) == packed.size(1) &&
            3 * part->size(2) * part->size(3) == packed.size(2) && part->sizes() == out.q.sizes(),
        "split_heads: an output of ",
        part->sizes(),
        " does not fit a projection of ",
        packed.sizes());
    TORCH_CHECK(part->stride(3) == 1 && part->stride(2) == part->size(3) &&
                    part->stride(1) == part->size(2) * part->size(3),
                "split_heads: the tokens of an output must be contiguous");
    TORCH_CHECK(part->device() == packed.device() && part->scalar_type() == out.q.scalar_type() &&
                    part->strides() == out.q.strides(),
                "split_heads: outputs must share device, dtype and strides");
  }
  if (!tables) return;
  TORCH_CHECK(tables->cos.dim() == 3 && tables->cos.size(1) == packed.size(1) &&
                  tables->cos.size(2) * 2 == out.q.size(3) &&
                  (tables->cos.size(0) == 1 || tables->cos.size(0) == packed.size(0)) &&
                  tables->sin.sizes() == tables->cos.sizes(),
              "split_heads: tables of ",
              tables->cos.sizes(),
              " do not fit ",
              out.q.sizes());
}

// Whether the fast passes take it: float in, norms and rotation.
bool is_common(const at::Tensor& packed,
               const HeadNorm& q_norm,
               const HeadNorm& k_norm,
               const RopeTables* tables) {
  const auto is_float = [](const at::Tensor& x) {
    return x.defined() && x.scalar_type() == at::kFloat;
  };
  return path() == Path::kFast && tables && is_float(packed) && is_float(tables->cos) &&
         is_float(q_norm.weight) && is_float(q_norm.bias) && is_float(k_norm.weight) &&
         is_float(k_norm.bias) && !(c10::GradMode::is_enabled() && packed.requires_grad());
}

// Runs `pass` on what the operands hold, contiguous while it does.
void with_params(const at::Tensor& packed,
                 const HeadNorm& q_norm,
                 const HeadNorm& k_norm,
                 const RopeTables& tables,
                 const Heads& out,
                 const auto& pass) {
  const at::Tensor rows = packed.contiguous();
  const at::Tensor cos = tables.cos.contiguous();
  const at::Tensor sin = tables.sin.contiguous();
  const at::Tensor norms[] = {q_norm.weight.contiguous(),
                              q_norm.bias.contiguous(),
                              k_norm.weight.contiguous(),
                              k_norm.bias.contiguous()};
  SplitHeadsParams params;
  params.packed = rows.const_data_ptr<float>();
  params.q_weight = norms[0].const_data_ptr<float>();
  params.q_bias = norms[1].const_data_ptr<float>();
  params.k_weight = norms[2].const_data_ptr<float>();
  params.k_bias = norms[3].const_data_ptr<float>();
  params.cos = cos.const_data_ptr<float>();
  params.sin = sin.const_data_ptr<float>();
  params.q = out.q.mutable_data_ptr();
  params.k = out.k.mutable_data_ptr();
  params.v = out.v.mutable_data_ptr();
  params.batch = rows.size(0);
  params.tokens = rows.size(1);
  params.heads = out.q.size(2);
  params.head_dim = out.q.size(3);
  params.batch_stride = out.q.stride(0);
  params.table_stride = cos.size(0) == 1 ? 0 : cos.stride(0);
  params.q_eps = static_cast<float>(q_norm.eps);
  params.k_eps = static_cast<float>(k_norm.eps);
  params.out_type =
      out.q.scalar_type() == at::kHalf ? SplitHeadsOut::kHalf : SplitHeadsOut::kBFloat16;
  pass(params);
}

}  // namespace

void split_heads(const at::Tensor& packed,
                 const HeadNorm& q_norm,
                 const HeadNorm& k_norm,
                 const RopeTables* tables,
                 const Heads& out) {
  check(packed, tables, out);
  if (is_common(packed, q_norm, k_norm, tables)) {
#ifdef VGGT_WITH_AVX512_BF16
    if (packed.is_cpu() && prefers_avx512_bf16() && out.q.scalar_type() == at::kBFloat16 &&
        out.q.size(3) == 64) {
      return with_params(packed, q_norm, k_norm, *tables, out, [](const SplitHeadsParams& params) {
        at::parallel_for(0, params.batch * params.tokens, 64, [&](int64_t begin, int64_t end) {
          split_heads_avx512(params, begin, end);
        });
      });
    }
#endif
#ifdef VGGT_WITH_CUDA
    if (packed.is_cuda() && at::isReducedFloatingType(out.q.scalar_type()) &&
        out.q.size(3) <= 128 && out.q.size(3) % 4 == 0) {
      return with_params(packed, q_norm, k_norm, *tables, out, [&](const SplitHeadsParams& params) {
        const c10::cuda::CUDAGuard guard(packed.device());
        const cudaError_t status = launch_split_heads(
            params, c10::cuda::getCurrentCUDAStream(packed.device().index()).stream());
        TORCH_CHECK(status == cudaSuccess, "split_heads: ", cudaGetErrorString(status));
      });
    }
#endif
  }
  split_heads_reference(packed, q_norm, k_norm, tables, out);
}

}  // namespace vggt::kernels
