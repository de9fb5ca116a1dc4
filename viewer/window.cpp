// SPDX-License-Identifier: Apache-2.0
#include "viewer/window.h"

#include <open3d/geometry/Image.h>
#include <open3d/visualization/gui/Application.h>
#include <open3d/visualization/gui/Dialog.h>
#include <open3d/visualization/gui/Events.h>
#include <open3d/visualization/gui/FileDialog.h>
#include <open3d/visualization/gui/Theme.h>
#include <open3d/visualization/gui/Window.h>
#include <open3d/visualization/rendering/Open3DScene.h>
#include <open3d/visualization/rendering/Scene.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "src/base/error.h"
#include "viewer/controls.h"
#include "viewer/display.h"
#include "viewer/jobs.h"
#include "viewer/pane.h"
#include "viewer/scene/load.h"
#include "viewer/scene/picture.h"
#include "viewer/scene/ply_file.h"
#include "viewer/scene/raster.h"
#include "viewer/scene/shot.h"
#include "viewer/to_open3d.h"

namespace vggt::viewer {
namespace {

namespace gui = open3d::visualization::gui;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kHelp =
    "Mouse\n"
    "  drag left: turn      drag right, or Ctrl and left: move      wheel: nearer, farther\n"
    "  click on a camera: select it      twice: look through it      twice on a point: turn around "
    "it\n"
    "Keys\n"
    "  left, right   the photo before, after          L   look through the photo\n"
    "  1 2 3 4 5     colour by photo, confidence, depth, frame, error\n"
    "  + -           size of the points               [ ]   leave out less, more by confidence\n"
    "  C  cameras    P  photos in them                G   axes and grid\n"
    "  space         play the trajectory              M   measure\n"
    "  R             the whole scene                  S   save a picture\n"
    "  V             first, second, both, side by side\n"
    "  F1            this help                  Backspace   back\n"
    "Drop a result, a folder or a PLY on the window to open it.";

// Names that are free: pictures are never lost by another one.
std::string free_name(const std::string& stem, const std::string& ending) {
  for (int k = 1;; ++k) {
    char number[16];
    std::snprintf(number, sizeof(number), "_%03d", k);
    const std::string path = stem + number + ending;
    std::error_code error;
    if (!fs::exists(path, error)) return path;
  }
}

class ViewerWindow : public gui::Window {
 public:
  ViewerWindow(const ViewOptions& options, const UserSettings& user)
      : gui::Window("vggt view", user.width, user.height), options_(options) {
    session_.user = user;
    budget_ = options.most_points > 0 ? static_cast<size_t>(options.most_points)
              : has_graphics()        ? 3'000'000
                                      : 200'000;
    for (auto& pane : panes_) {
      pane = std::make_shared<Pane>(GetRenderer());
      pane->set_points_while_moving(std::max<size_t>(budget_ / 3, 1));
      AddChild(pane);
    }
    panes_[1]->SetVisible(false);
    panes_[0]->on_click = [this](double x, double y, bool twice) { clicked(x, y, twice); };
    panes_[0]->on_hover = [this](double x, double y) { hover_ = {x, y}; };
    panes_[0]->on_moved = [this] { moved(); };
    overlay_ = std::make_shared<PhotoOverlay>(panes_[0]);
    AddChild(overlay_);
    controls_ = std::make_unique<Controls>(
        GetTheme(),
        session_,
        Controls::Calls{.points = [this] { stale_.points = true; },
                        .lines = [this] { stale_.lines = true; },
                        .photo = [this] { stale_.photo = true; },
                        .look = [this] { look_at_all(); },
                        .arrangement = [this] { arrange(); },
                        .compare = [this] { compare(); },
                        .save_view = [this] { save_view(); },
                        .save_picture = [this] { save_picture(); },
                        .save_video = [this] { save_video(); },
                        .save_points = [this](bool as_glb) { save_points(as_glb); },
                        .open = [this](bool as_second) { ask_what_to_open(as_second); },
                        .cancel_run = [this] { jobs_.cancel(); },
                        .say = [this](const std::string& text) { say(text); }});
    AddChild(controls_->panel());
    status_ = std::make_shared<gui::Label>("F1: help");
    AddChild(status_);
    SetOnTickEvent([this] { return tick(); });
    SetOnKeyEvent([this](const gui::KeyEvent& event) { return key(event); });
    SetOnClose([this] { return close(); });
    stale_.lines = true;
  }

