// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/point_filter.h"

#include "kernels/unproject/unproject.h"
#include "src/base/error.h"
#include "src/base/mixed.h"
#include "src/base/percentile.h"
#include "src/geometry/pose_encoding.h"
#include "src/pipeline/consistency.h"
#include "src/pipeline/point_voxels.h"
#include "src/pipeline/surface_normal.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

namespace vggt {
namespace {

// Which pixels of [S, H, W] are meant, one byte each.
using Pixels = std::vector<uint8_t>;

struct Input {
  const Reconstruction& scene;
  at::Tensor images;
  at::Tensor depth;
  at::Tensor confidence;
  at::Tensor mask;
  int64_t frames = 0;
  int64_t height = 0;
  int64_t width = 0;

  int64_t per_frame() const { return height * width; }
  const float* depth_of(int64_t s) const { return depth.const_data_ptr<float>() + s * per_frame(); }
  const float* confidence_of(int64_t s) const {
    return confidence.const_data_ptr<float>() + s * per_frame();
  }
};

Input input_of(const Reconstruction& scene) {
  TORCH_CHECK(scene.depth.dim() == 3 && scene.depth.scalar_type() == at::kFloat,
              "make_points: depth must be [S, H, W] float, got ",
              scene.depth.sizes());
  const int64_t frames = scene.depth.size(0);
  const int64_t height = scene.depth.size(1);
  const int64_t width = scene.depth.size(2);
  TORCH_CHECK(static_cast<int64_t>(scene.views.size()) == frames &&
                  scene.confidence.sizes() == scene.depth.sizes() &&
                  scene.confidence.scalar_type() == at::kFloat,
              "make_points: one view and one confidence map per depth map are needed");
  TORCH_CHECK(scene.images.sizes() == at::IntArrayRef({frames, 3, height, width}) &&
                  scene.images.scalar_type() == at::kFloat,
              "make_points: images must be [S, 3, H, W] float, got ",
              scene.images.sizes());
  TORCH_CHECK(!scene.mask.defined() || (scene.mask.sizes() == scene.depth.sizes() &&
                                        scene.mask.scalar_type() == at::kBool),
              "make_points: mask must be [S, H, W] bool, got ",
              scene.mask.defined() ? scene.mask.sizes() : at::IntArrayRef());
  return {.scene = scene,
          .images = scene.images.contiguous(),
          .depth = scene.depth.contiguous(),
          .confidence = scene.confidence.contiguous(),
          .mask = scene.mask.defined() ? scene.mask.contiguous() : at::Tensor(),
          .frames = frames,
          .height = height,
          .width = width};
}

template <typename Work>
void for_each_frame(const Input& input, const Work& work) {
  at::parallel_for(0, input.frames, 1, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) work(s);
  });
}

// Pixels of a photo with a depth, hidden ones included.
Pixels surface_pixels(const Input& input) {
  Pixels pixels(static_cast<size_t>(input.frames * input.per_frame()));
  for_each_frame(input, [&](int64_t s) {
    const PixelMap& map = input.scene.views[static_cast<size_t>(s)].map;
    const float* depth = input.depth_of(s);
    uint8_t* out = pixels.data() + s * input.per_frame();
    for (int64_t y = 0; y < input.height; ++y) {
      for (int64_t x = 0; x < input.width; ++x, ++depth) {
        *out++ = std::isfinite(*depth) && *depth > 0 && map.shows_picture(x, y);
      }
    }
  });
  return pixels;
}

void drop_hidden(const Input& input, Pixels& keep) {
  const bool* visible = input.mask.defined() ? input.mask.const_data_ptr<bool>() : nullptr;
  const float* confidence = input.confidence.const_data_ptr<float>();
  for (size_t i = 0; i < keep.size(); ++i) {
    keep[i] = keep[i] && std::isfinite(confidence[i]) && (!visible || visible[i]);
  }
}

