// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "src/pipeline/reconstruction.h"

namespace vggt {

/// A textured floor with a box on it, seen by cameras on an arc around it: a reconstruction whose
/// truth is known. World = the first camera's frame, as everywhere.
class PlaneAndBox {
 public:
  struct Picture {
    at::Tensor rgb;    ///< [H, W, 3] uint8
    at::Tensor depth;  ///< [H, W] float
  };

  explicit PlaneAndBox(int64_t cameras) : cameras_(cameras), first_(camera_pose(0)) {}

  /// Camera `i` for a picture of that size.
  Camera camera(int64_t i, int64_t width_px, int64_t height_px) const {
    Camera camera;
    camera.width_px = width_px;
    camera.height_px = height_px;
    camera.fx_px = camera.fy_px = 1.1 * static_cast<double>(std::max(width_px, height_px));
    camera.cx_px = 0.5 * static_cast<double>(width_px);
    camera.cy_px = 0.5 * static_cast<double>(height_px);
    // cam_from_world = cam_from_scene * scene_from_first
    const Pose pose = camera_pose(i);
    for (int row = 0; row < 3; ++row) {
      camera.translation[row] = pose.translation[row];
      for (int column = 0; column < 3; ++column) {
        double sum = 0;
        for (int k = 0; k < 3; ++k)
          sum += pose.rotation[3 * row + k] * first_.rotation[3 * column + k];
        camera.rotation[3 * row + column] = sum;
        camera.translation[row] -= sum * first_.translation[column];
      }
    }
    return camera;
  }

  /// What `camera` sees through the centres of its pixels. Beyond the floor is sky at depth 30.
  Picture render(const Camera& camera) const {
    Picture picture{at::empty({camera.height_px, camera.width_px, 3}, at::kByte),
                    at::empty({camera.height_px, camera.width_px}, at::kFloat)};
    uint8_t* rgb = picture.rgb.mutable_data_ptr<uint8_t>();
    float* depth = picture.depth.mutable_data_ptr<float>();
    // scene_from_cam = scene_from_first * first_from_cam
    const Vector origin = scene_from_world(camera.centre_in_world());
    for (int64_t y = 0; y < camera.height_px; ++y) {
      for (int64_t x = 0; x < camera.width_px; ++x) {
        const Vector ray = {(static_cast<double>(x) + 0.5 - camera.cx_px) / camera.fx_px,
                            (static_cast<double>(y) + 0.5 - camera.cy_px) / camera.fy_px,
                            1};
        Vector tip = {0, 0, 0};
        for (int column = 0; column < 3; ++column) {
          for (int row = 0; row < 3; ++row) {
            tip[column] += camera.rotation[3 * row + column] * (ray[row] - camera.translation[row]);
          }
        }
        tip = scene_from_world(tip);
        const Vector direction = {tip[0] - origin[0], tip[1] - origin[1], tip[2] - origin[2]};
        const auto [distance, colour] = trace(origin, direction);
        *depth++ = static_cast<float>(distance);
        for (const double channel : colour) *rgb++ = static_cast<uint8_t>(255 * channel);
      }
    }
    return picture;
  }

  /// One view per map, all of one network size: pictures, true depth, a confidence that falls with
  /// the depth, and every pixel but the sky as a point.
  Reconstruction reconstruct(const std::vector<PixelMap>& maps,
                             const std::vector<std::string>& names) const {
    const int64_t width = maps[0].network_width_px;
    const int64_t height = maps[0].network_height_px;
    Reconstruction result;
    std::vector<at::Tensor> images, depths;
    for (size_t s = 0; s < maps.size(); ++s) {
      View view{names[s], maps[s], camera(static_cast<int64_t>(s), width, height)};
      const Picture picture = render(view.camera);
      images.push_back(picture.rgb.permute({2, 0, 1}).to(at::kFloat) / 255);
      depths.push_back(picture.depth);
      result.views.push_back(std::move(view));
    }
    result.images = at::stack(images);
    result.depth = at::stack(depths);
    result.confidence = 1 + 12 * at::exp(-result.depth / 3);
    result.points = unproject(result);
    return result;
  }

 private:
  using Vector = std::array<double, 3>;
  struct Pose {  // cam_from_scene; the scene's y axis points up, the floor is y = 0
    std::array<double, 9> rotation;
    Vector translation;
  };

  Pose camera_pose(int64_t i) const {
    const double share =
        cameras_ > 1 ? static_cast<double>(i) / static_cast<double>(cameras_ - 1) : 0.5;
    const double angle = (share - 0.5) * 1.9;
    const Vector centre = {3.2 * std::sin(angle), 1.7, 3.2 * std::cos(angle)};
    const Vector z = unit({-centre[0], 0.35 - centre[1], -centre[2]});
    const Vector x = unit(cross(z, {0, 1, 0}));
    const Vector y = cross(z, x);
    Pose pose{{x[0], x[1], x[2], y[0], y[1], y[2], z[0], z[1], z[2]}, {}};
    for (int row = 0; row < 3; ++row) {
      for (int k = 0; k < 3; ++k) pose.translation[row] -= pose.rotation[3 * row + k] * centre[k];
    }
    return pose;
  }

  Vector scene_from_world(const Vector& point) const {
    Vector result = {0, 0, 0};
    for (int column = 0; column < 3; ++column) {
      for (int row = 0; row < 3; ++row) {
        result[column] +=
            first_.rotation[3 * row + column] * (point[row] - first_.translation[row]);
      }
    }
    return result;
  }

