// SPDX-License-Identifier: Apache-2.0
// A block takes 64 queries of one head, a warp 16 of them, and meets 64 keys at a time in shared
// memory, as FlashAttention-2 does (Dao, 2023). Of each product, a warp's operands and sums are
// fragments of mma.m16n8k16: lane l holds rows l / 4 and l / 4 + 8 and two neighbouring columns of
// each eight, from 2 (l % 4) on. The weights leave the first product in just the layout in which
// the second takes them.
//
// Per query and key 4 D operations, against 4 D / 64 bytes read from the cache for the 64 queries
// of a block: with D = 64, 64 operations a byte. So the tensor cores set the limit, and the
// exponential, one per query and key against 4 D operations there. Tiles are loaded without
// overlap inside a block; the blocks of a multiprocessor hide each other's loads.

#include <cuda_bf16.h>

#include "kernels/attention/attention_launch.h"

namespace vggt::kernels {
namespace {

constexpr int kQueries = 64;
constexpr int kKeys = 64;
constexpr int kThreads = 128;
constexpr int kPadding = 8;  // rows 16 bytes apart modulo 128: ldmatrix meets no bank twice
constexpr float kInfinity = __builtin_huge_valf();

// Four 8 x 8 matrices; lane l gives the address of row l % 8 of matrix l / 8.
__device__ void load_matrices(uint32_t (&to)[4], const __nv_bfloat16* row) {
#if __CUDA_ARCH__ >= 800
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(address)
               : "memory");
#endif
}

__device__ void load_matrices_transposed(uint32_t (&to)[4], const __nv_bfloat16* row) {
#if __CUDA_ARCH__ >= 800
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(address)
               : "memory");
#endif
}

