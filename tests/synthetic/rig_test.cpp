// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/rig.h"

#include "kernels/raycast/raycast.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace vggt::synthetic {
namespace {

constexpr RigKind kRigs[] = {
    RigKind::kOrbit, RigKind::kWalk, RigKind::kSparse, RigKind::kTurn, RigKind::kDrive};
constexpr uint64_t kSeeds = 30;

// A hall of 20 x 20 x 6 with a pillar where one looks to, and a closed way around it.
Stage hall() {
  Stage stage;
  stage.scene.materials.resize(1);
  kernels::RaycastPrimitive solid;
  solid.shape = kernels::RaycastShape::kRoom;
  solid.centre[2] = 3;
  solid.half[0] = solid.half[1] = 10;
  solid.half[2] = 3;
  stage.scene.primitives.push_back(solid);
  solid.shape = kernels::RaycastShape::kBox;
  solid.centre[2] = 1;
  solid.half[0] = solid.half[1] = 0.5;
  solid.half[2] = 1;
  stage.scene.primitives.push_back(solid);
  stage.centre = {0, 0, 1.5};
  stage.near = 2;
  stage.far = 6;
  stage.stand_low = {-9, -9, 0.5};
  stage.stand_high = {9, 9, 5};
  stage.path = {{-5, -5, 1.5}, {5, -5, 1.5}, {5, 5, 1.5}, {-5, 5, 1.5}};
  stage.path_is_closed = true;
  return stage;
}

std::vector<Camera> drawn(const Stage& stage, const RigOptions& options, uint64_t seed) {
  return draw_rig(stage, options, Random(seed)).value_or(std::vector<Camera>{});
}

Vector centre_of(const Camera& camera) { return camera.centre_in_world(); }

Vector forward_of(const Camera& camera) {
  return {camera.rotation[6], camera.rotation[7], camera.rotation[8]};
}

// The angle between a camera's axis and the direction to a point, degrees.
double off_axis_deg(const Camera& camera, const Vector& point) {
  const double cosine = dot(forward_of(camera), unit(point - centre_of(camera)));
  return std::acos(std::clamp(cosine, -1.0, 1.0)) / kDegree;
}

TEST(Rig, CamerasStandFreeAndWithinTheStage) {
  const Stage stage = hall();
  for (const RigKind rig : kRigs) {
    int64_t found = 0;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const auto cameras = drawn(stage, {.rig = rig, .frames = 5}, seed);
      if (cameras.empty()) continue;
      ++found;
      ASSERT_EQ(cameras.size(), 5u);
      for (const Camera& camera : cameras) {
        const Vector centre = centre_of(camera);
        EXPECT_GT(kernels::raycast_clearance(stage.scene, centre.data()), 0.25) << name_of(rig);
        for (size_t axis = 0; axis < 3; ++axis) {
          EXPECT_GE(centre[axis], stage.stand_low[axis] - 1e-9) << name_of(rig);
          EXPECT_LE(centre[axis], stage.stand_high[axis] + 1e-9) << name_of(rig);
        }
      }
    }
    EXPECT_GT(found, kSeeds / 2) << name_of(rig);
  }
}

TEST(Rig, IsEmptyWithoutAFreePlace) {
  Stage stage = hall();
  stage.stand_low = {-0.4, -0.4, 0.5};  // within the pillar
  stage.stand_high = {0.4, 0.4, 1.5};
  stage.near = 0;
  stage.path = {{-0.4, 0, 1}, {0.4, 0, 1}};
  stage.path_is_closed = false;
  for (const RigKind rig : kRigs) {
    EXPECT_FALSE(draw_rig(stage, {.rig = rig}, Random(1)).has_value()) << name_of(rig);
  }
}

TEST(Rig, OrbitsLookAtTheMiddleFromAllAround) {
  const Stage stage = hall();
  double widest_deg = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto cameras = drawn(stage, {.rig = RigKind::kOrbit, .frames = 6}, seed);
    for (const Camera& camera : cameras) {
      // The target is drawn with deviations of a tenth and of 0.06 of `near`, at least at 2.
      EXPECT_LT(off_axis_deg(camera, stage.centre), 35);
      const Vector to_first = unit(centre_of(cameras[0]) - stage.centre);
      const double cosine = dot(to_first, unit(centre_of(camera) - stage.centre));
      widest_deg = std::max(widest_deg, std::acos(std::clamp(cosine, -1.0, 1.0)) / kDegree);
    }
  }
  EXPECT_GT(widest_deg, 90);
}

