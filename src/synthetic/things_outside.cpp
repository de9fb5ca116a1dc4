// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/things.h"

#include <algorithm>

namespace vggt::synthetic {
namespace {

using Kind = TextureKind;

const std::vector<Kind> kMasonry = {
    Kind::kBricks, Kind::kPlaster, Kind::kStone, Kind::kTiles, Kind::kPlaster, Kind::kBricks};
const std::vector<Kind> kPainted = {Kind::kPlain, Kind::kPlain, Kind::kPlaster, Kind::kWood};

}  // namespace

void add_tree(SceneBuilder& builder, const Frame& frame) {
  Random& random = builder.random;
  const double height = random.uniform(1.5, 3.5);
  const double thick = random.uniform(0.1, 0.25);
  const int32_t bark = builder.material({.kinds = {Kind::kWood, Kind::kPlaster, Kind::kGravel}});
  builder.frustum(frame, 1.3 * thick, 0.6 * thick, height, bark, bark);
  const int32_t leaves =
      builder.material({.kinds = {Kind::kFoliage, Kind::kGrass}, .repeats_per_metre = 0.8});
  const int64_t clumps = random.integer(5, 10);
  const double crown = random.uniform(0.9, 2);
  for (int64_t i = 0; i < clumps; ++i) {
    const double turn = random.uniform(0, 2 * kPi);
    const double out = crown * random.uniform(0, 0.7);
    const double z = 0.75 * height + crown * random.uniform(-0.1, 1.2);
    const double wide = crown * random.uniform(0.5, 1);
    const Vector size = {wide, wide * random.uniform(0.7, 1), wide * random.uniform(0.5, 1)};
    builder.ellipsoid(frame.at({0, 0, z}, turn).at({out, 0, 0}), size, leaves);
  }
}

void add_car(SceneBuilder& builder, const Frame& frame) {
  Random& random = builder.random;
  const double length = random.uniform(3.4, 4.8);
  const double width = random.uniform(1.6, 1.85);
  const int32_t paint = builder.material({.kinds = kPainted});
  const int32_t glass = builder.material({.kinds = {Kind::kWindows, Kind::kStone}});
  const int32_t tyre = builder.material({.kinds = {Kind::kPlaster}, .repeats_per_metre = 3});
  builder.box(frame.at({0, 0, 0.3}), {length, width, 0.5}, paint);
  const double cabin = length * random.uniform(0.45, 0.7);
  builder.box(frame.at({-0.05 * length, 0, 0.8}), {cabin, 0.9 * width, 0.42}, glass, paint, paint);
  builder.box(frame.at({-0.05 * length, 0, 1.2}), {0.85 * cabin, 0.85 * width, 0.08}, paint);
  for (const double x : {-0.32, 0.32}) {
    for (const double y : {-0.5, 0.5}) {
      const Frame hub = frame.at({x * length, y * width + 0.1, 0.32}).turned(about_x(kPi / 2));
      builder.cylinder(hub, 0.32, 0.2, tyre);
    }
  }
  for (const double y : {-0.35, 0.35}) {
    builder.ellipsoid(frame.at({0.5 * length, y * width, 0.55}), {0.1, 0.3, 0.16}, glass);
  }
}

void add_street_lamp(SceneBuilder& builder, const Frame& frame) {
  Random& random = builder.random;
  const double height = random.uniform(2.5, 5);
  const int32_t metal = builder.material({.kinds = {Kind::kPlain, Kind::kPlaster}});
  builder.frustum(frame, 0.09, 0.05, height, metal, metal);
  if (random.chance(0.5)) {
    builder.ellipsoid(
        frame.at({0, 0, height}), {0.4, 0.4, 0.4}, builder.material({.kinds = {Kind::kPlain}}));
  } else {  // a sign
    const int32_t sign = builder.material({.kinds = {Kind::kPrint, Kind::kPainting}, .fill = true});
    builder.box(frame.at({0, 0, 0.6 * height}), {0.7, 0.04, 0.7}, sign);
  }
}

void add_rocks(SceneBuilder& builder, const Frame& frame, double size) {
  Random& random = builder.random;
  const int32_t stone = builder.material({.kinds = {Kind::kStone, Kind::kGravel, Kind::kPlaster}});
  const int64_t count = random.integer(2, 5);
  for (int64_t i = 0; i < count; ++i) {
    const double x = random.normal() * size / 2;
    const double y = random.normal() * size / 2;
    const Vector whole = {size * random.uniform(0.4, 1),
                          size * random.uniform(0.4, 1),
                          size * random.uniform(0.3, 0.9)};
    const Frame at = frame.at({x, y, -0.2 * size}, random.uniform(0, 2 * kPi));
    builder.ellipsoid(at.turned(about_x(0.3 * random.normal())), whole, stone);
  }
}

void add_house(
    SceneBuilder& builder, const Frame& frame, double width, double depth, double height) {
  Random& random = builder.random;
  const bool drawn_windows = random.chance(0.25);
  const int32_t wall =
      builder.material({.kinds = drawn_windows ? std::vector<Kind>{Kind::kWindows} : kMasonry,
                        .repeats_per_metre = drawn_windows ? 0.16 : 0.5});
  const int32_t trim = builder.material({.kinds = kMasonry});
  const int32_t roof = builder.material({.kinds = {Kind::kTiles, Kind::kPlaster, Kind::kBricks}});
  builder.box(frame.at({0, depth / 2, 0}), {width, depth, height}, wall, roof, roof);
  builder.box(frame.at({0, depth / 2, height}), {width + 0.4, depth + 0.4, 0.25}, trim, roof, trim);
  builder.box(frame, {width, 0.16, random.uniform(0.3, 0.8)}, trim);
  if (drawn_windows) return;
  const int32_t glass[2] = {
      builder.material({.kinds = {Kind::kStone, Kind::kWindows, Kind::kPainting}, .fill = true}),
      builder.material({.kinds = {Kind::kPainting, Kind::kCollage}, .fill = true})};
  const int32_t frames = builder.material({.kinds = kPainted});
  const int64_t columns =
      std::max<int64_t>(1, static_cast<int64_t>(width / random.uniform(1.8, 3)));
  const int64_t floors =
      std::max<int64_t>(1, static_cast<int64_t>(height / random.uniform(2.6, 3.4)));
  const double step = width / static_cast<double>(columns);
  const double floor_height = height / static_cast<double>(floors);
  const double wide = step * random.uniform(0.35, 0.6);
  const double tall = floor_height * random.uniform(0.4, 0.6);
  const int64_t door = random.index(columns);
  const bool balconies = random.chance(0.3);
  const bool round_arches = random.chance(0.25);
  for (int64_t floor = 0; floor < floors; ++floor) {
    const double z = floor_height * static_cast<double>(floor);
    if (floor > 0) builder.box(frame.at({0, 0, z}), {width, 0.2, 0.14}, trim);
    for (int64_t column = 0; column < columns; ++column) {
      const double x = -width / 2 + step * (static_cast<double>(column) + 0.5);
      if (floor == 0 && column == door) {
        builder.box(
            frame.at({x, 0, 0}), {1.1, 0.1, 2.1}, builder.material({.kinds = {Kind::kWood}}));
        builder.box(frame.at({x, 0, 2.1}), {1.5, 0.9, 0.12}, trim);
        builder.box(frame.at({x, -0.3, 0}), {1.5, 0.6, 0.15}, trim);
        continue;
      }
      const Frame window = frame.at({x, 0, z + 0.28 * floor_height});
      builder.box(window, {wide, 0.06, tall}, glass[random.index(2)]);
      for (const double side : {-0.5, 0.5}) {
        builder.box(window.at({side * wide, 0, 0}), {0.12, 0.2, tall}, frames);
      }
      builder.box(window.at({0, 0, -0.08}), {wide + 0.3, 0.4, 0.08}, trim);
      if (round_arches) {
        const Frame arch = window.at({0, 0.1, tall}).turned(about_x(kPi / 2));
        builder.cylinder(arch, wide / 2 + 0.06, 0.2, trim);
      } else {
        builder.box(window.at({0, 0, tall}), {wide + 0.2, 0.24, 0.1}, frames);
      }
      if (balconies && floor > 0 && column % 2 == 0) {
        builder.box(window.at({0, -0.5, -0.5}), {wide + 0.8, 1, 0.12}, trim);
        builder.box(window.at({0, -0.98, -0.4}), {wide + 0.8, 0.04, 0.9}, frames);
      }
    }
  }
  if (random.chance(0.4)) {  // columns before the front
    for (const double side : {-0.5, -0.17, 0.17, 0.5}) {
      builder.frustum(
          frame.at({side * 0.9 * width, -0.25, 0}), 0.28, 0.22, 0.95 * height, trim, trim);
    }
  }
}

void add_sculpture(SceneBuilder& builder, const Frame& frame, double size) {
  Random& random = builder.random;
  std::vector<int32_t> materials;
  const int64_t kinds = random.integer(1, 4);
  for (int64_t i = 0; i < kinds; ++i) {
    materials.push_back(builder.material({.repeats_per_metre = random.uniform(0.8, 3) / size}));
  }
  const int64_t style = random.index(3);
  const int64_t parts = random.integer(5, 14);
  double z = 0;
  double radius = size * random.uniform(0.25, 0.5);
  for (int64_t i = 0; i < parts && z < 1.3 * size; ++i) {
    const int32_t material = materials[static_cast<size_t>(random.index(kinds))];
    const double tall = size * random.uniform(0.08, 0.35);
    if (style == 0) {  // turned on a lathe
      const double above = size * random.uniform(0.08, 0.45);
      builder.frustum(frame.at({0, 0, z}), radius, above, tall, material, material);
      radius = above;
      z += tall;
    } else if (style == 1) {  // a stack
      const Vector whole = {size * random.uniform(0.2, 0.9), size * random.uniform(0.2, 0.9), tall};
      const double x = 0.06 * size * random.normal();
      const Frame at = frame.at({x, 0, z}, random.uniform(0, kPi));
      if (random.chance(0.7)) {
        builder.box(at, whole, material);
      } else {
        builder.ellipsoid(at, whole, material);
      }
      z += 0.92 * tall;
    } else {  // mirrored limbs
      const double x = size * random.uniform(0, 0.4);
      const double y = 0.2 * size * random.normal();
      const double up = size * random.uniform(0, 0.8);
      const Vector whole = {size * random.uniform(0.1, 0.5),
                            size * random.uniform(0.1, 0.4),
                            size * random.uniform(0.1, 0.5)};
      const double tilt = random.normal();
      const int64_t shape = random.index(3);
      for (const double side : {-1.0, 1.0}) {
        const Frame at = frame.at({side * x, y, up}).turned(about_y(side * tilt));
        if (shape == 0) builder.box(at, whole, material);
        if (shape == 1) builder.ellipsoid(at, whole, material);
        if (shape == 2)
          builder.frustum(at, whole[0] / 2, whole[1] / 2, whole[2], material, material);
      }
    }
  }
  if (style == 2) builder.ellipsoid(frame, {0.7 * size, 0.6 * size, 0.8 * size}, materials[0]);
}

}  // namespace vggt::synthetic
