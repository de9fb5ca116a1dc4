// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace vggt {

/// Writes a NumPy array file, version 1.0, C order, of dtype and shape of the tensor: float16,
/// float32, float64, uint8 or a signed integer; numpy.load reads it. Throws IoError, c10::Error for
/// another dtype.
void write_npy(const std::string& path, const at::Tensor& tensor);

/// Reads a file of version 1.0 in C order and of those types. Throws IoError.
at::Tensor read_npy(const std::string& path);

}  // namespace vggt
