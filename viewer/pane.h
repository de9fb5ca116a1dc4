// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <open3d/visualization/gui/Events.h>
#include <open3d/visualization/gui/ImageWidget.h>
#include <open3d/visualization/gui/SceneWidget.h>

#include "viewer/scene/cameras.h"
#include "viewer/scene/scene.h"

namespace vggt::viewer {

/// One view into the world. It draws what it is given, and says where it was clicked.
class Pane : public open3d::visualization::gui::SceneWidget {
 public:
  explicit Pane(open3d::visualization::rendering::Renderer& renderer);

  /// Replaces what stood under `name`.
  void set_points(const std::string& name,
                  const Points& points,
                  const std::vector<uint32_t>& chosen,
                  const std::vector<Rgb>& colours,
                  int size_px);
  void set_lines(const std::string& name, const std::vector<Line>& lines, double width_px);
  /// A picture in the plane of a camera; invisible where the picture is empty.
  void set_picture(const std::string& name,
                   const Camera& camera,
                   double depth,
                   const Picture& picture);
  void remove(const std::string& name);
  void set_background(const Rgb& colour);
  /// While the mouse moves the view, at most so many points of a list are drawn.
  void set_points_while_moving(size_t count);

  /// Looks as `camera` does, in the shape of the widget; turns around `centre`.
  void look(const Camera& camera, const Bounds& bounds, const Eigen::Vector3d& centre);
  /// What it looks like now, in the widget's pixels.
  Camera current() const;

  /// Left clicks without a movement, and movements with no button: in pixels of current().
  std::function<void(double x, double y, bool is_double)> on_click;
  std::function<void(double x, double y)> on_hover;
  /// The view was moved by the mouse.
  std::function<void()> on_moved;

  void SetFrame(const open3d::visualization::gui::Rect& frame) override;
  EventResult Mouse(const open3d::visualization::gui::MouseEvent& event) override;

 private:
  Camera look_;  // as it was asked for: its intrinsics stay true
  Bounds bounds_;
  Eigen::Vector3d centre_ = Eigen::Vector3d::Zero();
  bool has_look_ = false;
  int pressed_x_ = 0;
  int pressed_y_ = 0;
  bool dragged_ = false;
  int click_count_ = 0;
};

/// A picture over a pane that looks as its camera does. The mouse goes through it.
class PhotoOverlay : public open3d::visualization::gui::ImageWidget {
 public:
  explicit PhotoOverlay(std::shared_ptr<Pane> below);

  /// Hidden where the picture is empty.
  void set(const Picture& picture);
  /// Where the pane shows what the camera saw.
  void fit(const Camera& camera);

  EventResult Mouse(const open3d::visualization::gui::MouseEvent& event) override;

 private:
  std::shared_ptr<Pane> below_;
};

}  // namespace vggt::viewer
