// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "src/geometry/camera.h"

namespace vggt::viewer {

using Vec3f = std::array<float, 3>;
using Rgb = std::array<uint8_t, 3>;

/// A picture in RGB, row by row; empty where there is none.
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> rgb;

  bool empty() const { return rgb.empty(); }
  uint8_t* at(int x, int y) { return rgb.data() + 3 * (static_cast<size_t>(y) * width + x); }
  const uint8_t* at(int x, int y) const {
    return rgb.data() + 3 * (static_cast<size_t>(y) * width + x);
  }
};

/// The points of a scene, one list per property; a property that is not known is an empty list, all
/// others are as long as `position`. 35 bytes a point where everything is known.
struct Points {
  std::vector<Vec3f> position;  ///< world, scene units
  std::vector<Rgb> colour;
  std::vector<float> confidence;
  std::vector<float> depth;    ///< along the axis of the photo it comes from, scene units
  std::vector<float> edge;     ///< how far the depth jumps around its pixel, as a share of it
  std::vector<float> error;    ///< reprojection error in px, or the difference to another result
  std::vector<int32_t> frame;  ///< index of the photo it comes from

  size_t size() const { return position.size(); }
};

/// A point that a photo sees, by a track of a COLMAP model.
struct Observation {
  double x_px = 0;  ///< in the pixels of Photo::camera
  double y_px = 0;
  Vec3f point{};  ///< world
};

/// One photo of a scene, with the files that belong to it.
struct Photo {
  std::string name;
  Camera camera;           ///< of the photo as it is shown, upright
  std::string photo_path;  ///< empty: not known
  int quarter_turns = 0;   ///< clockwise, which bring the stored photo upright

  std::string depth_path;       ///< float32 .npy at the network's resolution; empty: none
  std::string confidence_path;  ///< likewise
  Camera network_camera;        ///< of these maps; only with them
  /// network pixel = scale * pixel of the photo + offset
  double scale_x = 1;
  double scale_y = 1;
  double offset_x_px = 0;
  double offset_y_px = 0;

  std::vector<Observation> observations;
};

/// Which points are shown. Points without the property in question pass.
struct Filter {
  double drop_percent = 0;  ///< of the points, those of lowest confidence; [0, 100)
  double edge_ratio = 0;    ///< points whose depth jumps by more are left out; 0: off
  int32_t last_frame = std::numeric_limits<int32_t>::max();  ///< of photos up to this one
  Vec3f crop_low = {-std::numeric_limits<float>::infinity(),
                    -std::numeric_limits<float>::infinity(),
                    -std::numeric_limits<float>::infinity()};
  Vec3f crop_high = {std::numeric_limits<float>::infinity(),
                     std::numeric_limits<float>::infinity(),
                     std::numeric_limits<float>::infinity()};
};

enum class SceneKind { kResult, kPly, kColmap, kTransforms };

/// What is looked at: a result of 'vggt reconstruct', a PLY, a COLMAP model or a transforms.json.
struct Scene {
  std::string path;
  SceneKind kind = SceneKind::kResult;
  std::vector<Photo> photos;
  Points points;
  Filter filter;                      ///< that the result was made with
  std::vector<std::string> warnings;  ///< what is missing, for the user
};

}  // namespace vggt::viewer
