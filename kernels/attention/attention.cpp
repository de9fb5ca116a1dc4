// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention/attention.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "kernels/attention/attention_cpu.h"
#include "kernels/attention/attention_groups.h"
#include "kernels/common/path.h"

#ifdef VGGT_WITH_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels/attention/attention_launch.h"
#endif

namespace vggt::kernels {
namespace {

// LibTorch's backward pass on a CPU is thousands of small products, each a call of its own; written
// out it is four large ones, as long as a head's weights are of a size to keep.
constexpr int64_t kMostWeightsToLearn = 1 << 22;

bool wants_gradients(const at::Tensor& q,
                     const at::Tensor& k,
                     const at::Tensor& v,
                     const AttentionOptions& options) {
  return c10::GradMode::is_enabled() &&
         (q.requires_grad() || k.requires_grad() || v.requires_grad() ||
          (options.key_bias.defined() && options.key_bias.requires_grad()));
}

// LibTorch's calls, without groups.
at::Tensor attention_torch(const at::Tensor& q,
                           const at::Tensor& k,
                           const at::Tensor& v,
                           const at::Tensor& key_bias) {
  if (q.is_cpu() && q.size(1) * k.size(1) <= kMostWeightsToLearn &&
      wants_gradients(q, k, v, {.key_bias = key_bias})) {
    return attention_reference(q, k, v, {.key_bias = key_bias});
  }
  std::optional<at::Tensor> mask;
  // In the dtype of q, or its CUDA back ends refuse it.
  if (key_bias.defined()) mask = key_bias.unsqueeze(2).to(q.scalar_type());
  return at::scaled_dot_product_attention(
             q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), mask)
      .transpose(1, 2)
      .flatten(2);
}

#ifdef VGGT_WITH_CUDA
// Whether our CUDA kernel is the one to take: without bias and groups LibTorch's are faster.
bool has_cuda_kernel(const at::Tensor& q, const AttentionOptions& options) {
  if (!q.is_cuda() || q.scalar_type() != at::kBFloat16 || q.size(3) % 8 != 0 || q.size(3) > 128) {
    return false;
  }
  int major = 0;
  const cudaError_t status =
      cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, q.device().index());
  return status == cudaSuccess && major >= 8 &&
         (options.key_bias.defined() || options.q_offsets.defined());
}

at::Tensor attention_cuda(const at::Tensor& q,
                          const at::Tensor& k,
                          const at::Tensor& v,
                          const AttentionOptions& options) {
  const c10::cuda::CUDAGuard guard(q.device());
  const bool grouped = options.q_offsets.defined();
  at::Tensor out = at::empty({q.size(0), q.size(1), q.size(2) * q.size(3)}, q.options());
  if (grouped) out.zero_();  // rows of no group
  AttentionParams params;
  params.q = q.const_data_ptr();
  params.k = k.const_data_ptr();
  params.v = v.const_data_ptr();
  params.out = out.mutable_data_ptr();
  params.batch = q.size(0);
  params.queries = q.size(1);
  params.keys = k.size(1);
  params.heads = q.size(2);
  params.head_dim = q.size(3);
  params.q_stride_batch = q.stride(0);
  params.q_stride_token = q.stride(1);
  params.q_stride_head = q.stride(2);
  params.k_stride_batch = k.stride(0);
  params.k_stride_token = k.stride(1);
  params.k_stride_head = k.stride(2);
  params.v_stride_batch = v.stride(0);
  params.v_stride_token = v.stride(1);
  params.v_stride_head = v.stride(2);
  const at::Tensor& bias = options.key_bias;
  if (bias.defined()) {
    params.bias = bias.const_data_ptr<float>();
    params.bias_stride_batch = bias.size(0) == 1 ? 0 : bias.stride(0);
    params.bias_stride_head = bias.size(1) == 1 ? 0 : bias.stride(1);
  }
  if (grouped) {
    params.q_offsets = options.q_offsets.const_data_ptr<int32_t>();
    params.k_offsets = options.k_offsets.const_data_ptr<int32_t>();
    params.groups = options.q_offsets.size(0) - 1;
  }
  const cudaError_t status =
      launch_attention(params, c10::cuda::getCurrentCUDAStream(q.device().index()).stream());
  TORCH_CHECK(status == cudaSuccess, "attention: ", cudaGetErrorString(status));
  return out;
}
#endif

