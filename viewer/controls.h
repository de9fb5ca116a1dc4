// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <open3d/visualization/gui/Button.h>
#include <open3d/visualization/gui/Checkbox.h>
#include <open3d/visualization/gui/ImageWidget.h>
#include <open3d/visualization/gui/Label.h>
#include <open3d/visualization/gui/Layout.h>
#include <open3d/visualization/gui/NumberEdit.h>
#include <open3d/visualization/gui/ProgressBar.h>
#include <open3d/visualization/gui/RadioButton.h>
#include <open3d/visualization/gui/Slider.h>
#include <open3d/visualization/gui/Window.h>

#include "viewer/session.h"

namespace vggt::viewer {

/// A picture that says where on it the mouse is, as shares of its width and height.
class HoverPicture : public open3d::visualization::gui::ImageWidget {
 public:
  std::function<void(double x_share, double y_share)> on_hover;

  void set(const Picture& picture);
  EventResult Mouse(const open3d::visualization::gui::MouseEvent& event) override;
  open3d::visualization::gui::Size CalcPreferredSize(
      const open3d::visualization::gui::LayoutContext& context,
      const Constraints& constraints) const override;

 private:
  double shape_ = 0;  // height by width; 0: nothing to show
};

/// The side panel. It changes the session and says what became stale by that.
class Controls {
 public:
  /// What has to be drawn again.
  struct Calls {
    std::function<void()> points;       ///< filters, colours, sizes
    std::function<void()> lines;        ///< cameras, axes, measures, background
    std::function<void()> photo;        ///< another photo, or its opacity
    std::function<void()> look;         ///< the view from the start
    std::function<void()> arrangement;  ///< one pane or two
    std::function<void()> compare;
    std::function<void()> save_view;
    std::function<void()> save_picture;
    std::function<void()> save_video;
    std::function<void(bool as_glb)> save_points;
    std::function<void(bool as_second)> open;
    std::function<void()> cancel_run;
    std::function<void(const std::string&)> say;
  };

  Controls(const open3d::visualization::gui::Theme& theme, Session& session, Calls calls);

  std::shared_ptr<open3d::visualization::gui::ScrollableVert> panel() const { return panel_; }

  /// Brings all controls to the session's state.
  void refresh();
  void show_photo(const PhotoFacts& facts);
  void show_run(const std::string& text, double share, bool runs);

 private:
  using Slider = std::shared_ptr<open3d::visualization::gui::Slider>;
  using Checkbox = std::shared_ptr<open3d::visualization::gui::Checkbox>;

  Slider add_slider(open3d::visualization::gui::Vert& to,
                    const char* name,
                    bool whole,
                    double low,
                    double high,
                    std::function<void(double)> changed);
  Checkbox add_checkbox(open3d::visualization::gui::Vert& to,
                        const char* name,
                        std::function<void(bool)> changed);
  void add_button(open3d::visualization::gui::Widget& to,
                  const char* name,
                  std::function<void()> clicked);
  std::shared_ptr<open3d::visualization::gui::CollapsableVert> add_section(const char* name,
                                                                           bool is_open);
  void add_points_section();
  void add_cameras_section();
  void add_photo_section();
  void add_compare_section();
  void add_scene_section();
  void set_crop(int axis, bool high, double share);

  Session& session_;
  Calls calls_;
  int em_;
  std::shared_ptr<open3d::visualization::gui::ScrollableVert> panel_;
  std::shared_ptr<open3d::visualization::gui::RadioButton> colour_;
  std::shared_ptr<open3d::visualization::gui::RadioButton> arrangement_;
  std::shared_ptr<open3d::visualization::gui::Label> counts_;
  std::shared_ptr<open3d::visualization::gui::Label> photo_name_;
  std::shared_ptr<open3d::visualization::gui::Label> pixel_;
  std::shared_ptr<open3d::visualization::gui::Label> run_text_;
  std::shared_ptr<open3d::visualization::gui::ProgressBar> run_bar_;
  std::shared_ptr<open3d::visualization::gui::Button> run_cancel_;
  std::shared_ptr<open3d::visualization::gui::NumberEdit> length_;
  std::shared_ptr<open3d::visualization::gui::Label> distance_;
  std::array<std::shared_ptr<HoverPicture>, 3> pictures_;  // photo, depth, confidence
  Slider size_, drop_, edge_, time_, opacity_, background_;
  std::array<Slider, 6> crop_;
  Checkbox cameras_, photos_, axes_, through_, play_, measure_;
  PhotoFacts facts_;
};

}  // namespace vggt::viewer
