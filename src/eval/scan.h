// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "src/eval/point_metrics.h"
#include "src/geometry/camera.h"
#include "src/geometry/observed_volume.h"
#include "src/geometry/similarity.h"
#include "src/pipeline/reconstruction.h"

namespace vggt::eval {

/// What of a scan counts: a polygon that is drawn out along an axis, as Tanks and Temples has it.
struct CropVolume {
  int axis = 2;  ///< along which: 0, 1, 2
  double low = 0;
  double high = 0;
  std::vector<std::array<double, 2>> polygon;  ///< of the other two coordinates, in their order
};

/// A surface that was measured apart from the photos.
struct Scan {
  at::Tensor points;           ///< [N, 3] double
  Similarity scan_from_world;  ///< the world being that of the true cameras
  double units_per_metre = 1;
  // Tanks and Temples' protocol has the distance, DTU's the volume; ScanNet-50's neither.
  double f_distance = 0;
  std::optional<CropVolume> crop;
  std::optional<ObservedVolume> observed;
};

/// The vertices of a binary little-endian PLY with any other properties and elements after them,
/// [N, 3] double. Throws IoError: another kind of PLY, no vertex, or cut off.
at::Tensor read_ply_vertices(const std::string& path);

/// Tanks and Temples' "<Scene>.json", a crop volume as Open3D writes it. Throws IoError.
CropVolume read_crop_volume(const std::string& path);

/// "<Scene>_trans.txt", a 4 x 4 matrix. Throws IoError unless it is a similarity.
Similarity read_similarity(const std::string& path);

/// Those of the points [N, 3] that lie in the volume.
at::Tensor cropped(const at::Tensor& points, const CropVolume& volume);

/// The points of a reconstruction against a scan, by the name of what brings them together:
///
/// ScanNet-50 (FastVGGT's protocol), of the points with a confidence of 3 and more, `most_points` of
/// both clouds, then one point in each 5 cm; clipped_sum is clipped at 0.5 m:
///   bounding_box  the first camera onto the true one, then centre and diagonal of the box about
///                 the points onto those of the scan
///   cameras       the Sim(3) of the camera centres; from 3 cameras on
/// Tanks and Temples (Knapitsch et al., 2017), all points:
///   cameras       the Sim(3) of the camera centres, refined by ICP with scale in three stages, on
///                 points in cubes of d, d/2 and d/2, within 80, 20 and 2 d; then one point in each
///                 cube of d/2 of what is inside the crop volume. Nothing if that is empty.
/// DTU (Aanaes et al., "Large-Scale Data for Multiple-View Stereopsis", IJCV 2016), all points, in
/// millimetres; chamfer is its "overall", clipped_sum is not part of it and NaN:
///   cameras       the Sim(3) of the camera centres; points at least 0.2 mm apart; accuracy of those
///                 in the box and the observed cubes, completeness of the scan's points in the box
///                 above the table; distances from 20 mm on are left out. Nothing if all are.
///                 The published tables are of methods that are given the cameras. That of VGGT's
///                 paper fits each depth map to the true depth, and drops points that other views
///                 do not confirm: it is not to be compared with this.
std::vector<std::pair<std::string, PointScores>> score_scan(const Reconstruction& predicted,
                                                            std::span<const Camera> truth,
                                                            const Scan& scan,
                                                            int64_t most_points);

}  // namespace vggt::eval
