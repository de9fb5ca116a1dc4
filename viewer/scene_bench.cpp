// SPDX-License-Identifier: Apache-2.0
// How long 5 million points take to open and to filter, and how much memory they are:
//   build/bin/viewer_scene_bench [folder for a file of 95 MB, default /tmp]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include "src/base/mixed.h"
#include "viewer/scene/colours.h"
#include "viewer/scene/load.h"
#include "viewer/scene/ply_file.h"
#include "viewer/scene/selection.h"

namespace {

using namespace vggt::viewer;
using Clock = std::chrono::steady_clock;

constexpr size_t kPoints = 5'000'000;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The most that was resident so far.
double peak_bytes() {
  std::ifstream in("/proc/self/status");
  std::string word;
  double kilobytes = 0;
  while (in >> word && word != "VmHWM:") {
  }
  in >> kilobytes;
  return 1024 * kilobytes;
}

void write_points(const std::string& path) {
  Points points;
  for (size_t i = 0; i < kPoints; ++i) {
    const auto draw = [&](uint64_t salt) {
      return static_cast<float>(vggt::mixed(4 * i + salt) >> 40) / 16777216;
    };
    points.position.push_back({draw(0), draw(1), draw(2)});
    points.colour.push_back({static_cast<uint8_t>(i), static_cast<uint8_t>(i >> 8), 90});
    points.confidence.push_back(1 + draw(3));
  }
  std::vector<uint32_t> all(kPoints);
  std::iota(all.begin(), all.end(), 0U);
  write_ply_points(path, points, all);
}

double median(std::vector<double> values) {
  std::nth_element(
      values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const std::string path =
      (std::filesystem::path(argc > 1 ? argv[1] : "/tmp") / "viewer_scene_bench.ply").string();
  // In a child, so that its memory does not count.
  if (fork() == 0) {
    write_points(path);
    _exit(0);
  }
  wait(nullptr);
  const double before = peak_bytes();
  const auto start = Clock::now();
  Scene scene = load_scene(path);
  const ConfidenceTable confidences(scene.points.confidence);
  const double open_seconds = seconds_since(start);
  std::filesystem::remove(path);
  // As the maps of a result would give them, too.
  Points& points = scene.points;
  points.depth = points.edge = points.error = points.confidence;
  points.frame.resize(points.size());
  Selection selection;
  std::vector<double> select_seconds;
  std::vector<double> draw_seconds;
  for (const size_t budget : {size_t{200'000}, size_t{3'000'000}}) {
    select_seconds.clear();
    draw_seconds.clear();
    for (int k = 0; k < 21; ++k) {
      const auto began = Clock::now();
      Filter filter{.drop_percent = 4.0 * k, .edge_ratio = 1.9};
      select(points, filter, confidences, budget, selection);
      select_seconds.push_back(seconds_since(began));
      const std::vector<Rgb> colours = colours_of(points, selection.chosen, ColourBy::kConfidence);
      draw_seconds.push_back(seconds_since(began));
    }
    std::printf(
        "slider, at most %zu drawn: selection %.0f ms, with colours %.0f ms (median of 21), worst "
        "%.0f ms\n",
        budget,
        1e3 * median(select_seconds),
        1e3 * median(draw_seconds),
        1e3 * *std::max_element(draw_seconds.begin(), draw_seconds.end()));
  }
  std::printf("opened %zu points in %.2f s; at most %.0f bytes a point resident\n",
              points.size(),
              open_seconds,
              (peak_bytes() - before) / static_cast<double>(points.size()));
}
