// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/point_voxels.h"

#include "src/base/error.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace vggt {

size_t PointVoxels::Hash::operator()(const Cell& cell) const {
  uint64_t hash = 0;
  for (const int64_t index : cell) {
    hash = (hash ^ static_cast<uint64_t>(index)) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
  }
  return hash;
}

void PointVoxels::add(int64_t source,
                      const float* xyz,
                      const std::array<uint8_t, 3>& colour,
                      float confidence) {
  Cell cell{};
  for (size_t k = 0; k < cell.size(); ++k) {
    constexpr double kMost = 9e18;  // below 2^63
    const double index = std::floor(static_cast<double>(xyz[k]) / side_);
    if (!(std::abs(index) < kMost)) {
      throw ConfigError("voxel",
                        std::to_string(side_) + " is too small for a scene with a point at " +
                            std::to_string(xyz[k]));
    }
    cell[k] = static_cast<int64_t>(index);
  }
  Voxel& voxel = voxels_[cell];
  if (voxel.count == 0 || confidence > voxel.confidence) {
    voxel.source = source;
    voxel.confidence = confidence;
  }
  voxel.count += 1;
  for (size_t k = 0; k < cell.size(); ++k) {
    voxel.position_sum[k] += static_cast<double>(xyz[k]);
    voxel.colour_sum[k] += colour[k];
  }
}

std::vector<PointVoxels::Voxel> PointVoxels::by_source() const {
  std::vector<Voxel> voxels;
  voxels.reserve(voxels_.size());
  for (const auto& [cell, voxel] : voxels_) voxels.push_back(voxel);
  std::sort(voxels.begin(), voxels.end(), [](const Voxel& a, const Voxel& b) {
    return a.source < b.source;
  });
  return voxels;
}

}  // namespace vggt
