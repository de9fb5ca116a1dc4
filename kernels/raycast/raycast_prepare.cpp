// SPDX-License-Identifier: Apache-2.0
#include "kernels/raycast/raycast_prepare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace vggt::kernels::raycast_detail {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Half sizes of the solid's bounding box in its own frame.
void box_around(const RaycastPrimitive& primitive, double* half) {
  std::copy(primitive.half, primitive.half + 3, half);
  if (primitive.shape != RaycastShape::kFrustum) return;
  half[0] = half[1] = std::max(primitive.half[0], primitive.half[1]);
}

void copy_floats(const double* from, int count, float* to) {
  for (int i = 0; i < count; ++i) to[i] = static_cast<float>(from[i]);
}

Solid solid_of(const RaycastPrimitive& primitive) {
  Solid solid{};
  copy_floats(primitive.centre, 3, solid.centre);
  copy_floats(primitive.rotation, 9, solid.rotation);
  copy_floats(primitive.half, 3, solid.half);
  double half[3];
  box_around(primitive, half);
  double square = 0;
  for (const double axis : half) square += axis * axis;
  // Of an ellipsoid only the longest half axis; a little more for rounding.
  const double radius = primitive.shape == RaycastShape::kEllipsoid
                            ? std::max({half[0], half[1], half[2]})
                            : std::sqrt(square);
  solid.radius = static_cast<float>(radius * 1.0001);
  solid.shape = primitive.shape;
  std::copy(primitive.materials, primitive.materials + 3, solid.materials);
  return solid;
}

SeenView view_of(const RaycastCamera& camera) {
  SeenView view{};
  for (int row = 0; row < 3; ++row) {
    double centre = 0;
    for (int column = 0; column < 3; ++column) {
      view.world_from_cam[3 * row + column] = static_cast<float>(camera.rotation[3 * column + row]);
      centre -= camera.rotation[3 * column + row] * camera.translation[column];
    }
    view.centre[row] = static_cast<float>(centre);
  }
  view.inverse_fx = static_cast<float>(1 / camera.fx_px);
  view.inverse_fy = static_cast<float>(1 / camera.fy_px);
  view.cx = static_cast<float>(camera.cx_px);
  view.cy = static_cast<float>(camera.cy_px);
  return view;
}

SeenSolid seen_solid(const RaycastPrimitive& primitive, const RaycastCamera& camera) {
  SeenSolid seen{};
  seen.shape = primitive.shape;
  copy_floats(primitive.half, 3, seen.half);
  double cam_from_local[9];
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 3; ++column) {
      double entry = 0;
      for (int k = 0; k < 3; ++k) {
        entry += camera.rotation[3 * row + k] * primitive.rotation[3 * k + column];
      }
      cam_from_local[3 * row + column] = entry;
      seen.rotation[3 * column + row] = static_cast<float>(entry);
    }
  }
  double centre[3];  // of the solid, in the camera's frame
  for (int row = 0; row < 3; ++row) {
    centre[row] = camera.translation[row];
    for (int k = 0; k < 3; ++k) centre[row] += camera.rotation[3 * row + k] * primitive.centre[k];
  }
  for (int axis = 0; axis < 3; ++axis) {
    double from = 0;
    for (int k = 0; k < 3; ++k) from -= cam_from_local[3 * k + axis] * centre[k];
    seen.from[axis] = static_cast<float>(from);
  }
  // The outline of the bounding box; where it reaches behind the camera, all pixels.
  double half[3];
  box_around(primitive, half);
  double nearest = kInfinity;
  double x_from = kInfinity, x_to = -kInfinity, y_from = kInfinity, y_to = -kInfinity;
  for (int corner = 0; corner < 8; ++corner) {
    double at[3];
    for (int row = 0; row < 3; ++row) {
      at[row] = centre[row];
      for (int k = 0; k < 3; ++k) {
        at[row] += cam_from_local[3 * row + k] * ((corner >> k & 1) != 0 ? half[k] : -half[k]);
      }
    }
    nearest = std::min(nearest, at[2]);
    const double x = camera.fx_px * at[0] / at[2] + camera.cx_px;
    const double y = camera.fy_px * at[1] / at[2] + camera.cy_px;
    x_from = std::min(x_from, x);
    x_to = std::max(x_to, x);
    y_from = std::min(y_from, y);
    y_to = std::max(y_to, y);
  }
  constexpr double kBehind = 1e-4;
  if (primitive.shape == RaycastShape::kRoom || !(nearest > kBehind)) {
    seen.nearest = 0;
    seen.x_from = seen.y_from = -kFar;
    seen.x_to = seen.y_to = kFar;
    return seen;
  }
  // A little more on each side and in front: the outline and the rays are rounded.
  constexpr double kRounding = 1e-2;
  seen.nearest = static_cast<float>(nearest * (1 - 1e-5));
  seen.x_from = static_cast<float>(x_from - kRounding);
  seen.x_to = static_cast<float>(x_to + kRounding);
  seen.y_from = static_cast<float>(y_from - kRounding);
  seen.y_to = static_cast<float>(y_to + kRounding);
  return seen;
}

