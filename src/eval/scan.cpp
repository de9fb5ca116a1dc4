// SPDX-License-Identifier: Apache-2.0
#include "src/eval/scan.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "src/base/error.h"
#include "src/eval/nearest_points.h"
#include "src/eval/trajectory_metrics.h"
#include "src/geometry/rigid.h"
#include "src/io/binary_file.h"
#include "src/io/json_file.h"
#include "src/pipeline/point_filter.h"

namespace vggt::eval {
namespace {

constexpr uint64_t kSeed = 33;

template <class T>
double value_at(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(value));
  return static_cast<double>(value);
}

struct PlyType {
  uint64_t bytes;
  double (*read)(const char*);  // null: not for coordinates
};

// Each type has two names.
const std::map<std::string, PlyType> kPlyTypes = {{"char", {1, nullptr}},
                                                  {"int8", {1, nullptr}},
                                                  {"uchar", {1, nullptr}},
                                                  {"uint8", {1, nullptr}},
                                                  {"short", {2, nullptr}},
                                                  {"int16", {2, nullptr}},
                                                  {"ushort", {2, nullptr}},
                                                  {"uint16", {2, nullptr}},
                                                  {"int", {4, nullptr}},
                                                  {"int32", {4, nullptr}},
                                                  {"uint", {4, nullptr}},
                                                  {"uint32", {4, nullptr}},
                                                  {"float", {4, value_at<float>}},
                                                  {"float32", {4, value_at<float>}},
                                                  {"double", {8, value_at<double>}},
                                                  {"float64", {8, value_at<double>}}};

// How the vertices, the first element, lie in the file.
struct PlyLayout {
  int64_t vertices = 0;
  uint64_t stride = 0;
  std::array<uint64_t, 3> offset = {};
  std::array<double (*)(const char*), 3> read = {};
};

PlyLayout read_ply_header(BinaryReader& file) {
  constexpr uint64_t kLongestLine = 1024;
  PlyLayout layout;
  int elements = 0;
  const auto fail = [&](const std::string& why) { throw IoError(file.path(), why); };
  if (file.text_until('\n', kLongestLine, "the first line").rfind("ply", 0) != 0) fail("is no PLY");
  for (;;) {
    std::istringstream line(file.text_until('\n', kLongestLine, "the header"));
    std::string word;
    std::string type;
    std::string name;
    line >> word >> type >> name;
    if (word == "end_header") break;
    if (word == "format" && type != "binary_little_endian")
      fail("is " + type + ", not binary_little_endian");
    if (word == "element") {
      if (++elements == 1 && type != "vertex") fail("does not begin with vertices");
      if (elements == 1) layout.vertices = std::atoll(name.c_str());
    }
    if (word != "property" || elements != 1) continue;
    const auto found = kPlyTypes.find(type);
    if (found == kPlyTypes.end()) fail("has vertices with a property of type '" + type + "'");
    if (name.size() == 1 && name[0] >= 'x' && name[0] <= 'z') {
      const auto axis = static_cast<size_t>(name[0] - 'x');
      layout.offset[axis] = layout.stride;
      layout.read[axis] = found->second.read;
    }
    layout.stride += found->second.bytes;
  }
  if (!layout.read[0] || !layout.read[1] || !layout.read[2]) fail("has no vertices x, y, z");
  if (layout.vertices < 1) fail("has no vertices");
  return layout;
}

// The first camera onto the true one, then box onto box.
Similarity by_boxes(const at::Tensor& points,
                    const Camera& predicted,
                    const Camera& truth,
                    const at::Tensor& scan) {
  const Rigid move = inverse(cam_from_world(truth)) * cam_from_world(predicted);
  const at::Tensor moved = Similarity{1, move.rotation, move.translation}.apply(points);
  const auto box = [](const at::Tensor& cloud) {
    const at::Tensor low = std::get<0>(cloud.min(0));
    const at::Tensor high = std::get<0>(cloud.max(0));
    return std::pair((low + high) / 2, (high - low).norm().item<double>());
  };
  const auto [from, from_size] = box(moved);
  const auto [to, to_size] = box(scan);
  const double scale = from_size > 0 ? to_size / from_size : 1;
  Similarity result{scale, move.rotation, {}};
  for (int k = 0; k < 3; ++k) {
    result.translation[k] =
        scale * (move.translation[k] - from[k].item<double>()) + to[k].item<double>();
  }
  return result;
}

Similarity by_cameras(const Reconstruction& predicted,
                      std::span<const Camera> truth,
                      const Similarity& scan_from_world) {
  std::vector<Camera> cameras;
  for (const View& view : predicted.views) cameras.push_back(view.map.stored_camera(view.camera));
  return align_points(centres_of(cameras), scan_from_world.apply(centres_of(truth)), true)
      .similarity;
}

PointScores score_like_scannet(const at::Tensor& points, const Scan& scan, int64_t most_points) {
  const double voxel = 0.05 * scan.units_per_metre;
  return score_points(voxel_means(draw_points(points, most_points, kSeed), voxel),
                      voxel_means(draw_points(scan.points, most_points, kSeed), voxel),
                      {.clip = 0.5 * scan.units_per_metre, .normals = false});
}

std::optional<PointScores> score_like_tanks(const at::Tensor& points,
                                            Similarity scan_from_points,
                                            const Scan& scan) {
  const auto inside = [&](const at::Tensor& cloud, double voxel) {
    const at::Tensor kept = scan.crop ? cropped(cloud, *scan.crop) : cloud;
    return kept.size(0) > 0 ? voxel_means(kept, voxel) : kept;
  };
  struct Stage {
    double voxel;
    double farthest;
  };
  const double d = scan.f_distance;
  at::Tensor moved = scan_from_points.apply(points);
  for (const Stage& stage : {Stage{d, 80 * d}, {d / 2, 20 * d}, {d / 2, 2 * d}}) {
    const at::Tensor p = inside(moved, stage.voxel);
    const at::Tensor g = inside(scan.points, stage.voxel);
    if (p.size(0) == 0 || g.size(0) == 0) return std::nullopt;
    moved = refine_by_icp(p, g, {.farthest = stage.farthest, .most_steps = 20, .with_scale = true})
                .apply(moved);
  }
  const at::Tensor p = inside(moved, d / 2);
  if (p.size(0) == 0) return std::nullopt;
  return score_points(p, inside(scan.points, d / 2), {.f_distances = {d}, .normals = false});
}

// Of the distances below `farthest`; NaN if there are none.
MeanAndMedian mean_below(const at::Tensor& distances, double farthest) {
  const at::Tensor near = distances.masked_select(distances < farthest);
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  return near.numel() > 0 ? mean_and_median(near) : MeanAndMedian{kNaN, kNaN};
}

std::optional<PointScores> score_like_dtu(const at::Tensor& points,
                                          const Scan& scan,
                                          const ObservedVolume& observed) {
  constexpr double kApart_mm = 0.2;
  constexpr double kFarthest_mm = 20;
  const auto kept = [](const at::Tensor& cloud, const at::Tensor& which) {
    return cloud.index_select(0, which.nonzero().select(1, 0));
  };
  // What is farther from the box is near no point that counts.
  ObservedVolume around = observed;
  for (double& low : around.low) low -= kFarthest_mm;
  for (double& high : around.high) high += kFarthest_mm;
  const at::Tensor p = spread_points(kept(points, around.in_box(points)), kApart_mm, kSeed);
  const at::Tensor counted_p = kept(p, observed.in_box(p) & observed.seen(p));
  const at::Tensor counted_g =
      kept(scan.points, observed.in_box(scan.points) & observed.above(scan.points));
  if (counted_p.size(0) == 0 || counted_g.size(0) == 0) return std::nullopt;
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  PointScores scores{
      .predicted_points = counted_p.size(0),
      .true_points = counted_g.size(0),
      .accuracy = mean_below(NearestPoints(scan.points).find(counted_p).distance, kFarthest_mm),
      .completeness = mean_below(NearestPoints(p).find(counted_g).distance, kFarthest_mm),
      .normals = {kNaN, kNaN},
      .clipped_sum = kNaN};
  scores.chamfer = (scores.accuracy.mean + scores.completeness.mean) / 2;
  if (std::isnan(scores.chamfer)) return std::nullopt;
  return scores;
}

}  // namespace

