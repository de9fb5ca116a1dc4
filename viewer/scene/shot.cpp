// SPDX-License-Identifier: Apache-2.0
#include "viewer/scene/shot.h"

#include "src/base/error.h"
#include "viewer/scene/picture.h"
#include "viewer/scene/raster.h"

#include <cstdio>
#include <filesystem>
#include <limits>

namespace vggt::viewer {
namespace {

struct Drawing {
  Selection selection;
  std::vector<Rgb> colours;
  std::vector<Line> lines;
};

Eigen::Vector3d up_of(const Scene& scene, const Shot& shot) {
  return shot.up ? *shot.up : guess_up(scene.photos);
}

Drawing drawing_of(const Scene& scene, const Shot& shot, bool frusta) {
  Drawing drawing;
  const ConfidenceTable confidences(scene.points.confidence);
  select(scene.points,
         shot.filter,
         confidences,
         std::numeric_limits<size_t>::max(),
         drawing.selection);
  drawing.colours = colours_of(scene.points, drawing.selection.chosen, shot.colour);
  if (frusta) {
    drawing.lines = camera_lines(scene, -1, shot.filter.last_frame, frustum_size(scene));
  }
  if (shot.axes) {
    const Bounds bounds = bounds_of(scene);
    for (const Line& line : axis_lines(bounds)) drawing.lines.push_back(line);
    for (const Line& line : grid_lines(bounds, up_of(scene, shot))) drawing.lines.push_back(line);
  }
  return drawing;
}

Picture draw(const Scene& scene, const Shot& shot, const Drawing& drawing, const Camera& look) {
  Raster raster(look, shot.background);
  raster.draw_points(scene.points, drawing.selection.chosen, drawing.colours, shot.point_size);
  raster.draw_lines(drawing.lines);
  return raster.picture();
}

}  // namespace

Picture draw(const Scene& scene, const Shot& shot, const Camera& look) {
  return draw(scene, shot, drawing_of(scene, shot, shot.frusta), look);
}

Picture shot_of(const Scene& scene, const Shot& shot, std::optional<int> camera) {
  if (!camera) {
    return draw(scene, shot, first_look(scene, up_of(scene, shot), shot.width, shot.height));
  }
  const int count = static_cast<int>(scene.photos.size());
  if (*camera < 0 || *camera >= count) {
    throw ConfigError(
        "camera",
        count == 0 ? scene.path + " has no cameras"
                   : std::to_string(*camera) + " is not from 0 to " + std::to_string(count - 1));
  }
  const Photo& photo = scene.photos[static_cast<size_t>(*camera)];
  // Frusta of the others would only stand in the way.
  Picture picture = draw(scene, shot, drawing_of(scene, shot, false), photo.camera);
  if (shot.photo_opacity > 0) {
    const Picture over = read_picture(photo.photo_path, photo.quarter_turns);
    picture = blended(picture, resized(over, picture.width, picture.height), shot.photo_opacity);
  }
  return picture;
}

std::vector<std::string> write_turntable(const std::string& path,
                                         const Scene& scene,
                                         const Shot& shot,
                                         int count,
                                         const std::function<bool(int done)>& progress) {
  namespace fs = std::filesystem;
  if (count < 1) throw ConfigError("turntable", "must be at least 1 picture");
  const Drawing drawing = drawing_of(scene, shot, shot.frusta);
  const Bounds bounds = bounds_of(scene);
  const Eigen::Vector3d up = up_of(scene, shot);
  std::optional<VideoFile> video;
  if (is_video(path)) video.emplace(path, shot.width, shot.height);
  const auto stop = [&] {
    video.reset();
    std::error_code error;
    if (is_video(path)) fs::remove(path, error);  // half a video looks like a whole one
    throw Cancelled();
  };
  std::vector<std::string> files;
  for (int k = 0; k < count; ++k) {
    const Camera look = turntable(bounds, up, k, count, shot.width, shot.height);
    const Picture picture = draw(scene, shot, drawing, look);
    if (video) {
      video->add(picture);
    } else {
      const fs::path of(path);
      char number[16];
      std::snprintf(number, sizeof(number), "_%03d", k);
      files.push_back(
          (of.parent_path() / (of.stem().string() + number + of.extension().string())).string());
      write_picture(files.back(), picture);
    }
    if (progress && !progress(k + 1)) stop();
  }
  if (video) files.push_back(path);
  return files;
}

}  // namespace vggt::viewer
