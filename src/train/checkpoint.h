// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <ATen/core/Tensor.h>

namespace vggt::train {

/// Everything that a run needs to go on as if it had not stopped; float32 on the CPU.
struct Checkpoint {
  int64_t step = 0;     ///< the next one
  int64_t updates = 0;  ///< of the optimiser: steps that were not skipped
  double seconds = 0;   ///< that the run took so far
  std::string recipe;   ///< its JSON
  std::map<std::string, at::Tensor>
      tensors;  ///< "weights/", "average/", "first/", "second/" + name
};

/// The file appears complete or not at all. Throws IoError.
void write_checkpoint(const std::string& path, const Checkpoint& checkpoint);

/// Throws IoError naming the file and what is missing or wrong.
Checkpoint read_checkpoint(const std::string& path);

}  // namespace vggt::train
