// SPDX-License-Identifier: Apache-2.0
// What the benchmarks hold speeds against: the arithmetic that a thread does with everything in
// registers. Assembly, so that no compiler drops it and no flags are needed.
#pragma once

#include <cstdint>

#include "kernels/common/cpu_features.h"

namespace vggt::kernels {

/// One thread's floating-point operations in `rounds` of 15 vdpbf16ps, independent of each other;
/// 0 where the CPU has none.
inline double multiply_bf16_in_registers(int64_t rounds) {
#ifdef VGGT_WITH_AVX512_BF16
  if (!__builtin_cpu_supports("avx512bf16")) return 0;
  int64_t left = rounds;
  asm volatile(
      "vpxord %%zmm15, %%zmm15, %%zmm15\n"
      ".irp sum, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14\n"
      "vpxord %%zmm\\sum, %%zmm\\sum, %%zmm\\sum\n"
      ".endr\n"
      "1:\n"
      ".irp sum, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14\n"
      "vdpbf16ps %%zmm15, %%zmm15, %%zmm\\sum\n"
      ".endr\n"
      "dec %0\n"
      "jnz 1b\n"
      "vzeroupper\n"
      : "+r"(left)
      :
      : "cc",
        "xmm0",
        "xmm1",
        "xmm2",
        "xmm3",
        "xmm4",
        "xmm5",
        "xmm6",
        "xmm7",
        "xmm8",
        "xmm9",
        "xmm10",
        "xmm11",
        "xmm12",
        "xmm13",
        "xmm14",
        "xmm15");
  return static_cast<double>(rounds) * 15 * 64;
#else
  return 0;
#endif
}

/// The same with 15 of AVX2's float32 multiply-adds.
inline double multiply_float_in_registers(int64_t rounds) {
#ifdef VGGT_WITH_AVX2
  if (!prefers_avx2()) return 0;
  int64_t left = rounds;
  asm volatile(
      "vxorps %%ymm15, %%ymm15, %%ymm15\n"
      ".irp sum, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14\n"
      "vxorps %%ymm\\sum, %%ymm\\sum, %%ymm\\sum\n"
      ".endr\n"
      "1:\n"
      ".irp sum, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14\n"
      "vfmadd231ps %%ymm15, %%ymm15, %%ymm\\sum\n"
      ".endr\n"
      "dec %0\n"
      "jnz 1b\n"
      "vzeroupper\n"
      : "+r"(left)
      :
      : "cc",
        "xmm0",
        "xmm1",
        "xmm2",
        "xmm3",
        "xmm4",
        "xmm5",
        "xmm6",
        "xmm7",
        "xmm8",
        "xmm9",
        "xmm10",
        "xmm11",
        "xmm12",
        "xmm13",
        "xmm14",
        "xmm15");
  return static_cast<double>(rounds) * 15 * 16;
#else
  return 0;
#endif
}

}  // namespace vggt::kernels
