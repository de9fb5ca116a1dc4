// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "src/models/config.h"
#include "src/weights/weight_file.h"

namespace vggt {

struct InferredConfig {
  ModelConfig config;
  std::string origin;  ///< "the file's metadata" or "the tensors' shapes"
  std::vector<std::string>
      assumed;  ///< fields that shapes cannot tell, and where their values come from
};

/// The config of a checkpoint: from its metadata (vggt.config) if it has one, else from the shapes
/// of its tensors. What shapes cannot tell (the camera head's number of attention heads, which
/// layers a head reads, strides, iterations) is taken from the preset of the same size, or else
/// VGGT's general rule. Throws ConfigError or IoError naming the tensor without which nothing can
/// be said.
InferredConfig infer_config(const WeightFile& file);

/// The licence that the file's metadata states, else what is known about a checkpoint of this size.
std::string licence_of(const WeightFile& file, const ModelConfig& config);

}  // namespace vggt
