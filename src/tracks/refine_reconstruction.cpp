// SPDX-License-Identifier: Apache-2.0
#include "src/tracks/refine_reconstruction.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "src/base/percentile.h"

namespace vggt::tracks {
namespace {

// Lenses are of the upright photos, in their pixels.
ba::Lens upright_lens(const View& view) {
  const Camera& c = view.camera;
  const PixelMap& map = view.map;
  return {c.fx_px / map.scale_x,
          c.fy_px / map.scale_y,
          (c.cx_px - map.offset_x_px) / map.scale_x,
          (c.cy_px - map.offset_y_px) / map.scale_y,
          0,
          0,
          ba::LensModel::kFixed};
}

void set_camera(const ba::Lens& lens, const Rigid& cam_from_world, View& view) {
  view.camera = placed(view.camera, cam_from_world);
  view.camera.fx_px = lens.fx_px * view.map.scale_x;
  view.camera.fy_px = lens.fy_px * view.map.scale_y;
}

// The index in a network map of what an upright pixel shows; nothing outside it.
std::optional<int64_t> index_at(const PixelMap& map, double x_px, double y_px) {
  const auto x = static_cast<int64_t>(std::floor(map.scale_x * x_px + map.offset_x_px));
  const auto y = static_cast<int64_t>(std::floor(map.scale_y * y_px + map.offset_y_px));
  if (x < 0 || y < 0 || x >= map.network_width_px || y >= map.network_height_px) {
    return std::nullopt;
  }
  return y * map.network_width_px + x;
}

// The network's maps, one after the other.
struct Maps {
  explicit Maps(const Reconstruction& r)
      : depth(r.depth.contiguous()),
        confidence(r.confidence.contiguous()),
        images((r.images * 255).round().to(at::kByte).contiguous()),
        pixels(r.depth.size(1) * r.depth.size(2)) {}

  float depth_at(size_t photo, int64_t index) const {
    return depth.const_data_ptr<float>()[static_cast<int64_t>(photo) * pixels + index];
  }
  float confidence_at(size_t photo, int64_t index) const {
    return confidence.const_data_ptr<float>()[static_cast<int64_t>(photo) * pixels + index];
  }
  std::array<uint8_t, 3> colour_at(size_t photo, int64_t index) const {
    const uint8_t* const p =
        images.const_data_ptr<uint8_t>() + 3 * static_cast<int64_t>(photo) * pixels + index;
    return {p[0], p[pixels], p[2 * pixels]};
  }

