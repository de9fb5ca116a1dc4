// SPDX-License-Identifier: Apache-2.0
#include "kernels/raycast/raycast.h"

#include "kernels/raycast/raycast_launch.h"
#include "kernels/raycast/raycast_prepare.h"
#include "kernels/raycast/raycast_rays.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#ifdef VGGT_WITH_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

#include <cmath>
#include <limits>

namespace vggt::kernels {
namespace {

using raycast_detail::Columns;
using raycast_detail::Prepared;
using raycast_detail::Trace;

constexpr int64_t kMostTextureLog2 = 11;

int32_t texture_log2(const at::Tensor& atlas) {
  for (int32_t log2 = 0; log2 <= kMostTextureLog2; ++log2) {
    if (raycast_detail::level_start(log2, log2 + 1) == atlas.size(1)) return log2;
  }
  TORCH_CHECK(false, "raycast: ", atlas.size(1), " texels are no texture with its levels");
}

void check_scene(const RaycastScene& scene, int64_t layers) {
  const auto is_layer = [&](int32_t layer) { return layer >= 0 && layer < layers; };
  for (const RaycastPrimitive& primitive : scene.primitives) {
    for (const int32_t material : primitive.materials) {
      TORCH_CHECK(material >= 0 && material < static_cast<int64_t>(scene.materials.size()),
                  "raycast: there is no material ",
                  material);
    }
    for (int axis = 0; axis < 3; ++axis) {
      // A cone's tip has no radius.
      const bool may_be_zero = primitive.shape == RaycastShape::kFrustum && axis < 2;
      TORCH_CHECK(std::isfinite(primitive.centre[axis]) && std::isfinite(primitive.half[axis]) &&
                      (primitive.half[axis] > 0 || (may_be_zero && primitive.half[axis] == 0)),
                  "raycast: a primitive has no size or no place");
    }
  }
  for (const RaycastMaterial& material : scene.materials) {
    TORCH_CHECK(is_layer(material.texture) && is_layer(material.stain_texture),
                "raycast: a material's texture is none of the ",
                layers,
                " layers");
  }
  TORCH_CHECK(is_layer(scene.light.cloud_texture), "raycast: there is no such cloud texture");
}

void check_cameras(const std::vector<RaycastCamera>& cameras, int64_t height_px, int64_t width_px) {
  TORCH_CHECK(height_px >= 1 && width_px >= 1 && height_px <= 32768 && width_px <= 32768,
              "raycast: pictures of ",
              width_px,
              " x ",
              height_px,
              " cannot be drawn");
  for (const RaycastCamera& camera : cameras) {
    TORCH_CHECK(camera.fx_px > 0 && camera.fy_px > 0, "raycast: focal lengths must be positive");
  }
}

Trace trace_of(const RaycastScene& scene, const Prepared& prepared) {
  Trace trace{};
  trace.solids = prepared.solids.data();
  trace.materials = scene.materials.data();
  trace.views = prepared.views.data();
  trace.seen = prepared.seen.data();
  trace.in_sun = prepared.in_sun;
  trace.in_sun.starts = prepared.in_sun_starts.data();
  trace.in_sun.solids = prepared.in_sun_solids.data();
  trace.upright = prepared.upright;
  trace.upright.starts = prepared.upright_starts.data();
  trace.upright.solids = prepared.upright_solids.data();
  trace.primitive_of_solid = prepared.primitive_of_solid.data();
  trace.room_count = prepared.room_count;
  trace.light = scene.light;
  return trace;
}

// Pixels that share one list of the solids that their rays may meet.
struct Tile {
  int64_t view;
  int64_t x_from, x_to, y_from, y_to;
  std::vector<int32_t> candidates;
  std::vector<raycast_detail::Ray> rays;  // room for what is traced

