// SPDX-License-Identifier: Apache-2.0
// Quantised matrices in a safetensors file. In place of a tensor x.weight it holds
//   x.weight.codes         kFp8: F8_E4M3 [N, K]; kInt8, kW8: I8 [N, K]; kW4: U8 [N, K / 2]
//   x.weight.scales        F32 [N]; kW4: F16 [N, K / group]
//   x.weight.zeros         kW4: U8 [N, K / group]
//   x.weight.input_signs   I8 [K], where inputs are rotated
//   x.weight.input_scale   F32 [K], where inputs are scaled
// and its metadata has vggt.quantization: {"layers": {"x": "w4a16-g128", ...}, ...}.
#pragma once

#include <map>
#include <string>

#include <ATen/core/Tensor.h>

#include "src/weights/weight_file.h"

namespace vggt {

constexpr const char* kQuantizationKey = "vggt.quantization";  ///< of the metadata
/// [2 C], for CameraHead::compensation_token; a file need not have it.
constexpr const char* kCompensationKey = "camera_head.compensation_token";

/// Takes the parts of quantised matrices out of file.tensors into file.quantized, still mapped, and
/// leaves a placeholder of the matrix there. Matrices in the layout of AWQ (Lin et al., MLSys 2024;
/// QVGGT's release) are recognised by x.qweight, x.scales and x.scaled_zeros and repacked; a flat
/// cict_token becomes kCompensationKey. Throws IoError naming the file, the layer and what is
/// wrong: a scheme that this build does not know, a part that is missing or misshapen, a scale that
/// is not finite.
void find_quantized(WeightFile& file);

/// The tensors that stand for the matrix `key`, under the names above.
std::map<std::string, at::Tensor> tensors_of(const std::string& key,
                                             const kernels::QuantizedWeight& weight);

/// Scheme of each layer of the file ("w4a16-g128"), by the key of its weight.
std::map<std::string, std::string> schemes_of(const WeightFile& file);

/// The layout of AWQ: codes [N, K] of 0 to 15 to int16 [N / 4, K], and back. Inverses. N a multiple
/// of 4, K of 64.
at::Tensor to_awq_layout(const at::Tensor& codes);
at::Tensor from_awq_layout(const at::Tensor& packed);

}  // namespace vggt
