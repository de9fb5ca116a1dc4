// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace vggt {

/// Sums points up by the cube of a regular grid that they lie in. Memory grows with the cubes, not
/// with the points.
class PointVoxels {
 public:
  struct Voxel {
    int64_t source = 0;  ///< number of the most confident point; of equal ones the first added
    float confidence = 0;
    double count = 0;
    std::array<double, 3> position_sum = {0, 0, 0};
    std::array<double, 3> colour_sum = {0, 0, 0};
  };

  /// side  of a cube, in the unit of the points, positive
  explicit PointVoxels(double side) : side_(side) {}

  /// source  the number of the point, from 0
  /// xyz     3 finite numbers
  /// Throws ConfigError("voxel") if the point is too many cubes away from the origin.
  void add(int64_t source,
           const float* xyz,
           const std::array<uint8_t, 3>& colour,
           float confidence);

  std::vector<Voxel> by_source() const;

 private:
  using Cell = std::array<int64_t, 3>;
  struct Hash {
    size_t operator()(const Cell& cell) const;
  };

  double side_;
  std::unordered_map<Cell, Voxel, Hash> voxels_;
};

}  // namespace vggt
