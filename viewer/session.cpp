// SPDX-License-Identifier: Apache-2.0
#include "viewer/session.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "src/base/error.h"
#include "viewer/scene/compare.h"
#include "viewer/scene/picture.h"

namespace vggt::viewer {

void OpenScene::take(Scene loaded, size_t photos) {
  const bool is_new = scene.path != loaded.path;
  scene = std::move(loaded);
  loaded_photos = photos;
  confidences = ConfidenceTable(scene.points.confidence);
  bounds = bounds_of(scene);
  frustum_size = viewer::frustum_size(scene);
  if (!is_new) return;
  const ViewSettings fallback{.filter = scene.filter};
  try {
    view = read_view_settings(view_settings_path(scene), fallback);
  } catch (const IoError& error) {
    view = fallback;
    scene.warnings.push_back(error.what());
  }
}

std::string OpenScene::summary() const {
  const std::vector<std::string>& warnings = scene.warnings;
  if (warnings.empty()) {
    return scene.path + ": " + std::to_string(scene.points.size()) + " points, " +
           std::to_string(scene.photos.size()) + " photos";
  }
  const size_t others = warnings.size() - 1;
  return warnings.front() + (others > 0 ? " (and " + std::to_string(others) + " more)" : "");
}

Eigen::Vector3d Session::up() const {
  if (!first) return -Eigen::Vector3d::UnitY();
  if (first->view.up != std::array<double, 3>{}) {
    return Eigen::Map<const Eigen::Vector3d>(first->view.up.data());
  }
  return guess_up(first->scene.photos);
}

void Session::step(int by) {
  if (!first || first->scene.photos.empty()) return;
  const int count = static_cast<int>(first->scene.photos.size());
  // From none forward to the first, backward to the last.
  selected = selected < 0 ? (by > 0 ? 0 : count - 1) : ((selected + by) % count + count) % count;
}

void Session::play_step() {
  if (!first || first->scene.photos.empty()) return;
  int32_t& last = first->view.filter.last_frame;
  const auto count = static_cast<int32_t>(first->scene.photos.size());
  last = last >= count - 1 ? 0 : last + 1;
}

void Session::measure(const Eigen::Vector3d& point) {
  if (measured.size() >= 2) measured.clear();
  measured.push_back(point);
}

std::optional<double> Session::distance() const {
  if (measured.size() < 2) return std::nullopt;
  return (measured[1] - measured[0]).norm();
}

void Session::set_length(double metres) {
  const auto length = distance();
  if (!first || !length || !(*length > 0)) {
    throw ConfigError("length", "pick two points first: press M and click on both");
  }
  if (!(metres > 0)) throw ConfigError("length", "must be positive");
  first->view.metres_per_scene_unit = metres / *length;
  first->view.is_metric = true;
}

std::string Session::distance_text() const {
  const auto length = distance();
  if (!length || !first) return measured.empty() ? "click on two points" : "click on the other end";
  char text[96];
  if (first->view.is_metric) {
    std::snprintf(text, sizeof(text), "%.4g m", *length * first->view.metres_per_scene_unit);
  } else {
    std::snprintf(text, sizeof(text), "%.4g scene units", *length);
  }
  return text;
}

std::string Session::compare_scenes() {
  if (!first || !second) return "two scenes are needed to compare";
  const Alignment alignment = align(second->scene, first->scene);
  apply(alignment, second->scene);
  second->bounds = bounds_of(second->scene);
  second->frustum_size = frustum_size(second->scene);
  const double median = compare(first->scene, second->scene);
  char text[160];
  std::snprintf(text,
                sizeof(text),
                "%s; median difference %.3g scene units, %.2f %% of the scene",
                alignment.shared_photos > 0
                    ? ("aligned by " + std::to_string(alignment.shared_photos) + " photos").c_str()
                    : "no common photos, not aligned",
                median,
                100 * median / (2 * first->bounds.radius()));
  return text;
}

struct PhotoFacts::Maps {
  Map depth;
  Map confidence;
};

std::optional<PixelFacts> PhotoFacts::at(const Photo& of, double x_share, double y_share) const {
  if (!maps_ || maps_->depth.values.empty()) return std::nullopt;
  const double x = x_share * static_cast<double>(of.camera.width_px) * of.scale_x + of.offset_x_px;
  const double y = y_share * static_cast<double>(of.camera.height_px) * of.scale_y + of.offset_y_px;
  const int u = static_cast<int>(std::floor(x));
  const int v = static_cast<int>(std::floor(y));
  if (u < 0 || v < 0 || u >= maps_->depth.width || v >= maps_->depth.height) return std::nullopt;
  PixelFacts facts{.depth = static_cast<double>(maps_->depth.at(u, v))};
  if (maps_->confidence.width == maps_->depth.width &&
      maps_->confidence.height == maps_->depth.height) {
    facts.confidence = static_cast<double>(maps_->confidence.at(u, v));
  }
  facts.point = unproject(of.network_camera, u + 0.5, v + 0.5, facts.depth);
  return facts;
}

namespace {

// Where the tracks were seen, with a line to where their points project, in the colour of the error.
double draw_tracks(const Photo& of, Picture& picture) {
  constexpr double kWorst = 4;  // pixels that are all red
  const double scale = picture.width / static_cast<double>(of.camera.width_px);
  double sum = 0;
  int count = 0;
  for (const Observation& seen : of.observations) {
    const Projected at = project(of.camera, {seen.point[0], seen.point[1], seen.point[2]});
    if (!(at.depth > 0)) continue;
    const double error = std::hypot(at.x_px - seen.x_px, at.y_px - seen.y_px);
    sum += error;
    ++count;
    const Rgb colour = ramp(error / kWorst);
    const double length = std::max(1.0, error * scale);
    for (double t = 0; t <= length; ++t) {
      const double share = t / length;
      const int x = static_cast<int>(scale * (seen.x_px + share * (at.x_px - seen.x_px)));
      const int y = static_cast<int>(scale * (seen.y_px + share * (at.y_px - seen.y_px)));
      for (int v = std::max(y - 1, 0); v < std::min(y + 1, picture.height); ++v) {
        for (int u = std::max(x - 1, 0); u < std::min(x + 1, picture.width); ++u) {
          std::copy(colour.begin(), colour.end(), picture.at(u, v));
        }
      }
    }
  }
  return count > 0 ? sum / count : 0;
}

}  // namespace

PhotoFacts read_photo_facts(const Photo& photo) {
  constexpr int kWidest = 640;
  PhotoFacts facts;
  auto maps = std::make_shared<PhotoFacts::Maps>();
  const auto note = [&](const std::string& problem) {
    facts.problem += (facts.problem.empty() ? "" : "; ") + problem;
  };
  try {
    facts.photo = thumbnail(read_picture(photo.photo_path, photo.quarter_turns), kWidest);
    facts.mean_error_px = draw_tracks(photo, facts.photo);
  } catch (const std::exception& error) {
    note(error.what());
  }
  if (!photo.depth_path.empty()) {
    try {
      maps->depth = read_map(photo.depth_path);
      facts.depth_picture = coloured(maps->depth, false);
      maps->confidence = read_map(photo.confidence_path);
      facts.confidence_picture = coloured(maps->confidence, true);
    } catch (const std::exception& error) {
      note(error.what());
    }
  }
  facts.maps_ = std::move(maps);
  return facts;
}

}  // namespace vggt::viewer
