// SPDX-License-Identifier: Apache-2.0
#include "viewer/pane.h"

#include <open3d/geometry/BoundingVolume.h>
#include <open3d/geometry/Image.h>
#include <open3d/geometry/LineSet.h>
#include <open3d/geometry/TriangleMesh.h>
#include <open3d/t/geometry/PointCloud.h>
#include <open3d/visualization/gui/UIImage.h>
#include <open3d/visualization/rendering/Camera.h>
#include <open3d/visualization/rendering/MaterialRecord.h>
#include <open3d/visualization/rendering/Open3DScene.h>
#include <open3d/visualization/rendering/View.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "viewer/to_open3d.h"

namespace vggt::viewer {

namespace gui = open3d::visualization::gui;
namespace rendering = open3d::visualization::rendering;

Pane::Pane(rendering::Renderer& renderer) {
  SetScene(std::make_shared<rendering::Open3DScene>(renderer));
  // Colours are then what they are given as.
  GetScene()->GetView()->SetPostProcessing(false);
  SetViewControls(Controls::ROTATE_CAMERA);
  // The panel stays quick where drawing points is slow: only what changed is drawn again.
  EnableSceneCaching(true);
}

void Pane::remove(const std::string& name) {
  if (GetScene()->HasGeometry(name)) GetScene()->RemoveGeometry(name);
}

void Pane::set_points(const std::string& name,
                      const Points& points,
                      const std::vector<uint32_t>& chosen,
                      const std::vector<Rgb>& colours,
                      int size_px) {
  remove(name);
  if (!chosen.empty()) {
    const auto cloud = to_open3d(points, chosen, colours);
    GetScene()->AddGeometry(name, &cloud, point_material(size_px), true);
  }
  ForceRedraw();
}

void Pane::set_lines(const std::string& name, const std::vector<Line>& lines, double width_px) {
  remove(name);
  if (!lines.empty()) {
    const auto set = to_open3d(lines);
    GetScene()->AddGeometry(name, &set, line_material(width_px), false);
  }
  ForceRedraw();
}

void Pane::set_picture(const std::string& name,
                       const Camera& camera,
                       double depth,
                       const Picture& picture) {
  remove(name);
  if (!picture.empty()) {
    const auto mesh = plane_of(camera, depth);
    GetScene()->AddGeometry(name, &mesh, picture_material(picture), false);
  }
  ForceRedraw();
}

void Pane::set_background(const Rgb& colour) {
  Eigen::Vector4f value(0, 0, 0, 1);
  for (int c = 0; c < 3; ++c) value[c] = static_cast<float>(before_linear(colour[c] / 255.0));
  GetScene()->SetBackground(value);
  ForceRedraw();
}

void Pane::set_points_while_moving(size_t count) { GetScene()->SetDownsampleThreshold(count); }

void Pane::look(const Camera& camera, const Bounds& bounds, const Eigen::Vector3d& centre) {
  look_ = camera;
  bounds_ = bounds;
  centre_ = centre;
  has_look_ = true;
  const gui::Rect& frame = GetFrame();
  if (frame.width < 1 || frame.height < 1) return;  // it has no shape yet, or none at all
  const Camera fit = fitted(camera, frame.width, frame.height);
  const open3d::geometry::AxisAlignedBoundingBox box(bounds.low, bounds.high);
  SetupCamera(intrinsics_of(fit), extrinsics_of(fit), frame.width, frame.height, box);
  // Open3D's nearest is a tenth of a unit, which is far where scenes are small.
  const double far = 20 * bounds.radius() + (centre_of(fit) - bounds.centre()).norm();
  GetScene()->GetCamera()->SetProjection(
      intrinsics_of(fit), far * 1e-5, far, frame.width, frame.height);
  SetCenterOfRotation(centre.cast<float>());
  ForceRedraw();
}

Camera Pane::current() const {
  const gui::Rect& frame = GetFrame();
  const Camera fit = fitted(has_look_ ? look_ : look_at({0, 0, 0}, {0, 0, 1}, {0, -1, 0}, 100, 100),
                            std::max(frame.width, 1),
                            std::max(frame.height, 1));
  return camera_from(*GetScene()->GetCamera(), fit);
}

void Pane::SetFrame(const gui::Rect& frame) {
  const bool same = frame.width == GetFrame().width && frame.height == GetFrame().height;
  const bool had_shape = GetFrame().width > 0 && GetFrame().height > 0;
  Camera now;
  if (has_look_ && !same && had_shape) now = current();
  // Filament takes no viewport without pixels.
  gui::Rect usable = frame;
  usable.width = std::max(usable.width, 1);
  usable.height = std::max(usable.height, 1);
  SceneWidget::SetFrame(usable);
  if (!has_look_ || same) return;
  if (had_shape) {
    look_.rotation = now.rotation;
    look_.translation = now.translation;
  }
  look(Camera(look_), Bounds(bounds_), Eigen::Vector3d(GetCenterOfRotation().cast<double>()));
}

Pane::EventResult Pane::Mouse(const gui::MouseEvent& event) {
  constexpr int kStill = 4;  // pixels that a hand moves in a click
  const double x = event.x - GetFrame().x + 0.5;
  const double y = event.y - GetFrame().y + 0.5;
  if (event.type == gui::MouseEvent::BUTTON_DOWN && event.button.button == gui::MouseButton::LEFT) {
    const bool same_place =
        std::abs(event.x - pressed_x_) + std::abs(event.y - pressed_y_) <= kStill;
    click_count_ = same_place ? event.button.count : 1;
    pressed_x_ = event.x;
    pressed_y_ = event.y;
    dragged_ = false;
  } else if (event.type == gui::MouseEvent::DRAG) {
    dragged_ |= std::abs(event.x - pressed_x_) + std::abs(event.y - pressed_y_) > kStill;
  } else if (event.type == gui::MouseEvent::MOVE && on_hover) {
    on_hover(x, y);
  }
  gui::MouseEvent single = event;
  // A second click has a meaning of ours; Open3D would move the view to what it hit.
  if (event.type == gui::MouseEvent::BUTTON_DOWN) single.button.count = 1;
  const EventResult result = SceneWidget::Mouse(single);
  const bool moves =
      (event.type == gui::MouseEvent::DRAG && dragged_) || event.type == gui::MouseEvent::WHEEL;
  if (moves && on_moved) on_moved();
  if (event.type == gui::MouseEvent::BUTTON_UP && event.button.button == gui::MouseButton::LEFT &&
      !dragged_ && on_click) {
    on_click(x, y, click_count_ > 1);
  }
  return result;
}

PhotoOverlay::PhotoOverlay(std::shared_ptr<Pane> below) : below_(std::move(below)) {
  SetVisible(false);
}

void PhotoOverlay::set(const Picture& picture) {
  SetVisible(!picture.empty());
  if (picture.empty()) return;
  auto shown = std::make_shared<gui::UIImage>(to_open3d(picture));
  shown->SetScaling(gui::UIImage::Scaling::ANY);
  SetUIImage(shown);
}

void PhotoOverlay::fit(const Camera& camera) {
  const gui::Rect& pane = below_->GetFrame();
  const double scale = std::min(pane.width / static_cast<double>(camera.width_px),
                                pane.height / static_cast<double>(camera.height_px));
  const int width = static_cast<int>(std::lround(scale * static_cast<double>(camera.width_px)));
  const int height = static_cast<int>(std::lround(scale * static_cast<double>(camera.height_px)));
  SetFrame(gui::Rect(
      pane.x + (pane.width - width) / 2, pane.y + (pane.height - height) / 2, width, height));
}

gui::Widget::EventResult PhotoOverlay::Mouse(const gui::MouseEvent& event) {
  return below_->Mouse(event);
}

}  // namespace vggt::viewer
