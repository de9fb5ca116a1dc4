// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/sample.h"

#include "src/base/error.h"
#include "tests/support/message_of.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <gmock/gmock.h>

#include <cmath>

namespace vggt::synthetic {
namespace {

using ::testing::HasSubstr;

const Textures& textures() {
  static const Textures drawn = make_textures({.seed = 7, .count = 20, .size_px = 64});
  return drawn;
}

constexpr SceneKind kKinds[] = {
    SceneKind::kRoom, SceneKind::kObject, SceneKind::kStreet, SceneKind::kCorridor};
constexpr RigKind kRigs[] = {
    RigKind::kOrbit, RigKind::kWalk, RigKind::kSparse, RigKind::kTurn, RigKind::kDrive};

TEST(Sample, HasPicturesAndTruthOfItsSize) {
  // Odd sizes, no multiples of anything.
  const Sample sample =
      make_sample({.frames = 3, .width_px = 61, .height_px = 47, .tracks = 5}, textures(), 1);
  EXPECT_EQ(sample.linear.sizes(), (std::vector<int64_t>{3, 3, 47, 61}));
  EXPECT_EQ(sample.depth.sizes(), (std::vector<int64_t>{3, 47, 61}));
  EXPECT_EQ(sample.normal.sizes(), (std::vector<int64_t>{3, 3, 47, 61}));
  EXPECT_TRUE(at::equal(sample.mask, sample.depth.gt(0)));
  EXPECT_TRUE(at::isfinite(sample.linear).all().item<bool>());
  ASSERT_EQ(sample.cameras.size(), 3u);
  for (const Camera& camera : sample.cameras) {
    EXPECT_EQ(camera.width_px, 61);
    EXPECT_EQ(camera.cx_px, 30.5);
    EXPECT_EQ(camera.cy_px, 23.5);
  }
  EXPECT_EQ(sample.tracks.pixels.sizes(), (std::vector<int64_t>{3, 5, 2}));
}

TEST(Sample, MayHaveOneView) {
  const Sample sample = make_sample({.frames = 1, .width_px = 20, .height_px = 30}, textures(), 3);
  EXPECT_EQ(sample.cameras.size(), 1u);
  EXPECT_GT(sample.mask.to(at::kFloat).mean().item<double>(), 0.3);
}

// What a pixel shows in one frame is, where another frame sees it, at the projected place and
// depth.
TEST(Sample, FramesAgreeOnWhereThingsAre) {
  for (const SceneKind kind : kKinds) {
    const int64_t size = 48;
    const Sample sample =
        make_sample({.kind = kind, .frames = 3, .width_px = size, .height_px = size, .tracks = 400},
                    textures(),
                    11);
    const auto points = sample.tracks.points.accessor<double, 2>();
    const auto pixels = sample.tracks.pixels.accessor<float, 3>();
    const auto visible = sample.tracks.visible.accessor<bool, 2>();
    const auto depth = sample.depth.accessor<float, 3>();
    int64_t seen = 0;
    int64_t near = 0;
    for (int64_t frame = 0; frame < 3; ++frame) {
      const Camera& camera = sample.cameras[static_cast<size_t>(frame)];
      for (int64_t i = 0; i < 400; ++i) {
        double in_cam[3];
        for (size_t row = 0; row < 3; ++row) {
          in_cam[row] = camera.translation[row];
          for (int64_t k = 0; k < 3; ++k) {
            in_cam[row] += camera.rotation[3 * row + static_cast<size_t>(k)] * points[i][k];
          }
        }
        if (!visible[frame][i]) continue;
        const double x = camera.fx_px * in_cam[0] / in_cam[2] + camera.cx_px;
        const double y = camera.fy_px * in_cam[1] / in_cam[2] + camera.cy_px;
        // float32 of some tens of pixels.
        EXPECT_NEAR(pixels[frame][i][0], x, 1e-4);
        EXPECT_NEAR(pixels[frame][i][1], y, 1e-4);
        const double there = depth[frame][static_cast<int64_t>(y)][static_cast<int64_t>(x)];
        ++seen;
        near += std::abs(there - in_cam[2]) < 0.1 * in_cam[2] ? 1 : 0;
      }
    }
    // All 400 in their own frame, and some in the others.
    EXPECT_GT(seen, 500) << name_of(kind);
    // The pixel's centre is up to 0.7 px beside the point: at outlines it may show something else.
    EXPECT_GT(static_cast<double>(near), 0.93 * static_cast<double>(seen)) << name_of(kind);
  }
}

TEST(Sample, EveryPointIsVisibleWhereItWasChosen) {
  const Sample sample =
      make_sample({.frames = 2, .width_px = 64, .height_px = 64, .tracks = 300}, textures(), 5);
  const at::Tensor own = sample.tracks.visible[0];
  // A point at an outline, to a hair: few.
  EXPECT_GE(own.sum().item<int64_t>(), 298);
  const at::Tensor fraction = sample.tracks.pixels[0] - sample.tracks.pixels[0].floor();
  EXPECT_LT((fraction - 0.5).abs().max().item<double>(), 1e-3);
}

TEST(Sample, KeepsTheMinimumOverlap) {
  uint64_t seed = 20;
  for (const SceneKind kind : kKinds) {
    for (const RigKind rig : kRigs) {
      const SampleOptions options = {.kind = kind,
                                     .rig = rig,
                                     .frames = 4,
                                     .width_px = 32,
                                     .height_px = 24,
                                     .spread = 2,
                                     .min_overlap = 0.5};
      const Sample sample = make_sample(options, textures(), seed++);
      // By the depth maps this time: the share of pixels of i that j shows, the larger of its
      // pairs.
      const auto depth = sample.depth.accessor<float, 3>();
      for (size_t i = 0; i < 4; ++i) {
        double best = 0;
        for (size_t j = 0; j < 4; ++j) {
          if (i == j) continue;
          const Camera& a = sample.cameras[i];
          const Camera& b = sample.cameras[j];
          const auto centre = a.centre_in_world();
          int64_t all = 0;
          int64_t both = 0;
          for (int64_t y = 0; y < 24; ++y) {
            for (int64_t x = 0; x < 32; ++x) {
              const double z = depth[static_cast<int64_t>(i)][y][x];
              if (z == 0) continue;
              ++all;
              const double ray[3] = {z * (static_cast<double>(x) + 0.5 - a.cx_px) / a.fx_px,
                                     z * (static_cast<double>(y) + 0.5 - a.cy_px) / a.fy_px,
                                     z};
              double p[3];
              for (size_t row = 0; row < 3; ++row) {
                p[row] = b.translation[row];
                for (size_t k = 0; k < 3; ++k) {
                  double world = centre[k];
                  for (size_t m = 0; m < 3; ++m) world += a.rotation[3 * m + k] * ray[m];
                  p[row] += b.rotation[3 * row + k] * world;
                }
              }
              if (p[2] <= 0) continue;
              const double u = b.fx_px * p[0] / p[2] + b.cx_px;
              const double v = b.fy_px * p[1] / p[2] + b.cy_px;
              if (u < 0 || v < 0 || u >= 32 || v >= 24) continue;
              const double there =
                  depth[static_cast<int64_t>(j)][static_cast<int64_t>(v)][static_cast<int64_t>(u)];
              both += std::abs(there - p[2]) < 0.15 * p[2] ? 1 : 0;
            }
          }
          best = std::max(best, static_cast<double>(both) / static_cast<double>(all));
        }
        // Measured on other rays and by coarse maps, so a little may be missing.
        EXPECT_GT(best, 0.42) << name_of(kind) << " " << name_of(rig) << " view " << i;
      }
    }
  }
}

TEST(Sample, RigsMoveAsTheyAreCalled) {
  const auto centres = [&](RigKind rig) {
    const Sample sample = make_sample(
        {.kind = SceneKind::kRoom, .rig = rig, .frames = 4, .width_px = 32, .height_px = 32},
        textures(),
        31);
    double farthest = 0;
    for (const Camera& camera : sample.cameras) {
      const auto a = camera.centre_in_world();
      const auto b = sample.cameras[0].centre_in_world();
      farthest = std::max(farthest, length(Vector(a) - Vector(b)));
    }
    return farthest;
  };
  EXPECT_LT(centres(RigKind::kTurn), 1e-12);
  EXPECT_GT(centres(RigKind::kOrbit), 0.1);
  EXPECT_GT(centres(RigKind::kSparse), 0.1);
}

TEST(Sample, RotationsAreOrthonormal) {
  const Sample sample = make_sample({.frames = 6, .width_px = 16, .height_px = 16}, textures(), 77);
  for (const Camera& camera : sample.cameras) {
    for (size_t a = 0; a < 3; ++a) {
      for (size_t b = 0; b < 3; ++b) {
        double product = 0;
        for (size_t k = 0; k < 3; ++k) {
          product += camera.rotation[3 * a + k] * camera.rotation[3 * b + k];
        }
        EXPECT_NEAR(product, a == b ? 1 : 0, 1e-14);
      }
    }
  }
}

// A normal turned to its camera: n . (place) < 0 wherever there is a surface.
TEST(Sample, NormalsLookAtTheCamera) {
  const Sample sample = make_sample({.frames = 2, .width_px = 40, .height_px = 40}, textures(), 13);
  for (int64_t view = 0; view < 2; ++view) {
    const Camera& camera = sample.cameras[static_cast<size_t>(view)];
    const at::Tensor x = (at::arange(40, at::kFloat) + 0.5 - camera.cx_px) / camera.fx_px;
    const at::Tensor y = (at::arange(40, at::kFloat) + 0.5 - camera.cy_px) / camera.fy_px;
    const at::Tensor n = sample.normal[view];
    const at::Tensor facing = n[0] * x + n[1] * y.unsqueeze(1) + n[2];
    const at::Tensor there = sample.mask[view];
    EXPECT_EQ(facing.gt(1e-5).logical_and(there).sum().item<int64_t>(), 0);
    EXPECT_LT((n.norm(2, 0) - 1).abs().masked_select(there).max().item<double>(), 1e-5);
  }
}

TEST(Sample, TheSameSeedGivesTheSameBytes) {
  const SampleOptions options = {.frames = 3, .width_px = 40, .height_px = 30, .tracks = 10};
  const int threads = at::get_num_threads();
  const Sample a = make_sample(options, textures(), 42);
  at::set_num_threads(1);
  const Textures again = make_textures({.seed = 7, .count = 20, .size_px = 64});
  const Sample b = make_sample(options, again, 42);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(textures().atlas, again.atlas));
  EXPECT_TRUE(at::equal(a.linear, b.linear));
  EXPECT_TRUE(at::equal(a.depth, b.depth));
  EXPECT_TRUE(at::equal(a.tracks.pixels, b.tracks.pixels));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(a.cameras[i].rotation, b.cameras[i].rotation);
    EXPECT_EQ(a.cameras[i].translation, b.cameras[i].translation);
  }
  const Sample other = make_sample(options, textures(), 43);
  EXPECT_FALSE(at::equal(a.depth, other.depth));
}

