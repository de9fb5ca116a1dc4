// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/stage.h"

#include "src/base/error.h"
#include "src/synthetic/things.h"

#include <algorithm>
#include <functional>

namespace vggt::synthetic {
namespace {

using Kind = TextureKind;

constexpr const char* kNames[] = {"room", "object", "street", "corridor", "mixed"};

const std::vector<Kind> kWalls = {Kind::kPlain,
                                  Kind::kPlaster,
                                  Kind::kPlaster,
                                  Kind::kBricks,
                                  Kind::kFabric,
                                  Kind::kTiles,
                                  Kind::kStone};
const std::vector<Kind> kFloors = {
    Kind::kWood, Kind::kWood, Kind::kTiles, Kind::kFabric, Kind::kStone, Kind::kGravel};
const std::vector<Kind> kGrounds = {Kind::kGrass,
                                    Kind::kGravel,
                                    Kind::kStone,
                                    Kind::kPlaster,
                                    Kind::kTiles,
                                    Kind::kBricks,
                                    Kind::kWood};

void set_colour(float* to, const Colour& colour, double strength) {
  for (size_t c = 0; c < 3; ++c) to[c] = colour[c] * static_cast<float>(strength);
}

void light_inside(SceneBuilder& builder, const Vector& size) {
  Random& random = builder.random;
  kernels::RaycastLight& light = builder.scene.light;
  const double turn = random.uniform(0, 2 * kPi);
  const double up = random.uniform(0.75, 0.97);
  const auto [s, c] = sine_cosine(turn);
  const double across = std::sqrt(1 - up * up);
  light.sun_direction[0] = static_cast<float>(across * c);
  light.sun_direction[1] = static_cast<float>(across * s);
  light.sun_direction[2] = static_cast<float>(up);
  const Colour lamp = draw_hue(random, {0.05, 0.17}, {0, 0.3}, {1, 1});
  set_colour(light.sun_colour, lamp, random.uniform(0.1, 0.9));
  light.penumbra = static_cast<float>(random.uniform(0.08, 0.5));
  const double ambient = random.uniform(0.15, 0.5);
  set_colour(light.sky_light, draw_hue(random, {0, 1}, {0, 0.15}, {1, 1}), ambient);
  set_colour(light.ground_light, draw_hue(random, {0, 0.2}, {0, 0.3}, {1, 1}), 0.6 * ambient);
  for (kernels::RaycastPointLight& point : light.points) {
    point.position[0] = static_cast<float>(random.uniform(-0.4, 0.4) * size[0]);
    point.position[1] = static_cast<float>(random.uniform(-0.4, 0.4) * size[1]);
    point.position[2] = static_cast<float>(size[2] * random.uniform(0.6, 0.95));
    const double strength = random.chance(0.8) ? random.uniform(0.1, 1.5) : 0;
    set_colour(point.colour, draw_hue(random, {0.03, 0.17}, {0, 0.4}, {1, 1}), strength);
  }
  light.occlusion_distance = static_cast<float>(random.uniform(0.1, 0.4));
  light.occlusion = static_cast<float>(random.uniform(0.4, 0.8));
}

void light_outside(SceneBuilder& builder, const Textures& textures) {
  Random& random = builder.random;
  kernels::RaycastLight& light = builder.scene.light;
  const double turn = random.uniform(0, 2 * kPi);
  const double up = random.uniform(0.3, 0.93);
  const auto [s, c] = sine_cosine(turn);
  const double across = std::sqrt(1 - up * up);
  light.sun_direction[0] = static_cast<float>(across * c);
  light.sun_direction[1] = static_cast<float>(across * s);
  light.sun_direction[2] = static_cast<float>(up);
  // Clear sky to overcast.
  const double sun = random.chance(0.35) ? random.uniform(0, 0.3) : random.uniform(0.5, 1.3);
  set_colour(light.sun_colour, draw_hue(random, {0.06, 0.15}, {0, 0.3}, {1, 1}), sun);
  light.penumbra = static_cast<float>(random.uniform(0.02, 0.08) + 0.4 * std::max(0.0, 0.4 - sun));
  const double ambient = random.uniform(0.3, 0.7);
  const Colour sky = draw_hue(random, {0.53, 0.64}, {0.05, 0.6}, {0.7, 1});
  set_colour(light.sky_light, mixed(sky, {1, 1, 1}, 0.6F), ambient);
  set_colour(light.ground_light, draw_hue(random, {0, 0.3}, {0, 0.4}, {1, 1}), 0.5 * ambient);
  set_colour(light.zenith, sky, 0.8);
  set_colour(light.horizon, mixed(sky, {1, 1, 1}, static_cast<float>(random.uniform(0.4, 0.9))), 1);
  const auto& clouds = textures.layers[static_cast<size_t>(Kind::kPlaster)];
  light.cloud_texture =
      clouds[static_cast<size_t>(random.index(static_cast<int64_t>(clouds.size())))];
  light.clouds = static_cast<float>(random.uniform(0, 1));
  light.occlusion_distance = static_cast<float>(random.uniform(0.3, 0.9));
  light.occlusion = static_cast<float>(random.uniform(0.4, 0.8));
}

void add_ceiling_lamp(SceneBuilder& builder, const Vector& place) {
  Random& random = builder.random;
  const int32_t shade =
      builder.material({.kinds = {Kind::kPlain}, .emission = random.uniform(1, 2.5)});
  const double hang = random.uniform(0.05, 0.7);
  const Frame at = Frame{}.at(place - Vector{0, 0, hang});
  if (random.chance(0.5)) {
    builder.frustum(at, 0.25, 0.1, 0.2, shade, shade);
    builder.cylinder(at, 0.01, hang, shade);
  } else {
    builder.box(Frame{}.at(place - Vector{0, 0, 0.06}), {0.9, 0.25, 0.05}, shade);
  }
}

using AddThing = void (*)(SceneBuilder&, const Frame&);

// Along one wall, which stands `out` from the frame's origin in direction y and is `width` wide.
void furnish_wall(
    SceneBuilder& builder, const Frame& frame, double width, double out, double height) {
  constexpr AddThing kThings[] = {add_shelf,
                                  add_cupboard,
                                  add_sofa,
                                  add_table,
                                  add_chair,
                                  add_lamp,
                                  add_plant,
                                  add_box_pile,
                                  add_shelf};
  Random& random = builder.random;
  double x = -width / 2 + 0.7;
  while (x < width / 2 - 0.6) {
    if (random.chance(0.65)) {
      const auto thing = kThings[random.index(std::size(kThings))];
      const double off = random.uniform(0.25, 0.55);
      thing(builder, frame.at({x, out - off, 0}, 0.1 * random.normal()));
    }
    if (random.chance(0.6)) add_wall_piece(builder, frame.at({x, out - 0.02, 0}), height);
    x += random.uniform(0.9, 1.9);
  }
}

Stage make_room(SceneBuilder& builder) {
  Random& random = builder.random;
  const Vector size = {random.uniform(3.5, 8), random.uniform(3.5, 8), random.uniform(2.4, 3.4)};
  light_inside(builder, size);
  const int32_t walls = builder.material({.kinds = kWalls, .repeats_per_metre = 0.7});
  const int32_t floor = builder.material({.kinds = kFloors, .repeats_per_metre = 0.7});
  const int32_t ceiling = builder.material({.kinds = {Kind::kPlain, Kind::kPlaster, Kind::kWood}});
  builder.room({}, size, walls, floor, ceiling);
  for (int wall = 0; wall < 4; ++wall) {
    const double width = wall % 2 == 0 ? size[0] : size[1];
    const double out = 0.5 * (wall % 2 == 0 ? size[1] : size[0]);
    furnish_wall(builder, Frame{}.at({0, 0, 0}, wall * kPi / 2), width, out, size[2]);
  }
  const Vector place = {
      0.15 * size[0] * random.uniform(-1, 1), 0.15 * size[1] * random.uniform(-1, 1), 0};
  const Frame middle = Frame{}.at(place, random.uniform(0, 2 * kPi));
  if (random.chance(0.6)) {
    const Vector rug = {random.uniform(1.2, 2.4), random.uniform(1, 2), 0.012};
    builder.box(
        middle,
        rug,
        builder.material({.kinds = {Kind::kFabric, Kind::kTiles, Kind::kCollage, Kind::kPainting},
                          .fill = true}));
  }
  if (random.chance(0.8)) {
    add_table(builder, middle);
    const int64_t chairs = random.integer(0, 4);
    for (int64_t i = 0; i < chairs; ++i) {
      const double turn = kPi / 2 * static_cast<double>(i) + 0.3 * random.normal();
      add_chair(builder, middle.at({0, 0, 0}, turn).at({0, random.uniform(0.6, 0.9), 0}));
    }
  } else {
    add_box_pile(builder, middle);
  }
  const int64_t loose = random.integer(1, 6);
  for (int64_t i = 0; i < loose; ++i) {
    const Vector spot = {
        0.4 * size[0] * random.uniform(-1, 1), 0.4 * size[1] * random.uniform(-1, 1), 0};
    const double turn = random.uniform(0, 2 * kPi);
    add_small_thing(builder, Frame{}.at(spot, turn), random.uniform(0.2, 0.6));
  }
  if (random.chance(0.7)) add_ceiling_lamp(builder, {0, 0, size[2]});
  Stage stage;
  stage.centre = middle.origin + Vector{0, 0, 0.6};
  stage.near = 1.1;
  stage.far = 0.45 * std::max(size[0], size[1]);
  stage.stand_low = {-size[0] / 2 + 0.3, -size[1] / 2 + 0.3, 0.5};
  stage.stand_high = {size[0] / 2 - 0.3, size[1] / 2 - 0.3, size[2] - 0.3};
  return stage;
}

Stage make_object(SceneBuilder& builder, const Textures& textures) {
  Random& random = builder.random;
  const double size = random.uniform(0.5, 2);
  const bool inside = random.chance(0.4);
  const double around = size * random.uniform(3.5, 7) + 1;
  const Vector hall = {2 * around, 2 * around, random.uniform(0.8, 1.4) * around + 1};
  const int32_t ground = builder.material(
      {.kinds = inside ? kFloors : kGrounds, .repeats_per_metre = random.uniform(0.4, 1)});
  if (inside) {
    light_inside(builder, hall);
    const int32_t walls = builder.material({.kinds = kWalls, .repeats_per_metre = 0.5});
    builder.room(Frame{}, hall, walls, ground, builder.material({.kinds = {Kind::kPlaster}}));
    for (int wall = 0; wall < 4; ++wall) {
      const Frame frame = Frame{}.at({0, 0, 0}, wall * kPi / 2);
      for (double x = -around + 0.8; x < around - 0.8; x += random.uniform(1, 2.5)) {
        add_wall_piece(builder, frame.at({x, around - 0.02, 0}), hall[2]);
      }
    }
  } else {
    light_outside(builder, textures);
    builder.box(Frame{}.at({0, 0, -1}), {120, 120, 1}, ground);
    const int64_t count = random.integer(7, 14);
    for (int64_t i = 0; i < count; ++i) {
      const double turn = 2 * kPi * (static_cast<double>(i) + random.uniform(-0.3, 0.3)) /
                          static_cast<double>(count);
      const Frame frame =
          Frame{}.at({0, 0, 0}, turn).at({0, around * random.uniform(1, 1.6) + 2, 0});
      const double what = random.uniform();
      if (what < 0.35) {
        add_tree(builder, frame);
      } else if (what < 0.65) {
        const double width = random.uniform(4, 8);
        add_house(builder, frame, width, 5, random.uniform(3, 9));
      } else if (what < 0.8) {
        add_rocks(builder, frame, random.uniform(0.6, 2.5));
      } else {
        add_car(builder, frame);
      }
    }
  }
  double stands = 0;
  if (random.chance(0.5)) {  // on a pedestal or a table
    stands = random.uniform(0.1, 0.9);
    const int32_t base = builder.material({});
    const double wide = 1.3 * size;
    if (random.chance(0.5)) {
      builder.box(Frame{}, {wide, wide, stands}, base);
    } else {
      builder.frustum(Frame{}, 0.5 * wide, 0.45 * wide, stands, base, builder.material({}));
    }
  }
  add_sculpture(builder, Frame{}.at({0, 0, stands}, random.uniform(0, 2 * kPi)), size);
  const int64_t things = random.integer(1, 7);
  for (int64_t i = 0; i < things; ++i) {
    const double turn = random.uniform(0, 2 * kPi);
    const Frame frame =
        Frame{}.at({0, 0, 0}, turn).at({0, size * random.uniform(0.8, 1.7), 0}, turn);
    add_small_thing(builder, frame, size * random.uniform(0.2, 0.6));
  }
  Stage stage;
  stage.centre = {0, 0, stands + 0.4 * size};
  stage.near = 1.3 * size;
  stage.far = 3.2 * size;
  stage.stand_low = {-0.9 * around, -0.9 * around, 0.15 * size};
  stage.stand_high = {0.9 * around, 0.9 * around, inside ? hall[2] - 0.3 : stands + 3 * size};
  return stage;
}

Stage make_street(SceneBuilder& builder, const Textures& textures) {
  Random& random = builder.random;
  light_outside(builder, textures);
  const bool one_side = random.chance(0.45);
  const double half_road = random.uniform(2.5, 5);
  const double walk = random.uniform(1.2, 3);
  const double half_length = random.uniform(18, 30);
  const int32_t road =
      builder.material({.kinds = {Kind::kGravel, Kind::kPlaster, Kind::kStone, Kind::kBricks},
                        .repeats_per_metre = 0.4});
  const int32_t pavement = builder.material(
      {.kinds = {Kind::kTiles, Kind::kBricks, Kind::kGravel}, .repeats_per_metre = 0.5});
  builder.box(Frame{}.at({0, 0, -1}), {240, 240, 1}, road);
  const int32_t paint = builder.material({.kinds = {Kind::kPlain}});
  if (random.chance(0.5)) {
    for (double x = -half_length; x < half_length; x += 3) {
      builder.box(Frame{}.at({x, 0, 0}), {1.4, 0.15, 0.008}, paint);
    }
  }
  for (int side = 0; side < 2; ++side) {
    // The side's houses look at the road, along -y of this frame.
    const Frame frame = Frame{}.at({0, 0, 0}, side * kPi);
    const double front = half_road + walk;
    builder.box(frame.at({0, half_road + walk / 2 + 2, 0}),
                {2 * half_length + 40, walk + 4, 0.14},
                pavement);
    if (side == 1 && one_side) {
      for (double x = -half_length; x < half_length; x += random.uniform(4, 9)) {
        add_tree(builder, frame.at({x, front + 8 + random.uniform(0, 6), 0}));
      }
      continue;
    }
    for (double x = -half_length; x < half_length;) {
      const double width = random.uniform(5, 11);
      const double set_back = random.chance(0.3) ? random.uniform(0.2, 1.5) : 0;
      const double height = random.uniform(4, 13);
      add_house(builder, frame.at({x + width / 2, front + set_back, 0}), width, 8, height);
      x += width + (random.chance(0.2) ? random.uniform(0.5, 3) : 0.02);
    }
    for (double x = -half_length; x < half_length; x += random.uniform(4, 9)) {
      const double what = random.uniform();
      if (what < 0.4)
        add_car(builder, frame.at({x, half_road - 0.9, 0}, random.chance(0.5) ? 0 : kPi));
      if (what > 0.4 && what < 0.6) add_street_lamp(builder, frame.at({x, half_road + 0.4, 0.14}));
      if (what > 0.6 && what < 0.75) add_tree(builder, frame.at({x, half_road + 0.6, 0.1}));
      if (what > 0.75 && what < 0.9)
        add_box_pile(builder, frame.at({x, half_road + 0.8, 0.14}, random.uniform(0, 3)));
    }
  }
  for (const double end : {-1.0, 1.0}) {  // what closes the view
    const Frame frame = Frame{}.at({0, 0, 0}, -end * kPi / 2).at({0, half_length + 12, 0});
    const double width = random.uniform(10, 18);
    add_house(builder, frame, width, 8, random.uniform(6, 14));
  }
  Stage stage;
  const double x = random.uniform(-0.3, 0.3) * half_length;
  stage.centre = {x, half_road + walk, random.uniform(1.2, 3)};
  stage.near = std::min(4.0, half_road + walk - 0.5);
  stage.far = one_side ? 3 * half_road : 2 * half_road + walk;
  stage.stand_low = {-half_length + 3, one_side ? -2.2 * half_road : -half_road - walk + 0.5, 0.9};
  stage.stand_high = {half_length - 3, half_road + walk - 0.5, random.chance(0.2) ? 5 : 2.4};
  const double lane = random.uniform(-0.5, 0.5) * half_road;
  const double eye = random.uniform(1.2, 1.9);
  stage.path = {{-half_length + 3, lane, eye},
                {half_length - 3, lane * random.uniform(-1, 1), eye}};
  return stage;
}

Stage make_corridor(SceneBuilder& builder) {
  Random& random = builder.random;
  const double wide = random.uniform(1.7, 3.2);
  const Vector inner = {random.uniform(4, 12), random.uniform(4, 9), 0};
  const Vector size = {inner[0] + 2 * wide, inner[1] + 2 * wide, random.uniform(2.4, 3.4)};
  light_inside(builder, size);
  const int32_t walls = builder.material({.kinds = kWalls, .repeats_per_metre = 0.7});
  const int32_t floor = builder.material({.kinds = kFloors, .repeats_per_metre = 0.7});
  const int32_t ceiling = builder.material({.kinds = {Kind::kPlain, Kind::kPlaster, Kind::kTiles}});
  builder.room({}, size, walls, floor, ceiling);
  const int32_t block =
      random.chance(0.5) ? walls : builder.material({.kinds = kWalls, .repeats_per_metre = 0.7});
  builder.box({}, {inner[0], inner[1], size[2]}, block);
  for (int wall = 0; wall < 4; ++wall) {
    const double along = wall % 2 == 0 ? inner[0] : inner[1];
    const double out = 0.5 * (wall % 2 == 0 ? inner[1] : inner[0]);
    const Frame frame = Frame{}.at({0, 0, 0}, wall * kPi / 2);
    // On the block, looking outwards, and on the outer wall, looking inwards.
    for (double x = -along / 2 + 0.6; x < along / 2 - 0.5; x += random.uniform(1, 2.4)) {
      add_wall_piece(builder, frame.at({x, out + 0.02, 0}, kPi), size[2]);
    }
    for (double x = -along / 2 - 0.5 * wide; x < along / 2 + 0.5 * wide;
         x += random.uniform(1, 2.4)) {
      const Frame at = frame.at({x, out + wide - 0.02, 0});
      const double what = random.uniform();
      add_wall_piece(builder, at, size[2]);
      if (what < 0.15) add_plant(builder, at.at({0, -0.25, 0}));
      if (what > 0.15 && what < 0.25) add_chair(builder, at.at({0, -0.3, 0}));
      if (what > 0.25 && what < 0.35) add_box_pile(builder, at.at({0, -0.35, 0}));
      if (what > 0.35 && what < 0.45) {
        builder.box(at, {0.3, 0.24, size[2]}, builder.material({.kinds = kWalls}));
      }
    }
    for (double x = -along / 2; x < along / 2; x += random.uniform(2.5, 5)) {
      const Vector place = frame.rotation * Vector{x, out + wide / 2, size[2]};
      add_ceiling_lamp(builder, place);
    }
  }
  Stage stage;
  const double x = inner[0] / 2 + 0.42 * wide;
  const double y = inner[1] / 2 + 0.42 * wide;
  const double eye = random.uniform(1.2, 1.7);
  stage.path = {{-x, -y, eye}, {x, -y, eye}, {x, y, eye}, {-x, y, eye}};
  stage.path_is_closed = true;
  stage.centre = {random.uniform(-0.5, 0.5) * inner[0], -y, eye};
  stage.near = 0.8;
  stage.far = 3;
  stage.stand_low = {-size[0] / 2 + 0.3, -size[1] / 2 + 0.3, 0.6};
  stage.stand_high = {size[0] / 2 - 0.3, size[1] / 2 - 0.3, size[2] - 0.4};
  return stage;
}

}  // namespace

std::string name_of(SceneKind kind) { return kNames[static_cast<size_t>(kind)]; }

SceneKind scene_kind(const std::string& name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (name == kNames[i]) return static_cast<SceneKind>(i);
  }
  throw ConfigError("kind", "'" + name + "'; must be room, object, street, corridor or mixed");
}

Stage make_stage(SceneKind kind, const Textures& textures, Random random) {
  if (kind == SceneKind::kMixed) kind = static_cast<SceneKind>(random.index(kSceneKinds));
  SceneBuilder builder(textures, random);
  const auto make = [&] {
    switch (kind) {
      case SceneKind::kObject:
        return make_object(builder, textures);
      case SceneKind::kStreet:
        return make_street(builder, textures);
      case SceneKind::kCorridor:
        return make_corridor(builder);
      default:
        return make_room(builder);
    }
  };
  Stage stage = make();
  stage.kind = kind;
  stage.scene = std::move(builder.scene);
  return stage;
}

}  // namespace vggt::synthetic