bool behind(const RaycastPrimitive& primitive, const RaycastCamera& camera) {
  double z = camera.translation[2];
  double square = 0;
  double half[3];
  box_around(primitive, half);
  for (int k = 0; k < 3; ++k) {
    z += camera.rotation[6 + k] * primitive.centre[k];
    square += half[k] * half[k];
  }
  return z + std::sqrt(square) < 0;
}

// Lists the solids by the cells that their bounding box covers, widened by `margin` (scene units).
void fill_columns(const std::vector<Solid>& solids,
                  int32_t first,
                  double margin,
                  Columns* columns,
                  std::vector<int32_t>* starts,
                  std::vector<int32_t>* members) {
  struct Cover {
    double from[2], to[2];
  };
  std::vector<Cover> covers;
  double from[2] = {kInfinity, kInfinity};
  double to[2] = {-kInfinity, -kInfinity};
  for (size_t i = static_cast<size_t>(first); i < solids.size(); ++i) {
    const Solid& solid = solids[i];
    Cover cover{};
    for (int axis = 0; axis < 2; ++axis) {
      const float* direction = axis == 0 ? columns->u_axis : columns->v_axis;
      double middle = 0;
      double reach = margin;
      float half[3] = {solid.half[0], solid.half[1], solid.half[2]};
      if (solid.shape == RaycastShape::kFrustum) half[0] = half[1] = std::max(half[0], half[1]);
      for (int k = 0; k < 3; ++k) {
        middle += direction[k] * solid.centre[k];
        double along = 0;
        for (int row = 0; row < 3; ++row) along += direction[row] * solid.rotation[3 * row + k];
        reach += std::abs(along) * half[k];
      }
      cover.from[axis] = middle - reach;
      cover.to[axis] = middle + reach;
    }
    covers.push_back(cover);
  }
  // What is much larger than the rest, as a ground, does not stretch the cells.
  constexpr double kMuchLarger = 12;
  const auto size_of = [](const Cover& cover) {
    return std::max(cover.to[0] - cover.from[0], cover.to[1] - cover.from[1]);
  };
  std::vector<double> sizes;
  for (const Cover& cover : covers) sizes.push_back(size_of(cover));
  std::sort(sizes.begin(), sizes.end());
  for (const Cover& cover : covers) {
    if (size_of(cover) > kMuchLarger * sizes[sizes.size() / 2]) continue;
    for (int axis = 0; axis < 2; ++axis) {
      from[axis] = std::min(from[axis], cover.from[axis]);
      to[axis] = std::max(to[axis], cover.to[axis]);
    }
  }
  if (covers.empty()) {
    from[0] = from[1] = 0;
    to[0] = to[1] = 1;
  }
  const double size = std::max({to[0] - from[0], to[1] - from[1], 1e-6}) * 1.0001;
  columns->u_from = static_cast<float>(from[0]);
  columns->v_from = static_cast<float>(from[1]);
  columns->cells_per_unit = static_cast<float>(kCells / size);
  const auto cell = [&](double at, int axis) {
    // Half a percent of a cell for the rounding of places.
    return std::clamp(
        static_cast<int>(std::floor((at - from[axis]) * kCells / size)), 0, kCells - 1);
  };
  std::vector<std::vector<int32_t>> lists(kCells * kCells);
  const double slack = 0.005 * size / kCells;
  for (size_t i = 0; i < covers.size(); ++i) {
    if (covers[i].to[0] < from[0] || covers[i].from[0] > from[0] + size ||
        covers[i].to[1] < from[1] || covers[i].from[1] > from[1] + size) {
      continue;
    }
    for (int v = cell(covers[i].from[1] - slack, 1); v <= cell(covers[i].to[1] + slack, 1); ++v) {
      for (int u = cell(covers[i].from[0] - slack, 0); u <= cell(covers[i].to[0] + slack, 0); ++u) {
        lists[static_cast<size_t>(v * kCells + u)].push_back(first + static_cast<int32_t>(i));
      }
    }
  }
  starts->assign(1, 0);
  members->clear();
  for (const auto& list : lists) {
    members->insert(members->end(), list.begin(), list.end());
    starts->push_back(static_cast<int32_t>(members->size()));
  }
}

