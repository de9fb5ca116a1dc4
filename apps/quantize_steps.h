// SPDX-License-Identifier: Apache-2.0
// The steps of `vggt quantize`.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "src/calibrate/calibrate.h"

namespace vggt::apps {

/// What the user asked for.
struct QuantizeCommand {
  std::string weights;
  std::string config;
  std::vector<std::string> images;
  std::string format = "w4a16";
  std::string method = "qvggt";
  std::string output;
  std::string rest = "bf16";
  int64_t frames = 8;
  int64_t most_scenes = 40;
  int64_t task_scenes = 4;
  uint64_t seed = 0;
  bool compensation = false;
};

/// Photos as the network takes them, `frames` of a folder at a time.
struct CalibrationImages {
  std::vector<at::Tensor> scenes;   ///< [1, S, 3, H, W] each
  std::vector<std::string> names;   ///< of the scenes
  std::vector<std::string> hashes;  ///< of the photos
};

/// Empty if none are asked for. Throws IoError naming the folder if it holds no photo.
CalibrationImages read_calibration_images(const QuantizeCommand& command,
                                          const ModelConfig& config,
                                          const ProgressCallback& progress);

/// Everything that decides the codes.
std::string key_of(const QuantizeCommand& command,
                   const accel::QuantRecipe& recipe,
                   const CalibrationImages& images);

/// A folder that holds the blocks which an interrupted run has finished.
class PartialBlocks {
 public:
  /// What was made with another key is removed. Throws IoError.
  PartialBlocks(std::string folder, const std::string& key);
  int64_t found() const { return found_; }
  calibrate::BlockStore store() const;
  void remove() const;

 private:
  std::string folder_;
  int64_t found_ = 0;
};

struct QuantizeFacts {
  const CalibrationImages& images;
  int64_t bytes = 0;  ///< of the file's tensors
  double seconds = 0;
};
nlohmann::ordered_json report_of(const QuantizeCommand& command,
                                 const calibrate::Calibrated& calibrated,
                                 const QuantizeFacts& facts);
std::string summary_of(const nlohmann::ordered_json& report);

/// Bits per weight and signal to noise of each layer, block by block, and the blocks' sensitivity.
void write_allocation_chart(const std::string& path,
                            const QuantizeCommand& command,
                            const calibrate::Calibrated& calibrated);

}  // namespace vggt::apps
