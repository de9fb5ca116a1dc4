// SPDX-License-Identifier: Apache-2.0
#include "src/train/checkpoint.h"

#include <ATen/ATen.h>

#include <charconv>

#include "src/base/error.h"
#include "src/io/text_file.h"
#include "src/weights/safetensors.h"

namespace vggt::train {
namespace {

template <class T>
T number_in(const WeightFile& file, const std::string& field) {
  const auto found = file.metadata.find(field);
  if (found == file.metadata.end()) {
    throw IoError(file.path, "is no checkpoint of 'vggt train': it lacks " + field);
  }
  T value = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0)) {
    throw IoError(file.path, field + " is no number: '" + text + "'");
  }
  return value;
}

}  // namespace

void write_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  write_safetensors(path,
                    checkpoint.tensors,
                    {{"vggt.train.step", std::to_string(checkpoint.step)},
                     {"vggt.train.updates", std::to_string(checkpoint.updates)},
                     {"vggt.train.seconds", number_text(checkpoint.seconds)},
                     {"vggt.train.recipe", checkpoint.recipe}});
}

Checkpoint read_checkpoint(const std::string& path) {
  const WeightFile file = read_safetensors(path);
  Checkpoint checkpoint;
  checkpoint.step = number_in<int64_t>(file, "vggt.train.step");
  checkpoint.updates = number_in<int64_t>(file, "vggt.train.updates");
  checkpoint.seconds = number_in<double>(file, "vggt.train.seconds");
  const auto recipe = file.metadata.find("vggt.train.recipe");
  if (recipe == file.metadata.end()) {
    throw IoError(path, "metadata vggt.train.recipe is missing: it is no checkpoint of a training");
  }
  checkpoint.recipe = recipe->second;
  // Copies: the run replaces the file that these are mapped from.
  for (const auto& [name, tensor] : file.tensors) checkpoint.tensors[name] = tensor.clone();
  return checkpoint;
}

}  // namespace vggt::train
