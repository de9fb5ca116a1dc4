// SPDX-License-Identifier: Apache-2.0
#include "src/models/precision.h"

#include "src/base/device.h"
#include "src/base/error.h"

namespace vggt {

Precision select_precision(const std::string& name, c10::Device device) {
  if (name == "fp64") return Precision::kFloat64;
  if (name == "fp32") return Precision::kFloat32;
  if (name == "fp16") return Precision::kFloat16;
  const bool bfloat16 = has_fast_bfloat16(device);
  // A CPU without bfloat16 instructions still computes it, slowly; a GPU has fp16 instead.
  const Precision half = bfloat16 || device.is_cpu() ? Precision::kBFloat16 : Precision::kFloat16;
  if (name == "bf16") return half;
  if (name == "auto") return bfloat16 || device.is_cuda() ? half : Precision::kFloat32;
  throw ConfigError("precision", "'" + name + "' is none of auto, fp64, fp32, bf16, fp16");
}

std::string to_string(Precision precision) {
  switch (precision) {
    case Precision::kFloat64:
      return "fp64";
    case Precision::kFloat32:
      return "fp32";
    case Precision::kBFloat16:
      return "bf16";
    case Precision::kFloat16:
      return "fp16";
  }
  return "?";
}

c10::ScalarType parameter_dtype(const std::string& key, Precision precision) {
  if (precision == Precision::kFloat64) return c10::kDouble;
  if (precision == Precision::kFloat32) return c10::kFloat;
  // The patch convolution costs a thousandth of a forward, and its rounding would be in every token
  // from the start.
  if (key.find(".patch_embed.proj.") != std::string::npos) return c10::kFloat;
  // Matrices, not biases, norms (norm1.weight), scales (gamma) or tokens.
  const size_t last = key.rfind('.');
  const size_t parent =
      last == std::string::npos || last == 0 ? std::string::npos : key.rfind('.', last - 1);
  if (key.rfind("aggregator.", 0) != 0 || parent == std::string::npos) return c10::kFloat;
  const std::string leaf = key.substr(last + 1);
  const bool of_norm = key.substr(parent + 1, last - parent - 1).find("norm") != std::string::npos;
  if (leaf != "weight" || of_norm) return c10::kFloat;
  return precision == Precision::kBFloat16 ? c10::kBFloat16 : c10::kHalf;
}

}  // namespace vggt
