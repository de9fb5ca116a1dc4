// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "apps/bench_scaling.h"
#include "src/image/chart.h"

namespace vggt::apps {
namespace {

using Points = std::vector<std::array<double, 2>>;

// Dots for what was measured, a line for the fit.
void add(ChartPanel& panel,
         const std::string& name,
         const Points& points,
         const Curve& curve,
         double unit,
         double hue) {
  double last = 0;
  ChartSeries dots{.kind = ChartSeries::Kind::kPoints, .hue = hue};
  for (const auto& [n, y] : points) {
    dots.points.push_back({n, y * unit});
    last = std::max(last, n);
  }
  ChartSeries line{.name = name, .hue = hue};
  constexpr int kSteps = 64;
  for (int i = 0; i <= kSteps; ++i) {
    const double n = 1 + (last - 1) * i / kSteps;
    line.points.push_back({n, curve.at(n) * unit});
  }
  panel.series.push_back(line);
  panel.series.push_back(dots);
}

}  // namespace

void write_scaling_chart(const std::string& path,
                         const std::vector<Scaling>& scalings,
                         const std::string& note) {
  ChartPanel time{.title = "Time", .x_label = "frames", .y_label = "s"};
  ChartPanel memory{.title = "Peak memory", .x_label = "frames", .y_label = "GB"};
  for (size_t i = 0; i < scalings.size(); ++i) {
    const Scaling& s = scalings[i];
    const double hue = static_cast<double>(i) / static_cast<double>(scalings.size());
    const std::string name = s.name + ", " + s.path;
    add(time, name, s.seconds, s.fitted_seconds, 1, hue);
    add(memory, name, s.bytes, s.fitted_bytes, 1e-9, hue);
  }
  write_chart(
      path,
      {.title = "Time and memory by number of frames", .note = note, .panels = {time, memory}});
}

}  // namespace vggt::apps
