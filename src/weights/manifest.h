// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "src/models/config.h"

namespace vggt {

/// Every parameter that a model of this config has: checkpoint key -> shape. It is read off the
/// model itself, so that model and manifest cannot differ.
std::map<std::string, std::vector<int64_t>> manifest(const ModelConfig& config);

}  // namespace vggt
