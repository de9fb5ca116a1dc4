// SPDX-License-Identifier: Apache-2.0
// A warp takes one slot (merge) or one row of one map (unmerge); its lanes take neighbouring
// columns, so loads are coalesced. Nothing is computed twice and each element moves once: the limit
// is memory, (members + slots) * width elements.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "kernels/token_merge/token_merge_launch.h"

namespace vggt::kernels {
namespace {

constexpr int kWarp = 32;
constexpr int kWarps = 8;  // of a block

__device__ float wide(float v) { return v; }
__device__ float wide(__nv_bfloat16 v) { return __bfloat162float(v); }
__device__ float wide(__half v) { return __half2float(v); }
__device__ void store(float* to, float v) { *to = v; }
__device__ void store(__nv_bfloat16* to, float v) { *to = __float2bfloat16(v); }
__device__ void store(__half* to, float v) { *to = __float2half(v); }

template <class T>
__global__ void merge_kernel(TokenMergeParams p) {
  const int64_t slot = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
  if (slot >= p.slots) return;
  int64_t map = 0;  // few maps: as quick as a search
  while (map + 1 < p.maps && slot >= p.map_offsets[map + 1]) ++map;
  const int32_t begin = p.member_offsets[slot];
  const int32_t end = p.member_offsets[slot + 1];
  const T* x = static_cast<const T*>(p.x) + map * p.width;
  T* y = static_cast<T*>(p.y) + slot * p.width;
  const float share = end > begin ? 1.0f / static_cast<float>(end - begin) : 0.0f;
  for (int64_t c = threadIdx.x % kWarp; c < p.width; c += kWarp) {
    if (end - begin == 1 && !p.weight) {
      y[c] = x[p.members[begin] * p.x_stride + c];
      continue;
    }
    float sum = 0;
    for (int32_t i = begin; i < end; ++i) {
      sum += (p.weight ? p.weight[i] : share) * wide(x[p.members[i] * p.x_stride + c]);
    }
    store(y + c, sum);
  }
}

template <class T>
__global__ void unmerge_kernel(TokenUnmergeParams p) {
  const int64_t entry = static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / kWarp;
  if (entry >= p.rows * p.maps) return;
  const int64_t row = entry / p.maps;
  const int64_t map = entry % p.maps;
  const int32_t slot = p.slot_of[map * p.rows + row];
  const T* y = static_cast<const T*>(p.y) + slot * p.y_stride;
  T* z = static_cast<T*>(p.z) + entry * p.width;
  for (int64_t c = threadIdx.x % kWarp; c < p.width; c += kWarp) {
    z[c] = slot >= 0 ? y[c] : T(0.0f);
  }
}

unsigned blocks_for(int64_t warps) { return static_cast<unsigned>((warps + kWarps - 1) / kWarps); }

}  // namespace

cudaError_t launch_token_merge(const TokenMergeParams& params, cudaStream_t stream) {
  if (params.slots == 0 || params.width == 0) return cudaSuccess;
  const unsigned blocks = blocks_for(params.slots);
  switch (params.type) {
    case TokenType::kFloat:
      merge_kernel<float><<<blocks, kWarp * kWarps, 0, stream>>>(params);
      break;
    case TokenType::kBFloat16:
      merge_kernel<__nv_bfloat16><<<blocks, kWarp * kWarps, 0, stream>>>(params);
      break;
    case TokenType::kHalf:
      merge_kernel<__half><<<blocks, kWarp * kWarps, 0, stream>>>(params);
      break;
    default:
      return cudaErrorInvalidValue;
  }
  return cudaGetLastError();
}

cudaError_t launch_token_unmerge(const TokenUnmergeParams& params, cudaStream_t stream) {
  if (params.rows * params.maps == 0 || params.width == 0) return cudaSuccess;
  const unsigned blocks = blocks_for(params.rows * params.maps);
  switch (params.type) {
    case TokenType::kFloat:
      unmerge_kernel<float><<<blocks, kWarp * kWarps, 0, stream>>>(params);
      break;
    case TokenType::kBFloat16:
      unmerge_kernel<__nv_bfloat16><<<blocks, kWarp * kWarps, 0, stream>>>(params);
      break;
    case TokenType::kHalf:
      unmerge_kernel<__half><<<blocks, kWarp * kWarps, 0, stream>>>(params);
      break;
    default:
      return cudaErrorInvalidValue;
  }
  return cudaGetLastError();
}

}  // namespace vggt::kernels
