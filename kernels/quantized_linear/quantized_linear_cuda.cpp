// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantized_linear/quantized_linear_cuda.h"

#include <ATen/ATen.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include "kernels/quantized_linear/w4_linear_launch.h"

namespace vggt::kernels {
namespace {

// 10 times the major number and the minor one.
int capability(const at::Tensor& x) {
  int major = 0;
  int minor = 0;
  const int device = x.device().index();
  TORCH_CHECK(
      cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess &&
          cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device) == cudaSuccess,
      "quantized_linear: the device's capability cannot be read");
  return 10 * major + minor;
}

at::Tensor finished(at::Tensor y,
                    const at::Tensor& bias,
                    Activation activation,
                    at::ScalarType out_dtype) {
  if (bias.defined()) y = y + bias.to(y.scalar_type());
  if (activation == Activation::kGelu) y = at::gelu(y);
  return y.to(out_dtype);
}

// Scaled products of E4M3 by LibTorch (cuBLASLt, or CUTLASS before cuBLAS 12.9), which round their
// sums to bfloat16.
at::Tensor fp8_product(const at::Tensor& rows, const QuantizedWeight& weight) {
  const QuantizedRows quantized = quantize_rows(rows, WeightFormat::kFp8);
  return at::_scaled_mm(quantized.codes.view(at::kFloat8_e4m3fn),
                        weight.codes.view(at::kFloat8_e4m3fn).t(),
                        quantized.scales.unsqueeze(1).contiguous(),
                        weight.scales.unsqueeze(0).contiguous(),
                        std::nullopt,
                        std::nullopt,
                        at::kBFloat16,
                        /*use_fast_accum=*/false)
      .to(at::kFloat);
}

at::Tensor int8_product(const at::Tensor& rows, const QuantizedWeight& weight) {
  const QuantizedRows quantized = quantize_rows(rows, WeightFormat::kInt8);
  const at::Tensor sums = at::_int_mm(quantized.codes, weight.codes.t());
  return sums.to(at::kFloat) * quantized.scales.unsqueeze(1) * weight.scales;
}

at::Tensor w4_product(const at::Tensor& rows,
                      const QuantizedWeight& weight,
                      const at::Tensor& bias,
                      Activation activation,
                      at::ScalarType out_dtype) {
  const c10::cuda::CUDAGuard guard(rows.device());
  cudaStream_t stream = c10::cuda::getCurrentCUDAStream(rows.device().index()).stream();
  at::Tensor x = rows.contiguous();
  if (reinterpret_cast<uintptr_t>(x.const_data_ptr()) % 16 != 0) x = x.clone();
  const at::Tensor codes = weight.codes.contiguous();
  const at::Tensor scales = weight.scales.contiguous();
  const at::Tensor zeros = weight.zeros.contiguous();
  const at::Tensor offset = bias.defined() ? bias.to(at::kFloat).contiguous() : bias;
  const bool fused = x.size(0) <= kMostW4Rows && capability(x) >= 80;
  const bool y_is_float = out_dtype == at::kFloat;
  at::Tensor y = fused ? at::empty({x.size(0), weight.out()},
                                   x.options().dtype(y_is_float ? at::kFloat : x.scalar_type()))
                       : at::empty({weight.out(), weight.in}, x.options());
  const W4LinearParams params = {
      .x = x.const_data_ptr(),
      .codes = codes.const_data_ptr<uint8_t>(),
      .scales = scales.const_data_ptr(),
      .zeros = zeros.const_data_ptr<uint8_t>(),
      .bias = offset.defined() ? offset.const_data_ptr<float>() : nullptr,
      .y = y.mutable_data_ptr(),
      .rows = x.size(0),
      .in = weight.in,
      .out = weight.out(),
      .group = weight.group,
      .half = x.scalar_type() == at::kHalf,
      .gelu = activation == Activation::kGelu,
      .y_is_float = y_is_float};
  const cudaError_t status =
      fused ? launch_w4_linear(params, stream) : launch_w4_decode(params, stream);
  TORCH_CHECK(status == cudaSuccess, "quantized_linear: ", cudaGetErrorString(status));
  if (fused) return y.to(out_dtype);
  return linear(x, y, bias.defined() ? bias.to(x.scalar_type()) : bias, activation, x.scalar_type())
      .to(out_dtype);
}

}  // namespace

at::Tensor quantized_linear_cuda(const at::Tensor& x,
                                 const QuantizedWeight& weight,
                                 const at::Tensor& bias,
                                 Activation activation,
                                 at::ScalarType out_dtype) {
  if (x.scalar_type() == at::kDouble || x.numel() == 0) return {};
  at::Tensor rows = x.reshape({-1, weight.in});
  if (weight.input_signs.defined() || weight.input_scale.defined()) {
    rows = transformed_input(rows, weight);
  }
  const at::ScalarType half = x.scalar_type() == at::kHalf ? at::kHalf : at::kBFloat16;
  at::Tensor y;
  switch (weight.format) {
    case WeightFormat::kFp8:
      if (capability(x) < 89 || weight.in % 16 != 0 || weight.out() % 16 != 0) return {};
      y = finished(fp8_product(rows, weight), bias, activation, out_dtype);
      break;
    case WeightFormat::kInt8:
      // LibTorch's limits of _int_mm.
      if (rows.size(0) <= 16 || weight.in % 8 != 0 || weight.out() % 8 != 0) return {};
      y = finished(int8_product(rows, weight), bias, activation, out_dtype);
      break;
    case WeightFormat::kW8:
      y = finished(at::mm(rows.to(half), weight.codes.to(half).t()).to(at::kFloat) * weight.scales,
                   bias,
                   activation,
                   out_dtype);
      break;
    case WeightFormat::kW4:
      if (weight.group % 16 != 0) return {};
      y = w4_product(rows.to(half), weight, bias, activation, out_dtype);
      break;
  }
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = weight.out();
  return y.view(shape);
}

}  // namespace vggt::kernels
