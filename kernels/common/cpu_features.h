// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vggt::kernels {

/// Whether our AVX512-BF16 code runs here and is the best there is. With AMX the matrix units are
/// several times faster than the vector units; LibTorch's oneDNN uses them, so its calls are taken.
inline bool prefers_avx512_bf16() {
#ifdef VGGT_WITH_AVX512_BF16
  static const bool value = __builtin_cpu_supports("avx512bf16") &&
                            __builtin_cpu_supports("avx512bw") &&
                            !__builtin_cpu_supports("amx-bf16");
  return value;
#else
  return false;
#endif
}

/// Whether our AVX2 code runs here and may win: with AMX go vector units twice as wide, which
/// LibTorch's calls use.
inline bool prefers_avx2() {
#ifdef VGGT_WITH_AVX2
  static const bool value = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                            !__builtin_cpu_supports("amx-bf16");
  return value;
#else
  return false;
#endif
}

}  // namespace vggt::kernels