// The value below which `percent` of the kept lie; by selection, for quantile() stops at 16 M.
float confidence_percentile(const Input& input, const Pixels& keep, double percent) {
  const float* confidence = input.confidence.const_data_ptr<float>();
  std::vector<float> values;
  values.reserve(static_cast<size_t>(std::count(keep.begin(), keep.end(), 1)));
  for (size_t i = 0; i < keep.size(); ++i) {
    if (keep[i]) values.push_back(confidence[i]);
  }
  return values.empty() ? 0 : percentile(values, percent);
}

void drop_below(const Input& input, float least, Pixels& keep) {
  const float* confidence = input.confidence.const_data_ptr<float>();
  for (size_t i = 0; i < keep.size(); ++i) keep[i] = keep[i] && confidence[i] >= least;
}

void drop_edges(const Input& input, const Pixels& surface, double ratio, Pixels& keep) {
  for_each_frame(input, [&](int64_t s) {
    const int64_t first = s * input.per_frame();
    const float* depth = input.depth_of(s);
    for (int64_t y = 0; y < input.height; ++y) {
      for (int64_t x = 0; x < input.width; ++x) {
        const int64_t i = y * input.width + x;
        if (!keep[static_cast<size_t>(first + i)]) continue;
        float low = depth[i];
        float high = depth[i];
        for (int64_t v = std::max<int64_t>(y - 1, 0); v < std::min(y + 2, input.height); ++v) {
          for (int64_t u = std::max<int64_t>(x - 1, 0); u < std::min(x + 2, input.width); ++u) {
            const int64_t j = v * input.width + u;
            if (!surface[static_cast<size_t>(first + j)]) continue;
            low = std::min(low, depth[j]);
            high = std::max(high, depth[j]);
          }
        }
        const double span = static_cast<double>(high) - static_cast<double>(low);
        if (span > ratio * static_cast<double>(depth[i])) keep[static_cast<size_t>(first + i)] = 0;
      }
    }
  });
}

// What is kept has a say; what it does not agree on goes.
void drop_inconsistent(const Input& input, const PointFilter& filter, Pixels& keep) {
  const at::Tensor sure =
      at::from_blob(keep.data(), {input.frames, input.height, input.width}, at::kByte)
          .to(at::kBool);
  const at::Tensor votes =
      agreement(input.scene, sure, {.depth_tolerance = filter.consistent_within});
  const int16_t* agreeing = votes.const_data_ptr<int16_t>();
  const int64_t needed = std::min(filter.consistent, input.frames - 1);
  for (size_t i = 0; i < keep.size(); ++i) keep[i] = keep[i] && agreeing[i] >= needed;
}

// How many pixels of each frame are kept.
std::vector<int64_t> counts_of(const Input& input, const Pixels& keep) {
  std::vector<int64_t> counts(static_cast<size_t>(input.frames));
  for_each_frame(input, [&](int64_t s) {
    const auto first = keep.begin() + s * input.per_frame();
    counts[static_cast<size_t>(s)] = std::count(first, first + input.per_frame(), 1);
  });
  return counts;
}

// ---- The maximum count ----