  // Distance in units of `direction` and colour of the nearest surface.
  static std::pair<double, Vector> trace(const Vector& origin, const Vector& direction) {
    constexpr double kSkyDistance = 30;
    constexpr Vector kLow = {-0.7, 0, -0.45};
    constexpr Vector kHigh = {0.7, 0.8, 0.45};
    double best = kSkyDistance;
    Vector colour = {0.62, 0.76, 0.92};
    if (direction[1] < 0) {
      const double t = -origin[1] / direction[1];
      const double u = origin[0] + t * direction[0];
      const double v = origin[2] + t * direction[2];
      if (std::abs(u) < 3.5 && std::abs(v) < 3.5) {
        best = t;
        const double grain = noise(u, v, 1);
        const double patch = noise(u / 4, v / 4, 2);
        colour = {0.05 + 0.9 * grain, 0.05 + 0.6 * grain + 0.3 * patch, 0.1 + 0.6 * grain * patch};
      }
    }
    for (int axis = 0; axis < 3; ++axis) {
      for (const double side : {kLow[axis], kHigh[axis]}) {
        const double t = (side - origin[axis]) / direction[axis];
        if (!(t > 0 && t < best)) continue;
        const int b = (axis + 1) % 3;
        const int c = (axis + 2) % 3;
        const double u = origin[b] + t * direction[b];
        const double v = origin[c] + t * direction[c];
        if (u < kLow[b] || u > kHigh[b] || v < kLow[c] || v > kHigh[c]) continue;
        best = t;
        const double grain = noise(u, v, 7 + 2 * axis + (side > 0));
        colour = {0.1 + 0.3 * grain, 0.1 + 0.3 * grain, 0.1 + 0.3 * grain};
        colour[axis == 1 ? 0 : axis] += 0.6 * grain;
      }
    }
    return {best, colour};
  }

  // Smooth noise in [0, 1] of five octaves: detail at every distance, so that features can be
  // matched.
  static double noise(double u, double v, int64_t seed) {
    double sum = 0, weight = 0;
    for (int octave = 0; octave < 5; ++octave) {
      const double scale = 3 * std::pow(2.1, octave);
      const double x = u * scale, y = v * scale;
      const auto x0 = static_cast<int64_t>(std::floor(x)), y0 = static_cast<int64_t>(std::floor(y));
      const double fx = smooth(x - static_cast<double>(x0)),
                   fy = smooth(y - static_cast<double>(y0));
      const int64_t key = 31 * seed + octave;
      const double top = hash(x0, y0, key) * (1 - fx) + hash(x0 + 1, y0, key) * fx;
      const double bottom = hash(x0, y0 + 1, key) * (1 - fx) + hash(x0 + 1, y0 + 1, key) * fx;
      const double w = std::pow(0.9, octave);
      sum += w * (top * (1 - fy) + bottom * fy);
      weight += w;
    }
    // The mean of octaves crowds around one half; spread it.
    return std::clamp(0.5 + 2.2 * (sum / weight - 0.5), 0.0, 1.0);
  }

  static double smooth(double t) { return t * t * (3 - 2 * t); }

  static double hash(int64_t x, int64_t y, int64_t key) {
    auto h = static_cast<uint64_t>(x) * 0x9E3779B97F4A7C15u ^
             static_cast<uint64_t>(y) * 0xC2B2AE3D27D4EB4Fu ^
             static_cast<uint64_t>(key) * 0x165667B19E3779F9u;
    h ^= h >> 29;
    h *= 0xBF58476D1CE4E5B9u;
    h ^= h >> 32;
    return static_cast<double>(h & 0xFFFF) / 65535;
  }

  static PointCloud unproject(const Reconstruction& scene) {
    const int64_t frames = scene.depth.size(0), height = scene.depth.size(1),
                  width = scene.depth.size(2);
    const at::Tensor colours =
        (scene.images * 255).round().to(at::kByte).permute({0, 2, 3, 1}).contiguous();
    const float* depth = scene.depth.const_data_ptr<float>();
    const float* confidence = scene.confidence.const_data_ptr<float>();
    const uint8_t* rgb = colours.const_data_ptr<uint8_t>();
    std::vector<float> position, weight;
    std::vector<uint8_t> colour;
    std::vector<int32_t> frame, pixel;
    for (int64_t i = 0; i < frames * height * width; ++i) {
      if (depth[i] >= 30) continue;
      const auto x = static_cast<int32_t>(i % width);
      const auto y = static_cast<int32_t>(i / width % height);
      const auto s = static_cast<int32_t>(i / (width * height));
      const Camera& camera = scene.views[s].camera;
      const Vector in_cam = {(x + 0.5 - camera.cx_px) / camera.fx_px * depth[i],
                             (y + 0.5 - camera.cy_px) / camera.fy_px * depth[i],
                             depth[i]};
      for (int column = 0; column < 3; ++column) {
        double sum = 0;
        for (int row = 0; row < 3; ++row) {
          sum += camera.rotation[3 * row + column] * (in_cam[row] - camera.translation[row]);
        }
        position.push_back(static_cast<float>(sum));
        colour.push_back(rgb[3 * i + column]);
      }
      weight.push_back(confidence[i]);
      frame.push_back(s);
      pixel.insert(pixel.end(), {x, y});
    }
    const auto n = static_cast<int64_t>(weight.size());
    return {at::tensor(position).view({n, 3}),
            at::tensor(colour).view({n, 3}),
            at::tensor(weight),
            at::tensor(frame),
            at::tensor(pixel).view({n, 2})};
  }

  static Vector cross(const Vector& a, const Vector& b) {
    return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
  }

  static Vector unit(const Vector& v) {
    const double length = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    return {v[0] / length, v[1] / length, v[2] / length};
  }

  int64_t cameras_;
  Pose first_;
};

}  // namespace vggt
