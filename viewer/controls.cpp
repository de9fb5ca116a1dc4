// SPDX-License-Identifier: Apache-2.0
#include "viewer/controls.h"

#include <open3d/geometry/Image.h>
#include <open3d/visualization/gui/Events.h>
#include <open3d/visualization/gui/Theme.h>
#include <open3d/visualization/gui/UIImage.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "src/base/error.h"
#include "viewer/to_open3d.h"

namespace vggt::viewer {

namespace gui = open3d::visualization::gui;

void HoverPicture::set(const Picture& picture) {
  shape_ = picture.empty() ? 0 : picture.height / static_cast<double>(picture.width);
  if (!picture.empty()) SetUIImage(std::make_shared<gui::UIImage>(to_open3d(picture)));
  SetVisible(!picture.empty());
}

gui::Widget::EventResult HoverPicture::Mouse(const gui::MouseEvent& event) {
  const gui::Rect& frame = GetFrame();
  if (event.type == gui::MouseEvent::MOVE && on_hover && frame.width > 0 && shape_ > 0) {
    // The picture keeps its shape in the middle of the frame.
    const double width = std::min<double>(frame.width, frame.height / shape_);
    const double x = (event.x + 0.5 - frame.x - (frame.width - width) / 2) / width;
    const double y =
        (event.y + 0.5 - frame.y - (frame.height - width * shape_) / 2) / (width * shape_);
    if (x >= 0 && x < 1 && y >= 0 && y < 1) on_hover(x, y);
  }
  return ImageWidget::Mouse(event);
}

gui::Size HoverPicture::CalcPreferredSize(const gui::LayoutContext&,
                                          const Constraints& constraints) const {
  const int width = std::min(constraints.width, 4096);
  return {width, static_cast<int>(std::lround(width * shape_))};
}

Controls::Controls(const gui::Theme& theme, Session& session, Calls calls)
    : session_(session), calls_(std::move(calls)), em_(theme.font_size) {
  // Its scroll bar lies over what is at its right: ImGui's is 14 px wide, before scaling.
  const int bar = em_;
  panel_ = std::make_shared<gui::ScrollableVert>(
      em_ / 4, gui::Margins(em_ / 2, em_ / 2, em_ / 2 + bar, em_ / 2));
  run_text_ = std::make_shared<gui::Label>("");
  run_bar_ = std::make_shared<gui::ProgressBar>();
  run_cancel_ = std::make_shared<gui::Button>("Cancel");
  run_cancel_->SetOnClicked([this] { calls_.cancel_run(); });
  panel_->AddChild(run_text_);
  panel_->AddChild(run_bar_);
  panel_->AddChild(run_cancel_);
  show_run("", 0, false);
  add_points_section();
  add_cameras_section();
  add_photo_section();
  add_compare_section();
  add_scene_section();
  refresh();
}

std::shared_ptr<gui::CollapsableVert> Controls::add_section(const char* name, bool is_open) {
  auto section =
      std::make_shared<gui::CollapsableVert>(name, em_ / 4, gui::Margins(em_ / 2, 0, 0, em_ / 4));
  section->SetIsOpen(is_open);
  panel_->AddChild(section);
  return section;
}

Controls::Slider Controls::add_slider(gui::Vert& to,
                                      const char* name,
                                      bool whole,
                                      double low,
                                      double high,
                                      std::function<void(double)> changed) {
  auto slider = std::make_shared<gui::Slider>(whole ? gui::Slider::INT : gui::Slider::DOUBLE);
  slider->SetLimits(low, high);
  slider->SetOnValueChanged(std::move(changed));
  to.AddChild(std::make_shared<gui::Label>(name));
  to.AddChild(slider);
  return slider;
}

Controls::Checkbox Controls::add_checkbox(gui::Vert& to,
                                          const char* name,
                                          std::function<void(bool)> changed) {
  auto box = std::make_shared<gui::Checkbox>(name);
  box->SetOnChecked(std::move(changed));
  to.AddChild(box);
  return box;
}

void Controls::add_button(gui::Widget& to, const char* name, std::function<void()> clicked) {
  auto button = std::make_shared<gui::Button>(name);
  button->SetPaddingEm(0.4F, 0.1F);
  button->SetOnClicked(std::move(clicked));
  to.AddChild(button);
}

void Controls::add_points_section() {
  auto section = add_section("Points", true);
  counts_ = std::make_shared<gui::Label>("no points yet");
  section->AddChild(counts_);
  // No combobox: drawing its list ends Open3D 0.16.1, as Debian builds it, in a segmentation fault.
  colour_ = std::make_shared<gui::RadioButton>(gui::RadioButton::HORIZ);
  colour_->SetItems(colour_names());
  colour_->SetOnSelectionChanged([this](int index) {
    session_.user.colour = static_cast<ColourBy>(index);
    calls_.points();
  });
  section->AddChild(colour_);
  drop_ =
      add_slider(*section, "leave out the least confident, %", false, 0, 99, [this](double value) {
        if (!session_.first) return;
        session_.first->view.filter.drop_percent = value;
        calls_.points();
      });
  edge_ = add_slider(
      *section, "leave out depth edges above, % (0: none)", false, 0, 30, [this](double value) {
        if (!session_.first) return;
        session_.first->view.filter.edge_ratio = value / 100;
        calls_.points();
      });
  size_ = add_slider(*section, "size, px", true, 1, 10, [this](double value) {
    session_.user.point_size = static_cast<int>(value);
    calls_.points();
  });
  background_ =
      add_slider(*section, "background, dark to light", true, 0, 255, [this](double value) {
        const auto level = static_cast<uint8_t>(value);
        session_.user.background = {level, level, level};
        calls_.lines();
      });
  auto crop =
      std::make_shared<gui::CollapsableVert>("Crop", em_ / 4, gui::Margins(em_ / 2, 0, 0, 0));
  crop->SetIsOpen(false);
  static const char* const names[] = {"x from", "x to", "y from", "y to", "z from", "z to"};
  for (int i = 0; i < 6; ++i) {
    crop_[static_cast<size_t>(i)] =
        add_slider(*crop, names[i], false, 0, 1, [this, i](double share) {
          set_crop(i / 2, i % 2 == 1, share);
        });
  }
  section->AddChild(crop);
}

// Shares of twice the scene's extent, whose ends mean no limit.
void Controls::set_crop(int axis, bool high, double share) {
  if (!session_.first) return;
  OpenScene& open = *session_.first;
  const double middle = open.bounds.centre()[axis];
  const double reach = open.bounds.high[axis] - open.bounds.low[axis];
  const float limit = static_cast<float>(middle + (2 * share - 1) * reach);
  const float infinity = std::numeric_limits<float>::infinity();
  if (high) {
    open.view.filter.crop_high[static_cast<size_t>(axis)] = share >= 1 ? infinity : limit;
  } else {
    open.view.filter.crop_low[static_cast<size_t>(axis)] = share <= 0 ? -infinity : limit;
  }
  calls_.points();
  calls_.lines();
}

void Controls::add_cameras_section() {
  auto section = add_section("Cameras", true);
  auto row = std::make_shared<gui::Horiz>(em_ / 4);
  add_button(*row, "<", [this] {
    session_.step(-1);
    calls_.photo();
  });
  add_button(*row, ">", [this] {
    session_.step(1);
    calls_.photo();
  });
  add_button(*row, "whole scene", [this] { calls_.look(); });
  section->AddChild(row);
  cameras_ = add_checkbox(*section, "cameras (C)", [this](bool on) {
    session_.shows_cameras = on;
    calls_.lines();
  });
  photos_ = add_checkbox(*section, "photos in them (P)", [this](bool on) {
    session_.shows_photos = on;
    calls_.lines();
  });
  through_ = add_checkbox(*section, "look through the photo (L)", [this](bool on) {
    if (on && session_.selected < 0) session_.step(1);
    session_.looks_through = on;
    calls_.photo();
  });
  opacity_ = add_slider(*section, "opacity of the photo", false, 0, 1, [this](double value) {
    session_.photo_opacity = value;
    calls_.photo();
  });
  time_ = add_slider(*section, "up to photo", true, 1, 1, [this](double value) {
    if (!session_.first) return;
    session_.first->view.filter.last_frame = static_cast<int32_t>(value) - 1;
    calls_.points();
    calls_.lines();
  });
  play_ = add_checkbox(*section, "play (space)", [this](bool on) { session_.plays = on; });
}

void Controls::add_photo_section() {
  auto section = add_section("Photo", true);
  photo_name_ = std::make_shared<gui::Label>("click on a camera, or press an arrow key");
  pixel_ = std::make_shared<gui::Label>(" \n ");
  section->AddChild(photo_name_);
  section->AddChild(pixel_);
  for (auto& picture : pictures_) {
    picture = std::make_shared<HoverPicture>();
    picture->SetVisible(false);
    picture->on_hover = [this](double x, double y) {
      if (!session_.first || session_.selected < 0) return;
      const Photo& photo = session_.first->scene.photos[static_cast<size_t>(session_.selected)];
      const auto facts = facts_.at(photo, x, y);
      char text[160] = "no depth there\n ";
      if (facts) {
        std::snprintf(text,
                      sizeof(text),
                      "depth %.4g, confidence %.4g\nat %.3f %.3f %.3f",
                      facts->depth,
                      facts->confidence,
                      facts->point.x(),
                      facts->point.y(),
                      facts->point.z());
      }
      pixel_->SetText(text);
    };
    section->AddChild(picture);
  }
}

void Controls::add_compare_section() {
  auto section = add_section("Second scene", false);
  add_button(*section, "open...", [this] { calls_.open(true); });
  arrangement_ = std::make_shared<gui::RadioButton>(gui::RadioButton::HORIZ);
  arrangement_->SetItems({"first", "second", "both", "side by side"});
  arrangement_->SetOnSelectionChanged([this](int index) {
    session_.arrangement = static_cast<Arrangement>(index);
    calls_.arrangement();
  });
  section->AddChild(arrangement_);
  add_button(*section, "colour by difference", [this] { calls_.compare(); });
}

void Controls::add_scene_section() {
  auto section = add_section("Scene", false);
  add_button(*section, "open...", [this] { calls_.open(false); });
  axes_ = add_checkbox(*section, "axes and grid (G)", [this](bool on) {
    session_.shows_axes = on;
    calls_.lines();
  });
  auto ups = std::make_shared<gui::Horiz>(em_ / 4);
  const auto set_up = [this](const Eigen::Vector3d& up) {
    if (!session_.first) return;
    session_.first->view.up = {up.x(), up.y(), up.z()};
    calls_.look();
    calls_.lines();
  };
  ups->AddChild(std::make_shared<gui::Label>("up:"));
  add_button(*ups, "guess", [this, set_up] {
    if (session_.first) set_up(guess_up(session_.first->scene.photos));
  });
  add_button(*ups, "photo", [this, set_up] {
    if (!session_.first || session_.selected < 0) return;
    const Photo& photo = session_.first->scene.photos[static_cast<size_t>(session_.selected)];
    set_up(-rotation_of(photo.camera).row(1).transpose());
  });
  add_button(*ups, "flip", [this, set_up] { set_up(-session_.up()); });
  add_button(*ups, "x", [set_up] { set_up(Eigen::Vector3d::UnitX()); });
  add_button(*ups, "y", [set_up] { set_up(Eigen::Vector3d::UnitY()); });
  add_button(*ups, "z", [set_up] { set_up(Eigen::Vector3d::UnitZ()); });
  section->AddChild(ups);
  measure_ = add_checkbox(*section, "measure by two clicks (M)", [this](bool on) {
    session_.measures = on;
    session_.measured.clear();
    calls_.lines();
  });
  distance_ = std::make_shared<gui::Label>("");
  section->AddChild(distance_);
  auto lengths = std::make_shared<gui::Horiz>(em_ / 4);
  length_ = std::make_shared<gui::NumberEdit>(gui::NumberEdit::DOUBLE);
  length_->SetValue(1);
  lengths->AddChild(length_);
  add_button(*lengths, "is its length, m", [this] {
    try {
      session_.set_length(length_->GetDoubleValue());
      refresh();
      calls_.say("scale set; 'save thresholds' keeps it");
    } catch (const ConfigError& error) {
      calls_.say(error.what());
    }
  });
  section->AddChild(lengths);
  auto saves = std::make_shared<gui::Horiz>(em_ / 4);
  saves->AddChild(std::make_shared<gui::Label>("save:"));
  add_button(*saves, "picture", [this] { calls_.save_picture(); });
  add_button(*saves, "video", [this] { calls_.save_video(); });
  add_button(*saves, "PLY", [this] { calls_.save_points(false); });
  add_button(*saves, "GLB", [this] { calls_.save_points(true); });
  section->AddChild(saves);
  add_button(*section, "save thresholds (view.json)", [this] { calls_.save_view(); });
}

void Controls::refresh() {
  colour_->SetSelectedIndex(static_cast<int>(session_.user.colour));
  arrangement_->SetSelectedIndex(static_cast<int>(session_.arrangement));
  size_->SetValue(session_.user.point_size);
  background_->SetValue(session_.user.background[1]);
  opacity_->SetValue(session_.photo_opacity);
  cameras_->SetChecked(session_.shows_cameras);
  photos_->SetChecked(session_.shows_photos);
  axes_->SetChecked(session_.shows_axes);
  through_->SetChecked(session_.looks_through);
  play_->SetChecked(session_.plays);
  measure_->SetChecked(session_.measures);
  distance_->SetText(session_.measures ? session_.distance_text().c_str() : "");
  if (!session_.first) return;
  const OpenScene& open = *session_.first;
  const Filter& filter = open.view.filter;
  drop_->SetValue(filter.drop_percent);
  edge_->SetValue(100 * filter.edge_ratio);
  const int count = std::max(1, static_cast<int>(open.scene.photos.size()));
  time_->SetLimits(1, count);
  time_->SetValue(std::min<int64_t>(int64_t{filter.last_frame} + 1, count));
  for (int i = 0; i < 6; ++i) {
    const auto axis = static_cast<size_t>(i / 2);
    const bool high = i % 2 == 1;
    const double limit = static_cast<double>(high ? filter.crop_high[axis] : filter.crop_low[axis]);
    const double reach = open.bounds.high[i / 2] - open.bounds.low[i / 2];
    const double share = ((limit - open.bounds.centre()[i / 2]) / reach + 1) / 2;
    crop_[static_cast<size_t>(i)]->SetValue(std::isfinite(share) ? share : (high ? 1 : 0));
  }
  char text[96];
  std::snprintf(text,
                sizeof(text),
                "%zu of %zu points, %zu drawn",
                open.selection.passed,
                open.scene.points.size(),
                open.selection.chosen.size());
  counts_->SetText(text);
}

void Controls::show_photo(const PhotoFacts& facts) {
  facts_ = facts;
  pictures_[0]->set(facts.photo);
  pictures_[1]->set(facts.depth_picture);
  pictures_[2]->set(facts.confidence_picture);
  pixel_->SetText(facts.problem.empty() ? " \n " : facts.problem.c_str());
  if (!session_.first || session_.selected < 0) return;
  const Photo& photo = session_.first->scene.photos[static_cast<size_t>(session_.selected)];
  std::string text = std::to_string(session_.selected + 1) + " of " +
                     std::to_string(session_.first->scene.photos.size()) + ": " + photo.name;
  if (!photo.observations.empty()) {
    char tracks[96];
    std::snprintf(tracks,
                  sizeof(tracks),
                  "\n%zu tracks, mean error %.2f px",
                  photo.observations.size(),
                  facts.mean_error_px);
    text += tracks;
  }
  photo_name_->SetText(text.c_str());
}

void Controls::show_run(const std::string& text, double share, bool runs) {
  run_text_->SetText(text.c_str());
  run_bar_->SetValue(static_cast<float>(share));
  run_text_->SetVisible(!text.empty());
  run_bar_->SetVisible(runs);
  run_cancel_->SetVisible(runs);
}

}  // namespace vggt::viewer