at::Tensor read_ply_vertices(const std::string& path) {
  BinaryReader file(path);
  const PlyLayout layout = read_ply_header(file);
  if (file.remaining() / layout.stride < static_cast<uint64_t>(layout.vertices)) {
    throw IoError(path, "is cut off: it does not hold the vertices it promises");
  }
  at::Tensor points = at::empty({layout.vertices, 3}, at::kDouble);
  double* coordinate = points.mutable_data_ptr<double>();
  std::vector<char> vertex(layout.stride);
  for (int64_t i = 0; i < layout.vertices; ++i) {
    file.bytes(vertex.data(), layout.stride, "a vertex");
    for (size_t k = 0; k < 3; ++k) *coordinate++ = layout.read[k](vertex.data() + layout.offset[k]);
  }
  return points;
}

CropVolume read_crop_volume(const std::string& path) {
  const nlohmann::json root = read_json(path);
  const JsonFields fields(path, "", root);
  CropVolume volume{.low = fields.number("axis_min"), .high = fields.number("axis_max")};
  const std::string axis = fields.text("orthogonal_axis");
  if (axis != "X" && axis != "Y" && axis != "Z") fields.fail("orthogonal_axis", "is no axis");
  volume.axis = axis[0] - 'X';
  const nlohmann::json& polygon = fields.member("bounding_polygon");
  if (!polygon.is_array() || polygon.size() < 3) fields.fail("bounding_polygon", "is no polygon");
  for (const nlohmann::json& corner : polygon) {
    if (!corner.is_array() || corner.size() != 3) fields.fail("bounding_polygon", "is no polygon");
    volume.polygon.push_back({fields.number(corner[volume.axis == 0 ? 1 : 0], "bounding_polygon"),
                              fields.number(corner[volume.axis == 2 ? 1 : 2], "bounding_polygon")});
  }
  return volume;
}