// How many of its points each photo keeps: the same for all, but what one lacks goes to the others.
std::vector<int64_t> fair_shares(const std::vector<int64_t>& counts, int64_t most) {
  std::vector<size_t> order(counts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(
      order.begin(), order.end(), [&](size_t a, size_t b) { return counts[a] < counts[b]; });
  std::vector<int64_t> shares(counts.size());
  for (size_t k = 0; k < order.size(); ++k) {
    const auto others = static_cast<int64_t>(order.size() - k);
    shares[order[k]] = std::min(counts[order[k]], most / others);
    most -= shares[order[k]];
  }
  return shares;
}

// Of `n` things in an order `share`, one from each of `share` equal runs; which one is drawn from
// the seed, for equal steps over rows of pixels would come out as stripes.
template <typename Keep>
void pick_evenly(int64_t n, int64_t share, uint64_t seed, const Keep& keep) {
  for (int64_t k = 0; k < share; ++k) {
    const int64_t begin = k * n / share;
    const int64_t end = (k + 1) * n / share;
    const uint64_t drawn = mixed(seed + static_cast<uint64_t>(k));
    keep(begin + static_cast<int64_t>(drawn % static_cast<uint64_t>(end - begin)));
  }
}

void thin_frame(const float* depth, int64_t share, uint64_t seed, uint8_t* keep, int64_t pixels) {
  constexpr int64_t kBins = 16;  // of equal count: enough that near, middle and far are there
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < pixels; ++i) {
    if (keep[i]) kept.push_back(i);
  }
  const auto n = static_cast<int64_t>(kept.size());
  if (share >= n) return;
  std::stable_sort(
      kept.begin(), kept.end(), [&](int64_t a, int64_t b) { return depth[a] < depth[b]; });
  std::fill_n(keep, pixels, uint8_t{0});
  for (int64_t bin = 0; bin < kBins; ++bin) {
    const int64_t begin = bin * n / kBins;
    const int64_t end = (bin + 1) * n / kBins;
    // In proportion to the bin, so that the sum is `share` and no bin gives more than it has.
    const int64_t of_bin = end * share / n - begin * share / n;
    std::sort(kept.begin() + begin, kept.begin() + end);  // back to the order of the picture
    pick_evenly(
        end - begin, of_bin, mixed(seed) + (static_cast<uint64_t>(bin) << 40), [&](int64_t k) {
          keep[kept[static_cast<size_t>(begin + k)]] = 1;
        });
  }
}

void thin(const Input& input, int64_t most, Pixels& keep) {
  const std::vector<int64_t> shares = fair_shares(counts_of(input, keep), most);
  for_each_frame(input, [&](int64_t s) {
    thin_frame(input.depth_of(s),
               shares[static_cast<size_t>(s)],
               static_cast<uint64_t>(s),
               keep.data() + s * input.per_frame(),
               input.per_frame());
  });
}

// ---- Pixels to points ----

// [H, W, 3] float
at::Tensor world_of(const Input& input, int64_t s) {
  // unproject() takes pixels by their indices, as the original does. A pixel shows what its centre
  // sees, half a pixel further: only so do points project onto the photo's pixels of their colour.
  Camera camera = input.scene.views[static_cast<size_t>(s)].camera;
  camera.cx_px -= 0.5;
  camera.cy_px -= 0.5;
  const CameraMatrices matrices = matrices_of(camera);
  return kernels::unproject(input.depth.slice(0, s, s + 1),
                            matrices.extrinsics.unsqueeze(0),
                            matrices.intrinsics.unsqueeze(0),
                            at::kFloat)
      .squeeze(0);
}

// The points of frame s, [H, W, 3], of which those beyond float32 are kept no more.
at::Tensor kept_world(const Input& input, int64_t s, uint8_t* kept) {
  at::Tensor world = world_of(input, s);
  const float* xyz = world.const_data_ptr<float>();
  for (int64_t i = 0; i < input.per_frame(); ++i, xyz += 3) {
    kept[i] = kept[i] && std::isfinite(xyz[0]) && std::isfinite(xyz[1]) && std::isfinite(xyz[2]);
  }
  return world;
}

std::array<uint8_t, 3> colour_of(const Input& input, int64_t s, int64_t i) {
  const float* value = input.images.const_data_ptr<float>() + 3 * s * input.per_frame() + i;
  std::array<uint8_t, 3> colour{};
  for (uint8_t& channel : colour) {
    channel = static_cast<uint8_t>(std::lround(std::clamp(*value, 0.0f, 1.0f) * 255));
    value += input.per_frame();
  }
  return colour;
}

