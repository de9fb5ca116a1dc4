// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace vggt {

/// A sparse model as COLMAP 3.x stores it: cameras, images and points3D, each a .bin or a .txt. All
/// cameras are of COLMAP's model PINHOLE; SIMPLE_PINHOLE is read as such. Ids are COLMAP's: any
/// number but the invalid ones, unique in their list.
struct ColmapModel {
  struct Camera {
    uint32_t id = 0;
    uint64_t width_px = 0;
    uint64_t height_px = 0;
    double fx_px = 0;
    double fy_px = 0;
    double cx_px = 0;
    double cy_px = 0;
  };

  struct Observation {
    double x_px = 0;
    double y_px = 0;
    uint64_t point_id = 0;  ///< of points; kNoPoint where the 2D point has none
  };

  struct Image {
    uint32_t id = 0;
    std::array<double, 4> rotation_wxyz = {
        1, 0, 0, 0};  ///< cam_from_world; scalar FIRST, as in the file
    std::array<double, 3> translation = {0, 0, 0};  ///< cam_from_world
    uint32_t camera_id = 0;
    std::string name;
    std::vector<Observation> observations;
  };

  struct TrackElement {
    uint32_t image_id = 0;
    uint32_t observation = 0;  ///< index in the image's observations
  };

  struct Point {
    uint64_t id = 0;
    std::array<double, 3> position = {0, 0, 0};  ///< world
    std::array<uint8_t, 3> rgb = {0, 0, 0};
    double error_px = 0;  ///< mean reprojection error
    std::vector<TrackElement> track;
  };

  static constexpr uint64_t kNoPoint = ~uint64_t{0};

  std::vector<Camera> cameras;
  std::vector<Image> images;
  std::vector<Point> points;
};

/// Writes the three .bin files into an existing folder. Throws IoError.
void write_colmap(const std::string& folder, const ColmapModel& model);

/// What becomes of cameras of COLMAP's models with distortion.
enum class ColmapDistortion {
  kRefuse,  ///< an IoError
  kIgnore,  ///< they are read without it: for their poses
};

/// Reads the three .bin files. Throws IoError naming file and reason if one is truncated, holds an
/// impossible count, another camera model, an id twice, or refers to something that is not there.
ColmapModel read_colmap(const std::string& folder,
                        ColmapDistortion distortion = ColmapDistortion::kRefuse);

/// Writes and reads the same as three .txt files; the numbers read back exactly. A name with a line
/// break, which the format cannot hold, is an IoError. COLMAP itself (3.8 and 4.2 checked) reads a
/// name up to its first space only.
void write_colmap_text(const std::string& folder, const ColmapModel& model);
ColmapModel read_colmap_text(const std::string& folder,
                             ColmapDistortion distortion = ColmapDistortion::kRefuse);

/// The folder of the model that a scene's folder holds, in sparse/0, sparse or itself; empty if
/// there is none.
std::string find_colmap_model(const std::string& folder);

/// Reads the three .bin files, or where images.bin is not there the three .txt files.
ColmapModel read_colmap_model(const std::string& folder,
                              ColmapDistortion distortion = ColmapDistortion::kRefuse);

}  // namespace vggt
