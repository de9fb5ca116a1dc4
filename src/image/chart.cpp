// SPDX-License-Identifier: Apache-2.0
#include "src/image/chart.h"

#include "src/base/error.h"
#include "src/image/scene_view.h"
#include "src/io/binary_file.h"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace vggt {
namespace {

constexpr int kMargin = 24;
constexpr int kGap = 16;
constexpr int kTitleHeight = 64;
constexpr int kPanelWidth = 760;
constexpr int kPanelHeight = 460;
constexpr int kLeft = 70;  // of the axes in their panel
constexpr int kTop = 44;
constexpr int kRight = 20;
constexpr int kBottom = 56;
const cv::Scalar kPanel(44, 38, 35);
const cv::Scalar kGrid(66, 60, 56);

std::string number(double value, double step) {
  const int digits = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 9);
  char text[48];
  const bool zero = std::abs(value) < 1e-9 * step;  // not "-0.0"
  std::snprintf(text, sizeof(text), "%.*f", digits, zero ? 0 : value);
  return text;
}

// 1, 2 or 5 times a power of ten, about a fifth of the range.
double tick_step(const ChartRange& range) {
  const double rough = (range.high - range.low) / 5;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10 * power;
}

cv::Scalar colour_of(const ChartSeries& series) {
  constexpr int64_t kSteps = 1000;
  if (series.grey) return kDim;
  return camera_colour(static_cast<int64_t>(series.hue * (kSteps - 1)), kSteps);
}

bool finite(const std::array<double, 2>& p) { return std::isfinite(p[0]) && std::isfinite(p[1]); }

ChartRange needed(const ChartPanel& panel, size_t axis) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const ChartSeries& series : panel.series) {
    for (const auto& point : series.points) {
      if (!finite(point)) continue;
      low = std::min(low, point[axis]);
      high = std::max(high, point[axis]);
    }
  }
  if (!(low <= high)) return {0, 1};
  if (high > low) {
    const double slack = 0.06 * (high - low);
    return {low - slack, high + slack};
  }
  constexpr double kNothing = 1e-9;  // of which half would need more digits than labels have
  const double slack = std::abs(high) > kNothing ? 0.5 * std::abs(high) : 0.5;
  return {low - slack, high + slack};
}

class Axes {
 public:
  Axes(const ChartPanel& panel, const cv::Rect& place)
      : place_(place),
        x_(panel.x_range.value_or(needed(panel, 0))),
        y_(panel.y_range.value_or(needed(panel, 1))) {
    if (!panel.equal_axes) return;
    const double unit =
        std::max((x_.high - x_.low) / place.width, (y_.high - y_.low) / place.height);
    widen(x_, unit * place.width);
    widen(y_, unit * place.height);
  }

  cv::Point2d at(const std::array<double, 2>& p) const {
    return {place_.x + (p[0] - x_.low) / (x_.high - x_.low) * place_.width,
            place_.y + place_.height - (p[1] - y_.low) / (y_.high - y_.low) * place_.height};
  }

  void draw(cv::Mat& canvas) const {
    const double step_x = tick_step(x_);
    const double step_y = tick_step(y_);
    for (double x = std::ceil(x_.low / step_x) * step_x; x <= x_.high + 1e-9 * step_x;
         x += step_x) {
      const int column = static_cast<int>(std::lround(at({x, y_.low}).x));
      cv::line(canvas, {column, place_.y}, {column, place_.y + place_.height}, kGrid, 1);
      const std::string text = number(x, step_x);
      draw_text(canvas,
                {column - text_width(text, 0.42) / 2, place_.y + place_.height + 18},
                text,
                0.42,
                kDim);
    }
    for (double y = std::ceil(y_.low / step_y) * step_y; y <= y_.high + 1e-9 * step_y;
         y += step_y) {
      const int row = static_cast<int>(std::lround(at({x_.low, y}).y));
      cv::line(canvas, {place_.x, row}, {place_.x + place_.width, row}, kGrid, 1);
      const std::string text = number(y, step_y);
      draw_text(canvas, {place_.x - 8 - text_width(text, 0.42), row + 5}, text, 0.42, kDim);
    }
  }

 private:
  static void widen(ChartRange& range, double length) {
    const double middle = (range.low + range.high) / 2;
    range = {middle - length / 2, middle + length / 2};
  }

  cv::Rect place_;
  ChartRange x_;
  ChartRange y_;
};

cv::Point fixed_point(const cv::Point2d& p) {
  constexpr double kFar = 100000;  // OpenCV's integers overflow beyond
  return {static_cast<int>(std::lround(16 * std::clamp(p.x, -kFar, kFar))),
          static_cast<int>(std::lround(16 * std::clamp(p.y, -kFar, kFar)))};
}

void draw_bars(const ChartSeries& series, const Axes& axes, cv::Mat& inside, cv::Point origin) {
  cv::Mat filled = inside.clone();
  double width = 1;
  if (series.points.size() > 1) width = series.points[1][0] - series.points[0][0];
  for (const auto& point : series.points) {
    if (!finite(point)) continue;
    const cv::Point2d top = axes.at({point[0] - width / 2, point[1]});
    const cv::Point2d end = axes.at({point[0] + width / 2, 0});
    cv::rectangle(filled,
                  cv::Point(static_cast<int>(top.x), static_cast<int>(top.y)) - origin,
                  cv::Point(static_cast<int>(end.x) - 1, static_cast<int>(end.y)) - origin,
                  colour_of(series),
                  cv::FILLED);
  }
  cv::addWeighted(inside, 0.45, filled, 0.55, 0, inside);
}

