// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace vggt {

class MappedFile;
namespace kernels {
struct QuantizedWeight;
}

/// The tensors of a checkpoint, memory-mapped: nothing is read from the disk before it is used, and
/// a tensor keeps its mapping alive. Writing to a tensor changes memory only, never the file.
struct WeightFile {
  std::string path;    ///< as given
  std::string format;  ///< "safetensors", "safetensors (3 shards)", "torch archive"
  std::map<std::string, at::Tensor> tensors;    ///< by checkpoint key, on the CPU
  std::map<std::string, std::string> metadata;  ///< "__metadata__" of safetensors; empty otherwise
  /// Matrices that the file holds as codes, by the key of the weight (weights/quantized_file.h);
  /// `tensors` has a placeholder of their shape.
  std::map<std::string, std::shared_ptr<const kernels::QuantizedWeight>> quantized;
  int64_t bytes = 0;                                  ///< of all tensors
  std::vector<std::shared_ptr<MappedFile>> mappings;  ///< what the tensors point into

  /// Gives back the memory that reading `tensor` has filled; its values stay there, in the file.
  /// For a tensor that nobody has written to.
  void drop_pages(const at::Tensor& tensor) const;
};

/// Opens a .safetensors file, a model.safetensors.index.json, a folder that holds one of them, or a
/// torch.save archive (.pt, .pth, .bin; the tensors may be nested under "model" or "state_dict").
/// The content decides, not the name. Throws IoError naming the file, the field and the reason if
/// it is truncated, malformed or hostile.
WeightFile open_weight_file(const std::string& path);

}  // namespace vggt
