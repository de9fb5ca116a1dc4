// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "apps/bench_result.h"

namespace vggt::apps {

/// constant + linear n + quadratic n^2.
struct Curve {
  double constant = 0;
  double linear = 0;
  double quadratic = 0;
  double at(double n) const { return constant + n * (linear + n * quadratic); }
};

/// The curve with the least sum of squared relative errors, so that few frames count as much as
/// many: points (n, y), y > 0, of at least three different n.
Curve fit_curve(const std::vector<std::array<double, 2>>& points);

/// How one stage grows with the number of frames on one path.
struct Scaling {
  std::string name;
  std::string path;
  std::vector<std::array<double, 2>> seconds;  ///< (frames, median)
  std::vector<std::array<double, 2>> bytes;    ///< (frames, peak)
  Curve fitted_seconds;
  Curve fitted_bytes;
};

/// Of the stages that were measured at three or more numbers of frames.
std::vector<Scaling> scaling_of(const std::vector<BenchResult>& results);

/// Markdown: the coefficients, and how far the farthest point lies from its curve.
std::string table_of_scaling(const std::vector<Scaling>& scalings);
nlohmann::ordered_json to_json(const Scaling& scaling);

/// Time and memory over frames, measured and fitted, as a PNG. Only in builds with images. Throws
/// IoError.
void write_scaling_chart(const std::string& path,
                         const std::vector<Scaling>& scalings,
                         const std::string& note);

}  // namespace vggt::apps
