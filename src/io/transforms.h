// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <vector>

#include "src/geometry/camera.h"

namespace vggt {

/// A scene as nerfstudio's transforms.json holds it: the cameras of photos, each with its own
/// intrinsics, without distortion, and a point cloud in the same world. No applied_transform: the
/// world is the one of all our files. Checked against nerfstudio 1.1.5, whose loader ignores EXIF
/// orientation, so cameras are those of the pictures as stored.
struct TransformsFile {
  struct Frame {
    /// The photo: absolute, or relative to the folder of transforms.json, with '/'.
    std::string file_path;
    int64_t width_px = 0;
    int64_t height_px = 0;
    double fx_px = 0;
    double fy_px = 0;
    double cx_px = 0;
    double cy_px = 0;
    /// world_from_cam, row-major 4 x 4; the camera in OpenGL axes: x right, y up, z backward.
    std::array<double, 16> transform_matrix{};
  };

  std::vector<Frame> frames;
  std::string ply_file_path;  ///< relative to the folder of transforms.json; empty: none
};

/// Between a frame and our cameras (cam_from_world, OpenCV axes); both ways agree to rounding.
TransformsFile::Frame frame_from_camera(const std::string& file_path, const Camera& camera);
Camera camera_from_frame(const TransformsFile::Frame& frame);

/// Numbers read back exactly. What is not UTF-8 in a path becomes U+FFFD, since JSON cannot hold
/// it. Throws IoError.
void write_transforms(const std::string& path, const TransformsFile& transforms);

/// Reads such a file, also one whose intrinsics stand beside the frames instead of in each. Throws
/// IoError naming file, frame and field: no JSON, a value missing, of another type or not usable, a
/// camera model other than OPENCV and PINHOLE, or a distortion that is not zero.
TransformsFile read_transforms(const std::string& path);

}  // namespace vggt
