// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/linear/linear.h"

namespace vggt::kernels {

/// How the weights of a linear layer are kept, and what becomes of its inputs.
enum class WeightFormat {
  kFp8,   ///< E4M3 weights, a scale per output; inputs E4M3 with a scale per row, made at run time
  kInt8,  ///< 8-bit integers in the same way
  kW8,    ///< 8-bit integer weights, a scale per output; inputs stay as they are
  kW4,    ///< 4-bit integer weights, a scale and a zero per group of inputs; inputs stay
};

/// A quantised weight matrix of N outputs and K inputs. What it stands for:
///   kFp8   w = e4m3(code) scale[n]
///   kInt8  w = code scale[n],  kW8 alike;  codes -127 to 127
///   kW4    w = (code - zero[n][k / group]) scale[n][k / group];  codes and zeros 0 to 15
struct QuantizedWeight {
  WeightFormat format = WeightFormat::kInt8;
  int64_t in = 0;     ///< K
  int64_t group = 0;  ///< of kW4, divides K; 0 for the others
  at::Tensor codes;  ///< kFp8 uint8 [N, K]; kInt8 and kW8 int8 [N, K]; kW4 uint8 [N, K / 2], even k
                     ///< in the low four bits
  at::Tensor scales;  ///< float [N]; kW4 half [N, K / group]
  at::Tensor zeros;   ///< kW4 uint8 [N, K / group]
  /// What is done to the inputs first, which calibration finds (src/calibrate): the matrix of the
  /// codes is that of the layer with the inverse taken into its columns. Each may be undefined.
  at::Tensor input_signs;  ///< int8 [K] of 1 and -1: multiplied, then hadamard()
  at::Tensor input_scale;  ///< float [K]: multiplied, after the rotation

  int64_t out() const { return codes.size(0); }
  int64_t bytes() const;
  QuantizedWeight to(at::Device device) const;
};

/// act(x W^T + b) with a quantised W.
///
/// x          [..., K], floating point
/// bias       [N], float; or undefined
/// out_dtype  float, bfloat16 or half
/// Returns    [..., N]
///
/// kFp8 and kInt8 quantise each row of x symmetrically: scale = largest magnitude / 448 or / 127,
/// at least 1e-12 / 448; sums are float32 (kInt8: exact 32-bit integers), scaled at the end. On a
/// CPU with AVX512-BF16 and AVX512-VNNI one pass of ours; else the reference. A row that holds NaN
/// or infinity gives NaN.
/// Throws c10::Error if a shape, dtype or device does not fit. Does not synchronise.
at::Tensor quantized_linear(const at::Tensor& x,
                            const QuantizedWeight& weight,
                            const at::Tensor& bias,
                            Activation activation,
                            at::ScalarType out_dtype);

/// The same from the decoded codes in plain ATen: what the fast paths are tested against. In
/// double if x is.
at::Tensor quantized_linear_reference(const at::Tensor& x,
                                      const QuantizedWeight& weight,
                                      const at::Tensor& bias,
                                      Activation activation,
                                      at::ScalarType out_dtype);

/// Rows of x [M, K] as the codes want them: rotated and scaled, at least float.
at::Tensor transformed_input(const at::Tensor& x, const QuantizedWeight& weight);

/// x H / sqrt(n) over the last axis in blocks of n, the largest power of two that divides its length;
/// H is the symmetric Hadamard matrix of Sylvester, so it is its own inverse. Float or double.
at::Tensor hadamard(const at::Tensor& x);

/// The matrix that the codes stand for, [N, K], in float or double.
at::Tensor dequantize(const QuantizedWeight& weight, at::ScalarType dtype);

/// A row's scale is made of at least this magnitude.
constexpr double kSmallestMagnitude = 1e-12;

/// Each row of x [M, K] as codes (int8, or E4M3 in uint8) and its scale [M].
struct QuantizedRows {
  at::Tensor codes;
  at::Tensor scales;
};
QuantizedRows quantize_rows(const at::Tensor& x, WeightFormat format);

/// E4M3 codes of float values, and back.
at::Tensor to_fp8(const at::Tensor& values);
at::Tensor from_fp8(const at::Tensor& codes, at::ScalarType dtype);

/// 4-bit codes [N, K] (uint8, 0 to 15) to two a byte [N, K / 2], and back. Inverses.
at::Tensor pack_int4(const at::Tensor& codes);
at::Tensor unpack_int4(const at::Tensor& packed);

}  // namespace vggt::kernels
