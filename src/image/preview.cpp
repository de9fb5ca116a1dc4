// SPDX-License-Identifier: Apache-2.0
#include "src/image/preview.h"

#include "src/base/error.h"
#include "src/image/colouring.h"
#include "src/image/scene_view.h"
#include "src/io/binary_file.h"

#include <ATen/ATen.h>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

namespace vggt {
namespace {

constexpr int kWidth = 1600;
constexpr int kMargin = 24;
constexpr int kGap = 8;
constexpr int kLabelWidth = 118;  // left of the pictures: the name of each row and its colour bar
constexpr int kTitleHeight = 64;
constexpr int kCaptionHeight = 26;
constexpr int kMaxColumns = 8;
constexpr int kMaxCellHeight = 300;
constexpr int kSceneHeight = 560;

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), pattern, value);
  return text;
}

std::string thousands(int64_t value) {
  std::string digits = std::to_string(value);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<size_t>(at), 1, ',');
  }
  return digits;
}

// Shortened in the middle to `width` pixels, since names often differ in their end.
std::string shortened(const std::string& text, int width, double size) {
  std::string result = text;
  for (size_t kept = text.size(); kept > 4 && text_width(result, size) > width; --kept) {
    result = text.substr(0, kept / 2) + "..." + text.substr(text.size() - (kept - kept / 2));
  }
  return result;
}

void draw_row_label(cv::Mat& canvas, int y, int height, const std::string& name) {
  draw_text(canvas, {kMargin, y + std::min(height, 20)}, name, 0.55, kBright);
}

// The colour bar of a row with the values of its ends, below its name.
void draw_colour_bar(
    cv::Mat& canvas, int y, int height, const ValueRange& range, ColourScale scale) {
  const int top = y + 32;
  const int bottom = y + height;
  if (bottom - top < 40) return;
  cv::Mat ramp(bottom - top, 18, CV_8U);
  for (int row = 0; row < ramp.rows; ++row) {
    ramp.row(row).setTo(255 - 255 * row / std::max(1, ramp.rows - 1));
  }
  colour_map(ramp, scale).copyTo(canvas(cv::Rect(kMargin, top, ramp.cols, ramp.rows)));
  const bool depth = scale == ColourScale::kDepth;
  const int text_x = kMargin + ramp.cols + 8;
  draw_text(canvas, {text_x, top + 12}, format("%.3g", depth ? range.low : range.high), 0.48, kDim);
  draw_text(
      canvas, {text_x, bottom - 2}, format("%.3g", depth ? range.high : range.low), 0.48, kDim);
  if (bottom - top < 90) return;
  draw_text(canvas, {text_x, top + 30}, depth ? "near" : "high", 0.45, kDim);
  draw_text(canvas, {text_x, bottom - 20}, depth ? "far" : "low", 0.45, kDim);
}

std::vector<int64_t> chosen_views(int64_t views) {
  const int64_t columns = std::min<int64_t>(views, kMaxColumns);
  std::vector<int64_t> chosen;
  for (int64_t k = 0; k < columns; ++k) {
    chosen.push_back(columns == 1 ? 0 : k * (views - 1) / (columns - 1));
  }
  return chosen;
}

void put_picture(cv::Mat& canvas, const cv::Mat& picture, const cv::Rect& cell) {
  cv::Mat scaled;
  cv::resize(picture,
             scaled,
             cell.size(),
             0,
             0,
             cell.width < picture.cols ? cv::INTER_AREA : cv::INTER_LINEAR);
  scaled.copyTo(canvas(cell));
}

}  // namespace