// sums [16, 8] += a [16, 16] b [16, 8]
__device__ void multiply(float (&sums)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

__device__ uint32_t pack(float low, float high) {
  const __nv_bfloat162 both = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<const uint32_t*>(&both);
}

// A row of the fragments lies on four neighbouring lanes.
__device__ float largest_of_row(float x) {
  x = fmaxf(x, __shfl_xor_sync(0xffffffffU, x, 1));
  return fmaxf(x, __shfl_xor_sync(0xffffffffU, x, 2));
}
__device__ float sum_of_row(float x) {
  x += __shfl_xor_sync(0xffffffffU, x, 1);
  return x + __shfl_xor_sync(0xffffffffU, x, 2);
}

// 64 rows of head_dim numbers into rows of kWidth + kPadding; what lies beyond `rows` or head_dim
// becomes zero.
template <int kWidth>
__device__ void load_tile(
    __nv_bfloat16* to, const __nv_bfloat16* from, int64_t stride, int64_t rows, int64_t head_dim) {
  // Sixteen bytes at a time where they are aligned.
  const bool aligned = reinterpret_cast<uintptr_t>(from) % 16 == 0 && stride % 8 == 0;
  constexpr int kPieces = kWidth / 8;
  for (int i = threadIdx.x; i < kKeys * kPieces; i += kThreads) {
    const int row = i / kPieces;
    const int column = i % kPieces * 8;
    __nv_bfloat16* target = to + row * (kWidth + kPadding) + column;
    uint4 piece = make_uint4(0, 0, 0, 0);
    if (row < rows && column < head_dim) {
      const __nv_bfloat16* source = from + row * stride + column;
      if (aligned) {
        piece = *reinterpret_cast<const uint4*>(source);
      } else {
        auto* numbers = reinterpret_cast<__nv_bfloat16*>(&piece);
        for (int j = 0; j < 8; ++j) numbers[j] = source[j];
      }
    }
    *reinterpret_cast<uint4*>(target) = piece;
  }
}

// What one block does.
struct Tile {
  int64_t batch;
  int64_t query, query_end;
  int64_t key, key_end;
};

__device__ int64_t clamp(int64_t x, int64_t limit) { return x < 0 ? 0 : x < limit ? x : limit; }

// Group g starts at tile q_offsets[g] / 64 + g: that leaves room for ceil(length / 64) tiles
// before the next, and is found without a pass over all groups.
__device__ Tile find_tile(const AttentionParams& p) {
  const int64_t block = blockIdx.x;
  if (p.q_offsets == nullptr) {
    const int64_t tiles = (p.queries + kQueries - 1) / kQueries;
    const int64_t query = block % tiles * kQueries;
    return {block / tiles, query, p.queries, 0, p.keys};
  }
  int64_t low = 0;  // the group is in [low - 1, high)
  int64_t high = p.groups;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (p.q_offsets[middle] / kQueries + middle <= block) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const int64_t group = low - 1;
  if (group < 0) return {0, 0, 0, 0, 0};
  const int64_t first = p.q_offsets[group];
  const int64_t tile = block - (first / kQueries + group);
  return {0,
          clamp(first + tile * kQueries, p.queries),
          clamp(p.q_offsets[group + 1], p.queries),
          clamp(p.k_offsets[group], p.keys),
          clamp(p.k_offsets[group + 1], p.keys)};
}

// kWidth: head_dim rounded up, 64 or 128.
template <int kWidth>
__global__ void __launch_bounds__(kThreads) attention_kernel(AttentionParams p) {
  constexpr int kStride = kWidth + kPadding;
  constexpr int kSteps = kWidth / 16;   // of the summed axis of q k^T
  constexpr int kColumns = kWidth / 8;  // eights of columns of the output
  __shared__ __align__(16) __nv_bfloat16 keys[kKeys * kStride];
  __shared__ __align__(16) __nv_bfloat16 values[kKeys * kStride];
  __shared__ float biases[kKeys];

  const Tile tile = find_tile(p);
  if (tile.query >= tile.query_end) return;
  const int64_t head = blockIdx.y;
  const int warp = threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  const auto* q = static_cast<const __nv_bfloat16*>(p.q) + tile.batch * p.q_stride_batch +
                  tile.query * p.q_stride_token + head * p.q_stride_head;
  const auto* k = static_cast<const __nv_bfloat16*>(p.k) + tile.batch * p.k_stride_batch +
                  head * p.k_stride_head;
  const auto* v = static_cast<const __nv_bfloat16*>(p.v) + tile.batch * p.v_stride_batch +
                  head * p.v_stride_head;
  const float* bias = p.bias == nullptr
                          ? nullptr
                          : p.bias + tile.batch * p.bias_stride_batch + head * p.bias_stride_head;
  constexpr float kLog2E = 1.44269504F;
  const float scale = kLog2E / sqrtf(static_cast<float>(p.head_dim));

  // The queries pass through the keys' place into registers.
  load_tile<kWidth>(keys, q, p.q_stride_token, tile.query_end - tile.query, p.head_dim);
  __syncthreads();
  uint32_t queries[kSteps][4];
#pragma unroll
  for (int step = 0; step < kSteps; ++step) {
    load_matrices(queries[step],
                  keys + (warp * 16 + lane % 16) * kStride + step * 16 + lane / 16 * 8);
  }

  // [0] of row lane / 4, [1] of row lane / 4 + 8
  float largest[2] = {-kInfinity, -kInfinity};
  float mass[2] = {0, 0};  // of this lane's columns
  float out[kColumns][4] = {};
  for (int64_t key = tile.key; key < tile.key_end; key += kKeys) {
    __syncthreads();
    load_tile<kWidth>(
        keys, k + key * p.k_stride_token, p.k_stride_token, tile.key_end - key, p.head_dim);
    load_tile<kWidth>(
        values, v + key * p.v_stride_token, p.v_stride_token, tile.key_end - key, p.head_dim);
    if (threadIdx.x < kKeys) {
      const int64_t at = key + threadIdx.x;
      biases[threadIdx.x] = at >= tile.key_end ? -kInfinity
                            : bias == nullptr  ? 0
                                               : bias[at] * kLog2E;
    }
    __syncthreads();

    float logits[kKeys / 8][4] = {};
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
#pragma unroll
      for (int n = 0; n < kKeys / 8; n += 2) {
        uint32_t b[4];  // two eights of keys, two eights of the summed axis each
        load_matrices(
            b, keys + (n * 8 + lane / 16 * 8 + lane % 8) * kStride + step * 16 + lane / 8 % 2 * 8);
        multiply(logits[n], queries[step], b[0], b[1]);
        multiply(logits[n + 1], queries[step], b[2], b[3]);
      }
    }

    float top[2] = {-kInfinity, -kInfinity};
#pragma unroll
    for (int n = 0; n < kKeys / 8; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        logits[n][i] = logits[n][i] * scale + biases[n * 8 + lane % 4 * 2 + i % 2];
        top[i / 2] = fmaxf(top[i / 2], logits[n][i]);
      }
    }
    float shift[2];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const float before = largest[r];
      largest[r] = fmaxf(before, largest_of_row(top[r]));
      shift[r] = largest[r] == -kInfinity ? 0 : largest[r];  // no key so far has a weight
      const float keep = exp2f(before - shift[r]);
      mass[r] *= keep;
#pragma unroll
      for (int c = 0; c < kColumns; ++c) {
        out[c][2 * r] *= keep;
        out[c][2 * r + 1] *= keep;
      }
    }
