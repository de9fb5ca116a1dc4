// SPDX-License-Identifier: Apache-2.0
#include "viewer/window.h"

#include <open3d/geometry/Image.h>
#include <open3d/visualization/gui/Application.h>
#include <open3d/visualization/gui/Events.h>
#include <open3d/visualization/gui/Theme.h>
#include <open3d/visualization/gui/Window.h>
#include <open3d/visualization/rendering/Open3DScene.h>
#include <open3d/visualization/rendering/Scene.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "src/base/error.h"
#include "viewer/controls.h"
#include "viewer/dialogs.h"
#include "viewer/display.h"
#include "viewer/jobs.h"
#include "viewer/keys.h"
#include "viewer/saves.h"
#include "viewer/scene/load.h"
#include "viewer/scene/picture.h"
#include "viewer/stage.h"
#include "viewer/to_open3d.h"

namespace vggt::viewer {
namespace {

namespace gui = open3d::visualization::gui;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kPanelWidth_em = 27;  // the row of colours needs it

// When a frame is drawn again after the last change. Filament skips frames that come faster than the
// graphics draw them, the last one too, and tells nobody; textures come some frames late.
constexpr std::array<std::chrono::milliseconds, 6> kDrawnAgain = {std::chrono::milliseconds(0),
                                                                  std::chrono::milliseconds(40),
                                                                  std::chrono::milliseconds(150),
                                                                  std::chrono::milliseconds(400),
                                                                  std::chrono::milliseconds(1000),
                                                                  std::chrono::milliseconds(2500)};

size_t points_at_once(const ViewOptions& options) {
  if (options.most_points > 0) return static_cast<size_t>(options.most_points);
  return has_graphics() ? 3'000'000 : 200'000;
}

class ViewerWindow : public gui::Window {
 public:
  ViewerWindow(const ViewOptions& options, const UserSettings& user)
      : gui::Window("vggt view", user.width, user.height),
        options_(options),
        session_{.user = user},
        stage_(GetRenderer(), session_, jobs_, points_at_once(options)) {
    for (const auto& widget : stage_.widgets()) AddChild(widget);
    stage_.pane().on_click = [this](double x, double y, bool twice) { clicked(x, y, twice); };
    stage_.pane().on_hover = [this](double x, double y) { hover_ = {x, y}; };
    stage_.pane().on_moved = [this] { moved(); };
    stage_.on_photo = [this](const PhotoFacts& facts) {
      controls_->show_photo(facts);
      SetNeedsLayout();
    };
    controls_ = std::make_unique<Controls>(
        GetTheme(),
        session_,
        Controls::Calls{.points = [this] { stage_.stale.points = true; },
                        .lines = [this] { stage_.stale.lines = true; },
                        .photo = [this] { stage_.stale.photo = true; },
                        .look = [this] { stage_.look_at_all(); },
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
    const int side = std::min(kPanelWidth_em * em, all.width / 2);
    const int height = std::max(all.height - bar, 1);
    const int width = std::max(all.width - side, 1);
    controls_->panel()->SetFrame(gui::Rect(all.x + width, all.y, side, all.height));
    status_->SetFrame(gui::Rect(all.x, all.y + height, width, bar));
    stage_.lay_out(gui::Rect(all.x, all.y, width, height));
    gui::Window::Layout(context);
  }

 private:
  // ---- what happens by itself ----

  bool tick() {
    bool changed = false;
    while (auto done = jobs_.take()) {
      took(*done);
      changed = true;
    }
    changed |= follow_run();
    play();
    const Stale& stale = stage_.stale;
    const bool shows_other = stale.points || stale.lines || stale.photo;
    changed |= stage_.draw();
    if (shows_other) controls_->refresh();
    changed |= hover();
    const auto now = Clock::now();
    if (changed) {
      changed_ = now;
      drawn_again_ = 0;
    }
    if (drawn_again_ < kDrawnAgain.size() && now - changed_ >= kDrawnAgain[drawn_again_]) {
      ++drawn_again_;
      stage_.redraw();
      return true;
    }
    return changed;
  }

  bool follow_run() {
    const auto run = jobs_.run_text();
    if (!run || (run->text == run_text_ && run->runs == runs_)) return false;
    controls_->show_run(run->text, run->share, run->runs);
    run_text_ = run->text;
    if (run->runs != runs_) SetNeedsLayout();
    runs_ = run->runs;
    return true;
  }

  void play() {
    constexpr auto kStep = std::chrono::milliseconds(300);
    if (!session_.plays || Clock::now() - played_ < kStep) return;
    played_ = Clock::now();
    session_.play_step();
    stage_.stale.points = stage_.stale.lines = true;
  }

  void took(JobResult& done) {
    if (!done.text.empty()) say(done.text);
    if (done.scene) took_scene(done);
    if (done.compared_first && done.compared_second && session_.first && session_.second) {
      session_.first->scene = std::move(*done.compared_first);
      session_.second->take(std::move(*done.compared_second), session_.second->loaded_photos);
      session_.user.colour = ColourBy::kError;
      stage_.stale.points = stage_.stale.lines = true;
    }
  }

  void took_scene(JobResult& done) {
    auto& slot = done.as_second ? session_.second : session_.first;
    const bool is_new = !slot || slot->scene.path != done.scene->path;
    if (is_new) slot.emplace();
    slot->take(std::move(*done.scene), done.photos);
    slot->complete = done.complete;
    if (done.as_second && is_new) session_.arrangement = Arrangement::kOver;
    if (!done.as_second) {
      stage_.forget_planes(is_new);
      if (is_new) {
        stage_.leave_photo();
        session_.selected = -1;
        session_.measured.clear();
        SetTitle(("vggt view: " + slot->scene.path).c_str());
      }
      if ((is_new || done.complete) && !stage_.view_was_chosen) stage_.look_at_all();
    }
    if (done.complete) say(slot->summary());
    arrange();
    if (done.complete && session_.first && session_.second && session_.first->complete &&
        session_.second->complete) {
      compare();
    }
  }

  bool hover() {
    if (!hover_ || !session_.first || session_.plays) return false;
    const auto [x, y] = *hover_;
    hover_.reset();
    const OpenScene& open = *session_.first;
    constexpr double kReach = 4;
    const auto point =
        pick_point(open.scene.points, open.selection.chosen, stage_.pane().current(), x, y, kReach);
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

  // ---- what the user does ----

  // The photo fits only what its own camera sees.
  void moved() {
    stage_.view_was_chosen = true;
    stage_.stale.second_look = true;
    stage_.leave_photo();
  }

  void arrange() {
    stage_.arrange();
    SetNeedsLayout();
  }

  void clicked(double x, double y, bool twice) {
    if (!session_.first) return;
    stage_.view_was_chosen = true;
    const OpenScene& open = *session_.first;
    const Camera camera = stage_.pane().current();
    constexpr double kReach = 5;
    const auto point = pick_point(open.scene.points, open.selection.chosen, camera, x, y, kReach);
    const auto position = [&] {
      const Vec3f& p = open.scene.points.position[*point];
      return Eigen::Vector3d(p[0], p[1], p[2]);
    };
    if (session_.measures) {
      if (point) session_.measure(position());
      stage_.stale.lines = true;
      if (point) say(session_.distance_text());
      return;
    }
    const auto photo = session_.looks_through || !session_.shows_cameras
                           ? std::nullopt
                           : pick_camera(open.scene, camera, x, y, open.frustum_size);
    if (photo) {
      session_.selected = *photo;
      if (twice) session_.looks_through = true;
      stage_.stale.photo = true;
    } else if (twice && point) {
      stage_.pane().SetCenterOfRotation(position().cast<float>());
      say("turns around that point");
    }
  }

  bool key(const gui::KeyEvent& event) {
    if (event.type != gui::KeyEvent::DOWN) return false;
    if (press(event.key, session_, stage_.stale)) {
      if (session_.looks_through) stage_.view_was_chosen = true;
      if (event.key == gui::KEY_M && session_.measures) say(session_.distance_text());
      if (event.key == gui::KEY_V) arrange();
      return true;
    }
    switch (event.key) {
      case gui::KEY_F1:
        show_help();
        return true;
      case gui::KEY_R:
        stage_.look_at_all();
        return true;
      case gui::KEY_S:
        save_picture();
        return true;
      case gui::KEY_BACKSPACE:  // not Escape, on which Open3D closes its windows
        back();
        return true;
      default:
        return false;
    }
  }

  void back() {
    if (help_is_shown_) {
      CloseDialog();
      help_is_shown_ = false;
    } else if (session_.measures) {
      session_.measures = false;
      session_.measured.clear();
      stage_.stale.lines = true;
    } else {
      stage_.leave_photo();
    }
  }

  void show_help() {
    ShowDialog(help_dialog(GetTheme(), [this] {
      CloseDialog();
      help_is_shown_ = false;
    }));
    help_is_shown_ = true;
  }

  void ask_what_to_open(bool as_second) {
    const std::string here = session_.first ? session_.first->scene.path : std::string();
    ShowDialog(open_dialog(
        GetTheme(),
        here,
        [this] { CloseDialog(); },
        [this, as_second](const std::string& path) {
          open(path, as_second);
          CloseDialog();
        }));
  }

  void compare() {
    if (!session_.first || !session_.second) {
      say("two scenes are needed to compare: open a second one");
      return;
    }
    say("comparing");
    jobs_.compare(session_.first->scene, session_.second->scene);
  }

  // Says what was saved, or why it was not.
  void save(const std::function<std::string()>& saving) {
    if (!session_.first) return;
    try {
      say(saving());
    } catch (const std::exception& error) {
      say(error.what());
    }
  }

  void save_view() {
    save([this] { return viewer::save_view(*session_.first); });
  }

  void save_points(bool as_glb) {
    save([this, as_glb] { return viewer::save_points(*session_.first, as_glb); });
  }

  void save_picture() {
    const std::string path = free_name("vggt_view", ".png");
    const auto write = [path](const Picture& picture) {
      write_picture(path, picture);
      return "saved " + path;
    };
    if (!stage_.photo_over_points().empty()) {
      save([&] { return write(stage_.photo_over_points()); });
      return;
    }
    stage_.pane().GetScene()->GetScene()->RenderToImage(
        [this, write](std::shared_ptr<open3d::geometry::Image> image) {
          save([&] { return write(to_picture(*image)); });
        });
    PostRedraw();
  }

  void save_video() {
    if (!session_.first) return;
    const std::string path = free_name("vggt_view", ".mp4");
    say("writing " + path);
    jobs_.write_video(path, session_.first->scene, shot_of_session(session_));
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
  Jobs jobs_;
  Stage stage_;
  std::unique_ptr<Controls> controls_;
  std::shared_ptr<gui::Label> status_;
  std::optional<std::pair<double, double>> hover_;
  Clock::time_point played_;
  std::string run_text_;
  bool runs_ = false;
  Clock::time_point changed_;
  size_t drawn_again_ = 0;
  bool help_is_shown_ = false;
};

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
  app.Initialize(open3d_resources().c_str());
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
