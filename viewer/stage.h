// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "viewer/jobs.h"
#include "viewer/pane.h"
#include "viewer/session.h"

namespace vggt::viewer {

/// The part of the window that shows scenes: two panes and the photo over the first of them. It draws
/// what the session says.
class Stage {
 public:
  /// At most `budget` points of a scene are drawn at once.
  Stage(open3d::visualization::rendering::Renderer& renderer,
        Session& session,
        Jobs& jobs,
        size_t budget);

  /// From the lowest to the topmost.
  std::vector<std::shared_ptr<open3d::visualization::gui::Widget>> widgets() const;
  Pane& pane() { return *panes_[0]; }

  /// Divides the rectangle among the panes.
  void lay_out(const open3d::visualization::gui::Rect& all);

  Stale stale;
  /// Draws what is stale, and pictures that were read meanwhile. Whether there was something.
  bool draw();
  /// The same once more.
  void redraw();

  void look_at_all();
  /// One pane or two, as the session says.
  void arrange();
  /// Leaves the photo's camera.
  void leave_photo();
  /// What lies over the points now; empty: nothing.
  const Picture& photo_over_points() const { return over_points_; }
  /// The first scene was read further, or is another one.
  void forget_planes(bool is_another);

  bool view_was_chosen = false;  ///< by the user: what is loaded meanwhile does not change it
  /// Another photo is selected: what the panel shows of it.
  std::function<void(const PhotoFacts&)> on_photo;

 private:
  Bounds bounds() const { return session_.first ? session_.first->bounds : Bounds(); }
  bool shows(bool second) const;
  Pane& pane_of(bool second);
  const Photo* selected_photo() const;
  int32_t last_frame(const OpenScene& open) const;
  void draw_points();
  void draw_lines();
  void draw_world();
  void draw_measure();
  void draw_planes();
  void draw_photo();
  void blend_photo();

  Session& session_;
  Jobs& jobs_;
  size_t budget_;
  std::array<std::shared_ptr<Pane>, 2> panes_;
  std::shared_ptr<PhotoOverlay> overlay_;
  Picture over_points_;
  bool has_look_ = false;
  int shown_photo_ = -1;
  std::string shown_path_;
  PhotoFacts facts_;
  bool asked_for_pictures_ = false;
  int drawn_planes_ = 0;
  size_t thumbnails_ = 0;  // that were there when the planes were drawn
};

}  // namespace vggt::viewer