TEST(Rig, SparseCamerasStandFarApartAndLookAtTheSame) {
  const Stage stage = hall();
  double sum = 0;
  int64_t pairs = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto cameras = drawn(stage, {.rig = RigKind::kSparse, .frames = 2}, seed);
    if (cameras.empty()) continue;
    for (const Camera& camera : cameras) {
      const double away = length(centre_of(camera) - stage.centre);
      EXPECT_GE(away, stage.near);
      EXPECT_LE(away, stage.far);
      EXPECT_LT(off_axis_deg(camera, stage.centre), 50);
    }
    sum += length(centre_of(cameras[0]) - centre_of(cameras[1]));
    ++pairs;
  }
  EXPECT_GT(sum, static_cast<double>(pairs) * stage.near);
}

TEST(Rig, TurnsStayInPlaceAndGoOneWay) {
  const Stage stage = hall();
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto cameras = drawn(stage, {.rig = RigKind::kTurn, .frames = 4}, seed);
    if (cameras.empty()) continue;
    double way = 0;
    for (size_t i = 1; i < cameras.size(); ++i) {
      EXPECT_LT(length(centre_of(cameras[i]) - centre_of(cameras[0])), 1e-9);
      const Vector before = forward_of(cameras[i - 1]);
      const Vector now = forward_of(cameras[i]);
      const double turn = before[0] * now[1] - before[1] * now[0];
      EXPECT_GT(std::abs(turn), 0.01);
      EXPECT_GT(turn * way, way == 0 ? -1 : 0);
      way = turn;
    }
  }
}

TEST(Rig, WalksInSteps) {
  const Stage stage = hall();
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto cameras = drawn(stage, {.rig = RigKind::kWalk, .frames = 6}, seed);
    for (size_t i = 1; i < cameras.size(); ++i) {
      // 0.05 to 0.4 of `near` in the plane, up and down by a normal quarter of that; 0 where all
      // directions that were tried are blocked.
      const double step = length(centre_of(cameras[i]) - centre_of(cameras[i - 1]));
      EXPECT_LT(step, 0.4 * stage.near * std::hypot(1, 0.25 * 3.5));
      if (step > 0) {
        EXPECT_GE(step, 0.05 * stage.near - 1e-9);
      }
    }
  }
}

TEST(Rig, DrivesFollowThePathAndLookAlongIt) {
  const Stage stage = hall();
  double along = 0;
  int drives = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto cameras = drawn(stage, {.rig = RigKind::kDrive, .frames = 5}, seed);
    if (cameras.empty()) continue;
    for (const Camera& camera : cameras) {
      const Vector centre = centre_of(camera);
      // On one side of the square of 10 x 10, to the jitter of 0.04 of `near`.
      EXPECT_NEAR(std::max(std::abs(centre[0]), std::abs(centre[1])), 5, 4 * 0.04 * stage.near);
      EXPECT_NEAR(centre[2], 1.5, 4 * 0.04 * stage.near);
    }
    // Forward or backward, up to 0.4 rad off the direction of travel, more at corners.
    const Vector travelled = centre_of(cameras[1]) - centre_of(cameras[0]);
    along += std::abs(dot(unit(travelled), forward_of(cameras[0])));
    ++drives;
  }
  EXPECT_GT(along, 0.75 * drives);
}

TEST(Rig, FieldOfViewIsThatOfTheLongerSide) {
  const Stage stage = hall();
  for (const bool portrait : {false, true}) {
    const RigOptions options = {.rig = RigKind::kTurn,
                                .frames = 2,
                                .width_px = portrait ? 90 : 160,
                                .height_px = portrait ? 160 : 90,
                                .fov_min_deg = 60,
                                .fov_max_deg = 60};
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      for (const Camera& camera : drawn(stage, options, seed)) {
        EXPECT_DOUBLE_EQ(camera.fx_px, camera.fy_px);
        EXPECT_EQ(camera.width_px, options.width_px);
        // Of 60 degrees: 80 / tan(30 degrees); one camera of five zooms by up to 12 %.
        EXPECT_NEAR(camera.fx_px, 138.56, 0.1201 * 138.56);
      }
    }
    const Camera first = drawn(stage, options, 3).at(0);
    EXPECT_DOUBLE_EQ(first.cx_px, 0.5 * static_cast<double>(options.width_px));
    EXPECT_DOUBLE_EQ(first.cy_px, 0.5 * static_cast<double>(options.height_px));
  }
}