#pragma unroll
    for (int n = 0; n < kKeys / 8; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        logits[n][i] = exp2f(logits[n][i] - shift[i / 2]);
        mass[i / 2] += logits[n][i];
      }
    }

#pragma unroll
    for (int n = 0; n < kKeys / 8; n += 2) {
      const uint32_t weights[4] = {pack(logits[n][0], logits[n][1]),
                                   pack(logits[n][2], logits[n][3]),
                                   pack(logits[n + 1][0], logits[n + 1][1]),
                                   pack(logits[n + 1][2], logits[n + 1][3])};
#pragma unroll
      for (int c = 0; c < kColumns; c += 2) {
        uint32_t b[4];  // two eights of columns, two eights of keys each
        load_matrices_transposed(b, values + (n * 8 + lane % 16) * kStride + c * 8 + lane / 16 * 8);
        multiply(out[c], weights, b[0], b[1]);
        multiply(out[c + 1], weights, b[2], b[3]);
      }
    }
  }

#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const float sum = sum_of_row(mass[r]);
    const float factor = sum == 0 ? 0 : 1 / sum;
    const int64_t query = tile.query + warp * 16 + lane / 4 + 8 * r;
    if (query >= tile.query_end) continue;
    auto* to = static_cast<__nv_bfloat16*>(p.out) +
               ((tile.batch * p.queries + query) * p.heads + head) * p.head_dim;
#pragma unroll
    for (int c = 0; c < kColumns; ++c) {
      const int column = c * 8 + lane % 4 * 2;
      if (column < p.head_dim) {
        *reinterpret_cast<uint32_t*>(to + column) =
            pack(out[c][2 * r] * factor, out[c][2 * r + 1] * factor);
      }
    }
  }
}

}  // namespace

cudaError_t launch_attention(const AttentionParams& params, cudaStream_t stream) {
  if (params.batch == 0 || params.queries == 0 || params.heads == 0) return cudaSuccess;
  if (params.head_dim % 8 != 0 || params.head_dim > 128) return cudaErrorInvalidValue;
  const int64_t tiles = params.q_offsets == nullptr
                            ? params.batch * ((params.queries + kQueries - 1) / kQueries)
                            : params.queries / kQueries + params.groups;
  if (tiles == 0) return cudaSuccess;
  const dim3 grid(static_cast<unsigned>(tiles), static_cast<unsigned>(params.heads));
  if (params.head_dim <= 64) {
    attention_kernel<64><<<grid, kThreads, 0, stream>>>(params);
  } else {
    attention_kernel<128><<<grid, kThreads, 0, stream>>>(params);
  }
  return cudaGetLastError();
}

}  // namespace vggt::kernels