  at::Tensor depth;
  at::Tensor confidence;
  at::Tensor images;
  int64_t pixels;
};

bool usable(float depth) { return std::isfinite(depth) && depth > 0; }

std::vector<SeenPlaces> places_of(const Reconstruction& r, const Maps& maps) {
  std::vector<SeenPlaces> all;
  constexpr int64_t kGrid = 12;  // places along each side of a photo
  for (size_t s = 0; s < r.views.size(); ++s) {
    const View& view = r.views[s];
    SeenPlaces seen{upright_lens(view),
                    cam_from_world(view.camera),
                    static_cast<double>(view.map.upright_width_px()),
                    static_cast<double>(view.map.upright_height_px()),
                    {}};
    const Rigid world_from_cam = inverse(seen.cam_from_world);
    for (int64_t i = 0; i < kGrid * kGrid; ++i) {
      const double x_px = (static_cast<double>(i % kGrid) + 0.5) / kGrid * seen.width_px;
      const double y_px = (static_cast<double>(i / kGrid) + 0.5) / kGrid * seen.height_px;
      const auto index = index_at(view.map, x_px, y_px);
      if (!index || !usable(maps.depth_at(s, *index))) continue;
      const double depth = maps.depth_at(s, *index);
      auto direction = ba::direction_in_cam(seen.lens, x_px, y_px);
      for (double& value : direction) value *= depth;
      seen.places.push_back((world_from_cam * Rigid{{}, direction}).translation);
    }
    all.push_back(std::move(seen));
  }
  return all;
}

ba::Problem problem_of(const Reconstruction& r,
                       const Maps& maps,
                       const std::vector<SeenPlaces>& photos,
                       const std::vector<Track>& tracks,
                       const RefineReconstructionOptions& options,
                       SharedLens shared) {
  const auto is_known = [](const std::vector<uint8_t>& known, size_t s) {
    return !known.empty() && known[s] != 0;
  };
  ba::Problem problem;
  std::map<std::pair<int64_t, int64_t>, std::vector<size_t>> by_size;
  for (size_t s = 0; s < photos.size(); ++s) {
    const PixelMap& map = r.views[s].map;
    if (!is_known(options.known_lens, s)) {
      by_size[{map.upright_width_px(), map.upright_height_px()}].push_back(s);
    }
    const bool known = is_known(options.known_pose, s);
    problem.photos.push_back({photos[s].cam_from_world, 0, known && !options.pose_deviation});
    if (known && options.pose_deviation) {
      problem.pose_priors.push_back({static_cast<int32_t>(s),
                                     photos[s].cam_from_world,
                                     options.pose_deviation->rotation_rad,
                                     options.pose_deviation->centre});
    }
  }
  const auto add_lens = [&](const std::vector<size_t>& users) {
    ba::Lens lens = photos[users.front()].lens;
    if (shared != SharedLens::kFixed && !is_known(options.known_lens, users.front())) {
      lens.model = ba::LensModel::kSimplePinhole;
      std::vector<double> focal_px;  // pixels are square: both axes say the same
      for (const size_t s : users) {
        focal_px.push_back(std::sqrt(photos[s].lens.fx_px * photos[s].lens.fy_px));
      }
      lens.fx_px = lens.fy_px = percentile(focal_px, 50);
    }
    for (const size_t s : users) {
      problem.photos[s].lens = static_cast<int32_t>(problem.lenses.size());
    }
    problem.lenses.push_back(lens);
  };
  if (shared == SharedLens::kShared) {
    for (const auto& [size, users] : by_size) add_lens(users);
  }
  for (size_t s = 0; s < photos.size(); ++s) {
    if (shared != SharedLens::kShared || is_known(options.known_lens, s)) add_lens({s});
  }
  add_tracks(tracks, problem);

  // Where the network is as sure as usual, its depth is taken to be right to a third.
  constexpr double kUsualDeviation = 0.3;
  std::vector<double> usual;
  for (size_t s = 0; s < photos.size(); ++s) {
    usual.push_back(r.confidence[static_cast<int64_t>(s)].median().item<double>());
  }
  for (const ba::Observation& o : problem.observations) {
    const auto photo = static_cast<size_t>(o.photo);
    const auto index = index_at(r.views[photo].map, o.x_px, o.y_px);
    if (!index || !usable(maps.depth_at(photo, *index))) continue;
    const double surer = maps.confidence_at(photo, *index) / std::max(1e-6, usual[photo]);
    if (!std::isfinite(surer)) continue;
    problem.depth_priors.push_back({o.photo,
                                    o.point,
                                    maps.depth_at(photo, *index),
                                    kUsualDeviation / std::clamp(surer, 0.1, 4.0)});
  }
  return problem;
}

// Whether a focal length left all reason: a plane seen from straight above, or photos that look in
// one direction, fit any.
bool runs_away(const ba::Problem& problem, const std::vector<SeenPlaces>& photos) {
  constexpr double kMostChange = 2;
  for (size_t s = 0; s < photos.size(); ++s) {
    const double change = problem.lenses[problem.photos[s].lens].fx_px / photos[s].lens.fx_px;
    if (!(change < kMostChange && change > 1 / kMostChange)) return true;
  }
  return false;
}

// Each photo's depth, brought to the refined points that it shows.
std::vector<DepthFit> fit_depths(const Reconstruction& r,
                                 const Maps& maps,
                                 const ba::Refined& refined) {
  std::vector<std::vector<DepthPair>> pairs(r.views.size());
  const ba::Problem& problem = refined.problem;
  for (size_t i = 0; i < problem.observations.size(); ++i) {
    if (!refined.active[i]) continue;
    const ba::Observation& o = problem.observations[i];
    const auto photo = static_cast<size_t>(o.photo);
    const auto index = index_at(r.views[photo].map, o.x_px, o.y_px);
    const ba::Photo& camera = problem.photos[photo];
    const double known =
        ba::project(problem.lenses[camera.lens], camera.cam_from_world, problem.points[o.point])
            .depth;
    if (!index || !usable(maps.depth_at(photo, *index)) || !(known > 0)) continue;
    pairs[photo].push_back({maps.depth_at(photo, *index), known});
  }
  std::vector<double> scales;
  std::vector<DepthFit> fits;
  for (size_t s = 0; s < pairs.size(); ++s) {
    const at::Tensor depth = r.depth[static_cast<int64_t>(s)];
    const at::Tensor good = depth.masked_select(depth.isfinite() & (depth > 0));
    const bool any = good.numel() > 0;
    fits.push_back(fit_depth(
        pairs[s], any ? good.min().item<double>() : 1, any ? good.max().item<double>() : 1));
    if (!pairs[s].empty()) scales.push_back(fits.back().scale);
  }
  // A photo that shows no point is taken to be off as the others are.
  const double usual = scales.empty() ? 1 : percentile(scales, 50);
  for (size_t s = 0; s < pairs.size(); ++s) {
    if (pairs[s].empty()) fits[s].scale = usual;
  }
  return fits;
}

std::vector<TrackedPoint> sparse_points(const Reconstruction& r,
                                        const Maps& maps,
                                        const ba::Refined& refined) {
  const ba::Problem& problem = refined.problem;
  std::vector<TrackedPoint> points(problem.points.size());
  for (size_t i = 0; i < problem.observations.size(); ++i) {
    if (!refined.active[i]) continue;
    const ba::Observation& o = problem.observations[i];
    const PixelMap& map = r.views[o.photo].map;
    TrackedPoint& point = points[o.point];
    const auto index = index_at(map, o.x_px, o.y_px);
    if (point.sightings.empty()) {
      point.position = problem.points[o.point];
      if (index) point.rgb = maps.colour_at(static_cast<size_t>(o.photo), *index);
    }
    const auto stored = map.stored_from_network(map.scale_x * o.x_px + map.offset_x_px,
                                                map.scale_y * o.y_px + map.offset_y_px);
    point.sightings.push_back({o.photo, stored[0], stored[1]});
  }
  std::erase_if(points, [](const TrackedPoint& point) { return point.sightings.size() < 2; });
  return points;
}

}  // namespace

RefinedReconstruction refine_reconstruction(Reconstruction& reconstruction,
                                            const std::function<GreyPicture(size_t photo)>& load,
                                            const RefineReconstructionOptions& options) {
  RefinedReconstruction result;
  const Maps maps(reconstruction);
  const std::vector<SeenPlaces> photos = places_of(reconstruction, maps);
  result.tracks = sift_tracks(photos, load, options.tracks);
  if (result.tracks.tracks.empty()) {
    result.why_not = "no two photos show the same places";
    return result;
  }
  const auto refined_with = [&](SharedLens lens) {
    return ba::refine(problem_of(reconstruction, maps, photos, result.tracks.tracks, options, lens),
                      options.rounds);
  };
  ba::Refined refined = refined_with(options.lens);
  if (runs_away(refined.problem, photos)) {
    result.lens_open = true;
    refined = refined_with(SharedLens::kFixed);
  }
  result.report = refined.report;
  result.explained = static_cast<double>(refined.report.after.observations) /
                     static_cast<double>(refined.problem.observations.size());
  result.groups = ba::components(refined.problem, refined.active);
  if (refined.report.before.points == 0 && refined.report.after.points == 0) {
    result.why_not =
        "no place is seen from two directions: the photos are equal, were taken from one spot, or "
        "the network's cameras are too far off";
    return result;
  }
  // Where every camera is known there is none to make better: the points are what was wanted.
  const bool all_known = !options.pose_deviation && options.known_pose.size() == photos.size() &&
                         std::all_of(options.known_pose.begin(),
                                     options.known_pose.end(),
                                     [](uint8_t known) { return known != 0; });
  if (!refined.report.improved && !all_known) {
    result.why_not = "bundle adjustment found no better cameras";
    return result;
  }
  if (result.explained < options.min_explained) {
    result.why_not = "bundle adjustment explains too little of the tracks";
    return result;
  }
  result.taken = true;
  result.depth = fit_depths(reconstruction, maps, refined);
  result.points = sparse_points(reconstruction, maps, refined);
  at::Tensor depth = reconstruction.depth.clone();
  for (size_t s = 0; s < reconstruction.views.size(); ++s) {
    const ba::Photo& photo = refined.problem.photos[s];
    set_camera(refined.problem.lenses[photo.lens], photo.cam_from_world, reconstruction.views[s]);
    depth[static_cast<int64_t>(s)].mul_(result.depth[s].scale).add_(result.depth[s].shift);
  }
  // What had no depth has none.
  reconstruction.depth = at::where(reconstruction.depth > 0, depth, reconstruction.depth);
  return result;
}

}  // namespace vggt::tracks
