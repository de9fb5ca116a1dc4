// SPDX-License-Identifier: Apache-2.0
#include "src/accel/quantize.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "src/base/error.h"

namespace vggt::accel {
namespace {

using kernels::QuantizedWeight;
using kernels::WeightFormat;

constexpr double kSmallestScale = 1e-5;
constexpr double kLargestHalf = 65504;

QuantizedWeight quantize_w4(const at::Tensor& weight,
                            const QuantScheme& scheme,
                            const std::string& name) {
  const at::Tensor groups = weight.unflatten(1, {-1, scheme.group});
  at::Tensor scales;
  at::Tensor zeros;
  if (scheme.symmetric) {
    scales = groups.abs().amax(2) / 7;
    zeros = at::full_like(scales, 8);
  } else {
    scales = (groups.amax(2).clamp_min(0) - groups.amin(2).clamp_max(0)) / 15;
  }
  scales = scales.clamp_min(kSmallestScale);
  if ((scales > kLargestHalf).any().item<bool>()) {
    throw ConfigError(name, "has values too large for 4-bit codes with half-precision scales");
  }
  scales = scales.to(at::kHalf);
  const at::Tensor wide = scales.to(weight.scalar_type());
  if (!scheme.symmetric) {
    zeros = (groups.amin(2).clamp_max(0) / wide).neg().round().clamp(0, 15);
  }
  const at::Tensor codes =
      ((groups / wide.unsqueeze(2)).round() + zeros.unsqueeze(2)).clamp(0, 15).flatten(1);
  return {.format = WeightFormat::kW4,
          .in = weight.size(1),
          .group = scheme.group,
          .codes = kernels::pack_int4(codes.to(at::kByte)),
          .scales = scales.contiguous(),
          .zeros = zeros.to(at::kByte).contiguous()};
}

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
  if (rest.empty()) return scheme;
  throw ConfigError(
      "format", "'" + name + "' is none of fp8, int8, w8a16, w4a16 (with -g16, -g32, -g64, -g128, -sym)");
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

QuantizedWeight quantize(const at::Tensor& weight,
                         const QuantScheme& scheme,
                         const std::string& name) {
  if (weight.dim() != 2) throw ConfigError(name, "is no matrix");
  const bool is_w4 = scheme.format == WeightFormat::kW4;
  const int64_t divisor = is_w4 ? scheme.group : 4;
  if (weight.size(1) % divisor != 0) {
    throw ConfigError(name,
                      "has " + std::to_string(weight.size(1)) + " inputs, which " +
                          std::to_string(divisor) + " does not divide" +
                          (is_w4 ? "; choose another group" : ""));
  }
  const at::Tensor wide = weight.to(weight.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  if (!wide.isfinite().all().item<bool>()) throw ConfigError(name, "holds NaN or infinity");
  if (is_w4) return quantize_w4(wide, scheme, name);
  // An output's weights are scaled as a row of inputs is.
  const kernels::QuantizedRows rows = kernels::quantize_rows(wide, scheme.format);
  return {.format = scheme.format,
          .in = weight.size(1),
          .codes = rows.codes.contiguous(),
          .scales = rows.scales.to(at::kFloat).contiguous()};
}

double sqnr_db(const QuantizedWeight& quantized, const at::Tensor& weight) {
  const at::Tensor truth = weight.to(at::kDouble);
  const double signal = truth.square().sum().item<double>();
  const double noise =
      (kernels::dequantize(quantized, at::kDouble) - truth).square().sum().item<double>();
  if (noise == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(signal / noise);
}

}  // namespace vggt::accel
