// SPDX-License-Identifier: Apache-2.0
#include "apps/point_options.h"

#include <CLI/CLI.hpp>

#include "apps/number_in.h"

namespace vggt::apps {

void add_point_options(CLI::App& app, PointFilter& filter) {
  const char* group = "Points";
  app.add_option("--drop-percent",
                 filter.drop_percent,
                 "Share of the least confident pixels that give no points, in percent")
      ->check(number_in(0, 99.9))
      ->capture_default_str()
      ->group(group);
  app.add_option("--edges",
                 filter.edge_ratio,
                 "Leave out pixels where the depth jumps by more than this share; 0: keep them")
      ->check(number_in(0, 100))
      ->capture_default_str()
      ->group(group);
  app.add_option("--consistent",
                 filter.consistent,
                 "Keep points that at least so many other photos see at their depth, less those "
                 "that see through them; 0: all")
      ->check(CLI::Range(int64_t{0}, int64_t{1000}))
      ->capture_default_str()
      ->group(group);
  app.add_option("--consistent-within",
                 filter.consistent_within,
                 "How much of a depth photos may differ by and agree, for --consistent")
      ->check(number_in(0.0001, 0.9))
      ->capture_default_str()
      ->group(group);
  app.add_option("--max-points",
                 filter.max_points,
                 "At most this many points, spread over photos and depths")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40))
      ->group(group);
  app.add_option("--voxel", filter.voxel, "One point per cube of this side, in scene units; 0: all")
      ->check(number_in(0, 1e9))
      ->capture_default_str()
      ->group(group);
  app.add_flag("--normals", filter.normals, "Normals from depth, into points.ply")->group(group);
}

}  // namespace vggt::apps