  void open(const std::string& path, bool as_second) {
    say("opening " + path);
    jobs_.load(path, as_second);
  }

  void reconstruct() {
    jobs_.reconstruct(options_);
    say("reconstructing");
  }

 protected:
  void OnDragDropped(const char* path) override { open(path, false); }

  void Layout(const gui::LayoutContext& context) override {
    const gui::Rect all = GetContentRect();
    const int em = context.theme.font_size;
    const int bar = std::min(3 * em / 2, all.height);
    const int side = std::min(22 * em, all.width / 2);
    const int height = std::max(all.height - bar, 1);
    const int width = std::max(all.width - side, 1);
    const bool two = panes_[1]->IsVisible();
    const int first = two ? std::max(width / 2, 1) : width;
    panes_[0]->SetFrame(gui::Rect(all.x, all.y, first, height));
    panes_[1]->SetFrame(gui::Rect(all.x + first, all.y, std::max(width - first, 1), height));
    controls_->panel()->SetFrame(gui::Rect(all.x + width, all.y, side, all.height));
    status_->SetFrame(gui::Rect(all.x, all.y + height, width, bar));
    gui::Window::Layout(context);
    if (session_.first && session_.selected >= 0) {
      overlay_->fit(session_.first->scene.photos[static_cast<size_t>(session_.selected)].camera);
    }
    // What could not be looked at before there was a shape.
    if (!has_look_ && session_.first) look_at_all();
    stale_.second_look = true;
  }

 private:
  struct Stale {
    bool points = false;
    bool lines = false;
    bool photo = false;
    bool second_look = false;
  };

  // ---- what happens by itself ----

  bool tick() {
    bool draws = false;
    while (auto done = jobs_.take()) {
      took(*done);
      draws = true;
    }
    if (const auto run = jobs_.run_text()) {
      if (run->text != run_text_ || run->runs != runs_) {
        controls_->show_run(run->text, run->share, run->runs);
        run_text_ = run->text;
        if (run->runs != runs_) SetNeedsLayout();
        runs_ = run->runs;
        draws = true;
      }
    }
    const auto now = Clock::now();
    constexpr auto kPlayStep = std::chrono::milliseconds(300);
    if (session_.plays && now - played_ > kPlayStep) {
      played_ = now;
      session_.play_step();
      stale_.points = stale_.lines = true;
    }
    if (stale_.photo) show_photo();
    if (stale_.points) draw_points();
    if (stale_.points && session_.looks_through) blend_photo();
    if (stale_.lines) draw_lines();
    if (stale_.second_look && panes_[1]->IsVisible()) {
      panes_[1]->look(
          panes_[0]->current(), bounds(), panes_[0]->GetCenterOfRotation().cast<double>());
    }
    if (jobs_.thumbnail_count() != thumbnails_) {
      thumbnails_ = jobs_.thumbnail_count();
      draw_planes();
      draws = true;
    }
    draws |= stale_.points || stale_.lines || stale_.photo || stale_.second_look;
    if (stale_.points || stale_.lines) controls_->refresh();
    stale_ = {};
    draws |= hover();
    // Filament shows a new texture some frames after it is given.
    constexpr int kFramesAfter = 4;
    if (draws) frames_left_ = kFramesAfter;
    if (frames_left_ > 0) {
      --frames_left_;
      for (auto& pane : panes_) pane->ForceRedraw();
      draws = true;
    }
    return draws;
  }

  void took(JobResult& done) {
    if (!done.text.empty()) say(done.text);
    if (done.scene) {
      auto& slot = done.as_second ? session_.second : session_.first;
      const bool is_new = !slot || slot->scene.path != done.scene->path;
      if (!slot) slot.emplace();
      if (is_new) *slot = {};
      slot->take(std::move(*done.scene), done.photos);
      if (done.as_second && is_new) session_.arrangement = Arrangement::kOver;
      if (!done.as_second && is_new) {
        session_.selected = -1;
        session_.looks_through = false;
        session_.measured.clear();
        SetTitle(("vggt view: " + slot->scene.path).c_str());
      }
      if (!done.as_second && (is_new || done.complete) && !touched_) look_at_all();
      if (done.complete && !slot->scene.warnings.empty()) {
        say(slot->scene.warnings.front() +
            (slot->scene.warnings.size() > 1
                 ? " (and " + std::to_string(slot->scene.warnings.size() - 1) + " more)"
                 : ""));
      } else if (done.complete) {
        say(slot->scene.path + ": " + std::to_string(slot->scene.points.size()) + " points, " +
            std::to_string(slot->scene.photos.size()) + " photos");
      }
      if (done.complete && session_.first && session_.second && is_new) compare();
      arrange();
      planes_ = -1;
    }
    if (done.compared_first && done.compared_second && session_.first && session_.second) {
      session_.first->scene = std::move(*done.compared_first);
      session_.second->take(std::move(*done.compared_second), session_.second->loaded_photos);
      session_.user.colour = ColourBy::kError;
      stale_.points = stale_.lines = true;
    }
  }

