// SPDX-License-Identifier: Apache-2.0
#include "src/base/error.h"
#include "src/io/binary_file.h"
#include "src/io/colmap.h"
#include "src/io/colmap_check.h"
#include "src/io/text_file.h"

namespace vggt {
namespace {

constexpr const char* kExtension = ".txt";

template <typename Values>
void append_numbers(std::string& line, const Values& values) {
  for (const double value : values) line += ' ' + number_text(value);
}

void put(BinaryWriter& file, const std::string& text) { file.bytes(text.data(), text.size()); }

void write_cameras(const std::string& path, const std::vector<ColmapModel::Camera>& cameras) {
  BinaryWriter file(path);
  put(file, "# CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]\n");
  for (const auto& camera : cameras) {
    std::string line = std::to_string(camera.id) + " PINHOLE " + std::to_string(camera.width_px) +
                       ' ' + std::to_string(camera.height_px);
    append_numbers(line, std::array{camera.fx_px, camera.fy_px, camera.cx_px, camera.cy_px});
    put(file, line + '\n');
  }
  file.close();
}

void write_images(const std::string& path, const std::vector<ColmapModel::Image>& images) {
  BinaryWriter file(path);
  put(file,
      "# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME\n"
      "# POINTS2D[] as (X, Y, POINT3D_ID)\n");
  for (const auto& image : images) {
    if (image.name.find_first_of("\r\n") != std::string::npos) {
      throw IoError(path,
                    "the name of image " + std::to_string(image.id) +
                        " holds a line break, which the text format cannot; rename the photo, or "
                        "write the binary format only");
    }
    std::string line = std::to_string(image.id);
    append_numbers(line, image.rotation_wxyz);
    append_numbers(line, image.translation);
    put(file, line + ' ' + std::to_string(image.camera_id) + ' ' + image.name + '\n');
    const char* separator = "";
    for (const auto& observation : image.observations) {
      line = separator + number_text(observation.x_px) + ' ' + number_text(observation.y_px) + ' ';
      line += observation.point_id == ColmapModel::kNoPoint ? "-1"
                                                            : std::to_string(observation.point_id);
      put(file, line);
      separator = " ";
    }
    put(file, "\n");
  }
  file.close();
}

void write_points(const std::string& path, const std::vector<ColmapModel::Point>& points) {
  BinaryWriter file(path);
  put(file, "# POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)\n");
  for (const auto& point : points) {
    std::string line = std::to_string(point.id);
    append_numbers(line, point.position);
    for (const uint8_t channel : point.rgb) line += ' ' + std::to_string(channel);
    append_numbers(line, std::array{point.error_px});
    for (const auto& element : point.track) {
      line += ' ' + std::to_string(element.image_id) + ' ' + std::to_string(element.observation);
    }
    put(file, line + '\n');
  }
  file.close();
}

std::vector<ColmapModel::Camera> read_cameras(const std::string& path,
                                              ColmapDistortion distortion) {
  TextReader file(path);
  std::vector<ColmapModel::Camera> cameras;
  while (file.next_record()) {
    ColmapModel::Camera camera;
    camera.id = file.integer<uint32_t>("CAMERA_ID");
    const std::string name(file.word("MODEL"));
    const ColmapCameraModel* const model = colmap_camera_model(name);
    if (!model || (model->has_distortion() && distortion == ColmapDistortion::kRefuse)) {
      file.fail("camera " + std::to_string(camera.id) + " has model " + name.substr(0, 40) +
                ", only PINHOLE and SIMPLE_PINHOLE are read; COLMAP's image_undistorter makes the "
                "first of any other");
    }
    camera.width_px = file.integer<uint64_t>("WIDTH");
    camera.height_px = file.integer<uint64_t>("HEIGHT");
    camera.fx_px = file.number("PARAMS");
    camera.fy_px = model->focal_lengths == 1 ? camera.fx_px : file.number("PARAMS");
    camera.cx_px = file.number("PARAMS");
    camera.cy_px = file.number("PARAMS");
    for (int i = model->focal_lengths + 2; i < model->parameters; ++i) file.number("PARAMS");
    file.expect_line_end();
    cameras.push_back(camera);
  }
  return cameras;
}

std::vector<ColmapModel::Image> read_images(const std::string& path) {
  TextReader file(path);
  std::vector<ColmapModel::Image> images;
  while (file.next_record()) {
    ColmapModel::Image image;
    image.id = file.integer<uint32_t>("IMAGE_ID");
    for (double& component : image.rotation_wxyz) component = file.number("QW, QX, QY, QZ");
    for (double& component : image.translation) component = file.number("TX, TY, TZ");
    image.camera_id = file.integer<uint32_t>("CAMERA_ID");
    image.name = file.rest("NAME");
    // The second line belongs to the first, and is empty where nothing is seen.
    if (!file.next_line()) file.fail("the line of 2D points after this one is missing");
    while (file.has_field()) {
      ColmapModel::Observation observation;
      observation.x_px = file.number("X");
      observation.y_px = file.number("Y");
      const auto id = file.integer<int64_t>("POINT3D_ID");
      if (id < -1) file.fail("POINT3D_ID is " + std::to_string(id));
      observation.point_id = id == -1 ? ColmapModel::kNoPoint : static_cast<uint64_t>(id);
      image.observations.push_back(observation);
    }
    images.push_back(std::move(image));
  }
  return images;
}

std::vector<ColmapModel::Point> read_points(const std::string& path) {
  TextReader file(path);
  std::vector<ColmapModel::Point> points;
  while (file.next_record()) {
    ColmapModel::Point point;
    point.id = file.integer<uint64_t>("POINT3D_ID");
    for (double& coordinate : point.position) coordinate = file.number("X, Y, Z");
    for (uint8_t& channel : point.rgb) channel = file.integer<uint8_t>("R, G, B");
    point.error_px = file.number("ERROR");
    while (file.has_field()) {
      ColmapModel::TrackElement element;
      element.image_id = file.integer<uint32_t>("IMAGE_ID");
      element.observation = file.integer<uint32_t>("POINT2D_IDX");
      point.track.push_back(element);
    }
    points.push_back(std::move(point));
  }
  return points;
}

}  // namespace

void write_colmap_text(const std::string& folder, const ColmapModel& model) {
  write_cameras(colmap_file(folder, "cameras", kExtension), model.cameras);
  write_images(colmap_file(folder, "images", kExtension), model.images);
  write_points(colmap_file(folder, "points3D", kExtension), model.points);
}

ColmapModel read_colmap_text(const std::string& folder, ColmapDistortion distortion) {
  ColmapModel model;
  model.cameras = read_cameras(colmap_file(folder, "cameras", kExtension), distortion);
  model.images = read_images(colmap_file(folder, "images", kExtension));
  model.points = read_points(colmap_file(folder, "points3D", kExtension));
  check_references(model, folder, kExtension);
  return model;
}

}  // namespace vggt
