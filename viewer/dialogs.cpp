// SPDX-License-Identifier: Apache-2.0
#include "viewer/dialogs.h"

#include <open3d/visualization/gui/Button.h>
#include <open3d/visualization/gui/Label.h>
#include <open3d/visualization/gui/Layout.h>
#include <open3d/visualization/gui/TextEdit.h>
#include <open3d/visualization/gui/Theme.h>

#include "viewer/keys.h"

namespace vggt::viewer {

namespace gui = open3d::visualization::gui;

namespace {

std::shared_ptr<gui::Button> button(const char* name, std::function<void()> clicked) {
  auto out = std::make_shared<gui::Button>(name);
  out->SetOnClicked(std::move(clicked));
  return out;
}

}  // namespace

std::shared_ptr<gui::Dialog> help_dialog(const gui::Theme& theme, std::function<void()> close) {
  const int em = theme.font_size;
  auto content = std::make_shared<gui::Vert>(em / 2, gui::Margins(em));
  content->AddChild(std::make_shared<gui::Label>(key_help()));
  content->AddChild(button("Close", std::move(close)));
  auto dialog = std::make_shared<gui::Dialog>("Help");
  dialog->AddChild(content);
  return dialog;
}

std::shared_ptr<gui::Dialog> open_dialog(const gui::Theme& theme,
                                         const std::string& path,
                                         std::function<void()> cancel,
                                         std::function<void(const std::string& path)> open) {
  const int em = theme.font_size;
  auto content = std::make_shared<gui::Vert>(em / 2, gui::Margins(em));
  content->AddChild(std::make_shared<gui::Label>(
      "A result, COLMAP model, transforms.json or PLY; or drop it on the window:"));
  auto edit = std::make_shared<gui::TextEdit>();
  edit->SetPlaceholderText(path.c_str());
  content->AddChild(edit);
  auto buttons = std::make_shared<gui::Horiz>(em / 2);
  buttons->AddStretch();
  buttons->AddChild(button("Cancel", std::move(cancel)));
  // The field lives as long as the dialog, which holds this button, too.
  buttons->AddChild(
      button("Open", [open = std::move(open), field = edit.get()] { open(field->GetText()); }));
  content->AddChild(buttons);
  auto dialog = std::make_shared<gui::Dialog>("Open");
  dialog->AddChild(content);
  return dialog;
}

}  // namespace vggt::viewer
