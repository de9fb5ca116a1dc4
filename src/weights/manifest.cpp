// SPDX-License-Identifier: Apache-2.0
#include "src/weights/manifest.h"

#include "src/models/vggt.h"

namespace vggt {

std::map<std::string, std::vector<int64_t>> manifest(const ModelConfig& config) {
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const auto& parameter : Vggt(config).named_parameters()) {
    shapes[parameter.key()] = parameter.value().sizes().vec();
  }
  return shapes;
}

}  // namespace vggt
