// SPDX-License-Identifier: Apache-2.0
// As linear_avx512.cpp: a call packs its columns of W once, then takes x six rows at a time. What
// differs is the packing, which decodes: E4M3 and 8-bit integers are exact in bfloat16, 4-bit
// groups are rounded to it. Codes are half or a quarter of bfloat16's bytes, so where few rows make
// reading W the limit, decoding wins; where many do, it is one of thousands of rows' work.
//
// Integers against integers go through vpdpbusd, four products a lane where vdpbf16ps has two, so
// twice its rate. Its left factor is unsigned: rows come 128 too large, and 128 times the sum of a
// column is taken off again.
#include "kernels/quantized_linear/quantized_linear_avx512.h"

#include "kernels/common/avx512_bf16.h"
#include "kernels/common/avx512_gelu.h"

namespace vggt::kernels {
namespace {

using avx512::kColumns;
using avx512::kRows;

constexpr int64_t kPackedBytes = 512 * 1024;
constexpr float kSmallestMagnitude = 1e-12F;

// E4M3 to bfloat16: the 128 magnitudes lie in four registers.
struct Fp8Table {
  __m512i part[4];
  Fp8Table() {
    alignas(64) uint16_t values[128];
    for (int code = 0; code < 128; ++code) {
      const int exponent = code >> 3;
      const int mantissa = code & 7;
      if (code == 127) {
        values[code] = 0x7fc0;
      } else if (exponent > 0) {
        values[code] = static_cast<uint16_t>((exponent + 120) << 7 | mantissa << 4);
      } else {
        const auto value = static_cast<float>(mantissa) / 512;
        uint32_t bits = 0;
        __builtin_memcpy(&bits, &value, sizeof(bits));
        values[code] = static_cast<uint16_t>(bits >> 16);
      }
    }
    for (int i = 0; i < 4; ++i) part[i] = _mm512_load_si512(values + 32 * i);
  }
  // 32 codes.
  __m512i decode(__m256i codes) const {
    const __m512i wide = _mm512_cvtepu8_epi16(codes);
    const __m512i low = _mm512_permutex2var_epi16(part[0], wide, part[1]);
    const __m512i high = _mm512_permutex2var_epi16(part[2], wide, part[3]);
    const __mmask32 is_high = _mm512_test_epi16_mask(wide, _mm512_set1_epi16(0x40));
    const __m512i sign = _mm512_slli_epi16(_mm512_and_si512(wide, _mm512_set1_epi16(0x80)), 8);
    return _mm512_or_si512(_mm512_mask_blend_epi16(is_high, low, high), sign);
  }
};

inline void store_rounded(uint16_t* to, __mmask16 mask, __m512 value) {
  _mm256_mask_storeu_epi16(to, mask, (__m256i)_mm512_cvtneps_pbh(value));
}

// Output `n`'s weights as bfloat16, but for the scale of an output.
void decode_row(const QuantizedLinearParams& params, const Fp8Table& fp8, int64_t n, uint16_t* to) {
  const int64_t in = params.in;
  switch (params.format) {
    case PackedCodes::kFp8:
      for (int64_t k = 0; k < in; k += 32) {
        const auto mask =
            in - k >= 32 ? ~__mmask32{0} : static_cast<__mmask32>((1U << (in - k)) - 1);
        const __m256i codes = _mm256_maskz_loadu_epi8(mask, params.codes + n * in + k);
        _mm512_mask_storeu_epi16(to + k, mask, fp8.decode(codes));
      }
      break;
    case PackedCodes::kInt8:
      for (int64_t k = 0; k < in; k += 16) {
        const __mmask16 mask = avx512::lanes(in - k);
        const __m128i codes = _mm_maskz_loadu_epi8(mask, params.codes + n * in + k);
        store_rounded(to + k, mask, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(codes)));
      }
      break;
    case PackedCodes::kInt4: {
      const int64_t groups = in / params.group;
      for (int64_t g = 0; g < groups; ++g) {
        const __m512 scale = _mm512_set1_ps(params.scales[n * groups + g]);
        const __m512i zero = _mm512_set1_epi32(params.zeros[n * groups + g]);
        for (int64_t k = g * params.group; k < (g + 1) * params.group; k += 16) {
          // Eight bytes, two codes each: the low one goes to the even place.
          const __m128i bytes = _mm_cvtepu8_epi16(
              _mm_loadl_epi64(reinterpret_cast<const __m128i*>(params.codes + (n * in + k) / 2)));
          const __m128i low = _mm_and_si128(bytes, _mm_set1_epi16(15));
          const __m128i high = _mm_slli_epi16(_mm_srli_epi16(bytes, 4), 8);
          const __m512i codes = _mm512_cvtepu8_epi32(_mm_or_si128(low, high));
          const __m512 value =
              _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(codes, zero)), scale);
          store_rounded(to + k, 0xffff, value);
        }
      }
      break;
    }
  }
}

