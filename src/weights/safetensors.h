// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "src/weights/weight_file.h"

namespace vggt {

/// Reads one .safetensors file by mapping it. Every number of the header is checked before it is
/// used: header length, JSON, dtype, shape, overflow, offsets, overlap, gaps and the file's size.
/// Throws IoError naming the file, the tensor and the field.
WeightFile read_safetensors(const std::string& path);

/// Reads the shards that a *.safetensors.index.json lists, from its folder.
WeightFile read_sharded_safetensors(const std::string& index_path);

/// Writes tensors (any device and strides) in the order of the map; the file appears complete or
/// not at all. Throws IoError.
void write_safetensors(const std::string& path,
                       const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace vggt
