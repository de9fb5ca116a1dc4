// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/point_filter.h"

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/plane_and_box.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace vggt {
namespace {

PixelMap whole(int64_t width, int64_t height) {
  PixelMap map;
  map.stored_width_px = map.network_width_px = width;
  map.stored_height_px = map.network_height_px = height;
  return map;
}

Reconstruction scene(int64_t views = 3) {
  const std::vector<PixelMap> maps(static_cast<size_t>(views), whole(98, 70));
  return PlaneAndBox(views).reconstruct(maps,
                                        std::vector<std::string>(static_cast<size_t>(views), "a"));
}

void expect_equal(const PointCloud& a, const PointCloud& b) {
  EXPECT_TRUE(at::equal(a.position, b.position));
  EXPECT_TRUE(at::equal(a.colour, b.colour));
  EXPECT_TRUE(at::equal(a.confidence, b.confidence));
  EXPECT_TRUE(at::equal(a.frame, b.frame));
  EXPECT_TRUE(at::equal(a.pixel, b.pixel));
}

// [N] index into [S, H, W]
at::Tensor pixel_index(const PointCloud& cloud, const Reconstruction& scene) {
  const int64_t height = scene.depth.size(1);
  const int64_t width = scene.depth.size(2);
  return (cloud.frame.to(at::kLong) * height + cloud.pixel.select(1, 1)) * width +
         cloud.pixel.select(1, 0);
}

// A surface with depth z(x, y) seen by one camera, 40 x 30 pixels at 50 px.
template <typename Depth>
Reconstruction one_view(const Depth& depth) {
  Reconstruction result;
  View view = {.name = "a", .map = whole(40, 30)};
  view.camera = {
      .width_px = 40, .height_px = 30, .fx_px = 50, .fy_px = 50, .cx_px = 20, .cy_px = 15};
  result.views = {view};
  result.images = at::full({1, 3, 30, 40}, 0.5);
  result.depth = at::empty({1, 30, 40}, at::kFloat);
  for (int64_t y = 0; y < 30; ++y) {
    for (int64_t x = 0; x < 40; ++x) result.depth[0][y][x] = static_cast<float>(depth(x, y));
  }
  result.confidence = at::ones({1, 30, 40});
  return result;
}

TEST(PointFilter, PutsEveryPixelWhereItIsSeen) {
  const Reconstruction with_points = scene();
  // Made apart from make_points, and without the sky.
  const PointCloud& expected = with_points.points;
  Reconstruction without_sky = with_points;
  without_sky.depth = at::where(with_points.depth < 30, with_points.depth, 0.0f);
  const PointCloud cloud = make_points(without_sky, {.drop_percent = 0});
  ASSERT_EQ(cloud.size(), expected.size());
  EXPECT_TRUE(at::allclose(cloud.position, expected.position, 1e-5, 1e-6));
  EXPECT_TRUE(at::equal(cloud.colour, expected.colour));
  EXPECT_TRUE(at::equal(cloud.confidence, expected.confidence));
  EXPECT_TRUE(at::equal(cloud.frame, expected.frame));
  EXPECT_TRUE(at::equal(cloud.pixel, expected.pixel));
  EXPECT_FALSE(cloud.normal.defined());
}

TEST(PointFilter, DropsThePixelsOfLowestConfidence) {
  Reconstruction reconstruction = scene();
  reconstruction.confidence = 1 + at::arange(3 * 70 * 98, at::kFloat).view({3, 70, 98});
  const PointCloud cloud = make_points(reconstruction, {.drop_percent = 25});
  const int64_t all = 3 * 70 * 98;
  EXPECT_NEAR(static_cast<double>(cloud.size()), 0.75 * static_cast<double>(all), 1);
  EXPECT_EQ(cloud.confidence.min().item<float>(), static_cast<float>(all - cloud.size() + 1));
}

TEST(PointFilter, LeavesOutWhatHasNoDepthOrConfidence) {
  Reconstruction reconstruction = scene();
  const auto nan = std::numeric_limits<float>::quiet_NaN();
  const auto infinity = std::numeric_limits<float>::infinity();
  reconstruction.depth[0][1][2] = nan;
  reconstruction.depth[1][1][2] = infinity;
  reconstruction.depth[1][1][3] = 0;
  reconstruction.depth[1][1][4] = -1;
  reconstruction.depth[1][1][5] = 3e38;  // finite, but its point is not
  reconstruction.confidence[2][1][2] = nan;
  const PointCloud cloud = make_points(reconstruction, {.drop_percent = 0, .normals = true});
  EXPECT_LE(cloud.size(), 3 * 70 * 98 - 5);
  EXPECT_GE(cloud.size(), 3 * 70 * 98 - 6);
  EXPECT_TRUE(cloud.position.isfinite().all().item<bool>());
  EXPECT_TRUE(cloud.confidence.isfinite().all().item<bool>());
  EXPECT_EQ(cloud.normal.size(0), cloud.size());
}

TEST(PointFilter, HidesWhatTheMaskHidesFromPointsAndStatistics) {
  Reconstruction reconstruction = scene();
  reconstruction.mask = at::ones({3, 70, 98}, at::kBool);
  reconstruction.mask[1].slice(0, 10, 40).fill_(false);
  reconstruction.confidence = 1 + at::arange(3 * 70 * 98, at::kFloat).view({3, 70, 98});
  reconstruction.confidence[1].slice(0, 10, 40).fill_(1e6f);  // would shift the percentile
  const PointCloud cloud = make_points(reconstruction, {.drop_percent = 20});
  const auto visible = static_cast<double>(3 * 70 * 98 - 30 * 98);
  EXPECT_NEAR(static_cast<double>(cloud.size()), 0.8 * visible, 0.02 * visible);
  EXPECT_LT(cloud.confidence.max().item<float>(), 1e6f);
  reconstruction.mask.fill_(false);
  EXPECT_EQ(make_points(reconstruction, {}).size(), 0);
}

TEST(PointFilter, LeavesOutDepthEdgesAndNothingElse) {
  // A step from 2 to 2.1 between columns 19 and 20.
  const Reconstruction step = one_view([](int64_t x, int64_t) { return x < 20 ? 2 : 2.1; });
  const auto columns = [&](double ratio) {
    const PointCloud cloud = make_points(step, {.drop_percent = 0, .edge_ratio = ratio});
    std::set<int> columns;
    for (int64_t i = 0; i < cloud.size(); ++i) columns.insert(cloud.pixel[i][0].item<int>());
    EXPECT_EQ(cloud.size(), static_cast<int64_t>(columns.size()) * 30);
    return columns;
  };
  const std::set<int> kept = columns(0.03);
  EXPECT_EQ(kept.size(), 38u);
  EXPECT_FALSE(kept.contains(19) || kept.contains(20));
  // 0.1 is 5 % of 2 and less than 4.9 % of 2.1.
  EXPECT_EQ(columns(0.049).size(), 39u);
  EXPECT_EQ(columns(0.051).size(), 40u);
  EXPECT_EQ(columns(0).size(), 40u);
}

TEST(PointFilter, ANeighbourWithoutDepthMakesNoEdge) {
  Reconstruction flat = one_view([](int64_t, int64_t) { return 2; });
  flat.depth[0][5][5] = 0;
  flat.depth[0][5][9] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(make_points(flat, {.drop_percent = 0, .edge_ratio = 0.01}).size(), 30 * 40 - 2);
}

TEST(PointFilter, KeepsAtMostTheMaximumCount) {
  const Reconstruction reconstruction = scene();
  for (const int64_t most : {1, 2, 7, 100, 5000, 15000}) {
    const PointCloud cloud = make_points(reconstruction, {.drop_percent = 0, .max_points = most});
    EXPECT_EQ(cloud.size(), most);
    const at::Tensor index = pixel_index(cloud, reconstruction);
    EXPECT_TRUE((index.slice(0, 1) > index.slice(0, 0, -1)).all().item<bool>()) << "in order";
  }
  const PointCloud all = make_points(reconstruction, {.drop_percent = 0});
  expect_equal(make_points(reconstruction, {.drop_percent = 0, .max_points = 1 << 30}), all);
}

TEST(PointFilter, TheMaximumCountIsSharedFairlyByThePhotos) {
  Reconstruction reconstruction = scene();
  reconstruction.mask = at::ones({3, 70, 98}, at::kBool);
  reconstruction.mask[1].fill_(false);
  reconstruction.mask[1][0].slice(0, 0, 50).fill_(true);  // 50 pixels are left
  const PointCloud cloud = make_points(reconstruction, {.drop_percent = 0, .max_points = 1050});
  const at::Tensor counts = at::bincount(cloud.frame);
  EXPECT_EQ(counts[0].item<int>(), 500);
  EXPECT_EQ(counts[1].item<int>(), 50);
  EXPECT_EQ(counts[2].item<int>(), 500);
}

TEST(PointFilter, TheMaximumCountIsSpreadOverDepthAndPicture) {
  const Reconstruction reconstruction = scene(1);
  const int64_t most = 480;
  const PointCloud cloud = make_points(reconstruction, {.drop_percent = 0, .max_points = most});
  // Of every sixteenth of the depths one sixteenth of the points.
  const at::Tensor sorted = std::get<0>(reconstruction.depth.flatten().sort());
  const at::Tensor kept =
      reconstruction.depth.flatten().index_select(0, pixel_index(cloud, reconstruction));
  for (int64_t bin = 1; bin < 16; ++bin) {
    const float bound = sorted[bin * sorted.numel() / 16].item<float>();
    const auto nearer = static_cast<double>((kept < bound).sum().item<int64_t>());
    const auto share = (sorted < bound).to(at::kDouble).mean().item<double>();
    EXPECT_NEAR(nearer, share * most, 16) << bin;
  }
  // And of every part of the picture about its share: 7 x 7 tiles of 140 pixels.
  const at::Tensor tile =
      cloud.pixel.select(1, 1).div(10, "floor") * 7 + cloud.pixel.select(1, 0).div(14, "floor");
  const at::Tensor counts = at::bincount(tile, {}, 49);
  EXPECT_GT(counts.min().item<int>(), 2);
  EXPECT_LT(counts.max().item<int>(), 25);
}

TEST(PointFilter, EqualInputsGiveEqualPointsWithAnyNumberOfThreads) {
  const Reconstruction reconstruction = scene();
  const PointFilter filter = {
      .edge_ratio = 0.03, .voxel = 0.02, .max_points = 3000, .normals = true};
  const PointCloud first = make_points(reconstruction, filter);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const PointCloud second = make_points(reconstruction, filter);
  at::set_num_threads(threads);
  expect_equal(first, second);
  EXPECT_TRUE(at::equal(first.normal, second.normal));
}

// By brute force, with cells as text.
TEST(PointFilter, AVoxelKeepsMeanPositionAndColourAndItsMostConfidentPixel) {
  const Reconstruction reconstruction = scene(2);
  const double side = 0.1;
  const PointCloud all = make_points(reconstruction, {.drop_percent = 0});
  std::map<std::tuple<double, double, double>, std::vector<int64_t>> cells;
  for (int64_t i = 0; i < all.size(); ++i) {
    const auto cell = [&](int64_t k) {
      return std::floor(static_cast<double>(all.position[i][k].item<float>()) / side);
    };
    cells[{cell(0), cell(1), cell(2)}].push_back(i);
  }
  std::map<int64_t, std::vector<int64_t>> by_source;
  for (const auto& [cell, members] : cells) {
    const int64_t best =
        *std::max_element(members.begin(), members.end(), [&](int64_t a, int64_t b) {
          return all.confidence[a].item<float>() < all.confidence[b].item<float>();
        });
    by_source[best] = members;
  }
  const PointCloud cloud = make_points(reconstruction, {.drop_percent = 0, .voxel = side});
  ASSERT_EQ(cloud.size(), static_cast<int64_t>(cells.size()));
  ASSERT_LT(cloud.size(), all.size() / 2);
  int64_t n = 0;
  for (const auto& [source, members] : by_source) {
    EXPECT_EQ(cloud.frame[n].item<int>(), all.frame[source].item<int>());
    EXPECT_TRUE(at::equal(cloud.pixel[n], all.pixel[source]));
    EXPECT_EQ(cloud.confidence[n].item<float>(), all.confidence[source].item<float>());
    const at::Tensor index = at::tensor(members, at::kLong);
    const at::Tensor position = all.position.to(at::kDouble).index_select(0, index).mean(0);
    EXPECT_TRUE(at::allclose(cloud.position[n].to(at::kDouble), position, 1e-6, 1e-7));
    const at::Tensor colour = all.colour.to(at::kDouble).index_select(0, index).mean(0);
    EXPECT_LE((cloud.colour[n].to(at::kDouble) - colour).abs().max().item<double>(), 0.5);
    ++n;
  }
}

TEST(PointFilter, TheMaximumCountOfVoxelsKeepsTheirMeans) {
  const Reconstruction reconstruction = scene(2);
  const PointCloud all = make_points(reconstruction, {.voxel = 0.1});
  const PointCloud some = make_points(reconstruction, {.voxel = 0.1, .max_points = 100});
  ASSERT_EQ(some.size(), 100);
  const at::Tensor rows =
      at::searchsorted(pixel_index(all, reconstruction), pixel_index(some, reconstruction));
  EXPECT_TRUE(at::equal(all.position.index_select(0, rows), some.position));
  EXPECT_TRUE(at::equal(all.colour.index_select(0, rows), some.colour));
}

TEST(PointFilter, NormalsAreThoseOfTheSurface) {
  // The plane n * p = d, seen from the origin: depth d / (n * ray).
  const double length = std::sqrt(0.3 * 0.3 + 0.5 * 0.5 + 1);
  const double n[] = {0.3 / length, 0.5 / length, -1 / length};
  const Reconstruction plane = one_view([&](int64_t x, int64_t y) {
    const double u = (static_cast<double>(x) + 0.5 - 20) / 50;
    const double v = (static_cast<double>(y) + 0.5 - 15) / 50;
    return -2 / (n[0] * u + n[1] * v + n[2]);
  });
  const PointCloud cloud = make_points(plane, {.drop_percent = 0, .normals = true});
  ASSERT_EQ(cloud.normal.sizes(), cloud.position.sizes());
  // Towards the camera: the plane's own normal points there, n * (0 - p) = 2 > 0.
  const at::Tensor expected = at::tensor({n[0], n[1], n[2]}, at::kFloat);
  EXPECT_LT((cloud.normal - expected).abs().max().item<double>(), 1e-4);
}

TEST(PointFilter, NormalsDoNotReachAcrossAnEdge) {
  const Reconstruction step = one_view([](int64_t x, int64_t) { return x < 20 ? 2 : 4; });
  const PointCloud cloud = make_points(step, {.drop_percent = 0, .normals = true});
  const at::Tensor expected = at::tensor({0.0f, 0.0f, -1.0f});
  EXPECT_LT((cloud.normal - expected).abs().max().item<double>(), 1e-4);
}

TEST(PointFilter, APixelWithoutNeighboursFacesItsCamera) {
  Reconstruction lonely = one_view([](int64_t x, int64_t y) { return x == 30 && y == 5 ? 3 : 0; });
  const PointCloud cloud = make_points(lonely, {.drop_percent = 0, .normals = true});
  ASSERT_EQ(cloud.size(), 1);
  const at::Tensor towards = -cloud.position / cloud.position.norm();
  EXPECT_LT((cloud.normal - towards).abs().max().item<double>(), 1e-6);
}

// In any world: turned and moved with it.
TEST(PointFilter, NormalsAreUnitAndFaceTheirCameras) {
  const Reconstruction reconstruction = scene();
  const PointCloud cloud = make_points(reconstruction, {.drop_percent = 0, .normals = true});
  EXPECT_LT((cloud.normal.norm(2, {1}) - 1).abs().max().item<double>(), 1e-5);
  std::vector<double> centres;
  for (const View& view : reconstruction.views) {
    const auto centre = view.camera.centre_in_world();
    centres.insert(centres.end(), centre.begin(), centre.end());
  }
  const at::Tensor centre =
      at::tensor(centres, at::kFloat).view({3, 3}).index_select(0, cloud.frame.to(at::kLong));
  const at::Tensor towards = ((centre - cloud.position) * cloud.normal).sum(1);
  EXPECT_GT(towards.min().item<double>(), 0);
}

TEST(PointFilter, RefusesOptionsOutOfRange) {
  const Reconstruction reconstruction = scene(1);
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  const auto error_for = [&](const PointFilter& filter) {
    return message_of<ConfigError>([&] { make_points(reconstruction, filter); });
  };
  const auto expect = [](const std::string& message, const char* field) {
    EXPECT_EQ(message.rfind(field, 0), 0u) << message;
  };
  for (const double percent : {-1.0, 100.0, nan}) {
    expect(error_for({.drop_percent = percent}), "drop-percent");
  }
  for (const double value : {-1.0, nan, std::numeric_limits<double>::infinity()}) {
    expect(error_for({.edge_ratio = value}), "edges");
    expect(error_for({.voxel = value}), "voxel");
  }
  expect(error_for({.max_points = -1}), "max-points");
  expect(error_for({.voxel = 1e-30}), "voxel");
}

}  // namespace
}  // namespace vggt
