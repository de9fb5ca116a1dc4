// SPDX-License-Identifier: Apache-2.0
// A block takes one row and keeps it in registers, up to 32 channels a thread, so x is read and
// written once. Mean and variance are two sums over the block: within warps, then of the warps'
// sums by every warp for itself.
//
// A channel costs 8 bytes in and 6 out and about six operations: memory sets the limit.

#include "kernels/common/device.cuh"
#include "kernels/residual_norm/residual_norm_launch.h"

namespace vggt::kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr int kPerThread = 32;

// `of_warps` serves one sum: another needs another, or a barrier between.
__device__ float sum_of_block(float value, float* of_warps) {
  value = sum_of_warp(value);
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = value;
  __syncthreads();
  return sum_of_warp(threadIdx.x % 32 < kWarps ? of_warps[threadIdx.x % 32] : 0.F);
}

template <class Out, int kValues>
__global__ void residual_norm_kernel(ResidualNormParams p) {
  __shared__ float of_warps[2][kWarps];
  const int64_t start = static_cast<int64_t>(blockIdx.x) * p.channels;
  float values[kValues];
  float total = 0;
#pragma unroll
  for (int i = 0; i < kValues; ++i) {
    const int64_t channel = threadIdx.x + static_cast<int64_t>(i) * kThreads;
    values[i] = 0;
    if (channel >= p.channels) continue;
    values[i] = p.x[start + channel];
    if (p.update) {
      values[i] += p.gamma[channel] * p.update[start + channel];
      p.x[start + channel] = values[i];
    }
    total += values[i];
  }
  const auto channels = static_cast<float>(p.channels);
  const float mean = sum_of_block(total, of_warps[0]) / channels;
  float squares = 0;
#pragma unroll
  for (int i = 0; i < kValues; ++i) {
    if (threadIdx.x + static_cast<int64_t>(i) * kThreads >= p.channels) continue;
    values[i] -= mean;
    squares += values[i] * values[i];
  }
  const float scale = rsqrtf(sum_of_block(squares, of_warps[1]) / channels + p.eps);
#pragma unroll
  for (int i = 0; i < kValues; ++i) {
    const int64_t channel = threadIdx.x + static_cast<int64_t>(i) * kThreads;
    if (channel >= p.channels) continue;
    static_cast<Out*>(p.out)[start + channel] =
        convert<Out>(values[i] * scale * p.weight[channel] + p.bias[channel]);
  }
}

template <class Out>
void launch(const ResidualNormParams& params, cudaStream_t stream) {
  const dim3 grid(static_cast<unsigned>(params.rows));
  // VGGT's blocks have 1024 channels; the general case takes more registers.
  if (params.channels <= 4 * kThreads) {
    residual_norm_kernel<Out, 4><<<grid, kThreads, 0, stream>>>(params);
  } else {
    residual_norm_kernel<Out, kPerThread><<<grid, kThreads, 0, stream>>>(params);
  }
}

}  // namespace

cudaError_t launch_residual_norm(const ResidualNormParams& params, cudaStream_t stream) {
  if (params.rows == 0 || params.channels == 0) return cudaSuccess;
  if (params.channels > kPerThread * kThreads) return cudaErrorInvalidValue;
  if (params.out_type == ResidualNormOut::kHalf) {
    launch<__half>(params, stream);
  } else {
    launch<__nv_bfloat16>(params, stream);
  }
  return cudaGetLastError();
}

}  // namespace vggt::kernels
