// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/stage.h"

#include "kernels/raycast/raycast.h"
#include "src/base/error.h"
#include "tests/support/message_of.h"

#include <ATen/ATen.h>

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace vggt::synthetic {
namespace {

constexpr SceneKind kKinds[] = {
    SceneKind::kRoom, SceneKind::kObject, SceneKind::kStreet, SceneKind::kCorridor};
constexpr uint64_t kSeeds = 20;

const Textures& textures() {
  static const Textures drawn = make_textures({.seed = 2, .count = 20, .size_px = 16});
  return drawn;
}

bool is_inside(const Stage& stage) {
  const auto& solids = stage.scene.primitives;
  return std::any_of(solids.begin(), solids.end(), [](const kernels::RaycastPrimitive& solid) {
    return solid.shape == kernels::RaycastShape::kRoom;
  });
}

TEST(Stage, NamesAreThoseOfTheKinds) {
  for (const SceneKind kind : kKinds) EXPECT_EQ(scene_kind(name_of(kind)), kind);
  EXPECT_EQ(scene_kind("mixed"), SceneKind::kMixed);
  EXPECT_THAT(message_of<ConfigError>([] { scene_kind(""); }), testing::HasSubstr("kind: ''"));
}

TEST(Stage, IsDrawnAnewForEachSeedAndTheSameForOne) {
  for (const SceneKind kind : kKinds) {
    const Stage a = make_stage(kind, textures(), Random(4));
    const Stage b = make_stage(kind, textures(), Random(4));
    const Stage other = make_stage(kind, textures(), Random(5));
    ASSERT_EQ(a.scene.primitives.size(), b.scene.primitives.size());
    bool same_as_other = a.scene.primitives.size() == other.scene.primitives.size();
    for (size_t i = 0; i < a.scene.primitives.size(); ++i) {
      for (size_t k = 0; k < 3; ++k) {
        EXPECT_EQ(a.scene.primitives[i].centre[k], b.scene.primitives[i].centre[k]);
        EXPECT_EQ(a.scene.primitives[i].half[k], b.scene.primitives[i].half[k]);
        same_as_other =
            same_as_other && a.scene.primitives[i].half[k] == other.scene.primitives[i].half[k];
      }
    }
    EXPECT_FALSE(same_as_other) << name_of(kind);
  }
}

TEST(Stage, MixedIsEachOfTheKinds) {
  std::set<SceneKind> seen;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    seen.insert(make_stage(SceneKind::kMixed, textures(), Random(seed)).kind);
  }
  EXPECT_EQ(seen, std::set<SceneKind>(std::begin(kKinds), std::end(kKinds)));
}

TEST(Stage, IsInsideOrOutsideAsItsKindIs) {
  int64_t objects_inside = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    EXPECT_TRUE(is_inside(make_stage(SceneKind::kRoom, textures(), Random(seed))));
    EXPECT_TRUE(is_inside(make_stage(SceneKind::kCorridor, textures(), Random(seed))));
    EXPECT_FALSE(is_inside(make_stage(SceneKind::kStreet, textures(), Random(seed))));
    objects_inside += is_inside(make_stage(SceneKind::kObject, textures(), Random(seed))) ? 1 : 0;
  }
  EXPECT_GT(objects_inside, 0);
  EXPECT_LT(objects_inside, static_cast<int64_t>(kSeeds));
}

// More than bare walls, and all of it with a material that has a texture.
TEST(Stage, IsCluttered) {
  for (const SceneKind kind : kKinds) {
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const kernels::RaycastScene scene = make_stage(kind, textures(), Random(seed)).scene;
      EXPECT_GE(scene.primitives.size(), 10u) << name_of(kind) << " " << seed;
      std::set<int32_t> layers;
      for (const kernels::RaycastPrimitive& solid : scene.primitives) {
        for (const int32_t material : solid.materials) {
          ASSERT_GE(material, 0);
          ASSERT_LT(material, static_cast<int32_t>(scene.materials.size()));
          layers.insert(scene.materials[static_cast<size_t>(material)].texture);
        }
        for (const double half : solid.half) EXPECT_GE(half, 0);
      }
      EXPECT_GE(*layers.begin(), 0);
      EXPECT_LT(*layers.rbegin(), 20);
      EXPECT_GE(layers.size(), 3u) << name_of(kind) << " " << seed;
    }
  }
}

