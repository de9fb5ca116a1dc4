// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/things.h"

#include <algorithm>

namespace vggt::synthetic {
namespace {

using Kind = TextureKind;

const std::vector<Kind> kWooden = {Kind::kWood, Kind::kWood, Kind::kPlain, Kind::kPlaster};
const std::vector<Kind> kCovered = {Kind::kFabric, Kind::kFabric, Kind::kPlaster, Kind::kCollage};
const std::vector<Kind> kWrapped = {
    Kind::kPrint, Kind::kPrint, Kind::kCollage, Kind::kPainting, Kind::kPlaster, Kind::kFabric};

// A vase, bottle, lamp foot: pieces of cones on each other.
double add_turned(SceneBuilder& builder, const Frame& frame, double radius, double height) {
  Random& random = builder.random;
  const int32_t material = builder.material({.repeats_per_metre = random.uniform(3, 10)});
  const int64_t pieces = random.integer(2, 5);
  double below = radius * random.uniform(0.4, 1);
  double z = 0;
  for (int64_t i = 0; i < pieces; ++i) {
    const double above = radius * random.uniform(0.2, 1);
    const double tall = height / static_cast<double>(pieces);
    builder.frustum(frame.at({0, 0, z}), below, above, tall, material, material);
    below = above;
    z += tall;
  }
  return z;
}

void add_legs(SceneBuilder& builder,
              const Frame& frame,
              double width,
              double depth,
              double height,
              int32_t material) {
  const bool round = builder.random.chance(0.4);
  const double thick = builder.random.uniform(0.03, 0.07);
  for (const double x : {-1.0, 1.0}) {
    for (const double y : {-1.0, 1.0}) {
      const Frame leg = frame.at({x * (width / 2 - thick), y * (depth / 2 - thick), 0});
      if (round) {
        builder.cylinder(leg, thick / 2, height, material);
      } else {
        builder.box(leg, {thick, thick, height}, material);
      }
    }
  }
}

// Things beside each other on a board.
void add_things_on(SceneBuilder& builder,
                   const Frame& frame,
                   double width,
                   double depth,
                   int64_t count,
                   double largest) {
  Random& random = builder.random;
  for (int64_t i = 0; i < count; ++i) {
    const double x = random.uniform(-0.42, 0.42) * width;
    const double y = random.uniform(-0.38, 0.38) * depth;
    const double turn = random.uniform(0, 2 * kPi);
    add_small_thing(builder, frame.at({x, y, 0}, turn), largest * random.uniform(0.4, 1));
  }
}

}  // namespace

void add_small_thing(SceneBuilder& builder, const Frame& frame, double size) {
  Random& random = builder.random;
  switch (random.index(6)) {
    case 0: {  // a package
      const Vector whole = {size * random.uniform(0.3, 1),
                            size * random.uniform(0.2, 0.8),
                            size * random.uniform(0.2, 1)};
      builder.box(frame, whole, builder.material({.kinds = kWrapped, .fill = true}));
      break;
    }
    case 1: {  // a pile of books
      double z = 0;
      const int64_t books = random.integer(1, 4);
      for (int64_t i = 0; i < books; ++i) {
        const Vector whole = {size * random.uniform(0.6, 0.9),
                              size * random.uniform(0.4, 0.6),
                              size * random.uniform(0.06, 0.15)};
        const Frame at = frame.at({0, 0, z}, 0.2 * random.normal());
        builder.box(at, whole, builder.material({.kinds = kWrapped, .fill = true}));
        z += whole[2];
      }
      break;
    }
    case 2: {
      const double height = size * random.uniform(0.6, 1);
      add_turned(builder, frame, size * random.uniform(0.15, 0.35), height);
      break;
    }
    case 3: {  // a can, mug or bowl
      const double below = size * random.uniform(0.2, 0.35);
      const double above = random.chance(0.5) ? below : below * random.uniform(0.8, 1.8);
      const int32_t sides = builder.material({.kinds = kWrapped, .repeats_per_metre = 4});
      const double tall = size * random.uniform(0.3, 0.9);
      builder.frustum(frame, below, above, tall, sides, builder.material({}));
      break;
    }
    case 4: {
      const double wide = size * random.uniform(0.4, 0.8);
      const Vector whole = {wide, wide * random.uniform(0.7, 1), wide * random.uniform(0.6, 1)};
      builder.ellipsoid(
          frame, whole, builder.material({.repeats_per_metre = random.uniform(2, 8)}));
      break;
    }
    default: {  // a figure: a body and a head
      const int32_t body = builder.material({.repeats_per_metre = 5});
      builder.ellipsoid(frame, {size * 0.5, size * 0.4, size * 0.6}, body);
      builder.ellipsoid(frame.at({0, 0, size * 0.52}),
                        {size * 0.35, size * 0.35, size * 0.4},
                        builder.material({.repeats_per_metre = 5}));
      for (const double side : {-1.0, 1.0}) {
        builder.ellipsoid(frame.at({side * size * 0.15, -size * 0.1, size * 0.8}),
                          {size * 0.12, size * 0.08, size * 0.18},
                          body);
      }
    }
  }
}

void add_table(SceneBuilder& builder, const Frame& frame) {
  Random& random = builder.random;
  const bool round = random.chance(0.25);
  const double width = random.uniform(0.8, 2);
  const double depth = round ? width : random.uniform(0.6, 1);
  const double height = random.chance(0.3) ? random.uniform(0.35, 0.5) : random.uniform(0.7, 0.8);
  const double thick = random.uniform(0.02, 0.06);
  const int32_t top = builder.material({.kinds = kWooden});
  const int32_t legs = random.chance(0.5) ? top : builder.material({.kinds = kWooden});
  if (round) {
    builder.cylinder(frame.at({0, 0, height - thick}), width / 2, thick, top);
    builder.frustum(frame, 0.25 * width, 0.06, height - thick, legs, legs);
  } else {
    builder.box(frame.at({0, 0, height - thick}), {width, depth, thick}, top);
    add_legs(builder, frame, width, depth, height - thick, legs);
  }
  const Frame on_top = frame.at({0, 0, height});
  if (random.chance(0.3)) {  // a cloth
    builder.box(on_top, {0.6 * width, 0.6 * depth, 0.006}, builder.material({.kinds = kCovered}));
  }
  add_things_on(builder,
                on_top,
                0.9 * (round ? 0.75 * width : width),
                0.9 * depth,
                random.integer(2, 7),
                0.32);
}

void add_chair(SceneBuilder& builder, const Frame& frame) {
  Random& random = builder.random;
  const double width = random.uniform(0.38, 0.5);
  const double seat = random.uniform(0.42, 0.5);
  const double thick = random.uniform(0.03, 0.1);
  const int32_t wood = builder.material({.kinds = kWooden});
  const int32_t cover = random.chance(0.5) ? wood : builder.material({.kinds = kCovered});
  add_legs(builder, frame, width, width, seat, wood);
  builder.box(frame.at({0, 0, seat}), {width, width, thick}, cover);
  const double back = random.uniform(0.35, 0.55);
  const Frame behind = frame.at({0, 0.47 * width, seat + thick});
  if (random.chance(0.5)) {
    builder.box(behind, {width, 0.04, back}, cover);
  } else {
    for (int i = -1; i <= 1; ++i)
      builder.box(behind.at({0.42 * i * width, 0, 0}), {0.04, 0.03, back}, wood);
    builder.box(behind.at({0, 0, 0.75 * back}), {width, 0.03, 0.25 * back}, wood);
  }
}

void add_sofa(SceneBuilder& builder, const Frame& frame) {
  Random& random = builder.random;
  const double width = random.uniform(0.8, 2.2);
  const double depth = random.uniform(0.75, 1);
  const double seat = random.uniform(0.35, 0.45);
  const int32_t cover = builder.material({.kinds = kCovered});
  builder.box(frame, {width, depth, seat}, cover);
  builder.box(frame.at({0, 0.4 * depth, seat}), {width, 0.22 * depth, 0.4}, cover);
  for (const double side : {-1.0, 1.0}) {
    builder.box(frame.at({side * (width / 2 + 0.08), 0, 0}), {0.16, depth, seat + 0.2}, cover);
  }
  const int64_t cushions = random.integer(0, 3);
  for (int64_t i = 0; i < cushions; ++i) {
    const Frame at = frame.at({random.uniform(-0.4, 0.4) * width, 0.12 * depth, seat});
    builder.ellipsoid(
        at.turned(about_x(0.3)), {0.45, 0.2, 0.42}, builder.material({.kinds = kCovered}));
  }
}

void add_shelf(SceneBuilder& builder, const Frame& frame) {
  Random& random = builder.random;
  const double width = random.uniform(0.6, 1.4);
  const double depth = random.uniform(0.25, 0.4);
  const int64_t boards = random.integer(3, 5);
  const double step = random.uniform(0.3, 0.42);
  const double height = step * static_cast<double>(boards);
  const int32_t wood = builder.material({.kinds = kWooden});
  for (const double side : {-1.0, 1.0}) {
    builder.box(frame.at({side * width / 2, 0, 0}), {0.03, depth, height}, wood);
  }
  builder.box(
      frame.at({0, depth / 2, 0}), {width, 0.015, height}, builder.material({.kinds = kWooden}));
  for (int64_t i = 0; i <= boards; ++i) {
    const Frame board = frame.at({0, 0, step * static_cast<double>(i)});
    builder.box(board, {width, depth, 0.025}, wood);
    if (i == boards) break;
    const Frame on_board = board.at({0, 0, 0.025});
    if (random.chance(0.65)) {
      const double row = width * random.uniform(0.4, 0.9);
      const Vector books = {row, 0.7 * depth, step * random.uniform(0.6, 0.85)};
      builder.box(on_board.at({0.48 * (row - width), 0, 0}),
                  books,
                  builder.material({.kinds = {Kind::kBooks}, .fill = true}));
    } else {
      add_things_on(builder, on_board, width, 0.5 * depth, random.integer(1, 3), 0.8 * step);
    }
  }
}

void add_cupboard(SceneBuilder& builder, const Frame& frame) {
  Random& random = builder.random;
  const double width = random.uniform(0.6, 1.6);
  const double depth = random.uniform(0.4, 0.65);
  const double height = random.chance(0.5) ? random.uniform(0.7, 1) : random.uniform(1.6, 2.1);
  const int32_t body = builder.material({.kinds = kWooden});
  const int32_t doors = random.chance(0.5) ? body : builder.material({.kinds = kWooden});
  const int32_t knob = builder.material({.kinds = {Kind::kPlain}});
  builder.box(frame, {width, depth, height}, body);
  const int64_t columns = random.integer(1, 3);
  const int64_t rows = random.integer(1, 3);
  for (int64_t i = 0; i < columns * rows; ++i) {
    const double w = width / static_cast<double>(columns);
    const double h = height / static_cast<double>(rows);
    const double x = -width / 2 + w * (static_cast<double>(i % columns) + 0.5);
    const Frame door = frame.at({x, -depth / 2, h * static_cast<double>(i / columns) + 0.02});
    builder.box(door, {w - 0.03, 0.03, h - 0.04}, doors);
    builder.ellipsoid(door.at({0.35 * w, -0.03, 0.5 * h}), {0.04, 0.04, 0.04}, knob);
  }
  if (height < 1.2) {
    add_things_on(builder, frame.at({0, 0, height}), width, depth, random.integer(1, 4), 0.35);
  }
}

void add_lamp(SceneBuilder& builder, const Frame& frame) {
  Random& random = builder.random;
  const double height = random.uniform(1.2, 1.7);
  const int32_t metal = builder.material({.kinds = {Kind::kPlain, Kind::kWood}});
  builder.cylinder(frame, 0.16, 0.03, metal);
  builder.cylinder(frame, 0.015, height, metal);
  const int32_t shade = builder.material({.kinds = kCovered, .emission = random.uniform(0.4, 2)});
  builder.frustum(
      frame.at({0, 0, height - 0.05}), 0.22, random.uniform(0.08, 0.2), 0.28, shade, shade);
}

void add_plant(SceneBuilder& builder, const Frame& frame) {
  Random& random = builder.random;
  const double pot = random.uniform(0.12, 0.22);
  const int32_t clay = builder.material({.repeats_per_metre = 4});
  const int32_t earth = builder.material({.kinds = {Kind::kGravel}});
  builder.frustum(frame, 0.75 * pot, pot, 1.6 * pot, clay, earth);
  const int32_t leaves = builder.material({.kinds = {Kind::kFoliage}, .repeats_per_metre = 2.5});
  const int64_t clumps = random.integer(4, 9);
  for (int64_t i = 0; i < clumps; ++i) {
    const double z = 1.5 * pot + random.uniform(0, 0.6);
    const double turn = random.uniform(0, 2 * kPi);
    const double out = random.uniform(0, 0.2);
    const Frame at =
        frame.at({0, 0, z}, turn).at({out, 0, 0}).turned(about_y(random.uniform(0, 0.8)));
    builder.ellipsoid(at, {0.12, random.uniform(0.1, 0.3), random.uniform(0.15, 0.5)}, leaves);
  }
}

void add_box_pile(SceneBuilder& builder, const Frame& frame) {
  Random& random = builder.random;
  double z = 0;
  double size = random.uniform(0.35, 0.7);
  const int64_t boxes = random.integer(1, 4);
  for (int64_t i = 0; i < boxes; ++i) {
    const Vector whole = {size, size * random.uniform(0.6, 1), size * random.uniform(0.4, 0.8)};
    const double x = 0.05 * random.normal();
    const Frame at = frame.at({x, 0, z}, 0.3 * random.normal());
    builder.box(at, whole, builder.material({.kinds = kWrapped, .fill = random.chance(0.6)}));
    z += whole[2];
    size *= random.uniform(0.7, 1);
  }
}

void add_wall_piece(SceneBuilder& builder, const Frame& frame, double wall_height) {
  Random& random = builder.random;
  const double what = random.uniform();
  if (what < 0.15) {  // a door
    const double width = random.uniform(0.8, 1);
    const double height = std::min(2.1, 0.85 * wall_height);
    const int32_t wood = builder.material({.kinds = kWooden});
    builder.box(frame, {width, 0.06, height}, wood);
    builder.box(frame, {width + 0.16, 0.04, height + 0.08}, builder.material({.kinds = kWooden}));
    builder.ellipsoid(frame.at({0.4 * width, -0.07, 1}),
                      {0.1, 0.05, 0.04},
                      builder.material({.kinds = {Kind::kPlain}}));
    return;
  }
  const double width = random.uniform(0.3, 1.4);
  const double height = width * random.uniform(0.6, 1.4);
  const double above = random.uniform(0.5, std::max(0.6, wall_height - height - 0.2));
  const Frame at = frame.at({0, 0, above});
  if (what < 0.35) {  // a window: bright, with a frame and a sill
    const int32_t outside = builder.material(
        {.kinds = {Kind::kPainting, Kind::kCollage, Kind::kFoliage, Kind::kPlaster},
         .fill = true,
         .emission = random.uniform(1, 3)});
    const int32_t bars = builder.material({.kinds = {Kind::kPlain, Kind::kWood}});
    builder.box(at, {width, 0.02, height}, outside);
    for (const double side : {-0.5, 0.0, 0.5}) {
      builder.box(at.at({side * width, 0, 0}), {0.06, 0.08, height}, bars);
    }
    builder.box(at.at({0, 0, height}), {width + 0.06, 0.08, 0.06}, bars);
    builder.box(at.at({0, 0, -0.04}), {width + 0.15, 0.25, 0.04}, bars);
    return;
  }
  const int32_t picture = builder.material(
      {.kinds = {Kind::kPainting, Kind::kPrint, Kind::kCollage, Kind::kPrint}, .fill = true});
  builder.box(at, {width, random.uniform(0.02, 0.08), height}, picture);
}

}  // namespace vggt::synthetic