  bool hover() {
    if (!hover_ || !session_.first || session_.plays) return false;
    const auto [x, y] = *hover_;
    hover_.reset();
    const OpenScene& open = *session_.first;
    constexpr double kReach = 4;
    const auto point =
        pick_point(open.scene.points, open.selection.chosen, panes_[0]->current(), x, y, kReach);
    if (!point) return false;
    const Points& points = open.scene.points;
    const Vec3f& p = points.position[*point];
    char text[200];
    int size = std::snprintf(text, sizeof(text), "point at %.4g %.4g %.4g", p[0], p[1], p[2]);
    const auto add = [&](const char* name, const std::vector<float>& values) {
      if (values.empty() || size >= static_cast<int>(sizeof(text))) return;
      size += std::snprintf(
          text + size, sizeof(text) - static_cast<size_t>(size), ", %s %.4g", name, values[*point]);
    };
    add("depth", points.depth);
    add("confidence", points.confidence);
    add("error", points.error);
    say(text);
    return true;
  }

  // ---- what is drawn ----

  Bounds bounds() const { return session_.first ? session_.first->bounds : Bounds(); }

  bool shows(bool second) const {
    if (session_.arrangement == Arrangement::kFirst) return !second;
    if (session_.arrangement == Arrangement::kSecond) return second;
    return true;
  }

  Pane& pane_of(bool second) {
    return *panes_[second && session_.arrangement == Arrangement::kSideBySide ? 1 : 0];
  }

  void draw_points() {
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

  void draw_lines() {
    for (auto& pane : panes_) pane->set_background(session_.user.background);
    for (const bool second : {false, true}) {
      const char* name = second ? "cameras of the second" : "cameras";
      for (auto& pane : panes_) pane->remove(name);
      const auto& slot = second ? session_.second : session_.first;
      if (!slot || !shows(second) || !session_.shows_cameras || session_.looks_through) continue;
      pane_of(second).set_lines(
          name,
          camera_lines(
              slot->scene, second ? -1 : session_.selected, last_frame(*slot), slot->frustum_size),
          1.5);
    }
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
        if (std::isfinite(filter.crop_low[c]))
          box.low[axis] = static_cast<double>(filter.crop_low[c]), crops = true;
        if (std::isfinite(filter.crop_high[c]))
          box.high[axis] = static_cast<double>(filter.crop_high[c]), crops = true;
      }
      if (crops) {
        for (const Line& line : box_lines(box.low, box.high)) world.push_back(line);
      }
    }
    panes_[0]->set_lines("world", world, 1);
    std::vector<Line> measure;
    const double cross = 0.01 * bounds().radius();
    for (const Eigen::Vector3d& end : session_.measured) {
      for (int c = 0; c < 3; ++c) {
        measure.push_back({end - cross * Eigen::Vector3d::Unit(c),
                           end + cross * Eigen::Vector3d::Unit(c),
                           {255, 255, 0}});
      }
    }
    if (session_.measured.size() == 2) {
      measure.push_back({session_.measured[0], session_.measured[1], {255, 255, 0}});
    }
    panes_[0]->set_lines("measure", measure, 2);
    draw_planes();
  }

  int32_t last_frame(const OpenScene& open) const {
    return std::min(session_.first->view.filter.last_frame,
                    static_cast<int32_t>(open.loaded_photos) - 1);
  }

