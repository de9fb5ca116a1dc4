// SPDX-License-Identifier: Apache-2.0
// A block takes one token, a warp one head of q or k at a time. A lane holds up to two of the pairs
// (u, v) that a rotation turns into each other; mean and variance are two sums over the warp.
//
// A channel costs 4 bytes in and 2 out and about ten operations; the tables and norms stay in the
// cache. So memory sets the limit: 16 heads of 64 move 18 KB a token.

#include "kernels/common/device.cuh"
#include "kernels/split_heads/split_heads_launch.h"

namespace vggt::kernels {
namespace {

constexpr int kWarps = 8;
constexpr int kPairsPerLane = 2;  // 32 lanes, 64 pairs, 128 channels

template <class Out>
__device__ void norm_and_turn(const float* x,
                              const float* weight,
                              const float* bias,
                              float eps,
                              const float* cos,
                              const float* sin,
                              int head_dim,
                              int lane,
                              Out* out) {
  const int quarter = head_dim / 4;
  const int pairs = head_dim / 2;
  float u[kPairsPerLane];
  float v[kPairsPerLane];
  float total = 0;
#pragma unroll
  for (int i = 0; i < kPairsPerLane; ++i) {
    const int pair = lane + 32 * i;
    const int at = pair / quarter * 2 * quarter + pair % quarter;
    u[i] = pair < pairs ? x[at] : 0;
    v[i] = pair < pairs ? x[at + quarter] : 0;
    total += u[i] + v[i];
  }
  const float mean = sum_of_warp(total) / head_dim;
  float squares = 0;
#pragma unroll
  for (int i = 0; i < kPairsPerLane; ++i) {
    if (lane + 32 * i >= pairs) continue;
    u[i] -= mean;
    v[i] -= mean;
    squares += u[i] * u[i] + v[i] * v[i];
  }
  const float scale = rsqrtf(sum_of_warp(squares) / head_dim + eps);
#pragma unroll
  for (int i = 0; i < kPairsPerLane; ++i) {
    const int pair = lane + 32 * i;
    if (pair >= pairs) continue;
    const int at = pair / quarter * 2 * quarter + pair % quarter;
    const float a = u[i] * scale * weight[at] + bias[at];
    const float b = v[i] * scale * weight[at + quarter] + bias[at + quarter];
    out[at] = convert<Out>(a * cos[pair] - b * sin[pair]);
    out[at + quarter] = convert<Out>(b * cos[pair] + a * sin[pair]);
  }
}

template <class Out>
__global__ void split_heads_kernel(SplitHeadsParams p) {
  const int64_t row = blockIdx.x;  // batch * tokens + token
  const int64_t batch = row / p.tokens;
  const int64_t token = row % p.tokens;
  const int64_t channels = p.heads * p.head_dim;
  const float* from = p.packed + row * 3 * channels;
  const int64_t to = batch * p.batch_stride + token * channels;
  const int64_t table = batch * p.table_stride + token * (p.head_dim / 2);
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (int64_t i = warp; i < 2 * p.heads; i += kWarps) {
    const bool is_q = i < p.heads;
    const int64_t channel = (is_q ? i : i - p.heads) * p.head_dim;
    norm_and_turn(from + (is_q ? 0 : channels) + channel,
                  is_q ? p.q_weight : p.k_weight,
                  is_q ? p.q_bias : p.k_bias,
                  is_q ? p.q_eps : p.k_eps,
                  p.cos + table,
                  p.sin + table,
                  static_cast<int>(p.head_dim),
                  lane,
                  static_cast<Out*>(is_q ? p.q : p.k) + to + channel);
  }
  Out* v = static_cast<Out*>(p.v) + to;
  for (int64_t i = threadIdx.x; i < channels; i += blockDim.x) {
    v[i] = convert<Out>(from[2 * channels + i]);
  }
}

}  // namespace

cudaError_t launch_split_heads(const SplitHeadsParams& params, cudaStream_t stream) {
  const int64_t rows = params.batch * params.tokens;
  if (rows == 0 || params.heads == 0) return cudaSuccess;
  if (params.head_dim > 64 * kPairsPerLane || params.head_dim % 4 != 0) {
    return cudaErrorInvalidValue;
  }
  const dim3 grid(static_cast<unsigned>(rows));
  switch (params.out_type) {
    case SplitHeadsOut::kBFloat16:
      split_heads_kernel<__nv_bfloat16><<<grid, 32 * kWarps, 0, stream>>>(params);
      break;
    case SplitHeadsOut::kHalf:
      split_heads_kernel<__half><<<grid, 32 * kWarps, 0, stream>>>(params);
      break;
    default:
      return cudaErrorInvalidValue;
  }
  return cudaGetLastError();
}

}  // namespace vggt::kernels
