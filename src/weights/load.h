// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "src/accel/quant_recipe.h"
#include "src/base/progress.h"
#include "src/models/precision.h"
#include "src/models/vggt.h"
#include "src/weights/weight_file.h"

namespace vggt {

/// How the tensors of a file differ from what a config expects.
struct ManifestDifference {
  std::vector<std::string> missing;  ///< expected, not in the file
  std::vector<std::string> extra;    ///< in the file, not expected
  std::vector<std::string>
      misshapen;  ///< "key: file [..], model [..]", or not a floating-point tensor
  bool empty() const { return missing.empty() && extra.empty() && misshapen.empty(); }
};

/// Tensors of heads that `config` leaves out are not extra.
ManifestDifference compare(const WeightFile& file, const ModelConfig& config);

struct LoadOptions {
  Precision precision = Precision::kFloat32;
  accel::QuantRecipe recipe;  ///< layers to round to nearest codes; empty: none
  c10::Device device = c10::Device(c10::kCPU);
  ProgressCallback progress;
};

/// A model with the weights of `file`, each converted while it is mapped: what the file holds in
/// the right dtype already stays mapped, the rest needs memory once, in its final dtype. Codes are
/// taken as they are. Throws IoError listing every missing, extra and misshapen tensor, or naming
/// one that holds NaN or infinity; ConfigError where the recipe names what the model has not, or
/// the file is quantised already.
std::shared_ptr<Vggt> load_model(const WeightFile& file,
                                 const ModelConfig& config,
                                 const LoadOptions& options);

/// A model with the weights of the synthetic rule (weights/synthetic.h): for speed and parity only.
std::shared_ptr<Vggt> synthetic_model(uint64_t seed,
                                      const ModelConfig& config,
                                      const LoadOptions& options);

}  // namespace vggt