// A panel of `count` columns from `column` on; pairs of bfloat16, or fours of bytes.
void pack(const QuantizedLinearParams& params,
          const Fp8Table& fp8,
          int64_t column,
          int64_t count,
          uint16_t* decoded,
          uint32_t* panel) {
  if (params.integer) {
    avx512::pack_rows(reinterpret_cast<const uint16_t*>(params.codes + column * params.in),
                      params.in / 2,
                      count,
                      params.in / 4,
                      panel);
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    decode_row(params, fp8, column + i, decoded + i * params.in);
  }
  avx512::pack_rows(decoded, params.in, count, params.in / 2, panel);
}

// sums[r][c] = sum over `fours` of rows[r] times the panel's columns 16 c .. 16 c + 15, less the
// surplus of those columns.
inline __attribute__((always_inline)) void multiply_integers(const uint32_t* const* rows,
                                                             const uint32_t* panel,
                                                             int64_t fours,
                                                             const int32_t* surplus,
                                                             avx512::Sums& sums) {
  const uint32_t* r0 = rows[0];
  const uint32_t* r1 = rows[1];
  const uint32_t* r2 = rows[2];
  const uint32_t* r3 = rows[3];
  const uint32_t* r4 = rows[4];
  const uint32_t* r5 = rows[5];
  // Vectors of integers, not __m512i, whose casts make GCC 12 keep the sums in memory.
  using Integers = int __attribute__((vector_size(64)));
  Integers whole[kRows][4];
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) whole[r][c] = Integers{};
  }
  for (int64_t i = 0; i < fours; ++i) {
    Integers column[4];
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) {
      column[c] = *reinterpret_cast<const Integers*>(panel + i * kColumns + 16 * c);
    }
    const uint32_t word[kRows] = {r0[i], r1[i], r2[i], r3[i], r4[i], r5[i]};
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      const Integers row = Integers{} + static_cast<int>(word[r]);
#pragma GCC unroll 4
      for (int c = 0; c < 4; ++c) {
        whole[r][c] = __builtin_ia32_vpdpbusd_v16si(whole[r][c], row, column[c]);
      }
    }
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    const __m512i less = _mm512_load_si512(surplus + 16 * c);
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      sums[r][c] = _mm512_cvtepi32_ps(_mm512_sub_epi32((__m512i)whole[r][c], less));
    }
  }
}

// 128 times the sum of the codes of each of a panel's 64 columns.
inline void surplus_of(const uint32_t* panel, int64_t fours, int32_t* surplus) {
  const __m512i factor = _mm512_set1_epi8(static_cast<char>(128));  // unsigned
  for (int c = 0; c < 4; ++c) {
    __m512i sum = _mm512_setzero_si512();
    for (int64_t i = 0; i < fours; ++i) {
      sum = _mm512_dpbusd_epi32(sum, factor, _mm512_load_si512(panel + i * kColumns + 16 * c));
    }
    _mm512_store_si512(surplus + 16 * c, sum);
  }
}

int64_t words_per_column(const QuantizedLinearParams& params) {
  return params.integer ? params.in / 4 : params.in / 2;
}

struct Absolute {
  float largest;
  bool is_finite;
};

// 16 inputs of a row from column `at` on.
template <bool kFloat>
inline __m512 input_at(const RowsParams& params, int64_t row, int64_t at, __mmask16 mask) {
  const int64_t place = row * params.columns + at;
  __m512 value;
  if constexpr (kFloat) {
    value = _mm512_maskz_loadu_ps(mask, static_cast<const float*>(params.x) + place);
  } else {
    const auto* from = static_cast<const uint16_t*>(params.x) + place;
    value = _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from)), 16));
  }
  if (!params.input_scale) return value;
  return _mm512_mul_ps(value, _mm512_maskz_loadu_ps(mask, params.input_scale + at));
}

