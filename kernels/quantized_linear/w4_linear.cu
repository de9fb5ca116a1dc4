// SPDX-License-Identifier: Apache-2.0
// Weights are decoded on the way to the product and rounded to its type, as the CPU does, so that
// both multiply the same bits. Three kernels:
//   decode  a thread takes eight codes. 0.5 bytes in and 2 out for a weight: memory sets the limit.
//   few     up to 8 rows: a warp takes an output, a lane eight codes at a time. A weight is 0.53
//           bytes and two operations a row, so reading W sets the limit up to tens of rows.
//   tile    a block takes 64 rows and 64 outputs, its four warps a quarter each, 32 inputs at a
//           time on the tensor cores; codes are decoded into shared memory.
#include <mma.h>

#include "kernels/common/device.cuh"
#include "kernels/quantized_linear/w4_linear_launch.h"

namespace vggt::kernels {
namespace {

constexpr int kFewRows = 8;
constexpr int kFewWarps = 4;
constexpr int kTile = 64;  // rows and outputs of a block
// Not used by what is compiled for GPUs without bfloat16: inputs at a time, and the elements that
// make rows of shared memory begin in different banks.
[[maybe_unused]] constexpr int kDepth = 32;
[[maybe_unused]] constexpr int kPadding = 8;
constexpr int kThreads = 128;

__device__ inline float to_float(__nv_bfloat16 value) { return __bfloat162float(value); }
__device__ inline float to_float(__half value) { return __half2float(value); }

// Eight codes of four bytes, the even ones in the low halves.
template <class T>
__device__ inline void decode_eight(uint32_t codes, float scale, float zero, T* out) {
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const float code = static_cast<float>(codes >> (4 * i) & 15);
    out[i] = convert<T>((code - zero) * scale);
  }
}

struct Step {
  float scale;
  float zero;
};

__device__ inline Step step_at(const W4LinearParams& p, int64_t n, int64_t k) {
  const int64_t at = n * (p.in / p.group) + k / p.group;
  return {__half2float(static_cast<const __half*>(p.scales)[at]), static_cast<float>(p.zeros[at])};
}

__device__ inline void store(const W4LinearParams& p, int64_t row, int64_t n, float value) {
  if (p.bias) value += p.bias[n];
  if (p.gelu) value = 0.5F * value * (1 + erff(value * 0.70710678F));
  const int64_t at = row * p.out + n;
  if (p.y_is_float) {
    static_cast<float*>(p.y)[at] = value;
  } else if (p.half) {
    static_cast<__half*>(p.y)[at] = convert<__half>(value);
  } else {
    static_cast<__nv_bfloat16*>(p.y)[at] = convert<__nv_bfloat16>(value);
  }
}

template <class T>
__global__ void decode_kernel(W4LinearParams p) {
  const int64_t at = (static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) * 8;
  if (at >= p.out * p.in) return;
  const Step step = step_at(p, at / p.in, at % p.in);
  const uint32_t codes = *reinterpret_cast<const uint32_t*>(p.codes + at / 2);
  alignas(16) T values[8];
  decode_eight(codes, step.scale, step.zero, values);
  *reinterpret_cast<uint4*>(static_cast<T*>(p.y) + at) = *reinterpret_cast<const uint4*>(values);
}

template <class T>
__global__ void few_kernel(W4LinearParams p) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int64_t n = static_cast<int64_t>(blockIdx.x) * kFewWarps + threadIdx.x / 32;
  if (n >= p.out) return;
  const int64_t first = static_cast<int64_t>(blockIdx.y) * kFewRows;
  float sums[kFewRows] = {};
  for (int64_t k = lane * 8; k < p.in; k += 32 * 8) {
    const Step step = step_at(p, n, k);
    T weight[8];
    decode_eight(*reinterpret_cast<const uint32_t*>(p.codes + (n * p.in + k) / 2),
                 step.scale,
                 step.zero,
                 weight);
#pragma unroll
    for (int r = 0; r < kFewRows; ++r) {
      if (first + r >= p.rows) break;
      alignas(16) T x[8];
      *reinterpret_cast<uint4*>(x) =
          *reinterpret_cast<const uint4*>(static_cast<const T*>(p.x) + (first + r) * p.in + k);
#pragma unroll
      for (int i = 0; i < 8; ++i) sums[r] += to_float(x[i]) * to_float(weight[i]);
    }
  }
#pragma unroll
  for (int r = 0; r < kFewRows; ++r) {
    const float sum = sum_of_warp(sums[r]);
    if (lane == 0 && first + r < p.rows) store(p, first + r, n, sum);
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads) tile_kernel(W4LinearParams p) {
#if __CUDA_ARCH__ >= 800
  namespace wmma = nvcuda::wmma;
  constexpr int kStride = kDepth + kPadding;
  __shared__ alignas(32) T rows[kTile * kStride];
  __shared__ alignas(32) T weights[kTile * kStride];
  __shared__ alignas(32) float results[kTile * kTile];
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t first_row = static_cast<int64_t>(blockIdx.y) * kTile;
  const int64_t first_out = static_cast<int64_t>(blockIdx.x) * kTile;
  const int warp_row = thread / 64 * 32;
  const int warp_out = thread / 32 % 2 * 32;
  wmma::fragment<wmma::accumulator, 16, 16, 16, float> sums[2][2];
  for (auto& of_row : sums) {
    for (auto& sum : of_row) wmma::fill_fragment(sum, 0.F);
  }
  // Two threads a row, 16 inputs each, of x and of W alike.
  const int line = thread / 2;
  const int offset = thread % 2 * 16;
  const bool has_row = first_row + line < p.rows;
  const bool has_out = first_out + line < p.out;
  T* my_rows = rows + line * kStride + offset;
  T* my_weights = weights + line * kStride + offset;
  for (int64_t begin = 0; begin < p.in; begin += kDepth) {
    const int64_t k = begin + offset;
    uint4 zero = make_uint4(0, 0, 0, 0);
    const auto* x =
        reinterpret_cast<const uint4*>(static_cast<const T*>(p.x) + (first_row + line) * p.in + k);
    const bool inside = k < p.in;
    reinterpret_cast<uint4*>(my_rows)[0] = has_row && inside ? x[0] : zero;
    reinterpret_cast<uint4*>(my_rows)[1] = has_row && inside ? x[1] : zero;
    if (has_out && inside) {
      const int64_t n = first_out + line;
      const Step step = step_at(p, n, k);
      const uint2 codes = *reinterpret_cast<const uint2*>(p.codes + (n * p.in + k) / 2);
      decode_eight(codes.x, step.scale, step.zero, my_weights);
      decode_eight(codes.y, step.scale, step.zero, my_weights + 8);
    } else {
      reinterpret_cast<uint4*>(my_weights)[0] = zero;
      reinterpret_cast<uint4*>(my_weights)[1] = zero;
    }
    __syncthreads();
#pragma unroll
    for (int depth = 0; depth < kDepth; depth += 16) {
      wmma::fragment<wmma::matrix_a, 16, 16, 16, T, wmma::row_major> a[2];
      wmma::fragment<wmma::matrix_b, 16, 16, 16, T, wmma::col_major> b[2];
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        wmma::load_matrix_sync(a[i], rows + (warp_row + 16 * i) * kStride + depth, kStride);
        wmma::load_matrix_sync(b[i], weights + (warp_out + 16 * i) * kStride + depth, kStride);
      }
#pragma unroll
      for (int i = 0; i < 2; ++i) {
#pragma unroll
        for (int j = 0; j < 2; ++j) wmma::mma_sync(sums[i][j], a[i], b[j], sums[i][j]);
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 2; ++i) {
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      wmma::store_matrix_sync(results + (warp_row + 16 * i) * kTile + warp_out + 16 * j,
                              sums[i][j],
                              kTile,
                              wmma::mem_row_major);
    }
  }
  __syncthreads();
  for (int i = thread; i < kTile * kTile; i += kThreads) {
    const int64_t row = first_row + i / kTile;
    const int64_t n = first_out + i % kTile;
    if (row < p.rows && n < p.out) store(p, row, n, results[i]);
  }
#endif
}

template <class T>
void launch(const W4LinearParams& p, cudaStream_t stream) {
  if (p.rows <= kFewRows) {
    const dim3 grid(static_cast<unsigned>((p.out + kFewWarps - 1) / kFewWarps), 1);
    few_kernel<T><<<grid, 32 * kFewWarps, 0, stream>>>(p);
    return;
  }
  const dim3 grid(static_cast<unsigned>((p.out + kTile - 1) / kTile),
                  static_cast<unsigned>((p.rows + kTile - 1) / kTile));
  tile_kernel<T><<<grid, kThreads, 0, stream>>>(p);
}

}  // namespace

cudaError_t launch_w4_linear(const W4LinearParams& params, cudaStream_t stream) {
  if (params.rows == 0 || params.out == 0) return cudaSuccess;
  if (params.half) {
    launch<__half>(params, stream);
  } else {
    launch<__nv_bfloat16>(params, stream);
  }
  return cudaGetLastError();
}

cudaError_t launch_w4_decode(const W4LinearParams& params, cudaStream_t stream) {
  const int64_t eights = params.out * params.in / 8;
  if (eights == 0) return cudaSuccess;
  const auto blocks = static_cast<unsigned>((eights + 255) / 256);
  if (params.half) {
    decode_kernel<__half><<<blocks, 256, 0, stream>>>(params);
  } else {
    decode_kernel<__nv_bfloat16><<<blocks, 256, 0, stream>>>(params);
  }
  return cudaGetLastError();
}

}  // namespace vggt::kernels