void write_preview(const std::string& path, const Reconstruction& reconstruction) {
  const auto views = static_cast<int64_t>(reconstruction.views.size());
  TORCH_CHECK(views > 0 && reconstruction.images.size(0) == views &&
                  reconstruction.depth.size(0) == views &&
                  reconstruction.confidence.size(0) == views,
              "write_preview: images, depth and confidence must have one frame per view");
  const ValueRange depth_range = robust_range(reconstruction.depth, ColourScale::kDepth);
  const ValueRange confidence_range =
      robust_range(reconstruction.confidence, ColourScale::kConfidence);

  // Cells have the pictures' shape and fill the width, unless they would become too high.
  const std::vector<int64_t> chosen = chosen_views(views);
  const auto columns = static_cast<int>(chosen.size());
  const double aspect = static_cast<double>(reconstruction.depth.size(1)) /
                        static_cast<double>(reconstruction.depth.size(2));
  const int room = kWidth - 2 * kMargin - kLabelWidth - (columns - 1) * kGap;
  const int cell_width =
      std::max(1, std::min(room / columns, static_cast<int>(kMaxCellHeight / aspect)));
  const int cell_height = std::max(1, static_cast<int>(std::lround(cell_width * aspect)));

  const int rows_top = kTitleHeight + kCaptionHeight;
  const int scene_top = rows_top + 3 * (cell_height + kGap) + kMargin;
  cv::Mat canvas(scene_top + kSceneHeight + kMargin, kWidth, CV_8UC3, kBackground);

  std::string counts = std::to_string(views) + (views == 1 ? " photo, " : " photos, ") +
                       thousands(reconstruction.points.size()) + " points";
  if (!reconstruction.note.empty()) counts += "  (" + reconstruction.note + ")";
  draw_text(canvas, {kMargin, 42}, "VGGT reconstruction", 0.9, kBright);
  draw_text(
      canvas, {kMargin + text_width("VGGT reconstruction", 0.9) + 24, 42}, counts, 0.65, kDim);

  for (int column = 0; column < columns; ++column) {
    const int64_t s = chosen[column];
    cv::Rect cell(
        kMargin + kLabelWidth + column * (cell_width + kGap), rows_top, cell_width, cell_height);
    const std::string number = std::to_string(s + 1);
    draw_text(canvas, {cell.x, rows_top - 8}, number, 0.5, camera_colour(s, views));
    const int name_x = cell.x + text_width(number, 0.5) + 8;
    const std::string name = ascii(reconstruction.views[s].name);
    draw_text(canvas,
              {name_x, rows_top - 8},
              shortened(name, std::max(cell.x + cell.width, cell.x + 120) - name_x, 0.45),
              0.45,
              kDim);
    put_picture(canvas, bgr_picture(reconstruction.images[s]), cell);
    cell.y += cell_height + kGap;
    put_picture(canvas, coloured(reconstruction.depth[s], depth_range, ColourScale::kDepth), cell);
    cell.y += cell_height + kGap;
    put_picture(canvas,
                coloured(reconstruction.confidence[s], confidence_range, ColourScale::kConfidence),
                cell);
  }
  draw_row_label(canvas, rows_top, cell_height, "photo");
  draw_row_label(canvas, rows_top + cell_height + kGap, cell_height, "depth");
  draw_colour_bar(
      canvas, rows_top + cell_height + kGap, cell_height, depth_range, ColourScale::kDepth);
  draw_row_label(canvas, rows_top + 2 * (cell_height + kGap), cell_height, "confidence");
  draw_colour_bar(canvas,
                  rows_top + 2 * (cell_height + kGap),
                  cell_height,
                  confidence_range,
                  ColourScale::kConfidence);

  const int scene_width = (kWidth - 2 * kMargin - kGap) / 2;
  cv::Rect panel(kMargin, scene_top, scene_width, kSceneHeight);
  cv::Mat from_above = canvas(panel);
  panel.x += scene_width + kGap;
  cv::Mat from_side = canvas(panel);
  draw_scene(reconstruction, from_above, from_side);

  std::vector<uint8_t> png;
  if (!cv::imencode(".png", canvas, png)) throw IoError(path, "cannot be encoded");
  BinaryWriter file(path);
  file.bytes(png.data(), png.size());
  file.close();
}

}  // namespace vggt
