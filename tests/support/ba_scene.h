// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>

#include "src/ba/problem.h"
#include "tests/support/camera_path.h"

namespace vggt::testing {

struct BaSceneOptions {
  int photos = 8;
  int points = 200;
  double noise_px = 0;
  double visible = 1;   ///< share of the photos that see a point
  double outliers = 0;  ///< share of the observations that are anywhere
  ba::Lens lens = {600, 600, 320, 240, 0, 0, ba::LensModel::kFixed};
  uint64_t seed = 1;
};

/// Photos on an arc of 90 degrees, four units from points in a cube of side two, which all of them
/// see; one lens. The world is the first photo's.
inline ba::Problem ba_scene(const BaSceneOptions& options) {
  std::mt19937_64 random(options.seed);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::normal_distribution<double> normal(0, 1);
  ba::Problem problem;
  problem.lenses = {options.lens};
  Rigid world_from_first;
  for (int s = 0; s < options.photos; ++s) {
    const double angle = std::numbers::pi / 2 * s / std::max(1, options.photos - 1);
    const Rigid turned{rotation_about({0, 1, 0.1 * uniform(random)}, angle), {0, 0, 0}};
    const Rigid away{{1, 0, 0, 0, 1, 0, 0, 0, 1},
                     {0.2 * uniform(random), 0.3 * uniform(random), 4}};
    const Rigid cam_from_world = away * turned;
    if (s == 0) world_from_first = inverse(cam_from_world);
    problem.photos.push_back({cam_from_world * world_from_first, 0, false});
  }
  const Rigid first_from_world = inverse(world_from_first);
  for (int p = 0; p < options.points; ++p) {
    std::array<double, 3> x;
    const std::array<double, 3> in_cube = {uniform(random), uniform(random), uniform(random)};
    for (int row = 0; row < 3; ++row) {
      x[row] = first_from_world.translation[row];
      for (int k = 0; k < 3; ++k) x[row] += first_from_world.rotation[3 * row + k] * in_cube[k];
    }
    problem.points.push_back(x);
    for (int s = 0; s < options.photos; ++s) {
      if ((uniform(random) + 1) / 2 >= options.visible) continue;
      const ba::Projection seen = project(problem.lenses[0], problem.photos[s].cam_from_world, x);
      double x_px = seen.x_px + options.noise_px * normal(random);
      double y_px = seen.y_px + options.noise_px * normal(random);
      if ((uniform(random) + 1) / 2 < options.outliers) {
        x_px = 320 + 320 * uniform(random);
        y_px = 240 + 240 * uniform(random);
      }
      problem.observations.push_back({s, p, x_px, y_px});
    }
  }
  return problem;
}

/// Turns every photo but the first by `degrees` about any axis and moves its centre by `way`.
inline void disturb(ba::Problem& problem, double degrees, double way, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, 1);
  const auto direction = [&] {
    std::array<double, 3> v = {normal(random), normal(random), normal(random)};
    const double length = std::hypot(v[0], v[1], v[2]);
    for (double& value : v) value /= length;
    return v;
  };
  for (size_t s = 1; s < problem.photos.size(); ++s) {
    const Rigid pose = problem.photos[s].cam_from_world;
    const Rigid turn{rotation_about(direction(), degrees * std::numbers::pi / 180), {0, 0, 0}};
    Rigid world_from_cam = inverse(turn * pose);
    const auto d = direction();
    for (int k = 0; k < 3; ++k) world_from_cam.translation[k] += way * d[k];
    problem.photos[s].cam_from_world = inverse(world_from_cam);
  }
}

/// The largest turn, in degrees, between the photos' poses in two problems of one world.
inline double largest_turn_deg(const ba::Problem& a, const ba::Problem& b) {
  double most = 0;
  for (size_t s = 0; s < a.photos.size(); ++s) {
    const Rigid turn = a.photos[s].cam_from_world * inverse(b.photos[s].cam_from_world);
    most = std::max(most, rotation_angle(turn.rotation) * 180 / std::numbers::pi);
  }
  return most;
}

/// The largest way between the photos' centres.
inline double largest_way(const ba::Problem& a, const ba::Problem& b) {
  double most = 0;
  for (size_t s = 0; s < a.photos.size(); ++s) {
    const auto x = ba::centre_in_world(a.photos[s].cam_from_world);
    const auto y = ba::centre_in_world(b.photos[s].cam_from_world);
    most = std::max(most, std::hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2]));
  }
  return most;
}

/// Changes the scale of a problem's world about the first photo's centre, which must be its origin,
/// so that the farthest photo is as far from it as in `like`: bundle adjustment keeps the scale that
/// came in.
inline void scale_like(ba::Problem& problem, const ba::Problem& like) {
  const auto farthest = [](const ba::Problem& p) {
    double most = 0;
    for (const ba::Photo& photo : p.photos) {
      const auto& t = photo.cam_from_world.translation;
      most = std::max(most, std::hypot(t[0], t[1], t[2]));
    }
    return most;
  };
  const double scale = farthest(like) / farthest(problem);
  for (ba::Photo& photo : problem.photos) {
    for (double& value : photo.cam_from_world.translation) value *= scale;
  }
  for (auto& point : problem.points) {
    for (double& value : point) value *= scale;
  }
}

}  // namespace vggt::testing