// The bytes themselves, so that a machine, compiler or option that gives others is noticed. Who
// means to change scenes, writes down the new ones.
TEST(Sample, IsTheSameEverywhere) {
  const auto hash_of = [](const at::Tensor& values) {
    const auto* words = static_cast<const uint32_t*>(values.const_data_ptr());
    uint64_t hash = 1469598103934665603ULL;  // FNV-1a
    for (int64_t i = 0; i < values.numel(); ++i) hash = (hash ^ words[i]) * 1099511628211ULL;
    return hash;
  };
  EXPECT_EQ(hash_of(textures().atlas), 0x4ac62a8878bab5bfULL);
  const uint64_t expected[] = {
      0xa1751eed2d84b4dcULL, 0xe9f54f4ad6ba4a64ULL, 0xaabd2306bda877e2ULL, 0x6e7c9f7580dff179ULL};
  for (size_t i = 0; i < std::size(kKinds); ++i) {
    const Sample sample = make_sample(
        {.kind = kKinds[i], .frames = 2, .width_px = 40, .height_px = 30}, textures(), 17);
    EXPECT_EQ(hash_of(sample.linear) ^ hash_of(sample.depth) << 1 ^ hash_of(sample.normal) << 2,
              expected[i])
        << name_of(kKinds[i]);
  }
}

TEST(Sample, NamesBadOptions) {
  const auto message = [](const SampleOptions& options) {
    return message_of<ConfigError>([&] { make_sample(options, textures(), 1); });
  };
  EXPECT_THAT(message({.frames = 0}), HasSubstr("frames: 0"));
  EXPECT_THAT(message({.width_px = 0}), HasSubstr("width_px: 0"));
  EXPECT_THAT(message({.height_px = -4}), HasSubstr("height_px: -4"));
  EXPECT_THAT(message({.fov_min_deg = 90}), HasSubstr("fov_min_deg"));
  EXPECT_THAT(message({.spread = 0}), HasSubstr("spread: 0"));
  EXPECT_THAT(message({.min_overlap = 1.5}), HasSubstr("min_overlap: 1.5"));
  EXPECT_THAT(message({.tracks = -1}), HasSubstr("tracks: -1"));
  EXPECT_THAT(message_of<ConfigError>([] { scene_kind("moon"); }), HasSubstr("kind: 'moon'"));
  EXPECT_THAT(message_of<ConfigError>([] { rig_kind("drone"); }), HasSubstr("rig: 'drone'"));
}

}  // namespace
}  // namespace vggt::synthetic
