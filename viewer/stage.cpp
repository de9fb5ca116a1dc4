// SPDX-License-Identifier: Apache-2.0
#include "viewer/stage.h"

#include <open3d/visualization/rendering/Open3DScene.h>

#include <algorithm>
#include <cmath>

#include "viewer/scene/picture.h"
#include "viewer/scene/raster.h"

namespace vggt::viewer {

namespace gui = open3d::visualization::gui;

Stage::Stage(open3d::visualization::rendering::Renderer& renderer,
             Session& session,
             Jobs& jobs,
             size_t budget)
    : session_(session), jobs_(jobs), budget_(budget) {
  for (auto& pane : panes_) {
    pane = std::make_shared<Pane>(renderer);
    pane->set_points_while_moving(std::max<size_t>(budget_ / 3, 1));
  }
  panes_[1]->SetVisible(false);
  overlay_ = std::make_shared<PhotoOverlay>(panes_[0]);
  stale.lines = true;
}

std::vector<std::shared_ptr<gui::Widget>> Stage::widgets() const {
  return {panes_[0], panes_[1], overlay_};
}

void Stage::lay_out(const gui::Rect& all) {
  const int first = panes_[1]->IsVisible() ? std::max(all.width / 2, 1) : all.width;
  panes_[0]->SetFrame(gui::Rect(all.x, all.y, first, all.height));
  panes_[1]->SetFrame(gui::Rect(all.x + first, all.y, std::max(all.width - first, 1), all.height));
  if (const Photo* photo = selected_photo()) {
    overlay_->fit(photo->camera);
    stale.photo |= session_.looks_through;
  }
  // What could not be looked at before there was a shape.
  if (!has_look_ && session_.first) look_at_all();
  stale.second_look = true;
}

bool Stage::draw() {
  const Stale due = stale;
  stale = {};
  if (due.photo) draw_photo();
  if (due.points) {
    draw_points();
    if (session_.looks_through && !due.photo) blend_photo();
  }
  if (due.lines || due.photo) draw_lines();
  const bool more_pictures = jobs_.thumbnail_count() != thumbnails_;
  if (more_pictures) {
    thumbnails_ = jobs_.thumbnail_count();
    draw_planes();
  }
  if ((due.second_look || due.photo) && panes_[1]->IsVisible()) {
    panes_[1]->look(
        panes_[0]->current(), bounds(), panes_[0]->GetCenterOfRotation().cast<double>());
  }
  return due.points || due.lines || due.photo || due.second_look || more_pictures;
}

void Stage::redraw() {
  for (auto& pane : panes_) pane->ForceRedraw();
}

void Stage::look_at_all() {
  if (!session_.first) return;
  const gui::Rect& frame = panes_[0]->GetFrame();
  if (frame.width < 2 || frame.height < 2) return;
  has_look_ = true;
  leave_photo();
  panes_[0]->look(first_look(session_.first->scene, session_.up(), frame.width, frame.height),
                  bounds(),
                  bounds().centre());
  stale.points = stale.lines = stale.second_look = true;
}

void Stage::arrange() {
  panes_[1]->SetVisible(session_.arrangement == Arrangement::kSideBySide);
  stale.points = stale.lines = stale.second_look = true;
}

void Stage::leave_photo() {
  if (!session_.looks_through) return;
  session_.looks_through = false;
  over_points_ = {};
  overlay_->set({});
  stale.lines = true;
}

void Stage::forget_planes(bool is_another) {
  for (int i = 0; i < drawn_planes_; ++i) panes_[0]->remove("photo " + std::to_string(i));
  drawn_planes_ = 0;
  if (!is_another) return;
  asked_for_pictures_ = false;
  thumbnails_ = 0;
  shown_photo_ = -1;
}

bool Stage::shows(bool second) const {
  if (session_.arrangement == Arrangement::kFirst) return !second;
  if (session_.arrangement == Arrangement::kSecond) return second;
  return true;
}

Pane& Stage::pane_of(bool second) {
  return *panes_[second && session_.arrangement == Arrangement::kSideBySide ? 1 : 0];
}

const Photo* Stage::selected_photo() const {
  if (!session_.first || session_.selected < 0) return nullptr;
  return &session_.first->scene.photos[static_cast<size_t>(session_.selected)];
}

int32_t Stage::last_frame(const OpenScene& open) const {
  const Filter& filter = session_.first ? session_.first->view.filter : open.view.filter;
  return std::min(filter.last_frame, static_cast<int32_t>(open.loaded_photos) - 1);
}

void Stage::draw_points() {
  for (const bool second : {false, true}) {
    const char* name = second ? "points of the second" : "points";
    for (auto& pane : panes_) pane->remove(name);
    auto& slot = second ? session_.second : session_.first;
    if (!slot || !shows(second)) continue;
    // One set of thresholds for both: they are there to be compared.
    const Filter& filter = session_.first ? session_.first->view.filter : slot->view.filter;
    select(slot->scene.points, filter, slot->confidences, budget_, slot->selection);
    pane_of(second).set_points(
        name,
        slot->scene.points,
        slot->selection.chosen,
        colours_of(slot->scene.points, slot->selection.chosen, session_.user.colour),
        session_.user.point_size);
  }
}

void Stage::draw_lines() {
  for (auto& pane : panes_) pane->set_background(session_.user.background);
  for (const bool second : {false, true}) {
    const char* name = second ? "cameras of the second" : "cameras";
    for (auto& pane : panes_) pane->remove(name);
    const auto& slot = second ? session_.second : session_.first;
    if (!slot || !shows(second) || !session_.shows_cameras || session_.looks_through) continue;
    constexpr double kWidth_px = 1.5;
    pane_of(second).set_lines(
        name,
        camera_lines(
            slot->scene, second ? -1 : session_.selected, last_frame(*slot), slot->frustum_size),
        kWidth_px);
  }
  draw_world();
  draw_measure();
  draw_planes();
}

// Axes, grid and crop box, in the first pane.
void Stage::draw_world() {
  std::vector<Line> world;
  if (session_.shows_axes) {
    world = axis_lines(bounds());
    for (const Line& line : grid_lines(bounds(), session_.up())) world.push_back(line);
  }
  if (session_.first) {
    const Filter& filter = session_.first->view.filter;
    Bounds box = bounds();
    bool crops = false;
    for (size_t c = 0; c < 3; ++c) {
      const auto axis = static_cast<Eigen::Index>(c);
      if (std::isfinite(filter.crop_low[c])) {
        box.low[axis] = static_cast<double>(filter.crop_low[c]);
        crops = true;
      }
      if (std::isfinite(filter.crop_high[c])) {
        box.high[axis] = static_cast<double>(filter.crop_high[c]);
        crops = true;
      }
    }
    if (crops) {
      for (const Line& line : box_lines(box.low, box.high)) world.push_back(line);
    }
  }
  panes_[0]->set_lines("world", world, 1);
}

void Stage::draw_measure() {
  std::vector<Line> lines;
  const double arm = 0.01 * bounds().radius();
  for (const Eigen::Vector3d& end : session_.measured) {
    for (int c = 0; c < 3; ++c) {
      const Eigen::Vector3d along = arm * Eigen::Vector3d::Unit(c);
      lines.push_back({end - along, end + along, kMeasureColour});
    }
  }
  if (session_.measured.size() == 2) {
    lines.push_back({session_.measured[0], session_.measured[1], kMeasureColour});
  }
  panes_[0]->set_lines("measure", lines, 2);
}

// The photos in their cameras: read once, in the background.
void Stage::draw_planes() {
  const bool shown = session_.first && session_.shows_cameras && session_.shows_photos &&
                     !session_.looks_through && shows(false);
  const int count = shown ? last_frame(*session_.first) + 1 : 0;
  for (int i = count; i < drawn_planes_; ++i) panes_[0]->remove("photo " + std::to_string(i));
  if (!asked_for_pictures_ && session_.first) {
    asked_for_pictures_ = true;
    jobs_.read_thumbnails(session_.first->scene.photos);
  }
  for (int i = 0; i < count && i < static_cast<int>(session_.first->scene.photos.size()); ++i) {
    const std::string name = "photo " + std::to_string(i);
    const auto found = jobs_.thumbnail(i);
    if (!found) continue;
    if (i < drawn_planes_ && panes_[0]->GetScene()->HasGeometry(name)) continue;
    panes_[0]->set_picture(name,
                           session_.first->scene.photos[static_cast<size_t>(i)].camera,
                           session_.first->frustum_size,
                           *found);
  }
  drawn_planes_ = count;
}

void Stage::draw_photo() {
  const Photo* photo = selected_photo();
  if (!photo) return;
  if (shown_photo_ != session_.selected || shown_path_ != session_.first->scene.path) {
    shown_photo_ = session_.selected;
    shown_path_ = session_.first->scene.path;
    facts_ = read_photo_facts(*photo);
    on_photo(facts_);
  }
  blend_photo();
  if (!session_.looks_through) return;
  view_was_chosen = true;
  const Eigen::Vector3d ahead =
      unproject(photo->camera, photo->camera.cx_px, photo->camera.cy_px, bounds().radius());
  panes_[0]->look(photo->camera, bounds(), ahead);
}

// Points and photo in one picture, by the processor: Open3D draws pictures without transparency.
void Stage::blend_photo() {
  over_points_ = {};
  const Photo* photo = selected_photo();
  if (!photo) return;
  overlay_->fit(photo->camera);
  const gui::Rect& frame = overlay_->GetFrame();
  if (session_.looks_through && !facts_.photo.empty() && frame.width > 0 && frame.height > 0) {
    const OpenScene& open = *session_.first;
    Raster raster(fitted(photo->camera, frame.width, frame.height), session_.user.background);
    raster.draw_points(open.scene.points,
                       open.selection.chosen,
                       colours_of(open.scene.points, open.selection.chosen, session_.user.colour),
                       session_.user.point_size);
    over_points_ = blended(
        raster.picture(), resized(facts_.photo, frame.width, frame.height), session_.photo_opacity);
  }
  overlay_->set(over_points_);
}

}  // namespace vggt::viewer