TEST(Stage, PhotographersFindPlaces) {
  for (const SceneKind kind : kKinds) {
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const Stage stage = make_stage(kind, textures(), Random(seed));
      EXPECT_LT(stage.near, stage.far) << name_of(kind) << " " << seed;
      for (size_t axis = 0; axis < 3; ++axis) {
        EXPECT_LT(stage.stand_low[axis], stage.stand_high[axis]) << name_of(kind) << " " << seed;
      }
      Random random(seed);
      int64_t free = 0;
      for (int64_t i = 0; i < 200; ++i) {
        Vector place;
        for (size_t axis = 0; axis < 3; ++axis) {
          place[axis] = random.uniform(stage.stand_low[axis], stage.stand_high[axis]);
        }
        free += kernels::raycast_clearance(stage.scene, place.data()) > 0.25 ? 1 : 0;
      }
      EXPECT_GT(free, 10) << name_of(kind) << " " << seed;
    }
  }
}

TEST(Stage, WaysLeadThroughTheOpen) {
  for (const SceneKind kind : {SceneKind::kStreet, SceneKind::kCorridor}) {
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const Stage stage = make_stage(kind, textures(), Random(seed));
      ASSERT_GE(stage.path.size(), 2u);
      EXPECT_EQ(stage.path_is_closed, kind == SceneKind::kCorridor);
      const size_t legs = stage.path.size() - (stage.path_is_closed ? 0 : 1);
      int64_t free = 0;
      for (size_t leg = 0; leg < legs; ++leg) {
        const Vector from = stage.path[leg];
        const Vector to = stage.path[(leg + 1) % stage.path.size()];
        for (int64_t i = 0; i < 25; ++i) {
          const Vector place = from + (static_cast<double>(i) / 25) * (to - from);
          free += kernels::raycast_clearance(stage.scene, place.data()) > 0 ? 1 : 0;
        }
      }
      // A pillar or a lamp may stand in the way here and there.
      EXPECT_GT(free, static_cast<int64_t>(25 * legs) * 8 / 10) << name_of(kind) << " " << seed;
    }
  }
}

TEST(Stage, LightIsVaried) {
  std::set<float> suns;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (const SceneKind kind : kKinds) {
      const kernels::RaycastLight light = make_stage(kind, textures(), Random(seed)).scene.light;
      const float* d = light.sun_direction;
      EXPECT_NEAR(d[0] * d[0] + d[1] * d[1] + d[2] * d[2], 1, 1e-6);
      EXPECT_GT(d[2], 0);
      EXPECT_GT(light.sky_light[0] + light.sky_light[1] + light.sky_light[2], 0);
      suns.insert(light.sun_colour[0]);
    }
  }
  EXPECT_EQ(suns.size(), std::size(kKinds) * kSeeds);
}

// The room that a scene is in, if it is.
const kernels::RaycastPrimitive* room_of(const Stage& stage) {
  for (const kernels::RaycastPrimitive& solid : stage.scene.primitives) {
    if (solid.shape == kernels::RaycastShape::kRoom) return &solid;
  }
  return nullptr;
}

// Whether a place is within the room, which is not turned, or at most `beyond` outside.
bool is_within(const kernels::RaycastPrimitive& room, const double* place, double beyond = 0) {
  bool within = true;
  for (size_t k = 0; k < 3; ++k) {
    within = within && std::abs(place[k] - room.centre[k]) <= room.half[k] + beyond;
  }
  return within;
}

