// SPDX-License-Identifier: Apache-2.0
#include "viewer/scene/raster.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vggt::viewer {

Raster::Raster(const Camera& camera, const Rgb& background)
    : camera_(camera),
      picture_{.width = static_cast<int>(camera.width_px),
               .height = static_cast<int>(camera.height_px)} {
  const size_t pixels = static_cast<size_t>(picture_.width) * static_cast<size_t>(picture_.height);
  picture_.rgb.resize(3 * pixels);
  for (size_t i = 0; i < pixels; ++i) {
    std::copy(
        background.begin(), background.end(), picture_.rgb.begin() + static_cast<ptrdiff_t>(3 * i));
  }
  depth_.assign(pixels, std::numeric_limits<float>::infinity());
}

void Raster::put(int x, int y, float depth, const Rgb& colour) {
  if (x < 0 || y < 0 || x >= picture_.width || y >= picture_.height) return;
  float& nearest = depth_[static_cast<size_t>(y) * picture_.width + x];
  if (depth >= nearest) return;
  nearest = depth;
  std::copy(colour.begin(), colour.end(), picture_.at(x, y));
}

void Raster::draw_points(const Points& points,
                         std::span<const uint32_t> chosen,
                         std::span<const Rgb> colours,
                         int size_px) {
  const int size = std::max(size_px, 1);
  const auto most = static_cast<double>(std::max(picture_.width, picture_.height) + size);
  for (size_t k = 0; k < chosen.size(); ++k) {
    const Vec3f& p = points.position[chosen[k]];
    const Projected at = project(camera_, {p[0], p[1], p[2]});
    if (!(at.depth > 0) || !(std::abs(at.x_px) < most) || !(std::abs(at.y_px) < most)) continue;
    // Centred: of an even size on the nearest corner of pixels, of an odd one on the pixel hit.
    const int left = static_cast<int>(std::floor(at.x_px - (size - 1) / 2.0));
    const int top = static_cast<int>(std::floor(at.y_px - (size - 1) / 2.0));
    for (int y = top; y < top + size; ++y) {
      for (int x = left; x < left + size; ++x) {
        put(x, y, static_cast<float>(at.depth), colours[k]);
      }
    }
  }
}

void Raster::draw_lines(std::span<const Line> lines) {
  constexpr double kNearest = 1e-4;
  const Eigen::Matrix3d rotation = rotation_of(camera_);
  const Eigen::Vector3d centre = centre_of(camera_);
  for (const Line& line : lines) {
    Eigen::Vector3d a = rotation * (line.from - centre);
    Eigen::Vector3d b = rotation * (line.to - centre);
    if (a.z() < kNearest && b.z() < kNearest) continue;
    if (a.z() < kNearest) a += (b - a) * ((kNearest - a.z()) / (b.z() - a.z()));
    if (b.z() < kNearest) b += (a - b) * ((kNearest - b.z()) / (a.z() - b.z()));
    Eigen::Vector2d from(camera_.fx_px * a.x() / a.z() + camera_.cx_px,
                         camera_.fy_px * a.y() / a.z() + camera_.cy_px);
    Eigen::Vector2d to(camera_.fx_px * b.x() / b.z() + camera_.cx_px,
                       camera_.fy_px * b.y() / b.z() + camera_.cy_px);
    // Cut to the picture (Liang and Barsky), so that the steps are those that are seen.
    double begin = 0;
    double end = 1;
    const Eigen::Vector2d way = to - from;
    bool seen = true;
    for (int c = 0; c < 2; ++c) {
      const double limit = c == 0 ? picture_.width : picture_.height;
      if (way[c] == 0) {
        seen &= from[c] >= 0 && from[c] < limit;
        continue;
      }
      const double enter = ((way[c] > 0 ? 0 : limit) - from[c]) / way[c];
      const double leave = ((way[c] > 0 ? limit : 0) - from[c]) / way[c];
      begin = std::max(begin, enter);
      end = std::min(end, leave);
    }
    if (!seen || !(begin < end)) continue;
    const double length = (end - begin) * way.cwiseAbs().maxCoeff();
    const int steps = std::max(1, static_cast<int>(std::ceil(length)));
    for (int k = 0; k <= steps; ++k) {
      const double t = begin + (end - begin) * k / steps;
      const Eigen::Vector2d at = from + t * way;
      // Inverse depth is what is linear in the picture.
      const double depth = 1 / ((1 - t) / a.z() + t / b.z());
      put(static_cast<int>(std::floor(at.x())),
          static_cast<int>(std::floor(at.y())),
          static_cast<float>(depth),
          line.colour);
    }
  }
}

}  // namespace vggt::viewer