template <bool kFloat>
inline Absolute largest_of(const RowsParams& params, int64_t row) {
  __m512 largest = _mm512_setzero_ps();
  __mmask16 strange = 0;
  for (int64_t i = 0; i < params.columns; i += 16) {
    const __m512 value = input_at<kFloat>(params, row, i, avx512::lanes(params.columns - i));
    largest = _mm512_max_ps(largest, _mm512_abs_ps(value));
    strange |= _mm512_fpclass_ps_mask(value, 0x99);  // NaN and infinity
  }
  return {_mm512_reduce_max_ps(largest), strange == 0};
}

inline float scale_of(const Absolute& row, float largest_code) {
  if (!row.is_finite) return __builtin_nanf("");
  return (row.largest > kSmallestMagnitude ? row.largest : kSmallestMagnitude) / largest_code;
}

template <bool kFloat>
void quantize_rows_int8(const RowsParams& params, int64_t begin, int64_t end, uint8_t* codes) {
  const int64_t columns = params.columns;
  for (int64_t row = begin; row < end; ++row) {
    const Absolute absolute = largest_of<kFloat>(params, row);
    params.scales[row] = scale_of(absolute, 127.F);
    const __m512 scale = _mm512_set1_ps(params.scales[row]);
    for (int64_t i = 0; i < columns; i += 16) {
      const __mmask16 mask = avx512::lanes(columns - i);
      const __m512 value = input_at<kFloat>(params, row, i, mask);
      __m512i code = _mm512_setzero_si512();
      // To the nearest, ties to even; the largest magnitude gives 127, so none lies beyond.
      if (absolute.is_finite) code = _mm512_cvtps_epi32(_mm512_div_ps(value, scale));
      code = _mm512_add_epi32(code, _mm512_set1_epi32(128));
      _mm_mask_storeu_epi8(codes + row * columns + i, mask, _mm512_cvtepi32_epi8(code));
    }
  }
}

template <bool kFloat>
void quantize_rows_fp8(const RowsParams& params, int64_t begin, int64_t end, uint16_t* values) {
  const int64_t columns = params.columns;
  const __m512i sign_bit = _mm512_set1_epi32(static_cast<int>(0x80000000));
  const __m512 largest = _mm512_set1_ps(448.F);
  const __m512 smallest_normal = _mm512_set1_ps(0.015625F);
  const __m512 subnormal_step = _mm512_set1_ps(16384.F);  // its last bit is 2^-9
  for (int64_t row = begin; row < end; ++row) {
    const Absolute absolute = largest_of<kFloat>(params, row);
    params.scales[row] = scale_of(absolute, 448.F);
    const __m512 scale = _mm512_set1_ps(params.scales[row]);
    for (int64_t i = 0; i < columns; i += 16) {
      const __mmask16 mask = avx512::lanes(columns - i);
      const __m512 value = absolute.is_finite
                               ? _mm512_div_ps(input_at<kFloat>(params, row, i, mask), scale)
                               : _mm512_setzero_ps();
      const __m512i sign = _mm512_and_si512(_mm512_castps_si512(value), sign_bit);
      const __m512 magnitude = _mm512_min_ps(_mm512_abs_ps(value), largest);
      // 3 bits of mantissa stay of 23: to the nearest, ties to even.
      __m512i bits = _mm512_castps_si512(magnitude);
      const __m512i last = _mm512_and_si512(_mm512_srli_epi32(bits, 20), _mm512_set1_epi32(1));
      bits = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7ffff)), last);
      bits = _mm512_and_si512(bits, _mm512_set1_epi32(static_cast<int>(0xfff00000)));
      const __m512 small = _mm512_sub_ps(_mm512_add_ps(magnitude, subnormal_step), subnormal_step);
      const __mmask16 is_small = _mm512_cmp_ps_mask(magnitude, smallest_normal, _CMP_LT_OQ);
      const __m512i rounded = _mm512_or_si512(
          sign, _mm512_mask_blend_epi32(is_small, bits, _mm512_castps_si512(small)));
      store_rounded(values + row * columns + i, mask, _mm512_castsi512_ps(rounded));
    }
  }
}

}  // namespace

