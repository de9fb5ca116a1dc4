// SPDX-License-Identifier: Apache-2.0
// What several kernels need on the device.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace vggt::kernels {

/// A float in the type of a result, rounded to the nearest.
template <class Out>
__device__ Out convert(float value);
template <>
__device__ inline float convert<float>(float value) {
  return value;
}
template <>
__device__ inline __nv_bfloat16 convert<__nv_bfloat16>(float value) {
  return __float2bfloat16(value);
}
template <>
__device__ inline __half convert<__half>(float value) {
  return __float2half(value);
}

/// The same for all 32 lanes, each of which takes part.
__device__ inline float sum_of_warp(float value) {
  for (int offset = 16; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(0xffffffff, value, offset);
  }
  return value;
}

}  // namespace vggt::kernels
