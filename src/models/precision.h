// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

namespace vggt {

/// The dtype of the matrix products of encoder and aggregator, where nearly all the time goes. With
/// a half type everything else stays float32: the residual stream, norms, rotary embedding,
/// softmax, and the heads.
enum class Precision { kFloat64, kFloat32, kBFloat16, kFloat16 };

/// "fp64", "fp32", "bf16", "fp16", or "auto": half precision where `device` has it in hardware,
/// else fp32. On a GPU without bfloat16 (before sm_80) "bf16" gives fp16. Throws ConfigError.
Precision select_precision(const std::string& name, c10::Device device);
std::string to_string(Precision precision);

/// The dtype that a parameter is kept in. Names are checkpoint keys.
c10::ScalarType parameter_dtype(const std::string& key, Precision precision);

}  // namespace vggt