int64_t quantized_linear_scratch_words(const QuantizedLinearParams& params, int64_t columns) {
  const int64_t padded = (columns + kColumns - 1) / kColumns * kColumns;
  const int64_t decoded = params.integer ? 0 : (kColumns * params.in + 1) / 2;
  return padded * (words_per_column(params) + (params.integer ? 1 : 0)) + decoded;
}

int64_t quantized_linear_columns(const QuantizedLinearParams& params) {
  const int64_t fitting = kPackedBytes / (kColumns * words_per_column(params) * 4);
  return (fitting < 1 ? 1 : fitting) * kColumns;
}

void quantized_linear_avx512(const QuantizedLinearParams& params,
                             int64_t row_begin,
                             int64_t row_end,
                             int64_t column_begin,
                             int64_t column_end,
                             uint32_t* scratch) {
  static const Fp8Table fp8;
  const int64_t words = words_per_column(params);
  const int64_t panels = (column_end - column_begin + kColumns - 1) / kColumns;
  uint32_t* after_panels = scratch + panels * kColumns * words;
  auto* decoded = reinterpret_cast<uint16_t*>(after_panels);
  auto* surplus = reinterpret_cast<int32_t*>(after_panels);
  for (int64_t column = column_begin; column < column_end; column += kColumns) {
    const int64_t count = column_end - column < kColumns ? column_end - column : kColumns;
    uint32_t* panel = scratch + (column - column_begin) * words;
    pack(params, fp8, column, count, decoded, panel);
    if (params.integer) surplus_of(panel, words, surplus + (column - column_begin));
  }
  const bool scale_columns = params.format != PackedCodes::kInt4;
  for (int64_t row = row_begin; row < row_end; row += kRows) {
    const uint32_t* rows[kRows];
    __m512 row_scale[kRows];
    for (int64_t r = 0; r < kRows; ++r) {
      const int64_t inside = row + r < row_end ? row + r : row_end - 1;
      rows[r] = static_cast<const uint32_t*>(params.x) + inside * words;
      row_scale[r] = _mm512_set1_ps(params.row_scales ? params.row_scales[inside] : 1.F);
    }
    const int64_t count = row_end - row < kRows ? row_end - row : kRows;
    for (int64_t column = column_begin; column < column_end; column += kColumns) {
      const uint32_t* panel = scratch + (column - column_begin) * words;
      avx512::Sums sums;
      if (params.integer) {
        multiply_integers(rows, panel, words, surplus + (column - column_begin), sums);
      } else {
        for (auto& sum : sums) {
          for (auto& part : sum) part = _mm512_setzero_ps();
        }
        avx512::multiply<4>(rows, panel, words, sums);
      }
      for (int64_t c = 0; c < 4; ++c) {
        const __mmask16 mask = avx512::lanes(column_end - column - 16 * c);
        const __m512 scale = scale_columns
                                 ? _mm512_maskz_loadu_ps(mask, params.scales + column + 16 * c)
                                 : _mm512_set1_ps(1.F);
        const __m512 offset = params.bias
                                  ? _mm512_maskz_loadu_ps(mask, params.bias + column + 16 * c)
                                  : _mm512_setzero_ps();
        for (int64_t r = 0; r < count; ++r) {
          __m512 value = _mm512_fmadd_ps(_mm512_mul_ps(sums[r][c], row_scale[r]), scale, offset);
          if (params.gelu) value = avx512::gelu(value);
          const int64_t at = (row + r) * params.out + column + 16 * c;
          if (params.y_is_float) {
            _mm512_mask_storeu_ps(static_cast<float*>(params.y) + at, mask, value);
          } else {
            store_rounded(static_cast<uint16_t*>(params.y) + at, mask, value);
          }
        }
      }
    }
  }
}

void quantize_rows_int8_avx512(const RowsParams& params,
                               int64_t begin,
                               int64_t end,
                               uint8_t* codes) {
  params.x_is_float ? quantize_rows_int8<true>(params, begin, end, codes)
                    : quantize_rows_int8<false>(params, begin, end, codes);
}

void quantize_rows_fp8_avx512(const RowsParams& params,
                              int64_t begin,
                              int64_t end,
                              uint16_t* values) {
  params.x_is_float ? quantize_rows_fp8<true>(params, begin, end, values)
                    : quantize_rows_fp8<false>(params, begin, end, values);
}

}  // namespace vggt::kernels