Similarity read_similarity(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw IoError(path, "cannot be opened");
  std::array<double, 16> m{};
  bool good = true;
  for (double& value : m) good = good && file >> value;
  const double scale = std::sqrt(m[0] * m[0] + m[4] * m[4] + m[8] * m[8]);
  good = good && scale > 0 && std::isfinite(scale);
  Similarity similarity{scale};
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 3; ++column) {
      similarity.rotation[3 * row + column] = m[4 * row + column] / scale;
    }
    similarity.translation[row] = m[4 * row + 3];
  }
  constexpr double kTolerance = 1e-3;  // of a rotation times its transpose, in files of few digits
  if (!good || !is_rotation(similarity.rotation, kTolerance)) {
    throw IoError(path, "is no similarity: 4 x 4 numbers, a rotation times a scale");
  }
  return similarity;
}

at::Tensor cropped(const at::Tensor& points, const CropVolume& volume) {
  const at::Tensor all = points.to(at::kDouble).contiguous();
  const double* p = all.const_data_ptr<double>();
  const int u_axis = volume.axis == 0 ? 1 : 0;
  const int v_axis = volume.axis == 2 ? 1 : 2;
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < all.size(0); ++i, p += 3) {
    if (p[volume.axis] < volume.low || p[volume.axis] > volume.high) continue;
    // Inside if a ray to the right crosses an odd number of edges.
    bool inside = false;
    for (size_t a = 0, b = volume.polygon.size() - 1; a < volume.polygon.size(); b = a++) {
      const auto& from = volume.polygon[a];
      const auto& to = volume.polygon[b];
      if ((from[1] > p[v_axis]) == (to[1] > p[v_axis])) continue;
      const double crossing =
          from[0] + (to[0] - from[0]) * (p[v_axis] - from[1]) / (to[1] - from[1]);
      if (p[u_axis] < crossing) inside = !inside;
    }
    if (inside) kept.push_back(i);
  }
  return all.index_select(0, at::tensor(kept, at::kLong));
}

std::vector<std::pair<std::string, PointScores>> score_scan(const Reconstruction& predicted,
                                                            std::span<const Camera> truth,
                                                            const Scan& scan,
                                                            int64_t most_points) {
  constexpr double kLeastConfidence = 3;
  const PointCloud cloud = make_points(predicted, {.drop_percent = 0});
  if (cloud.size() == 0) return {};
  at::Tensor points = cloud.position;
  const bool by_centres = truth.size() >= 3;
  std::vector<std::pair<std::string, PointScores>> result;
  if (scan.f_distance > 0 || scan.observed) {
    if (!by_centres) return {};
    const Similarity centres = by_cameras(predicted, truth, scan.scan_from_world);
    const auto scores = scan.observed ? score_like_dtu(centres.apply(points), scan, *scan.observed)
                                      : score_like_tanks(points, centres, scan);
    if (scores) result.emplace_back("cameras", *scores);
    return result;
  }
  points = points.index_select(0, (cloud.confidence >= kLeastConfidence).nonzero().select(1, 0));
  if (points.size(0) == 0) return {};
  const View& first = predicted.views[0];
  const Similarity boxes =
      by_boxes(points, first.map.stored_camera(first.camera), truth[0], scan.points);
  result.emplace_back("bounding_box", score_like_scannet(boxes.apply(points), scan, most_points));
  if (by_centres) {
    const Similarity centres = by_cameras(predicted, truth, scan.scan_from_world);
    result.emplace_back("cameras", score_like_scannet(centres.apply(points), scan, most_points));
  }
  return result;
}

}  // namespace vggt::eval