// World z is up: cameras are about upright, y of the picture points down.
TEST(Rig, CamerasAreUprightButForASmallRoll) {
  const Stage stage = hall();
  for (const RigKind rig : kRigs) {
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      for (const Camera& camera : drawn(stage, {.rig = rig}, seed)) {
        EXPECT_LT(camera.rotation[5], 0.1) << name_of(rig);
      }
    }
  }
}

TEST(Rig, ASmallerSpreadMovesLess) {
  const Stage stage = hall();
  const auto moved = [&](RigKind rig, double spread) {
    double sum = 0;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const auto cameras = drawn(stage, {.rig = rig, .frames = 3, .spread = spread}, seed);
      for (size_t i = 1; i < cameras.size(); ++i) {
        sum += length(centre_of(cameras[i]) - centre_of(cameras[0])) +
               length(forward_of(cameras[i]) - forward_of(cameras[0]));
      }
    }
    return sum;
  };
  for (const RigKind rig : kRigs) {
    EXPECT_LT(moved(rig, 0.2), 0.5 * moved(rig, 1)) << name_of(rig);
  }
}

TEST(Rig, TurnsGoEitherWayAndLookAboutLevel) {
  int left = 0;
  int right = 0;
  double up = 0;
  int64_t count = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto cameras = drawn(hall(), {.rig = RigKind::kTurn, .frames = 2}, seed);
    if (cameras.empty()) continue;
    const Vector a = forward_of(cameras[0]);
    const Vector b = forward_of(cameras[1]);
    (a[0] * b[1] - a[1] * b[0] > 0 ? left : right) += 1;
    up += a[2] + b[2];
    count += 2;
  }
  EXPECT_GT(left, 3);
  EXPECT_GT(right, 3);
  // 0.1 rad down on average, each by a deviation of 0.12.
  EXPECT_NEAR(up / static_cast<double>(count), -0.1, 0.1);
}

// The angle between directions in the plane.
double turned_deg(const Vector& a, const Vector& b) {
  return std::abs(std::atan2(a[0] * b[1] - a[1] * b[0], a[0] * b[0] + a[1] * b[1])) / kDegree;
}

TEST(Rig, WalkersOfAnObjectMostlyLookAtIt) {
  Stage stage = hall();
  const auto looking = [&](SceneKind kind) {
    stage.kind = kind;
    int64_t count = 0;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const auto cameras = drawn(stage, {.rig = RigKind::kWalk, .frames = 4}, seed);
      // They shake by a few hundredths, at a distance of 2.
      count +=
          !cameras.empty() && std::all_of(cameras.begin(), cameras.end(), [&](const Camera& c) {
            return off_axis_deg(c, stage.centre) < 8;
          });
    }
    return count;
  };
  EXPECT_GT(looking(SceneKind::kObject), kSeeds * 7 / 10);
  EXPECT_GT(looking(SceneKind::kRoom), kSeeds / 5);
  EXPECT_LT(looking(SceneKind::kRoom), kSeeds * 8 / 10);
}

TEST(Rig, WalkersBeginLookingAboutWhereThereIsSomethingAndTurnSlowly) {
  const Stage stage = hall();
  double turned = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto cameras = drawn(stage, {.rig = RigKind::kWalk, .frames = 4}, seed);
    if (cameras.empty()) continue;
    // Up to a right angle off, and the hand shakes.
    EXPECT_LT(turned_deg(forward_of(cameras[0]), stage.centre - centre_of(cameras[0])), 90 + 15);
    if (off_axis_deg(cameras[0], stage.centre) < 8) continue;
    for (size_t i = 1; i < cameras.size(); ++i) {
      const double step = turned_deg(forward_of(cameras[i]), forward_of(cameras[i - 1]));
      // A quarter of a radian and 0.06 times a normal number up to 3.5, and the hand.
      EXPECT_LT(step, (0.25 + 0.21) / kDegree + 20);
      turned = std::max(turned, step);
    }
  }
  EXPECT_GT(turned, 12);
}