// A point of a line that no part of the line leads to.
bool stands_alone(const ChartSeries& series, size_t i) {
  const auto there = [&](size_t k) { return k < series.points.size() && finite(series.points[k]); };
  return !there(i + 1) && (i == 0 || !there(i - 1));
}

// Within the axes only: what leaves the range is cut off.
void draw_series(const ChartSeries& series,
                 const Axes& axes,
                 const cv::Rect& place,
                 cv::Mat& canvas,
                 std::vector<cv::Rect>& taken) {
  cv::Mat inside = canvas(place);
  const cv::Point origin = place.tl();
  const cv::Scalar colour = colour_of(series);
  if (series.kind == ChartSeries::Kind::kBars) return draw_bars(series, axes, inside, origin);
  const cv::Point2d* previous = nullptr;
  cv::Point2d last;
  for (size_t i = 0; i < series.points.size(); ++i) {
    if (!finite(series.points[i])) {
      previous = nullptr;
      continue;
    }
    const cv::Point2d at = axes.at(series.points[i]) - cv::Point2d(origin);
    if (series.kind == ChartSeries::Kind::kPoints) {
      cv::circle(inside, fixed_point(at), 5 * 16, colour, cv::FILLED, cv::LINE_AA, 4);
      if (i < series.labels.size()) {
        const std::string label = ascii(series.labels[i]);
        const cv::Rect box(static_cast<int>(std::clamp(at.x, -1e6, 1e6)) + 9,
                           static_cast<int>(std::clamp(at.y, -1e6, 1e6)) - 10,
                           text_width(label, 0.4),
                           18);
        const bool free = std::none_of(taken.begin(), taken.end(), [&](const cv::Rect& other) {
          return (other & box).area() > 0;
        });
        if (free && box.x + box.width < place.width) {
          draw_text(inside, {box.x, box.y + 14}, label, 0.4, kDim);
          taken.push_back(box);
        }
      }
    } else if (previous) {
      cv::line(inside, fixed_point(*previous), fixed_point(at), colour, 2, cv::LINE_AA, 4);
    } else if (stands_alone(series, i)) {
      cv::circle(inside, fixed_point(at), 3 * 16, colour, cv::FILLED, cv::LINE_AA, 4);
    }
    last = at;
    previous = &last;
  }
}

void draw_legend(const ChartPanel& panel, const cv::Rect& place, cv::Mat& canvas) {
  int y = place.y + 20;
  for (const ChartSeries& series : panel.series) {
    if (series.name.empty()) continue;
    const std::string name = ascii(series.name);
    const int x = place.x + place.width - 12 - text_width(name, 0.45);
    cv::line(canvas, {x - 26, y - 5}, {x - 8, y - 5}, colour_of(series), 3, cv::LINE_AA);
    draw_text(canvas, {x, y}, name, 0.45, kBright);
    y += 20;
  }
}

void draw_panel(const ChartPanel& panel, const cv::Rect& area, cv::Mat& canvas) {
  canvas(area).setTo(kPanel);
  const cv::Rect place(
      area.x + kLeft, area.y + kTop, area.width - kLeft - kRight, area.height - kTop - kBottom);
  const Axes axes(panel, place);
  axes.draw(canvas);
  std::vector<cv::Rect> taken;
  for (const ChartSeries& series : panel.series) draw_series(series, axes, place, canvas, taken);
  cv::rectangle(canvas, place, kDim, 1);
  draw_legend(panel, place, canvas);
  draw_text(canvas, {area.x + 14, area.y + 28}, ascii(panel.title), 0.6, kBright);
  // The y axis's name stands at its upper end: OpenCV draws no upright text.
  const std::string y_label = ascii(panel.y_label);
  draw_text(canvas,
            {area.x + area.width - kRight - text_width(y_label, 0.45), area.y + 28},
            y_label,
            0.45,
            kDim);
  const std::string x_label = ascii(panel.x_label);
  draw_text(canvas,
            {place.x + (place.width - text_width(x_label, 0.45)) / 2, area.y + area.height - 14},
            x_label,
            0.45,
            kDim);
}

}  // namespace

void write_chart(const std::string& path, const Chart& chart) {
  const auto count = static_cast<int>(chart.panels.size());
  const int columns = std::max(1, std::min(chart.columns, count));
  const int rows = (count + columns - 1) / columns;
  cv::Mat canvas(kTitleHeight + rows * (kPanelHeight + kGap) - kGap + kMargin,
                 2 * kMargin + columns * (kPanelWidth + kGap) - kGap,
                 CV_8UC3,
                 kBackground);
  const std::string title = ascii(chart.title);
  draw_text(canvas, {kMargin, 42}, title, 0.9, kBright);
  draw_text(canvas, {kMargin + text_width(title, 0.9) + 24, 42}, ascii(chart.note), 0.6, kDim);
  for (int i = 0; i < count; ++i) {
    const cv::Rect area(kMargin + i % columns * (kPanelWidth + kGap),
                        kTitleHeight + i / columns * (kPanelHeight + kGap),
                        kPanelWidth,
                        kPanelHeight);
    draw_panel(chart.panels[static_cast<size_t>(i)], area, canvas);
  }
  std::vector<uint8_t> png;
  if (!cv::imencode(".png", canvas, png)) throw IoError(path, "cannot be encoded");
  BinaryWriter file(path);
  file.bytes(png.data(), png.size());
  file.close();
}

}  // namespace vggt
