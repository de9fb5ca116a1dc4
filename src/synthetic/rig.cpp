// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/rig.h"

#include "kernels/raycast/raycast.h"
#include "src/base/error.h"

#include <algorithm>

namespace vggt::synthetic {
namespace {

constexpr const char* kNames[] = {"orbit", "walk", "sparse", "turn", "drive", "any"};

struct Pose {
  Vector position;
  Vector target;
};

bool is_free(const Stage& stage, const Vector& place) {
  constexpr double kClearance = 0.25;  // nothing is nearer to a lens
  for (size_t axis = 0; axis < 3; ++axis) {
    if (place[axis] < stage.stand_low[axis] || place[axis] > stage.stand_high[axis]) return false;
  }
  return kernels::raycast_clearance(stage.scene, place.data()) > kClearance;
}

Vector jitter(Random& random, double size) {
  return {size * random.normal(), size * random.normal(), size * random.normal()};
}

Vector between(Random& random, const Vector& low, const Vector& high) {
  return {random.uniform(low[0], high[0]),
          random.uniform(low[1], high[1]),
          random.uniform(low[2], high[2])};
}

// A free place whose distance from the centre is in the stage's range.
std::optional<Vector> draw_place(const Stage& stage, Random& random) {
  for (int attempt = 0; attempt < 60; ++attempt) {
    const Vector place = between(random, stage.stand_low, stage.stand_high);
    const double away = length(place - stage.centre);
    if (away >= stage.near && away <= stage.far && is_free(stage, place)) return place;
  }
  return std::nullopt;
}

Vector around(double turn, double up, double radius) {
  const auto [st, ct] = sine_cosine(turn);
  const auto [su, cu] = sine_cosine(up);
  return {radius * ct * cu, radius * st * cu, radius * su};
}

std::vector<Pose> draw_orbit(const Stage& stage, const RigOptions& options, Random& random) {
  const double start = random.uniform(0, 2 * kPi);
  const double whole = random.chance(0.3) ? 2 * kPi : random.uniform(25, 150) * kDegree;
  const double span = whole * options.spread;
  const double radius = random.uniform(stage.near, std::min(stage.far, 2.5 * stage.near));
  const double up = random.uniform(5, 50) * kDegree;
  const double sway = random.uniform(0, 0.12);
  const Vector target = stage.centre + jitter(random, 0.1 * stage.near);
  std::vector<Pose> poses;
  for (int64_t i = 0; i < options.frames; ++i) {
    const double share = (static_cast<double>(i) + sway * random.normal()) /
                         static_cast<double>(std::max<int64_t>(1, options.frames));
    const double height = up + options.spread * sway * random.normal();
    const double distance = radius * (1 + options.spread * sway * random.normal());
    const Vector place = stage.centre + around(start + span * share, height, distance);
    poses.push_back({place, target + jitter(random, options.spread * 0.06 * stage.near)});
  }
  return poses;
}

std::vector<Pose> draw_walk(const Stage& stage, const RigOptions& options, Random& random) {
  const auto start = draw_place(stage, random);
  if (!start) return {};
  Vector place = *start;
  const double stride = options.spread * stage.near * random.uniform(0.05, 0.4);
  double heading = random.uniform(0, 2 * kPi);
  const bool looks_at_centre = random.chance(stage.kind == SceneKind::kObject ? 0.9 : 0.5);
  const Vector to_centre = stage.centre - place;
  // Turned off what there is to see by up to a right angle.
  const auto [s, c] = sine_cosine(random.uniform(-0.5, 0.5) * kPi);
  Vector view =
      unit(Vector{c * to_centre[0] - s * to_centre[1], s * to_centre[0] + c * to_centre[1], 0});
  view[2] = random.uniform(-0.4, 0.1);
  const double turning = options.spread * random.uniform(-0.25, 0.25);
  std::vector<Pose> poses;
  for (int64_t i = 0; i < options.frames; ++i) {
    const Vector shake = jitter(random, options.spread * 0.04);
    poses.push_back({place, looks_at_centre ? stage.centre + shake : place + view + shake});
    for (int attempt = 0; attempt < 20; ++attempt) {
      heading += 0.35 * random.normal();
      const auto [sh, ch] = sine_cosine(heading);
      const Vector next = place + stride * Vector{ch, sh, 0.25 * random.normal()};
      if (is_free(stage, next)) {
        place = next;
        break;
      }
      heading += 0.5 * kPi * random.uniform();  // away from what is in the way
    }
    view = about_z(turning + options.spread * 0.06 * random.normal()) * view;
  }
  return poses;
}

std::vector<Pose> draw_sparse(const Stage& stage, const RigOptions& options, Random& random) {
  const auto first = draw_place(stage, random);
  if (!first) return {};
  std::vector<Pose> poses;
  for (int64_t i = 0; i < options.frames; ++i) {
    auto place = draw_place(stage, random);
    if (!place) return {};
    // Drawn towards the first as the spread shrinks.
    const Vector near_first = *first + options.spread * (*place - *first);
    const double away = options.spread * 0.2 * stage.near;
    poses.push_back({i == 0 ? *first : near_first, stage.centre + jitter(random, away)});
  }
  return poses;
}

std::vector<Pose> draw_turn(const Stage& stage, const RigOptions& options, Random& random) {
  const auto place = draw_place(stage, random);
  if (!place) return {};
  const double way = random.chance(0.5) ? 1 : -1;
  const double step = way * options.spread * random.uniform(6, 35) * kDegree;
  double turn = random.uniform(0, 2 * kPi);
  std::vector<Pose> poses;
  for (int64_t i = 0; i < options.frames; ++i) {
    const double up = -0.1 + options.spread * 0.12 * random.normal();
    poses.push_back({*place, *place + around(turn, up, 1)});
    turn += step * random.uniform(0.6, 1.4);
  }
  return poses;
}

// The point `along` the path's length, and the direction there.
Pose on_path(const Stage& stage, const std::vector<Vector>& path, double along) {
  const size_t legs = stage.path_is_closed ? path.size() : path.size() - 1;
  double whole = 0;
  for (size_t i = 0; i < legs; ++i) whole += length(path[(i + 1) % path.size()] - path[i]);
  along = stage.path_is_closed ? along - whole * std::floor(along / whole)
                               : std::clamp(along, 0.0, whole);
  for (size_t i = 0; i < legs; ++i) {
    const Vector leg = path[(i + 1) % path.size()] - path[i];
    const double size = length(leg);
    if (along <= size || i + 1 == legs) return {path[i] + (along / size) * leg, (1 / size) * leg};
    along -= size;
  }
  return {path[0], {1, 0, 0}};
}

std::vector<Pose> draw_drive(const Stage& stage, const RigOptions& options, Random& random) {
  std::vector<Vector> path = stage.path;
  if (path.empty()) {  // from one free place towards another
    const auto from = draw_place(stage, random);
    const auto to = draw_place(stage, random);
    if (!from || !to || length(*to - *from) < 0.3) return {};
    path = {*from, {(*to)[0], (*to)[1], (*from)[2]}};
  }
  const double stride = options.spread * stage.near * random.uniform(0.1, 0.5);
  double along = random.uniform(0, 30);
  if (!stage.path_is_closed) along = random.uniform(0, 0.6) * length(path.back() - path.front());
  const bool backward = random.chance(0.15);
  const double off = random.uniform(-0.4, 0.4);  // of the direction of travel
  std::vector<Pose> poses;
  for (int64_t i = 0; i < options.frames; ++i) {
    const Pose here = on_path(stage, path, along);
    // Looks ahead, so that corners are turned gradually.
    const Vector ahead = on_path(stage, path, along + 1.2).position;
    Vector view = length(ahead - here.position) > 0.2 ? unit(ahead - here.position) : here.target;
    if (backward) view = -1.0 * view;
    view = about_z(off) * view + jitter(random, options.spread * 0.03);
    view[2] -= 0.05;
    const Vector place = here.position + jitter(random, options.spread * 0.04 * stage.near);
    poses.push_back({place, place + view});
    along += stride * random.uniform(0.7, 1.3);
  }
  return poses;
}

Camera camera_at(const Pose& pose, double roll, double focal_px, const RigOptions& options) {
  const Vector forward = unit(pose.target - pose.position);
  Vector right = cross(forward, {0, 0, 1});
  right = length(right) < 1e-6 ? Vector{1, 0, 0} : unit(right);
  const Vector down = cross(forward, right);
  const auto [s, c] = sine_cosine(roll);
  const Vector x = c * right + s * down;
  const Vector y = c * down - s * right;
  Camera camera = {.width_px = options.width_px,
                   .height_px = options.height_px,
                   .fx_px = focal_px,
                   .fy_px = focal_px,
                   .cx_px = 0.5 * static_cast<double>(options.width_px),
                   .cy_px = 0.5 * static_cast<double>(options.height_px)};
  for (size_t k = 0; k < 3; ++k) {
    camera.rotation[k] = x[k];
    camera.rotation[3 + k] = y[k];
    camera.rotation[6 + k] = forward[k];
  }
  camera.translation = {
      -dot(x, pose.position), -dot(y, pose.position), -dot(forward, pose.position)};
  return camera;
}

std::vector<Pose> draw_poses(const Stage& stage, const RigOptions& options, Random& random) {
  switch (options.rig) {
    case RigKind::kOrbit:
      return draw_orbit(stage, options, random);
    case RigKind::kWalk:
      return draw_walk(stage, options, random);
    case RigKind::kSparse:
      return draw_sparse(stage, options, random);
    case RigKind::kTurn:
      return draw_turn(stage, options, random);
    default:
      return draw_drive(stage, options, random);
  }
}

}  // namespace

std::string name_of(RigKind rig) { return kNames[static_cast<size_t>(rig)]; }

RigKind rig_kind(const std::string& name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (name == kNames[i]) return static_cast<RigKind>(i);
  }
  throw ConfigError("rig", "'" + name + "'; must be orbit, walk, sparse, turn, drive or any");
}

std::optional<std::vector<Camera>> draw_rig(const Stage& stage,
                                            const RigOptions& options,
                                            Random random) {
  RigOptions drawn = options;
  if (drawn.rig == RigKind::kAny) drawn.rig = static_cast<RigKind>(random.index(kRigKinds));
  const std::vector<Pose> poses = draw_poses(stage, drawn, random);
  if (static_cast<int64_t>(poses.size()) != options.frames) return std::nullopt;
  const double fov = random.uniform(options.fov_min_deg, options.fov_max_deg) * kDegree;
  const auto [s, c] = sine_cosine(fov / 2);
  const double focal =
      0.5 * static_cast<double>(std::max(options.width_px, options.height_px)) * c / s;
  // Most cameras keep their focal length; some zoom.
  const double zoom = random.chance(0.2) ? 0.12 : 0;
  const double tilt = random.chance(0.15) ? 0.3 : 0.04;
  std::vector<Camera> cameras;
  for (const Pose& pose : poses) {
    if (!is_free(stage, pose.position)) return std::nullopt;
    const double roll = tilt * random.normal();
    cameras.push_back(camera_at(pose, roll, focal * (1 + zoom * random.uniform(-1, 1)), options));
  }
  return cameras;
}

}  // namespace vggt::synthetic