TEST(Rig, DrivesLookAheadAndSomeBack) {
  const Stage stage = hall();
  int forward = 0;
  int backward = 0;
  for (uint64_t seed = 0; seed < 2 * kSeeds; ++seed) {
    const auto cameras = drawn(stage, {.rig = RigKind::kDrive, .frames = 2, .spread = 2}, seed);
    if (cameras.empty()) continue;
    const Vector travelled = centre_of(cameras[1]) - centre_of(cameras[0]);
    (dot(travelled, forward_of(cameras[0])) > 0 ? forward : backward) += 1;
  }
  EXPECT_GT(forward, 4 * backward);
  EXPECT_GT(backward, 0);
}

TEST(Rig, DrivesGoRoundAClosedPathAndStartEarlyOnAnOpenOne) {
  Stage stage = hall();
  const auto long_drive = drawn(stage, {.rig = RigKind::kDrive, .frames = 90, .spread = 2}, 1);
  ASSERT_EQ(long_drive.size(), 90u);
  int64_t of_side[4] = {};
  for (const Camera& camera : long_drive) {
    const Vector c = centre_of(camera);
    of_side[std::abs(c[0]) > std::abs(c[1]) ? (c[0] > 0 ? 0 : 1) : (c[1] > 0 ? 2 : 3)] += 1;
  }
  for (const int64_t count : of_side) EXPECT_GT(count, 5);

  stage.path = {{-8, -5, 1.5}, {8, -5, 1.5}};
  stage.path_is_closed = false;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto cameras = drawn(stage, {.rig = RigKind::kDrive, .frames = 3, .spread = 1.5}, seed);
    if (cameras.empty()) continue;
    // Two strides of 0.15 of `near` at least, 0.7 of that; jittered by 0.06 of it.
    EXPECT_GT(centre_of(cameras[2])[0] - centre_of(cameras[0])[0], -0.2) << seed;
    EXPECT_LT(centre_of(cameras[0])[0], -8 + 0.6 * 16 + 0.5) << seed;
  }
}

TEST(Rig, SomeCamerasZoomAndSomeAreHeldAslant) {
  const Stage stage = hall();
  int zoom = 0;
  int slant = 0;
  int count = 0;
  for (uint64_t seed = 0; seed < 2 * kSeeds; ++seed) {
    const auto cameras = drawn(stage, {.rig = RigKind::kTurn, .frames = 3}, seed);
    if (cameras.empty()) continue;
    ++count;
    zoom += cameras[0].fx_px != cameras[1].fx_px;
    double most = 0;
    for (const Camera& camera : cameras) {
      EXPECT_NE(camera.rotation[2], 0) << "held exactly level";
      most = std::max(most, std::abs(camera.rotation[2]));
    }
    slant += most > 0.15;  // sine of the roll; four deviations of the others
  }
  EXPECT_GT(zoom, count / 12);
  EXPECT_LT(zoom, count / 2);
  EXPECT_GT(slant, 0);
  EXPECT_LT(slant, count / 2);
}

TEST(Rig, AnyIsDrawnFromAll) {
  const Stage stage = hall();
  int in_place = 0;
  int moving = 0;
  int along_path = 0;
  for (uint64_t seed = 0; seed < 2 * kSeeds; ++seed) {
    const auto cameras = drawn(stage, {.frames = 3}, seed);
    if (cameras.empty()) continue;
    bool on_path = true;
    for (const Camera& camera : cameras) {
      const Vector c = centre_of(camera);
      on_path = on_path && std::abs(std::max(std::abs(c[0]), std::abs(c[1])) - 5) < 0.35 &&
                std::abs(c[2] - 1.5) < 0.35;
    }
    along_path += on_path;
    (length(centre_of(cameras[1]) - centre_of(cameras[0])) < 1e-9 ? in_place : moving) += 1;
  }
  EXPECT_GT(in_place, 2);
  EXPECT_GT(moving, 2 * in_place);
  EXPECT_GT(along_path, 2);
}

}  // namespace
}  // namespace vggt::synthetic