void check_operands(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  TORCH_CHECK(q.dim() == 4 && k.dim() == 4 && k.sizes() == v.sizes() && q.size(0) == k.size(0) &&
                  q.size(2) == k.size(2) && q.size(3) == k.size(3),
              "attention: q must be [B, Nq, A, D], k and v [B, Nk, A, D], got ",
              q.sizes(),
              ", ",
              k.sizes(),
              " and ",
              v.sizes());
  TORCH_CHECK(q.scalar_type() == k.scalar_type() && q.scalar_type() == v.scalar_type() &&
                  q.device() == k.device() && q.device() == v.device(),
              "attention: q, k and v must share dtype and device");
}

void check_bias(const at::Tensor& q, const at::Tensor& k, const at::Tensor& bias) {
  const auto fits = [](int64_t size, int64_t of) { return size == 1 || size == of; };
  TORCH_CHECK(bias.scalar_type() == at::kFloat && bias.device() == q.device() && bias.dim() == 3 &&
                  fits(bias.size(0), q.size(0)) && fits(bias.size(1), q.size(2)) &&
                  bias.size(2) == k.size(1),
              "attention: key_bias must be float32 [B or 1, A or 1, Nk] on the device of q, got ",
              bias.scalar_type(),
              " ",
              bias.sizes(),
              " for k of ",
              k.sizes());
}

void check_offsets(const at::Tensor& offsets, const char* name, int64_t rows) {
  if (!offsets.is_cpu()) return;  // looking would wait for the device
  const auto* at = offsets.const_data_ptr<int32_t>();
  const int64_t groups = offsets.size(0) - 1;
  bool ascends = at[0] >= 0 && at[groups] <= rows;
  for (int64_t g = 0; g < groups; ++g) ascends = ascends && at[g] <= at[g + 1];
  TORCH_CHECK(ascends, "attention: ", name, " must ascend from 0 to at most ", rows);
}

void check_groups(const at::Tensor& q, const at::Tensor& k, const AttentionOptions& options) {
  TORCH_CHECK(options.q_offsets.defined() == options.k_offsets.defined(),
              "attention: groups need both q_offsets and k_offsets");
  if (!options.q_offsets.defined()) return;
  TORCH_CHECK(q.size(0) == 1, "attention: with groups B must be 1, got q of ", q.sizes());
  for (const at::Tensor& offsets : {options.q_offsets, options.k_offsets}) {
    TORCH_CHECK(offsets.scalar_type() == at::kInt && offsets.device() == q.device() &&
                    offsets.dim() == 1 && offsets.size(0) >= 1 &&
                    offsets.size(0) == options.q_offsets.size(0) && offsets.is_contiguous(),
                "attention: q_offsets and k_offsets must be contiguous int32 [G + 1] on the device "
                "of q, got ",
                offsets.scalar_type(),
                " ",
                offsets.sizes());
  }
  check_offsets(options.q_offsets, "q_offsets", q.size(1));
  check_offsets(options.k_offsets, "k_offsets", k.size(1));
}

}  // namespace

at::Tensor attention(const at::Tensor& q,
                     const at::Tensor& k,
                     const at::Tensor& v,
                     const AttentionOptions& given) {
  check_operands(q, k, v);
  AttentionOptions options = given;
  if (options.key_bias.defined()) {
    check_bias(q, k, options.key_bias);
    if (options.key_bias.stride(2) != 1) options.key_bias = options.key_bias.contiguous();
  }
  check_groups(q, k, options);
  if (q.numel() == 0 || k.numel() == 0) return attention_reference(q, k, v, options);
  const bool rows_lie = q.stride(3) == 1 && k.stride(3) == 1 && v.stride(3) == 1;
  if (path() == Path::kFast && rows_lie && !wants_gradients(q, k, v, options)) {
    if (has_cpu_kernel(q)) return attention_cpu(q, k, v, options);
#ifdef VGGT_WITH_CUDA
    if (has_cuda_kernel(q, options)) return attention_cuda(q, k, v, options);
#endif
  }
  if (options.q_offsets.defined()) return attention_by_group(q, k, v, options, attention_torch);
  return attention_torch(q, k, v, options.key_bias);
}

}  // namespace vggt::kernels