// Where a frame's points go.
struct CloudWriter {
  explicit CloudWriter(const PointCloud& cloud)
      : position(cloud.position.mutable_data_ptr<float>()),
        colour(cloud.colour.mutable_data_ptr<uint8_t>()),
        confidence(cloud.confidence.mutable_data_ptr<float>()),
        frame(cloud.frame.mutable_data_ptr<int32_t>()),
        pixel(cloud.pixel.mutable_data_ptr<int32_t>()),
        normal(cloud.normal.defined() ? cloud.normal.mutable_data_ptr<float>() : nullptr) {}

  float* position;
  uint8_t* colour;
  float* confidence;
  int32_t* frame;
  int32_t* pixel;
  float* normal;
};

// Writes the kept pixels of frame s from the n-th point on.
void write_frame(const Input& input,
                 const Pixels& surface,
                 const uint8_t* keep,
                 const float* world,
                 int64_t s,
                 int64_t n,
                 const CloudWriter& to) {
  const SurfaceNormals surface_normals(world,
                                       input.depth_of(s),
                                       surface.data() + s * input.per_frame(),
                                       input.height,
                                       input.width,
                                       input.scene.views[static_cast<size_t>(s)].camera);
  for (int64_t i = 0; i < input.per_frame(); ++i) {
    if (!keep[i]) continue;
    std::copy_n(world + 3 * i, 3, to.position + 3 * n);
    const std::array<uint8_t, 3> rgb = colour_of(input, s, i);
    std::copy_n(rgb.data(), 3, to.colour + 3 * n);
    to.confidence[n] = input.confidence_of(s)[i];
    to.frame[n] = static_cast<int32_t>(s);
    to.pixel[2 * n] = static_cast<int32_t>(i % input.width);
    to.pixel[2 * n + 1] = static_cast<int32_t>(i / input.width);
    if (to.normal) {
      const std::array<float, 3> at_pixel = surface_normals.at(i % input.width, i / input.width);
      std::copy_n(at_pixel.data(), 3, to.normal + 3 * n);
    }
    ++n;
  }
}

PointCloud gather(const Input& input, const Pixels& surface, bool normals, Pixels& keep) {
  // Room for all that is kept so far; a frame that loses points beyond float32 leaves some of it.
  const std::vector<int64_t> room = counts_of(input, keep);
  std::vector<int64_t> begins(room.size());
  std::exclusive_scan(room.begin(), room.end(), begins.begin(), int64_t{0});
  const int64_t most = std::reduce(room.begin(), room.end());
  PointCloud cloud;
  cloud.position = at::empty({most, 3}, at::kFloat);
  cloud.colour = at::empty({most, 3}, at::kByte);
  cloud.confidence = at::empty({most}, at::kFloat);
  cloud.frame = at::empty({most}, at::kInt);
  cloud.pixel = at::empty({most, 2}, at::kInt);
  if (normals) cloud.normal = at::empty({most, 3}, at::kFloat);
  const CloudWriter writer(cloud);
  for_each_frame(input, [&](int64_t s) {
    if (room[static_cast<size_t>(s)] == 0) return;
    uint8_t* kept = keep.data() + s * input.per_frame();
    const at::Tensor world = kept_world(input, s, kept);
    write_frame(input,
                surface,
                kept,
                world.const_data_ptr<float>(),
                s,
                begins[static_cast<size_t>(s)],
                writer);
  });
  const std::vector<int64_t> counts = counts_of(input, keep);
  if (counts == room) return cloud;
  for (at::Tensor* tensor : {&cloud.position,
                             &cloud.colour,
                             &cloud.confidence,
                             &cloud.frame,
                             &cloud.pixel,
                             &cloud.normal}) {
    if (!tensor->defined()) continue;
    std::vector<at::Tensor> parts;
    for (size_t s = 0; s < counts.size(); ++s) {
      parts.push_back(tensor->slice(0, begins[s], begins[s] + counts[s]));
    }
    *tensor = at::cat(parts);
  }
  return cloud;
}