  void add(int64_t x, int64_t y) {
    rays.push_back({static_cast<float>(x) + 0.5F, static_cast<float>(y) + 0.5F});
  }
  void trace(const Trace& trace) {
    const raycast_detail::SeenView& seen = trace.views[view];
    raycast_detail::trace_rays(trace.seen + seen.first_solid, seen, candidates, &rays);
  }
};

void for_each_tile(const RaycastParams& p, const auto& draw) {
  const int64_t columns = (p.width + kRaycastTile - 1) / kRaycastTile;
  const int64_t rows = (p.height + kRaycastTile - 1) / kRaycastTile;
  at::parallel_for(0, p.views * rows * columns, 4, [&](int64_t begin, int64_t end) {
    Tile tile;
    for (int64_t i = begin; i < end; ++i) {
      tile.view = i / (rows * columns);
      tile.y_from = i / columns % rows * kRaycastTile;
      tile.x_from = i % columns * kRaycastTile;
      tile.y_to = std::min(tile.y_from + kRaycastTile, p.height);
      tile.x_to = std::min(tile.x_from + kRaycastTile, p.width);
      const raycast_detail::SeenView& view = p.trace.views[tile.view];
      tile.rays.clear();
      tile.candidates.clear();
      for (int32_t solid = 0; solid < view.solid_count; ++solid) {
        const raycast_detail::SeenSolid& seen = p.trace.seen[view.first_solid + solid];
        if (raycast_detail::in_tile(seen, tile.x_from, tile.y_from)) {
          tile.candidates.push_back(solid);
        }
      }
      draw(tile);
    }
  });
}

void draw_tile(const RaycastParams& p, Tile& tile) {
  for (int64_t y = tile.y_from; y < tile.y_to; ++y) {
    for (int64_t x = tile.x_from; x < tile.x_to; ++x) tile.add(x, y);
  }
  tile.trace(p.trace);
  const raycast_detail::SeenView& view = p.trace.views[tile.view];
  const int64_t width = tile.x_to - tile.x_from;
  for (size_t i = 0; i < tile.rays.size(); ++i) {
    const raycast_detail::Ray& ray = tile.rays[i];
    raycast_detail::store(
        p,
        tile.view,
        tile.x_from + static_cast<int64_t>(i) % width,
        tile.y_from + static_cast<int64_t>(i) / width,
        raycast_detail::hit_of(p.trace, view, ray.first, ray.depth, ray.x, ray.y, nullptr));
  }
}

// Replaces the colour of pixels at outlines by the mean of several rays.
void smooth_tile(const RaycastParams& p, Tile& tile) {
  constexpr int kExtraRays = raycast_detail::kExtraRays;
  struct Pixel {
    int64_t x, y;
  };
  std::vector<Pixel> pixels;
  for (int64_t y = tile.y_from; y < tile.y_to; ++y) {
    for (int64_t x = tile.x_from; x < tile.x_to; ++x) {
      if (!raycast_detail::at_outline(p, tile.view, x, y)) continue;
      pixels.push_back({x, y});
      for (int i = 0; i < kExtraRays; ++i) {
        tile.add(x, y);
        raycast_detail::Ray& ray = tile.rays.back();
        raycast_detail::extra_ray(i, ray.x, ray.y, &ray.x, &ray.y);
      }
    }
  }
  tile.trace(p.trace);
  const raycast_detail::SeenView& view = p.trace.views[tile.view];
  const raycast_detail::Ray* ray = tile.rays.data();
  for (const Pixel& pixel : pixels) {
    const raycast_detail::Hit own = raycast_detail::drawn_own(p, tile.view, pixel.x, pixel.y);
    raycast_detail::Vec3 sum = own.colour;
    for (int i = 0; i < kExtraRays; ++i, ++ray) {
      const raycast_detail::Hit hit =
          raycast_detail::hit_of(p.trace, view, ray->first, ray->depth, ray->x, ray->y, &own);
      sum = sum + hit.colour;
    }
    raycast_detail::store_colour(p, tile.view, pixel.x, pixel.y, raycast_detail::mean_of_rays(sum));
  }
}

void raycast_cpu(const RaycastParams& p) {
  for_each_tile(p, [&](Tile& tile) { draw_tile(p, tile); });
  if (!p.smooth) return;
  // When all are drawn, since it looks at neighbours of other tiles.
  for_each_tile(p, [&](Tile& tile) { smooth_tile(p, tile); });
}

#ifdef VGGT_WITH_CUDA
// Copies host arrays to the device, ordered with the current stream; keeps them until the end.
class Uploads {
 public:
  explicit Uploads(at::Device device) : device_(device) {}

