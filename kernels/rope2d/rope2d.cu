// SPDX-License-Identifier: Apache-2.0
// One block rotates all heads of one token. A thread takes one pair (u, v) of one head per round, a
// warp reads neighbouring u and neighbouring v: every load is coalesced while head_dim / 4 is 8 or
// more.
//
// An element costs 4 bytes in, 2 or 4 bytes out and 2 fused multiply-adds; the tables are 1 / heads
// of that and stay in the cache. So memory sets the limit: 16 heads of 64 move 6 KB a token with
// bf16 output.

#include "kernels/common/device.cuh"
#include "kernels/rope2d/rope2d_launch.h"

namespace vggt::kernels {
namespace {

template <class Out>
__global__ void rope2d_kernel(Rope2dParams p) {
  const int64_t row = blockIdx.x;  // batch * tokens + token
  const int64_t batch = row / p.tokens;
  const int64_t token = row % p.tokens;
  const float* x = p.x + batch * p.stride_batch + token * p.stride_token;
  const float* cos = p.cos + batch * p.table_stride_batch + token * (p.head_dim / 2);
  const float* sin = p.sin + batch * p.table_stride_batch + token * (p.head_dim / 2);
  Out* out = static_cast<Out*>(p.out) + row * p.heads * p.head_dim;

  const int64_t quarter = p.head_dim / 4;
  const int64_t pairs_per_head = p.head_dim / 2;
  for (int64_t i = threadIdx.x; i < p.heads * pairs_per_head; i += blockDim.x) {
    const int64_t head = i / pairs_per_head;
    const int64_t pair = i % pairs_per_head;  // the axis is pair / quarter
    const int64_t u_index = pair / quarter * 2 * quarter + pair % quarter;
    const float u = x[head * p.stride_head + u_index];
    const float v = x[head * p.stride_head + u_index + quarter];
    const float c = cos[pair];
    const float s = sin[pair];
    Out* to = out + head * p.head_dim + u_index;
    to[0] = convert<Out>(u * c - v * s);
    to[quarter] = convert<Out>(v * c + u * s);
  }
}

}  // namespace

cudaError_t launch_rope2d(const Rope2dParams& params, cudaStream_t stream) {
  const int64_t rows = params.batch * params.tokens;
  if (rows == 0 || params.heads == 0) return cudaSuccess;
  constexpr int kThreads = 256;
  const dim3 grid(static_cast<unsigned>(rows));
  switch (params.out_type) {
    case Rope2dOut::kFloat:
      rope2d_kernel<float><<<grid, kThreads, 0, stream>>>(params);
      break;
    case Rope2dOut::kBFloat16:
      rope2d_kernel<__nv_bfloat16><<<grid, kThreads, 0, stream>>>(params);
      break;
    case Rope2dOut::kHalf:
      rope2d_kernel<__half><<<grid, kThreads, 0, stream>>>(params);
      break;
    default:
      return cudaErrorInvalidValue;
  }
  return cudaGetLastError();
}

}  // namespace vggt::kernels
