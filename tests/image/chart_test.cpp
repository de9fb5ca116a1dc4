// SPDX-License-Identifier: Apache-2.0
#include "src/image/chart.h"

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>

#include <cmath>
#include <limits>

namespace vggt {
namespace {

using Kind = ChartSeries::Kind;

// Pixels that are clearly coloured: everything but the series is grey.
int coloured(const cv::Mat& picture, const cv::Rect& area) {
  int count = 0;
  for (int y = area.y; y < area.y + area.height; ++y) {
    for (int x = area.x; x < area.x + area.width; ++x) {
      const auto bgr = picture.at<cv::Vec3b>(y, x);
      count += std::max({bgr[0], bgr[1], bgr[2]}) - std::min({bgr[0], bgr[1], bgr[2]}) > 60;
    }
  }
  return count;
}

cv::Mat drawn(const Chart& chart) {
  TemporaryFolder folder;
  write_chart(folder.file("chart.png"), chart);
  return cv::imread(folder.file("chart.png"));
}

TEST(Chart, ALineRunsFromCornerToCorner) {
  const ChartPanel panel{.series = {{.points = {{0, 0}, {10, 5}}}},
                         .x_range = ChartRange{0, 10},
                         .y_range = ChartRange{0, 5}};
  const cv::Mat picture = drawn({.panels = {panel}});
  // Upwards: the lower left quarter and the upper right one, not the others.
  const int middle_x = 24 + 70 + (760 - 70 - 20) / 2;
  const int middle_y = 64 + 44 + (460 - 44 - 56) / 2;
  const auto quarter = [&](int x, int y) { return coloured(picture, {x, y, 300, 150}); };
  EXPECT_GT(quarter(middle_x - 320, middle_y + 15), 200);
  EXPECT_GT(quarter(middle_x + 15, middle_y - 170), 200);
  EXPECT_EQ(quarter(middle_x - 320, middle_y - 170), 0);
  EXPECT_EQ(quarter(middle_x + 15, middle_y + 15), 0);
}

TEST(Chart, BarsAreAsHighAsTheirValues) {
  ChartSeries bars{.kind = Kind::kBars};
  bars.points = {{0.5, 4}, {1.5, 1}};
  const ChartPanel panel{
      .series = {bars}, .x_range = ChartRange{0, 2}, .y_range = ChartRange{0, 4}};
  const cv::Mat picture = drawn({.panels = {panel}});
  const int half = (760 - 70 - 20) / 2;
  const int left = coloured(picture, {24 + 70, 64 + 44, half, 460 - 100});
  const int right = coloured(picture, {24 + 70 + half, 64 + 44, half, 460 - 100});
  // Grid lines and edges, a pixel or two of each.
  EXPECT_NEAR(static_cast<double>(left) / right, 4, 0.15);
}

TEST(Chart, WhatIsNotFiniteOrOutsideIsLeftOut) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const ChartPanel panel{.title = "t",
                         .series = {{.name = "n",
                                     .points = {{nan, 1}, {1, nan}, {1e30, -1e30}},
                                     .kind = Kind::kPoints,
                                     .labels = {"a", "b", "c"}},
                                    {.points = {{0, 0}, {nan, 0}, {1, 1}}}},
                         .x_range = ChartRange{0, 1},
                         .y_range = ChartRange{0, 1}};
  const cv::Mat picture = drawn({.panels = {panel, panel, {}}});
  EXPECT_EQ(picture.cols, 2 * 24 + 2 * 760 + 16);
  EXPECT_EQ(coloured(picture, {24 + 70 + 200, 64 + 44 + 100, 300, 200}), 0);
}

TEST(Chart, ALinesOnlyPointIsADot) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto panel_of = [](std::vector<std::array<double, 2>> points) {
    return ChartPanel{.series = {{.points = std::move(points)}},
                      .x_range = ChartRange{0, 10},
                      .y_range = ChartRange{0, 5}};
  };
  const cv::Rect inside(24 + 70, 64 + 44, 670, 360);
  EXPECT_GT(coloured(drawn({.panels = {panel_of({{5, 2}})}}), inside), 15);
  EXPECT_GT(coloured(drawn({.panels = {panel_of({{nan, 1}, {5, 2}, {6, nan}})}}), inside), 15);
}

// Labels of many digits would reach into the panel to the left.
TEST(Chart, LabelsOfACurveOfZeroesStayInTheirPanel) {
  const ChartPanel empty{.x_range = ChartRange{0, 1}, .y_range = ChartRange{0, 1}};
  const ChartPanel zeroes{.series = {{.points = {{0, 0}, {1, 0}}}}};
  const cv::Mat with_zeroes = drawn({.panels = {empty, zeroes}});
  const cv::Mat without = drawn({.panels = {empty, empty}});
  const cv::Rect left(0, 64, 24 + 760, 460);
  EXPECT_EQ(cv::norm(with_zeroes(left), without(left), cv::NORM_INF), 0);
}

TEST(Chart, EqualAxesDrawASquareAsASquare) {
  const ChartPanel panel{.series = {{.points = {{0, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 0}}}},
                         .equal_axes = true};
  const cv::Mat picture = drawn({.panels = {panel}});
  int left = picture.cols, right = 0, top = picture.rows, bottom = 0;
  for (int y = 64 + 44; y < 64 + 404; ++y) {
    for (int x = 24 + 70; x < 24 + 740; ++x) {
      if (coloured(picture, {x, y, 1, 1}) == 0) continue;
      left = std::min(left, x);
      right = std::max(right, x);
      top = std::min(top, y);
      bottom = std::max(bottom, y);
    }
  }
  EXPECT_GT(right - left, 200);
  EXPECT_NEAR(right - left, bottom - top, 3);
}

TEST(Chart, APlaceThatCannotBeWrittenIsNamed) {
  EXPECT_NE(message_of<IoError>([] { write_chart("/nowhere/chart.png", {}); }).find("/nowhere"),
            std::string::npos);
}

}  // namespace
}  // namespace vggt