TEST(Stage, WhatIsInARoomIsWithinItsWalls) {
  for (const SceneKind kind : {SceneKind::kRoom, SceneKind::kCorridor, SceneKind::kObject}) {
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const Stage stage = make_stage(kind, textures(), Random(seed));
      const kernels::RaycastPrimitive* room = room_of(stage);
      if (!room) continue;
      for (const kernels::RaycastPrimitive& solid : stage.scene.primitives) {
        // In corners parts of the furniture are within the walls, where nobody sees them.
        EXPECT_TRUE(is_within(*room, solid.centre, 0.6)) << name_of(kind) << " " << seed;
      }
      for (const kernels::RaycastPointLight& lamp : stage.scene.light.points) {
        const double place[3] = {lamp.position[0], lamp.position[1], lamp.position[2]};
        EXPECT_TRUE(is_within(*room, place)) << name_of(kind) << " " << seed;
      }
      EXPECT_TRUE(is_within(*room, stage.stand_low.data())) << name_of(kind) << " " << seed;
      EXPECT_TRUE(is_within(*room, stage.stand_high.data())) << name_of(kind) << " " << seed;
      EXPECT_TRUE(is_within(*room, stage.centre.data())) << name_of(kind) << " " << seed;
      EXPECT_NE(room->materials[0], room->materials[1]) << "walls and ceiling";
      EXPECT_NE(room->materials[1], room->materials[2]) << "ceiling and floor";
    }
  }
}

TEST(Stage, ThereIsSomethingToSeeAtTheCentre) {
  int64_t free_corridors = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Stage object = make_stage(SceneKind::kObject, textures(), Random(seed));
    EXPECT_LT(kernels::raycast_clearance(object.scene, object.centre.data()), 0.4 * object.near)
        << seed;
    // A house's front, or what stands before it.
    const Stage street = make_stage(SceneKind::kStreet, textures(), Random(seed));
    EXPECT_LT(kernels::raycast_clearance(street.scene, street.centre.data()), 1.6) << seed;
    const Stage corridor = make_stage(SceneKind::kCorridor, textures(), Random(seed));
    free_corridors += kernels::raycast_clearance(corridor.scene, corridor.centre.data()) > 0;
  }
  EXPECT_GT(free_corridors, static_cast<int64_t>(kSeeds) * 8 / 10);
}

TEST(Stage, ObjectsAreTakenFromOutsideOfThem) {
  int64_t free = 0;
  int64_t count = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Stage stage = make_stage(SceneKind::kObject, textures(), Random(seed));
    for (int i = 0; i < 12; ++i) {
      const auto [s, c] = sine_cosine(i * kPi / 6);
      const Vector place = stage.centre + stage.near * Vector{0.9 * c, 0.9 * s, 0.43};
      free += kernels::raycast_clearance(stage.scene, place.data()) > 0.05;
      ++count;
    }
    EXPECT_LE(stage.far, length(stage.stand_high - stage.stand_low)) << seed;
  }
  EXPECT_GT(free, count * 8 / 10);
}

TEST(Stage, NothingIsTakenFromFartherAwayThanOneCanStand) {
  for (const SceneKind kind : kKinds) {
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const Stage stage = make_stage(kind, textures(), Random(seed));
      EXPECT_LE(stage.far, length(stage.stand_high - stage.stand_low)) << name_of(kind) << seed;
    }
  }
}

TEST(Stage, StreetsHaveTwoSides) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Stage stage = make_stage(SceneKind::kStreet, textures(), Random(seed));
    int64_t left = 0;
    int64_t right = 0;
    for (const kernels::RaycastPrimitive& solid : stage.scene.primitives) {
      if (solid.half[0] > 15) continue;  // road and pavements
      left += solid.centre[1] > stage.stand_high[1];
      right += solid.centre[1] < stage.stand_low[1];
    }
    EXPECT_GT(left, 5) << seed;
    EXPECT_GT(right, 5) << seed;
  }
}

}  // namespace
}  // namespace vggt::synthetic
