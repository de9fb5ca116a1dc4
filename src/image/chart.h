// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace vggt {

struct ChartRange {
  double low = 0;
  double high = 1;
};

/// Values of one kind, in one colour.
struct ChartSeries {
  enum class Kind {
    kLine,    ///< a point without a neighbour is a dot
    kBars,    ///< from zero up, as wide as their distance, translucent
    kPoints,  ///< dots, with `labels` beside them where there is room
  };

  std::string name;                           ///< in the legend; empty: not there
  std::vector<std::array<double, 2>> points;  ///< (x, y); what is not finite is left out
  Kind kind = Kind::kLine;
  std::vector<std::string> labels = {};
  double hue = 0;     ///< [0, 1]: from red over green and blue to violet
  bool grey = false;  ///< no hue: for what others are compared with
};

/// A pair of axes with what they hold.
struct ChartPanel {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<ChartSeries> series;
  std::optional<ChartRange> x_range;  ///< without it, what the series need
  std::optional<ChartRange> y_range;
  bool equal_axes = false;  ///< a unit has one length along both: maps and trajectories
};

struct Chart {
  std::string title;
  std::string note;
  std::vector<ChartPanel> panels;
  int columns = 2;
};

/// Writes the panels as a PNG, row by row, in the colours of the preview. Throws IoError.
void write_chart(const std::string& path, const Chart& chart);

}  // namespace vggt
