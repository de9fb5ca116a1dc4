// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/known_world.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "src/base/error.h"
#include "src/base/percentile.h"
#include "src/geometry/rigid.h"

namespace vggt {
namespace {

using Vector = std::array<double, 3>;

double distance(const Vector& a, const Vector& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

Vector moved(const Similarity& b_from_a, const Vector& x) {
  Vector y = b_from_a.translation;
  for (size_t row = 0; row < 3; ++row) {
    for (size_t k = 0; k < 3; ++k) y[row] += b_from_a.scale * b_from_a.rotation[3 * row + k] * x[k];
  }
  return y;
}

// The rotation closest to all in the mean of squared differences of the matrices' entries.
std::array<double, 9> mean_rotation(const std::vector<std::array<double, 9>>& rotations) {
  at::Tensor sum = at::zeros({3, 3}, at::kDouble);
  for (const auto& rotation : rotations) sum += at::tensor(rotation, at::kDouble).view({3, 3});
  const auto [u, d, vh] = at::linalg_svd(sum);
  const double sign = at::det(u).item<double>() * at::det(vh).item<double>() < 0 ? -1 : 1;
  const at::Tensor mean =
      at::matmul(u * at::tensor({1.0, 1.0, sign}, at::kDouble), vh).contiguous();
  std::array<double, 9> result{};
  std::copy_n(mean.const_data_ptr<double>(), 9, result.begin());
  return result;
}

// A view whose place is known, in both worlds.
struct Pair {
  Rigid network;  // cam_from_world
  Rigid known;
  Vector network_centre{};
  Vector known_centre{};
};

// The median ratio of the distances between cameras; nothing where they stand in one place.
std::optional<double> ratio_of_distances(const std::vector<Pair>& pairs) {
  constexpr double kApart = 1e-6;  // of the largest distance
  double farthest = 0;
  for (const Pair& a : pairs) {
    for (const Pair& b : pairs) {
      farthest = std::max(farthest, distance(a.known_centre, b.known_centre));
    }
  }
  std::vector<double> ratios;
  for (size_t i = 0; i < pairs.size(); ++i) {
    for (size_t j = i + 1; j < pairs.size(); ++j) {
      const double known = distance(pairs[i].known_centre, pairs[j].known_centre);
      const double network = distance(pairs[i].network_centre, pairs[j].network_centre);
      if (known > kApart * farthest && network > 0) ratios.push_back(known / network);
    }
  }
  if (ratios.empty()) return std::nullopt;
  return percentile(ratios, 50);
}

// Between the two worlds, by their cameras.
Similarity similarity_of(const std::vector<Pair>& pairs, const std::optional<double>& scale) {
  Similarity similarity;
  similarity.scale = scale.value_or(1);
  std::vector<std::array<double, 9>> rotations;
  for (const Pair& pair : pairs) {
    rotations.push_back((inverse(pair.known) * pair.network).rotation);
  }
  similarity.rotation = mean_rotation(rotations);
  const Similarity about_the_origin = similarity;
  for (size_t k = 0; k < 3; ++k) {
    std::vector<double> left;
    for (const Pair& pair : pairs) {
      left.push_back(pair.known_centre[k] - moved(about_the_origin, pair.network_centre)[k]);
    }
    similarity.translation[k] = percentile(left, 50);
  }
  return similarity;
}

// cam_from_world after the world has moved; lengths in the camera are those of the new world.
Rigid in_moved_world(const Rigid& cam_from_world, const Similarity& similarity) {
  Rigid network = cam_from_world;
  for (double& value : network.translation) value *= similarity.scale;
  return network * inverse(Rigid{similarity.rotation, similarity.translation});
}

void scale_depth(Reconstruction& reconstruction, double scale) {
  reconstruction.depth = reconstruction.depth * scale;
}

}  // namespace

KnownWorld place_in_known_world(Reconstruction& reconstruction, const KnownPoses& poses) {
  TORCH_CHECK(poses.size() == reconstruction.views.size(),
              "place_in_known_world: one entry per view, got ",
              poses.size());
  std::vector<Rigid> known(poses.size());
  std::vector<Pair> pairs;
  for (size_t s = 0; s < poses.size(); ++s) {
    if (!poses[s]) continue;
    const View& view = reconstruction.views[s];
    // The pose is of the stored picture, which may lie on its side.
    const Camera stored = placed(view.map.stored_camera(view.camera), *poses[s]);
    known[s] = cam_from_world(view.map.network_camera(stored));
    pairs.push_back({cam_from_world(view.camera),
                     known[s],
                     view.camera.centre_in_world(),
                     stored.centre_in_world()});
  }
  if (pairs.empty()) throw ConfigError("poses", "no photo has a known pose");

  KnownWorld world;
  world.posed = static_cast<int64_t>(pairs.size());
  const std::optional<double> scale = ratio_of_distances(pairs);
  world.has_scale = scale.has_value();
  world.known_from_network = similarity_of(pairs, scale);
  const Similarity& similarity = world.known_from_network;
  std::vector<double> angles;
  std::vector<double> lengths;
  double spread = 0;
  for (const Pair& pair : pairs) {
    const Rigid off = pair.known * inverse(in_moved_world(pair.network, similarity));
    angles.push_back(rotation_angle(off.rotation) * 180 / M_PI);
    lengths.push_back(distance(moved(similarity, pair.network_centre), pair.known_centre));
    for (const Pair& other : pairs) {
      spread = std::max(spread, distance(pair.known_centre, other.known_centre));
    }
  }
  world.rotation_deg = percentile(angles, 50);
  world.centre_share = spread > 0 ? percentile(lengths, 50) / spread : 0;

  for (size_t s = 0; s < poses.size(); ++s) {
    Camera& camera = reconstruction.views[s].camera;
    camera =
        placed(camera, poses[s] ? known[s] : in_moved_world(cam_from_world(camera), similarity));
  }
  scale_depth(reconstruction, similarity.scale);
  return world;
}

void set_known_lenses(Reconstruction& reconstruction, const KnownLenses& lenses) {
  TORCH_CHECK(lenses.size() == reconstruction.views.size(),
              "set_known_lenses: one entry per view, got ",
              lenses.size());
  for (size_t s = 0; s < lenses.size(); ++s) {
    if (!lenses[s]) continue;
    View& view = reconstruction.views[s];
    Camera stored = view.map.stored_camera(view.camera);
    const Camera& lens = *lenses[s];
    const double x = static_cast<double>(stored.width_px) / static_cast<double>(lens.width_px);
    const double y = static_cast<double>(stored.height_px) / static_cast<double>(lens.height_px);
    constexpr double kSameShape = 0.01;
    if (!(std::abs(x / y - 1) < kSameShape)) {
      const auto size = [](const Camera& camera) {
        return std::to_string(camera.width_px) + " x " + std::to_string(camera.height_px);
      };
      throw ConfigError("intrinsics",
                        "are of a picture of " + size(lens) + " pixels, and " + view.name +
                            " has " + size(stored) + ", another shape");
    }
    stored.fx_px = lens.fx_px * x;
    stored.fy_px = lens.fy_px * y;
    stored.cx_px = lens.cx_px * x;
    stored.cy_px = lens.cy_px * y;
    view.camera = view.map.network_camera(stored);
  }
}

double scale_by_distance(Reconstruction& reconstruction, size_t a, size_t b, double metres) {
  const auto centre = [&](size_t s) { return reconstruction.views.at(s).camera.centre_in_world(); };
  const double apart = distance(centre(a), centre(b));
  if (!(apart > 0) || !std::isfinite(metres / apart)) {
    throw ConfigError("scale-from",
                      "the cameras of " + reconstruction.views.at(a).name + " and " +
                          reconstruction.views.at(b).name +
                          " stand in one place, so that no scale follows from their distance");
  }
  const double scale = metres / apart;
  for (View& view : reconstruction.views) {
    for (double& value : view.camera.translation) value *= scale;
  }
  scale_depth(reconstruction, scale);
  return scale;
}

}  // namespace vggt
