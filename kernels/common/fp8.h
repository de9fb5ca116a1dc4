// SPDX-License-Identifier: Apache-2.0
// The 8-bit float E4M3 (finite only): sign, 4 bits of exponent with bias 7, 3 of mantissa. Largest
// value 448, no infinity, 0x7f and 0xff are NaN, smallest normal 2^-6, smallest subnormal 2^-9.
// Micikevicius et al., "FP8 Formats for Deep Learning", arXiv 2209.05433. Bit for bit what GPUs
// convert with saturation, so codes made on any machine are the same.
#pragma once

#include <cstdint>
#include <cstring>

namespace vggt::kernels {

constexpr float kFp8Largest = 448;

/// To the nearest, ties to even; beyond the largest value, infinity included, to the largest.
inline uint8_t to_fp8(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  const auto sign = static_cast<uint8_t>(bits >> 24 & 0x80);
  bits &= 0x7fffffff;
  if (bits > 0x7f800000) return sign | 0x7f;     // NaN
  constexpr uint32_t kLargestBits = 0x43e00000;  // 448
  if (bits >= kLargestBits) return sign | 0x7e;
  constexpr uint32_t kSmallestNormalBits = 0x3c800000;  // 2^-6
  if (bits < kSmallestNormalBits) {
    // Subnormals are multiples of 2^-9: adding 2^14 leaves a float's last bit at 2^-9, rounded.
    float magnitude = 0;
    std::memcpy(&magnitude, &bits, sizeof(bits));
    const float shifted = magnitude + 16384.F;
    uint32_t rounded = 0;
    std::memcpy(&rounded, &shifted, sizeof(rounded));
    return sign | static_cast<uint8_t>(rounded - 0x46800000);
  }
  // Bias 127 to 7; of 23 bits of mantissa 3 stay, the rest rounds with ties to even.
  const uint32_t rebiased = bits - (120U << 23);
  const uint32_t rounded = rebiased + 0x7ffff + (rebiased >> 20 & 1);
  const uint32_t code = rounded >> 20;
  return sign | static_cast<uint8_t>(code > 0x7e ? 0x7e : code);
}

inline float from_fp8(uint8_t code) {
  const uint32_t sign = static_cast<uint32_t>(code & 0x80) << 24;
  const uint32_t exponent = code >> 3 & 15;
  const uint32_t mantissa = code & 7;
  uint32_t bits = 0;
  if ((code & 0x7f) == 0x7f) {
    bits = 0x7fc00000;
  } else if (exponent > 0) {
    bits = (exponent + 120) << 23 | mantissa << 20;
  } else {
    const float value = static_cast<float>(mantissa) / 512;
    std::memcpy(&bits, &value, sizeof(bits));
  }
  bits |= sign;
  float value = 0;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

}  // namespace vggt::kernels