  // The photos in their cameras: read once, in the background.
  void draw_planes() {
    const bool shown = session_.first && session_.shows_cameras && session_.shows_photos &&
                       !session_.looks_through && shows(false);
    const int count = shown ? last_frame(*session_.first) + 1 : 0;
    for (int i = count; i < drawn_planes_; ++i) panes_[0]->remove("photo " + std::to_string(i));
    if (planes_ < 0 && session_.first) {
      planes_ = 0;
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

  void show_photo() {
    if (!session_.first || session_.selected < 0) return;
    const Photo& photo = session_.first->scene.photos[static_cast<size_t>(session_.selected)];
    if (shown_photo_ != session_.selected || shown_path_ != session_.first->scene.path) {
      shown_photo_ = session_.selected;
      shown_path_ = session_.first->scene.path;
      facts_ = read_photo_facts(photo);
      controls_->show_photo(facts_);
      SetNeedsLayout();
    }
    const bool through = session_.looks_through;
    blend_photo();
    if (through) {
      touched_ = true;
      const Eigen::Vector3d ahead =
          unproject(photo.camera, photo.camera.cx_px, photo.camera.cy_px, bounds().radius());
      panes_[0]->look(photo.camera, bounds(), ahead);
    }
    stale_.lines = true;
    stale_.second_look = true;
    draw_lines();
    controls_->refresh();
  }

  // Points and photo in one picture, by the processor: Open3D draws pictures without transparency.
  void blend_photo() {
    if (!session_.first || session_.selected < 0) return;
    const OpenScene& open = *session_.first;
    const Photo& photo = open.scene.photos[static_cast<size_t>(session_.selected)];
    overlay_->fit(photo.camera);
    const gui::Rect& frame = overlay_->GetFrame();
    if (!session_.looks_through || facts_.photo.empty() || frame.width < 1 || frame.height < 1) {
      overlay_->set({});
      return;
    }
    Raster raster(fitted(photo.camera, frame.width, frame.height), session_.user.background);
    raster.draw_points(open.scene.points,
                       open.selection.chosen,
                       colours_of(open.scene.points, open.selection.chosen, session_.user.colour),
                       session_.user.point_size);
    overlay_->set(blended(raster.picture(),
                          resized(facts_.photo, frame.width, frame.height),
                          session_.photo_opacity));
  }

  void look_at_all() {
    if (!session_.first) return;
    const gui::Rect& frame = panes_[0]->GetFrame();
    if (frame.width < 2 || frame.height < 2) return;
    has_look_ = true;
    if (session_.looks_through) {
      session_.looks_through = false;
      overlay_->set({});
    }
    panes_[0]->look(first_look(session_.first->scene, session_.up(), frame.width, frame.height),
                    bounds(),
                    bounds().centre());
    stale_.points = stale_.lines = stale_.second_look = true;
  }

  void arrange() {
    const bool two = session_.arrangement == Arrangement::kSideBySide;
    if (panes_[1]->IsVisible() != two) {
      panes_[1]->SetVisible(two);
      SetNeedsLayout();
    }
    stale_.points = stale_.lines = stale_.second_look = true;
  }

  // ---- what the user does ----

  // The photo fits only what its own camera sees.
  void moved() {
    touched_ = true;
    stale_.second_look = true;
    if (!session_.looks_through) return;
    session_.looks_through = false;
    overlay_->set({});
    stale_.lines = true;
  }

  void clicked(double x, double y, bool twice) {
    if (!session_.first) return;
    touched_ = true;
    const OpenScene& open = *session_.first;
    const Camera camera = panes_[0]->current();
    constexpr double kReach = 5;
    const auto point = pick_point(open.scene.points, open.selection.chosen, camera, x, y, kReach);
    const auto position = [&] {
      const Vec3f& p = open.scene.points.position[*point];
      return Eigen::Vector3d(p[0], p[1], p[2]);
    };
    if (session_.measures) {
      if (point) session_.measure(position());
      stale_.lines = true;
      if (point) say(session_.distance_text());
      return;
    }
    const auto photo = session_.looks_through || !session_.shows_cameras
                           ? std::nullopt
                           : pick_camera(open.scene, camera, x, y, open.frustum_size);
    if (photo) {
      session_.selected = *photo;
      if (twice) session_.looks_through = true;
      stale_.photo = true;
    } else if (twice && point) {
      panes_[0]->SetCenterOfRotation(position().cast<float>());
      say("turns around that point");
    }
  }

  bool key(const gui::KeyEvent& event) {
    if (event.type != gui::KeyEvent::DOWN) return false;
    const auto colour = [&](ColourBy by) {
      session_.user.colour = by;
      stale_.points = true;
    };
    const auto drop = [&](double by) {
      if (!session_.first) return;
      double& percent = session_.first->view.filter.drop_percent;
      percent = std::clamp(percent + by, 0.0, 99.0);
      stale_.points = true;
    };
    switch (event.key) {
      case gui::KEY_F1:
        show_help();
        break;
      case gui::KEY_LEFT:
      case gui::KEY_RIGHT:
        session_.step(event.key == gui::KEY_LEFT ? -1 : 1);
        stale_.photo = true;
        break;
      case gui::KEY_1:
      case gui::KEY_2:
      case gui::KEY_3:
      case gui::KEY_4:
      case gui::KEY_5:
        colour(static_cast<ColourBy>(event.key - gui::KEY_1));
        break;
      case gui::KEY_PLUS:
      case gui::KEY_EQUALS:
      case gui::KEY_MINUS:
        session_.user.point_size =
            std::clamp(session_.user.point_size + (event.key == gui::KEY_MINUS ? -1 : 1), 1, 10);
        stale_.points = true;
        break;
      case gui::KEY_LEFT_BRACKET:
        drop(-5);
        break;
      case gui::KEY_RIGHT_BRACKET:
        drop(5);
        break;
      case gui::KEY_C:
        session_.shows_cameras = !session_.shows_cameras;
        stale_.lines = true;
        break;
      case gui::KEY_P:
        session_.shows_photos = !session_.shows_photos;
        stale_.lines = true;
        break;
      case gui::KEY_G:
        session_.shows_axes = !session_.shows_axes;
        stale_.lines = true;
        break;
      case gui::KEY_L:
        session_.looks_through = !session_.looks_through;
        if (session_.looks_through && session_.selected < 0) session_.step(1);
        stale_.photo = true;
        break;
      case gui::KEY_M:
        session_.measures = !session_.measures;
        session_.measured.clear();
        stale_.lines = true;
        if (session_.measures) say(session_.distance_text());
        break;
      case gui::KEY_R:
        look_at_all();
        break;
      case gui::KEY_S:
        save_picture();
        break;
      case gui::KEY_V:
        if (!session_.second) break;
        session_.arrangement =
            static_cast<Arrangement>((static_cast<int>(session_.arrangement) + 1) % 4);
        arrange();
        break;
      case gui::KEY_SPACE:
        session_.plays = !session_.plays;
        break;
      case gui::KEY_BACKSPACE:  // not Escape, on which Open3D closes its windows
        back();
        break;
      default:
        return false;
    }
    touched_ = touched_ || event.key == gui::KEY_L;
    return true;
  }

  void back() {
    if (help_is_shown_) {
      CloseDialog();
      help_is_shown_ = false;
    } else if (session_.measures) {
      session_.measures = false;
      session_.measured.clear();
      stale_.lines = true;
    } else if (session_.looks_through) {
      session_.looks_through = false;
      stale_.photo = true;
    }
  }

  void show_help() {
    const int em = GetTheme().font_size;
    auto dialog = std::make_shared<gui::Dialog>("Help");
    auto content = std::make_shared<gui::Vert>(em / 2, gui::Margins(em));
    content->AddChild(std::make_shared<gui::Label>(kHelp));
    auto button = std::make_shared<gui::Button>("Close");
    button->SetOnClicked([this] {
      CloseDialog();
      help_is_shown_ = false;
    });
    content->AddChild(button);
    dialog->AddChild(content);
    ShowDialog(dialog);
    help_is_shown_ = true;
  }

  void ask_what_to_open(bool as_second) {
    auto dialog =
        std::make_shared<gui::FileDialog>(gui::FileDialog::Mode::OPEN_DIR,
                                          "A result, COLMAP model or folder with transforms.json",
                                          GetTheme());
    dialog->SetOnCancel([this] { CloseDialog(); });
    dialog->SetOnDone([this, as_second](const char* path) {
      CloseDialog();
      open(path, as_second);
    });
    ShowDialog(dialog);
  }

  void compare() {
    if (!session_.first || !session_.second) {
      say("two scenes are needed to compare: open a second one");
      return;
    }
    say("comparing");
    jobs_.compare(session_.first->scene, session_.second->scene);
  }

  void save_view() {
    if (!session_.first) return;
    const std::string path = view_settings_path(session_.first->scene);
    if (path.empty()) {
      say("only results of 'vggt reconstruct' keep thresholds");
      return;
    }
    try {
      write_view_settings(path, session_.first->view);
      say("saved " + path);
    } catch (const std::exception& error) {
      say(error.what());
    }
  }

  void save_picture() {
    const std::string path = free_name("vggt_view", ".png");
    panes_[0]->GetScene()->GetScene()->RenderToImage(
        [this, path](std::shared_ptr<open3d::geometry::Image> image) {
          try {
            write_picture(path, to_picture(*image));
            say("saved " + path);
          } catch (const std::exception& error) {
            say(error.what());
          }
        });
    PostRedraw();
  }

  void save_video() {
    if (!session_.first) return;
    Shot shot{.background = session_.user.background,
              .point_size = session_.user.point_size,
              .colour = session_.user.colour,
              .filter = session_.first->view.filter,
              .up = session_.up(),
              .frusta = session_.shows_cameras};
    const std::string path = free_name("vggt_view", ".mp4");
    say("writing " + path);
    jobs_.write_video(path, session_.first->scene, shot);
  }

  void save_points(bool as_glb) {
    if (!session_.first) return;
    const OpenScene& open = *session_.first;
    const std::string path = free_name("vggt_view", as_glb ? ".glb" : ".ply");
    Selection all;
    select(open.scene.points, open.view.filter, open.confidences, open.scene.points.size(), all);
    try {
      (as_glb ? write_glb_points : write_ply_points)(
          path, open.scene.points, all.chosen, open.view.metres_per_scene_unit);
      say("saved " + path + ": " + std::to_string(all.chosen.size()) + " points");
    } catch (const std::exception& error) {
      say(error.what());
    }
  }

  void say(const std::string& text) {
    status_->SetText(text.c_str());
    PostRedraw();
  }

  // Ends the process here: Filament's own end races with the closing of its window.
  bool close() {
    jobs_.stop();
    const gui::Rect frame = GetOSFrame();
    session_.user.width = frame.width;
    session_.user.height = frame.height;
    try {
      write_user_settings(user_settings_path(), session_.user);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "vggt: warning: %s\n", error.what());
    }
    std::fflush(nullptr);
    std::_Exit(0);
  }

  ViewOptions options_;
  Session session_;
  size_t budget_;
  Jobs jobs_;
  std::array<std::shared_ptr<Pane>, 2> panes_;
  std::shared_ptr<PhotoOverlay> overlay_;
  std::unique_ptr<Controls> controls_;
  std::shared_ptr<gui::Label> status_;
  Stale stale_;
  std::optional<std::pair<double, double>> hover_;
  Clock::time_point played_;
  std::string run_text_;
  bool runs_ = false;
  int frames_left_ = 0;
  bool has_look_ = false;
  bool touched_ = false;  // the user chose the view: what is loaded meanwhile does not change it
  bool help_is_shown_ = false;
  int shown_photo_ = -1;
  std::string shown_path_;
  PhotoFacts facts_;
  int planes_ = -1;
  int drawn_planes_ = 0;
  size_t thumbnails_ = 0;  // that were there when the planes were drawn
};

std::string resources() {
  if (const char* folder = std::getenv("VGGT_OPEN3D_RESOURCES"); folder && *folder) return folder;
  for (const char* folder : {"/usr/share/open3d-gui/resources", "/usr/local/share/resources"}) {
    std::error_code error;
    if (fs::exists(fs::path(folder) / "defaultUnlit.filamat", error)) return folder;
  }
  throw IoError("/usr/share/open3d-gui/resources",
                "Open3D's resources are not there: install open3d-gui, or name their folder in "
                "VGGT_OPEN3D_RESOURCES");
}

}  // namespace

int show_window(const ViewOptions& options) {
  // Photos are told from scenes before a window is opened.
  bool has_scene = false;
  bool has_other = false;
  for (const std::string& path : options.paths) {
    std::error_code error;
    if (!fs::exists(path, error)) throw IoError(path, "no such file or folder");
    (kind_of(path) ? has_scene : has_other) = true;
  }
  if (has_scene && (has_other || options.paths.size() > 2)) {
    throw ConfigError("paths", "one or two scenes can be shown, or photos reconstructed, not both");
  }
  auto& app = gui::Application::GetInstance();
  app.Initialize(resources().c_str());
  UserSettings user = read_user_settings(user_settings_path());
  if (options.size.size() == 2) {
    user.width = options.size[0];
    user.height = options.size[1];
  }
  if (!options.colour.empty()) user.colour = colour_by(options.colour);
  auto window = std::make_shared<ViewerWindow>(options, user);
  app.AddWindow(window);
  if (has_scene) {
    for (size_t i = 0; i < options.paths.size(); ++i) window->open(options.paths[i], i == 1);
  } else {
    window->reconstruct();
  }
  app.Run();
  return 0;
}

}  // namespace vggt::viewer