  template <typename T>
  const T* operator()(const std::vector<T>& values) {
    const auto bytes = static_cast<int64_t>(values.size() * sizeof(T));
    at::Tensor host = at::empty({bytes}, at::kByte);
    std::memcpy(host.mutable_data_ptr(), values.data(), static_cast<size_t>(bytes));
    kept_.push_back(host.to(device_));
    return static_cast<const T*>(kept_.back().const_data_ptr());
  }

 private:
  at::Device device_;
  std::vector<at::Tensor> kept_;
};

void raycast_cuda(const RaycastScene& scene,
                  const Prepared& prepared,
                  const at::Tensor& atlas,
                  RaycastParams p) {
  const c10::cuda::CUDAGuard guard(atlas.device());
  Uploads upload(atlas.device());
  p.trace.solids = upload(prepared.solids);
  p.trace.materials = upload(scene.materials);
  p.trace.views = upload(prepared.views);
  p.trace.seen = upload(prepared.seen);
  p.trace.in_sun.starts = upload(prepared.in_sun_starts);
  p.trace.in_sun.solids = upload(prepared.in_sun_solids);
  p.trace.upright.starts = upload(prepared.upright_starts);
  p.trace.upright.solids = upload(prepared.upright_solids);
  p.trace.primitive_of_solid = upload(prepared.primitive_of_solid);
  // The caching allocator hands the arrays out again only behind this work on the same stream.
  const cudaError_t status =
      launch_raycast(p, c10::cuda::getCurrentCUDAStream(atlas.device().index()).stream());
  TORCH_CHECK(status == cudaSuccess, "raycast: ", cudaGetErrorString(status));
}
#endif

}  // namespace

RaycastPictures raycast(const RaycastScene& scene,
                        const at::Tensor& atlas,
                        const std::vector<RaycastCamera>& cameras,
                        int64_t height_px,
                        int64_t width_px,
                        const RaycastOptions& options) {
  TORCH_CHECK(atlas.dim() == 2 && atlas.scalar_type() == at::kInt && atlas.is_contiguous() &&
                  atlas.size(0) > 0,
              "raycast: the atlas must be [layers, T] int32, contiguous, got ",
              atlas.sizes());
  check_scene(scene, atlas.size(0));
  check_cameras(cameras, height_px, width_px);
  const Prepared prepared = raycast_detail::prepare(scene, cameras, height_px, width_px);
  const auto views = static_cast<int64_t>(cameras.size());
  const auto floats = atlas.options().dtype(at::kFloat);
  RaycastPictures pictures;
  pictures.colour = at::empty({views, 3, height_px, width_px}, floats);
  pictures.depth = at::empty({views, height_px, width_px}, floats);
  pictures.normal = at::empty({views, 3, height_px, width_px}, floats);
  pictures.primitive = at::empty({views, height_px, width_px}, atlas.options());
  RaycastParams params;
  params.trace = trace_of(scene, prepared);
  params.trace.texture_log2 = texture_log2(atlas);
  params.trace.atlas = static_cast<const uint32_t*>(atlas.const_data_ptr());
  params.colour = pictures.colour.mutable_data_ptr<float>();
  params.depth = pictures.depth.mutable_data_ptr<float>();
  params.normal = pictures.normal.mutable_data_ptr<float>();
  params.primitive = pictures.primitive.mutable_data_ptr<int32_t>();
  params.views = views;
  params.height = height_px;
  params.width = width_px;
  params.smooth = options.smooth_outlines;
  if (views == 0) return pictures;
#ifdef VGGT_WITH_CUDA
  if (atlas.is_cuda()) {
    raycast_cuda(scene, prepared, atlas, params);
    return pictures;
  }
#endif
  TORCH_CHECK(atlas.is_cpu(), "raycast: the atlas must be on the CPU or a CUDA device");
  raycast_cpu(params);
  return pictures;
}

at::Tensor raycast_atlas(const at::Tensor& textures) {
  TORCH_CHECK(textures.dim() == 4 && textures.size(1) == 3 &&
                  textures.size(2) == textures.size(3) && textures.scalar_type() == at::kByte &&
                  textures.is_cpu(),
              "raycast_atlas: textures must be [layers, 3, N, N] uint8 on the CPU, got ",
              textures.sizes());
  const int64_t size = textures.size(2);
  int32_t log2 = 0;
  while ((int64_t{1} << log2) < size) ++log2;
  TORCH_CHECK((int64_t{1} << log2) == size && log2 <= kMostTextureLog2,
              "raycast_atlas: textures of ",
              size,
              " px; it must be a power of two up to 2048");
  const int64_t texels = raycast_detail::level_start(log2, log2 + 1);
  at::Tensor atlas = at::empty({textures.size(0), texels}, at::kInt);
  const at::Tensor planes = textures.contiguous();
  auto* const all = static_cast<uint32_t*>(atlas.mutable_data_ptr());
  at::parallel_for(0, textures.size(0), 1, [&](int64_t begin, int64_t end) {
    // Levels are means of light, not of its square roots, and are rounded once.
    std::vector<float> light;
    for (int64_t layer = begin; layer < end; ++layer) {
      const uint8_t* from = planes.const_data_ptr<uint8_t>() + layer * 3 * size * size;
      light.resize(static_cast<size_t>(3 * size * size));
      for (int64_t i = 0; i < 3 * size * size; ++i) {
        light[static_cast<size_t>(i)] = static_cast<float>(from[i]) * static_cast<float>(from[i]);
      }
      uint32_t* to = all + layer * texels;
      for (int64_t n = size; n > 0; n /= 2) {
        for (int64_t i = 0; i < n * n; ++i) {
          uint32_t texel = 0;
          for (int64_t c = 0; c < 3; ++c) {
            const float root = std::sqrt(light[static_cast<size_t>(c * n * n + i)]);
            texel |= static_cast<uint32_t>(root + 0.5F) << (8 * c);
          }
          *to++ = texel;
        }
        const int64_t half = n / 2;
        for (int64_t i = 0; i < 3 * half * half; ++i) {
          const int64_t row = i / half;  // of all planes together
          const float* pair = light.data() + 2 * row * n + i % half * 2;
          light[static_cast<size_t>(i)] = 0.25F * (pair[0] + pair[1] + pair[n] + pair[n + 1]);
        }
      }
    }
  });
  return atlas;
}

at::Tensor raycast_depth(const RaycastScene& scene,
                         const RaycastCamera& camera,
                         const at::Tensor& pixels) {
  TORCH_CHECK(pixels.dim() == 2 && pixels.size(1) == 2 && pixels.scalar_type() == at::kDouble &&
                  pixels.is_cpu(),
              "raycast_depth: pixels must be [N, 2] double on the CPU, got ",
              pixels.sizes());
  const Prepared prepared = raycast_detail::prepare_views(scene, {camera}, 0, 0);
  const raycast_detail::SeenView& view = prepared.views[0];
  const at::Tensor at = pixels.contiguous();
  const auto* xy = at.const_data_ptr<double>();
  at::Tensor depth = at::zeros({pixels.size(0)}, at::kFloat);
  auto* const to = depth.mutable_data_ptr<float>();
  for (int64_t i = 0; i < pixels.size(0); ++i) {
    const auto x = static_cast<float>(xy[2 * i]);
    const auto y = static_cast<float>(xy[2 * i + 1]);
    const auto direction = raycast_detail::direction_at(view, x, y);
    float nearest = 0;
    const int32_t first = raycast_detail::first_solid(
        prepared.seen.data(), nullptr, view.solid_count, x, y, direction, &nearest);
    if (first >= 0) to[i] = nearest;
  }
  return depth;
}

double raycast_clearance(const RaycastScene& scene, const double* point) {
  auto nearest = static_cast<double>(raycast_detail::kFar);
  for (const RaycastPrimitive& primitive : scene.primitives) {
    float local[3];
    float half[3];
    for (int k = 0; k < 3; ++k) {
      double along = 0;
      for (int row = 0; row < 3; ++row) {
        along += primitive.rotation[3 * row + k] * (point[row] - primitive.centre[row]);
      }
      local[k] = static_cast<float>(along);
      half[k] = static_cast<float>(primitive.half[k]);
    }
    const float distance = raycast_detail::distance_to(
        primitive.shape, raycast_detail::vec(half), raycast_detail::vec(local));
    nearest = std::min(nearest, static_cast<double>(distance));
  }
  return nearest;
}

}  // namespace vggt::kernels
