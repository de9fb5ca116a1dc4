// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "src/io/colmap.h"
#include "src/io/output_files.h"
#include "src/io/transforms.h"
#include "src/io/tum.h"
#include "src/pipeline/reconstruction.h"

namespace vggt {

/// A point that several photos show at known places, as bundle adjustment leaves it.
struct TrackedPoint {
  struct Sighting {
    int32_t view = 0;
    double x_px = 0;  ///< of the stored picture
    double y_px = 0;
  };
  std::array<double, 3> position = {0, 0, 0};  ///< world
  std::array<uint8_t, 3> rgb = {0, 0, 0};
  std::vector<Sighting> sightings;  ///< a view at most once
};

/// The cameras as a COLMAP model, with these points and their tracks; errors are those of their
/// projections. Ids start at 1 and follow the order of views and points.
ColmapModel colmap_from(const std::vector<View>& views, const std::vector<TrackedPoint>& points);

/// The points of such a model. Throws IoError naming `where` if an image has no view: its id must
/// be the view's number plus 1.
std::vector<TrackedPoint> tracked_points(const ColmapModel& model,
                                         size_t views,
                                         const std::string& where);

/// The cameras and at most `max_points` of the points, evenly spread over them, as a COLMAP model.
///
/// Cameras are those of the pictures as their files store them, before EXIF orientation, because
/// COLMAP (3.8 to 4.2 checked) ignores the orientation. Every point has a track of length one: the
/// centre of the pixel it was made from. It projects there exactly (not for mirrored orientations,
/// see PixelMap::stored_camera) unless a voxel moved it; its error says how far off. Points that
/// are not finite are left out. Ids start at 1 and follow the order of the views.
ColmapModel colmap_from(const Reconstruction& reconstruction, int64_t max_points = 100000);

/// The cameras of colmap_from() as nerfstudio wants them, and "points.ply".
/// file_paths  of the photos, as TransformsFile has them; empty: the views' names
TransformsFile transforms_from(const Reconstruction& reconstruction,
                               const std::vector<std::string>& file_paths = {});

/// Where the upright cameras stand.
/// timestamps  one per view; empty: the views' numbers from 0
std::vector<TumPose> trajectory_from(const Reconstruction& reconstruction,
                                     const std::vector<double>& timestamps = {});

/// The views' names without extension, with their folders, one per view and all different: photos
/// that differ only in the extension keep it. Steps out of the folder ("..", a leading "/") are
/// made harmless, so that each is a path below any folder, and bytes that are no UTF-8 become
/// U+FFFD, so that report.json can name them.
std::vector<std::string> photo_stems(const std::vector<View>& views);

struct ExportOptions {
  bool text = false;                  ///< the sparse model as text too
  bool predictions = false;           ///< what the network made, for programs (write_predictions)
  int64_t sparse_points = 100000;     ///< the sparse model's most points
  std::vector<TrackedPoint> tracked;  ///< the sparse model's points, in place of those; empty: none
  std::vector<std::string> photo_paths;  ///< see transforms_from()
  std::vector<double> timestamps;        ///< see trajectory_from()
};

/// The files of a result in `folder`, for write_files(); the largest first:
///   points.ply                              all points
///   sparse/0/{cameras,images,points3D}.bin  colmap_from() of `tracked` or else of the points, also
///                                           as .txt with `text`
///   transforms.json                         transforms_from()
///   trajectory.tum                          trajectory_from()
///   depth/<photo>.npy, confidence/<photo>.npy  float32 [H, W] of the network input
///   predictions.safetensors                 with `predictions`
/// <photo> is of photo_stems(). `reconstruction` must stay as it is until they are written.
std::vector<OutputFile> result_files(const Reconstruction& reconstruction,
                                     const std::string& folder,
                                     const ExportOptions& options = {});

}  // namespace vggt
