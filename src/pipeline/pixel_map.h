// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "src/geometry/camera.h"

namespace vggt {

/// How often a stored picture of this EXIF orientation (1..8) is turned by 90 degrees clockwise
/// until its top is up. The mirror of the orientations 2, 4, 5 and 7 is left out everywhere: what
/// is up comes up, but left and right stay as the camera saw them. Only so is the way back a
/// camera, for no rotation undoes a mirror; and such files are in practice selfies, whose stored
/// pixels are the true view. Throws c10::Error outside 1..8.
int clockwise_quarter_turns(int exif_orientation);

/// The exact way between the pixels of one network input and the pixels stored in the photo's file.
///
/// Three frames of pixel coordinates, all with their origin at the top-left corner:
///   stored   as the file holds the picture, before EXIF orientation: what COLMAP reads
///   upright  stored, turned by the EXIF orientation; equal to it where that is 1 or ignored
///   network  upright, scaled per axis and shifted: network = scale * upright + offset
/// The offset is negative where the picture was cropped, positive where it was padded.
struct PixelMap {
  int64_t stored_width_px = 0;
  int64_t stored_height_px = 0;
  int orientation =
      1;  ///< EXIF orientation 1..8 that was applied, without mirrors; 1 where none was
  double scale_x = 1;
  double scale_y = 1;
  double offset_x_px = 0;
  double offset_y_px = 0;
  int64_t network_width_px = 0;
  int64_t network_height_px = 0;

  int64_t upright_width_px() const;
  int64_t upright_height_px() const;

  std::array<double, 2> stored_from_network(double x_px, double y_px) const;
  std::array<double, 2> network_from_stored(double x_px, double y_px) const;

  /// Whether the centre of network pixel (x, y) lies on the picture, not on padding.
  bool shows_picture(int64_t x, int64_t y) const;

  /// The camera of the stored picture, given the camera of the network input: intrinsics in stored
  /// pixels, and for turned pictures the rotation about the optical axis in cam_from_world. A point
  /// of the world projects to stored_from_network(its projection with `network_camera`).
  Camera stored_camera(const Camera& network_camera) const;

  /// The way back: the camera of the network input, given that of the stored picture.
  Camera network_camera(const Camera& stored_camera) const;
};

}  // namespace vggt