void across(const float* direction, float* u, float* v) {
  const int least_axis = std::abs(direction[0]) < 0.6F ? 0 : 1;
  double helper[3] = {0, 0, 0};
  helper[least_axis] = 1;
  const double d[3] = {direction[0], direction[1], direction[2]};
  double a[3] = {helper[1] * d[2] - helper[2] * d[1],
                 helper[2] * d[0] - helper[0] * d[2],
                 helper[0] * d[1] - helper[1] * d[0]};
  const double length = std::sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2]);
  for (double& component : a) component /= length;
  copy_floats(a, 3, u);
  const double b[3] = {
      d[1] * a[2] - d[2] * a[1], d[2] * a[0] - d[0] * a[2], d[0] * a[1] - d[1] * a[0]};
  copy_floats(b, 3, v);
}

}  // namespace

Prepared prepare_views(const RaycastScene& scene,
                       const std::vector<RaycastCamera>& cameras,
                       int64_t height_px,
                       int64_t width_px) {
  Prepared prepared;
  auto& order = prepared.primitive_of_solid;
  order.resize(scene.primitives.size());
  std::iota(order.begin(), order.end(), 0);
  const auto is_room = [&](int32_t i) {
    return scene.primitives[static_cast<size_t>(i)].shape == RaycastShape::kRoom;
  };
  prepared.room_count = static_cast<int32_t>(
      std::stable_partition(order.begin(), order.end(), is_room) - order.begin());
  for (const int32_t i : order) {
    prepared.solids.push_back(solid_of(scene.primitives[static_cast<size_t>(i)]));
  }
  for (const RaycastCamera& camera : cameras) {
    SeenView view = view_of(camera);
    view.first_solid = static_cast<int32_t>(prepared.seen.size());
    for (size_t i = 0; i < order.size(); ++i) {
      const RaycastPrimitive& primitive = scene.primitives[static_cast<size_t>(order[i])];
      if (behind(primitive, camera)) continue;
      SeenSolid seen = seen_solid(primitive, camera);
      seen.index = static_cast<int32_t>(i);
      const bool in_picture = seen.x_to > 0 && seen.y_to > 0 &&
                              seen.x_from < static_cast<float>(width_px) &&
                              seen.y_from < static_cast<float>(height_px);
      if (in_picture || width_px == 0) prepared.seen.push_back(seen);
    }
    std::stable_sort(prepared.seen.begin() + view.first_solid,
                     prepared.seen.end(),
                     [](const SeenSolid& a, const SeenSolid& b) { return a.nearest < b.nearest; });
    view.solid_count = static_cast<int32_t>(prepared.seen.size()) - view.first_solid;
    prepared.views.push_back(view);
  }
  return prepared;
}

Prepared prepare(const RaycastScene& scene,
                 const std::vector<RaycastCamera>& cameras,
                 int64_t height_px,
                 int64_t width_px) {
  Prepared prepared = prepare_views(scene, cameras, height_px, width_px);
  across(scene.light.sun_direction, prepared.in_sun.u_axis, prepared.in_sun.v_axis);
  fill_columns(prepared.solids,
               prepared.room_count,
               0,
               &prepared.in_sun,
               &prepared.in_sun_starts,
               &prepared.in_sun_solids);
  prepared.upright.u_axis[0] = 1;
  prepared.upright.v_axis[1] = 1;
  fill_columns(prepared.solids,
               prepared.room_count,
               scene.light.occlusion_distance,
               &prepared.upright,
               &prepared.upright_starts,
               &prepared.upright_solids);
  return prepared;
}

}  // namespace vggt::kernels::raycast_detail
