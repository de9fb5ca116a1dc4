// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "src/models/vggt.h"

namespace vggt::train {

/// Fills the parameters of a module with what training starts from, float32 on the CPU: uniform
/// weights of variance 1 / (3 inputs) and biases of 0 (He et al., "Delving deep into rectifiers",
/// ICCV 2015, in the form that PyTorch takes), norms that do nothing, layer scales of 0.1, tokens
/// of deviation 0.02. The same numbers for a seed on every machine. They want gradients.
void initialise(torch::nn::Module& module, uint64_t seed);

std::shared_ptr<Vggt> initial_model(const ModelConfig& config, uint64_t seed);

/// A model that goes on learning from the weights of a file: float32, of memory of its own.
/// Throws IoError as load_model() does.
std::shared_ptr<Vggt> model_to_refine(const std::string& path, const ModelConfig& config);

}  // namespace vggt::train