// One pixel per voxel stays.
std::vector<PointVoxels::Voxel> merge_voxels(const Input& input, double side, Pixels& keep) {
  PointVoxels voxels(side);
  for (int64_t s = 0; s < input.frames; ++s) {
    const int64_t first = s * input.per_frame();
    uint8_t* kept = keep.data() + first;
    const at::Tensor world = kept_world(input, s, kept);
    const float* xyz = world.const_data_ptr<float>();
    for (int64_t i = 0; i < input.per_frame(); ++i) {
      if (!kept[i]) continue;
      voxels.add(first + i, xyz + 3 * i, colour_of(input, s, i), input.confidence_of(s)[i]);
    }
  }
  std::vector<PointVoxels::Voxel> merged = voxels.by_source();
  std::fill(keep.begin(), keep.end(), uint8_t{0});
  for (const auto& voxel : merged) keep[static_cast<size_t>(voxel.source)] = 1;
  return merged;
}

void take_means(const std::vector<PointVoxels::Voxel>& voxels,
                const Input& input,
                PointCloud& cloud) {
  const int32_t* frame = cloud.frame.const_data_ptr<int32_t>();
  const int32_t* pixel = cloud.pixel.const_data_ptr<int32_t>();
  float* position = cloud.position.mutable_data_ptr<float>();
  uint8_t* colour = cloud.colour.mutable_data_ptr<uint8_t>();
  auto voxel = voxels.begin();
  for (int64_t n = 0; n < cloud.size(); ++n) {
    // Both are in the order of the pixels; voxels that the maximum count took away are passed by.
    const int64_t source =
        frame[n] * input.per_frame() + pixel[2 * n + 1] * input.width + pixel[2 * n];
    while (voxel->source < source) ++voxel;
    for (int k = 0; k < 3; ++k) {
      position[3 * n + k] = static_cast<float>(voxel->position_sum[k] / voxel->count);
      colour[3 * n + k] = static_cast<uint8_t>(std::lround(voxel->colour_sum[k] / voxel->count));
    }
  }
}

}  // namespace

void check(const PointFilter& filter) {
  const auto must = [](bool good, const char* field, const char* reason) {
    if (!good) throw ConfigError(field, reason);
  };
  must(filter.drop_percent >= 0 && filter.drop_percent < 100,
       "drop-percent",
       "must be at least 0 and below 100");
  must(filter.edge_ratio >= 0 && std::isfinite(filter.edge_ratio),
       "edges",
       "must be 0 (off) or a positive number");
  must(filter.consistent >= 0, "consistent", "must be 0 (off) or a number of photos");
  must(filter.consistent_within > 0 && filter.consistent_within < 1,
       "consistent-within",
       "must be above 0 and below 1");
  must(filter.voxel >= 0 && std::isfinite(filter.voxel),
       "voxel",
       "must be 0 (off) or a positive number");
  must(filter.max_points >= 0, "max-points", "must be 0 (all) or a positive number");
}

PointCloud make_points(const Reconstruction& reconstruction,
                       const PointFilter& filter,
                       const ProgressCallback& progress,
                       StageProgress::Seconds* seconds) {
  check(filter);
  StageProgress stage("points", 5, progress, seconds);
  const Input input = input_of(reconstruction);
  const Pixels surface = surface_pixels(input);
  stage.advance();
  Pixels keep = surface;
  drop_hidden(input, keep);
  const float least = confidence_percentile(input, keep, filter.drop_percent);
  if (filter.edge_ratio > 0) drop_edges(input, surface, filter.edge_ratio, keep);
  drop_below(input, least, keep);
  stage.advance();
  if (filter.consistent > 0) drop_inconsistent(input, filter, keep);
  stage.advance();
  std::vector<PointVoxels::Voxel> voxels;
  if (filter.voxel > 0) voxels = merge_voxels(input, filter.voxel, keep);
  stage.poll();
  if (filter.max_points > 0) thin(input, filter.max_points, keep);
  stage.advance();
  PointCloud cloud = gather(input, surface, filter.normals, keep);
  if (filter.voxel > 0) take_means(voxels, input, cloud);
  stage.advance();
  return cloud;
}

}  // namespace vggt
