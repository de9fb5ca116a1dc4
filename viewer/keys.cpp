// SPDX-License-Identifier: Apache-2.0
#include "viewer/keys.h"

#include <open3d/visualization/gui/Events.h>

#include <algorithm>

namespace vggt::viewer {

namespace gui = open3d::visualization::gui;

const char* key_help() {
  return "Mouse\n"
         "  drag left: turn      drag right, or Ctrl and left: move      wheel: nearer, farther\n"
         "  click on a camera: select it      twice: look through it      twice on a point: turn "
         "around it\n"
         "Keys\n"
         "  left, right   the photo before, after          L   look through the photo\n"
         "  1 2 3 4 5     colour by photo, confidence, depth, frame, error\n"
         "  + -           size of the points               [ ]   leave out less, more by "
         "confidence\n"
         "  C  cameras    P  photos in them                G   axes and grid\n"
         "  space         play the trajectory              M   measure\n"
         "  R             the whole scene                  S   save a picture\n"
         "  V             first, second, both, side by side\n"
         "  F1            this help                  Backspace   back\n"
         "Drop a result, a folder or a PLY on the window to open it.";
}

bool press(int key, Session& session, Stale& stale) {
  const auto drop = [&](double by) {
    if (!session.first) return;
    double& percent = session.first->view.filter.drop_percent;
    percent = std::clamp(percent + by, 0.0, 99.0);
    stale.points = true;
  };
  const auto turn = [](bool& what, bool& is_stale) {
    what = !what;
    is_stale = true;
  };
  switch (key) {
    case gui::KEY_LEFT:
    case gui::KEY_RIGHT:
      session.step(key == gui::KEY_LEFT ? -1 : 1);
      stale.photo = true;
      return true;
    case gui::KEY_1:
    case gui::KEY_2:
    case gui::KEY_3:
    case gui::KEY_4:
    case gui::KEY_5:
      session.user.colour = static_cast<ColourBy>(key - gui::KEY_1);
      stale.points = true;
      return true;
    case gui::KEY_PLUS:
    case gui::KEY_EQUALS:
    case gui::KEY_MINUS:
      session.user.point_size =
          std::clamp(session.user.point_size + (key == gui::KEY_MINUS ? -1 : 1), 1, 10);
      stale.points = true;
      return true;
    case gui::KEY_LEFT_BRACKET:
      drop(-5);
      return true;
    case gui::KEY_RIGHT_BRACKET:
      drop(5);
      return true;
    case gui::KEY_C:
      turn(session.shows_cameras, stale.lines);
      return true;
    case gui::KEY_P:
      turn(session.shows_photos, stale.lines);
      return true;
    case gui::KEY_G:
      turn(session.shows_axes, stale.lines);
      return true;
    case gui::KEY_L:
      turn(session.looks_through, stale.photo);
      if (session.looks_through && session.selected < 0) session.step(1);
      return true;
    case gui::KEY_M:
      turn(session.measures, stale.lines);
      session.measured.clear();
      return true;
    case gui::KEY_V:
      if (session.second) {
        session.arrangement =
            static_cast<Arrangement>((static_cast<int>(session.arrangement) + 1) % 4);
      }
      return true;
    case gui::KEY_SPACE:
      turn(session.plays, stale.lines);
      return true;
    default:
      return false;
  }
}

}  // namespace vggt::viewer
