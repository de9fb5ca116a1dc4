// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "viewer/scene/cameras.h"
#include "viewer/scene/scene.h"

namespace vggt::viewer {

/// Draws on the processor, without a display or graphics: pictures for --screenshot and videos, and
/// what the window is compared with. Nearer things hide farther ones.
class Raster {
 public:
  /// The size is the camera's.
  Raster(const Camera& camera, const Rgb& background);

  /// Squares of `size_px` around where the points project. colours  one per point of `chosen`
  void draw_points(const Points& points,
                   std::span<const uint32_t> chosen,
                   std::span<const Rgb> colours,
                   int size_px);

  /// Lines one pixel wide; what lies behind the eye is cut off.
  void draw_lines(std::span<const Line> lines);

  const Picture& picture() const { return picture_; }

 private:
  void put(int x, int y, float depth, const Rgb& colour);

  Camera camera_;
  Picture picture_;
  std::vector<float> depth_;
};

}  // namespace vggt::viewer
