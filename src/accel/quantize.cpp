// SPDX-License-Identifier: Apache-2.0
#include "src/accel/quantize.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "kernels/common/fp8.h"
#include "src/base/error.h"

namespace vggt::accel {
namespace {

using kernels::QuantizedWeight;
using kernels::WeightFormat;

constexpr double kSmallestScale = 1e-5;
constexpr double kLargestHalf = 65504;

}  // namespace

QuantScheme quant_scheme(const std::string& name) {
  QuantScheme scheme;
  std::string rest;
  if (name == "fp8") {
    scheme.format = WeightFormat::kFp8;
  } else if (name == "int8") {
    scheme.format = WeightFormat::kInt8;
  } else if (name == "w8a16") {
    scheme.format = WeightFormat::kW8;
  } else if (name.rfind("w4a16", 0) == 0) {
    scheme.format = WeightFormat::kW4;
    rest = name.substr(5);
    for (const int64_t group : {16, 32, 64, 128}) {
      const std::string ending = "-g" + std::to_string(group);
      if (rest.rfind(ending, 0) != 0) continue;
      scheme.group = group;
      rest = rest.substr(ending.size());
      break;
    }
    if (rest == "-sym") {
      scheme.symmetric = true;
      rest.clear();
    }
  } else {
    rest = name;
  }
  if (rest.empty() && !name.empty()) return scheme;
  throw ConfigError(
      "format",
      "'" + name + "' is none of fp8, int8, w8a16, w4a16 (with -g16, -g32, -g64, -g128, -sym)");
}

std::string to_string(const QuantScheme& scheme) {
  switch (scheme.format) {
    case WeightFormat::kFp8:
      return "fp8";
    case WeightFormat::kInt8:
      return "int8";
    case WeightFormat::kW8:
      return "w8a16";
    case WeightFormat::kW4:
      break;
  }
  return "w4a16-g" + std::to_string(scheme.group) + (scheme.symmetric ? "-sym" : "");
}

QuantGrid quant_grid(const at::Tensor& values, const QuantScheme& scheme, const std::string& name) {
  const at::Tensor magnitude = values.abs().amax(-1);
  if (scheme.format != WeightFormat::kW4) {
    const double largest = scheme.format == WeightFormat::kFp8 ? kernels::kFp8Largest : 127;
    return {magnitude.clamp_min(kernels::kSmallestMagnitude) / largest, {}};
  }
  const at::Tensor low = values.amin(-1).clamp_max(0);
  const at::Tensor range =
      scheme.symmetric ? magnitude / 7 : (values.amax(-1).clamp_min(0) - low) / 15;
  if ((range > kLargestHalf).any().item<bool>()) {
    throw ConfigError(name, "has values too large for 4-bit codes with half-precision scales");
  }
  // The codes are made with the scale that is kept.
  const at::Tensor scales = range.clamp_min(kSmallestScale).to(at::kHalf).to(values.scalar_type());
  return {scales,
          scheme.symmetric ? at::full_like(scales, 8) : (low / scales).neg().round().clamp(0, 15)};
}

at::Tensor encode(const at::Tensor& values, const QuantGrid& grid, const QuantScheme& scheme) {
  const at::Tensor steps = values / grid.scales.unsqueeze(-1);
  switch (scheme.format) {
    case WeightFormat::kFp8:
      return kernels::to_fp8(steps);
    case WeightFormat::kInt8:
    case WeightFormat::kW8:
      return steps.round().clamp(-127, 127).to(at::kChar);
    case WeightFormat::kW4:
      break;
  }
  return (steps.round() + grid.zeros.unsqueeze(-1)).clamp(0, 15).to(at::kByte);
}

at::Tensor decode(const at::Tensor& codes, const QuantGrid& grid, const QuantScheme& scheme) {
  const at::ScalarType dtype = grid.scales.scalar_type();
  at::Tensor steps =
      scheme.format == WeightFormat::kFp8 ? kernels::from_fp8(codes, dtype) : codes.to(dtype);
  if (grid.zeros.defined()) steps = steps - grid.zeros.unsqueeze(-1);
  return steps * grid.scales.unsqueeze(-1);
}

QuantizedWeight packed(const at::Tensor& codes, const QuantGrid& grid, const QuantScheme& scheme) {
  if (scheme.format != WeightFormat::kW4) {
    return {.format = scheme.format,
            .in = codes.size(1),
            .codes = codes.contiguous(),
            .scales = grid.scales.to(at::kFloat).contiguous()};
  }
  return {.format = scheme.format,
          .in = codes.size(1),
          .group = scheme.group,
          .codes = kernels::pack_int4(codes),
          .scales = grid.scales.to(at::kHalf).contiguous(),
          .zeros = grid.zeros.to(at::kByte).contiguous()};
}

void check_quantizable(const at::Tensor& weight,
                       const QuantScheme& scheme,
                       const std::string& name) {
  if (weight.dim() != 2) throw ConfigError(name, "is no matrix");
  const bool is_w4 = scheme.format == WeightFormat::kW4;
  const int64_t divisor = is_w4 ? scheme.group : 4;
  if (weight.size(1) % divisor != 0) {
    throw ConfigError(name,
                      "has " + std::to_string(weight.size(1)) + " inputs, which " +
                          std::to_string(divisor) + " does not divide" +
                          (is_w4 ? "; choose another group, as w4a16-g64" : ""));
  }
  if (!weight.isfinite().all().item<bool>()) throw ConfigError(name, "holds NaN or infinity");
}

QuantizedWeight quantize(const at::Tensor& weight,
                         const QuantScheme& scheme,
                         const std::string& name) {
  check_quantizable(weight, scheme, name);
  const at::Tensor wide = weight.to(at::kFloat);
  if (scheme.format != WeightFormat::kW4) {
    const QuantGrid grid = quant_grid(wide, scheme, name);
    return packed(encode(wide, grid, scheme), grid, scheme);
  }
  const at::Tensor groups = wide.unflatten(1, {-1, scheme.group});
  const QuantGrid grid = quant_grid(groups, scheme, name);
  return packed(encode(groups, grid, scheme).flatten(1), grid, scheme);
}

at::Tensor effective_weight(const QuantizedWeight& quantized, at::ScalarType dtype) {
  at::Tensor weight = kernels::dequantize(quantized, dtype);
  if (quantized.input_scale.defined()) weight = weight * quantized.input_scale.to(dtype);
  if (quantized.input_signs.defined()) weight = kernels::hadamard(weight) * quantized.input_signs;
  return weight;
}

double sqnr_db(const QuantizedWeight& quantized, const at::Tensor& weight) {
  const at::Tensor truth = weight.to(at::kDouble);
  const double signal = truth.square().sum().item<double>();
  const double noise =
      (effective_weight(quantized, at::kDouble) - truth).square().sum().item<double>();
  if (noise == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(signal / noise);
}

}  // namespace vggt::accel
