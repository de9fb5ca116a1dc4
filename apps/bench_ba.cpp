// SPDX-License-Identifier: Apache-2.0
#include "apps/bench_ba.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numbers>
#include <random>

#include "src/ba/refine.h"
#include "src/base/error.h"
#include "src/base/percentile.h"
#include "src/io/scene_folder.h"
#include "src/tracks/grey_photo.h"
#include "src/tracks/sift_tracks.h"

namespace vggt::apps {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr double kDegree = std::numbers::pi / 180;

struct Errors {
  double rotation_deg = 0;
  double translation_deg = 0;
};

double length(const std::array<double, 3>& v) { return std::hypot(v[0], v[1], v[2]); }

// Medians over all pairs of photos.
Errors errors(const std::vector<ba::Photo>& found, const std::vector<ba::Photo>& truth) {
  std::vector<double> rotations;
  std::vector<double> translations;
  for (size_t a = 0; a < truth.size(); ++a) {
    for (size_t b = a + 1; b < truth.size(); ++b) {
      const Rigid is = found[b].cam_from_world * inverse(found[a].cam_from_world);
      const Rigid should = truth[b].cam_from_world * inverse(truth[a].cam_from_world);
      rotations.push_back(rotation_angle((is * inverse(should)).rotation) / kDegree);
      double dot = 0;
      for (int k = 0; k < 3; ++k) dot += is.translation[k] * should.translation[k];
      const double cosine = dot / (length(is.translation) * length(should.translation));
      translations.push_back(std::acos(std::clamp(cosine, -1.0, 1.0)) / kDegree);
    }
  }
  if (rotations.empty()) return {};
  return {percentile(rotations, 50), percentile(translations, 50)};
}

// Every camera is turned about an axis and moved in a direction, each any.
std::vector<ba::Photo> disturbed(std::vector<ba::Photo> photos,
                                 double degrees,
                                 double way,
                                 uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, 1);
  const auto direction = [&] {
    std::array<double, 3> v = {normal(random), normal(random), normal(random)};
    const double size = length(v);
    for (double& value : v) value /= size;
    return v;
  };
  for (ba::Photo& photo : photos) {
    const auto axis = direction();
    const double c = std::cos(degrees * kDegree);
    const double s = std::sin(degrees * kDegree);
    Rigid turn;
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) {
        turn.rotation[3 * i + j] = (i == j ? c : 0) + (1 - c) * axis[i] * axis[j];
      }
      turn.rotation[3 * i + (i + 1) % 3] -= s * axis[(i + 2) % 3];
      turn.rotation[3 * i + (i + 2) % 3] += s * axis[(i + 1) % 3];
    }
    Rigid world_from_cam = inverse(turn * photo.cam_from_world);
    const auto to = direction();
    for (int k = 0; k < 3; ++k) world_from_cam.translation[k] += way * to[k];
    photo.cam_from_world = inverse(world_from_cam);
  }
  return photos;
}

Json run_scene(const std::string& folder,
               const BenchBaOptions& options,
               const ProgressCallback& progress) {
  const SceneCameras scene = read_scene_cameras(folder);
  ba::Problem problem;
  std::vector<std::string> paths;
  std::vector<PixelMap> maps;
  for (const SceneFrame& frame : scene.frames) {
    const Camera& c = frame.camera;
    ba::Lens lens = {c.fx_px, c.fy_px, c.cx_px, c.cy_px, 0, 0, ba::LensModel::kFixed};
    if (options.lens == "shared") lens.model = ba::LensModel::kSimplePinhole;
    const auto& lenses = problem.lenses;
    if (options.lens != "shared" || lenses.empty()) problem.lenses.push_back(lens);
    problem.photos.push_back(
        {cam_from_world(c), static_cast<int32_t>(problem.lenses.size() - 1), false});
    paths.push_back(folder + "/images/" + frame.file);
    maps.push_back({.stored_width_px = c.width_px, .stored_height_px = c.height_px});
  }
  const std::vector<ba::Photo> truth = problem.photos;
  double size = 0;
  for (const ba::Photo& a : truth) {
    for (const ba::Photo& b : truth) {
      const auto x = ba::centre_in_world(a.cam_from_world);
      const auto y = ba::centre_in_world(b.cam_from_world);
      size = std::max(size, length({x[0] - y[0], x[1] - y[1], x[2] - y[2]}));
    }
  }
  problem.photos = disturbed(
      truth, options.disturb[0], options.disturb[1] * size, static_cast<uint64_t>(options.seed));

  std::vector<tracks::SeenPlaces> seen;
  for (size_t s = 0; s < truth.size(); ++s) {
    seen.push_back({problem.lenses[problem.photos[s].lens],
                    problem.photos[s].cam_from_world,
                    static_cast<double>(maps[s].stored_width_px),
                    static_cast<double>(maps[s].stored_height_px),
                    {}});
  }
  StageProgress::Seconds seconds;
  const auto load = [&](size_t s) { return tracks::grey_photo(paths[s], maps[s]); };
  const tracks::SiftTracks found =
      tracks::sift_tracks(seen, load, {.progress = progress, .seconds = &seconds});
  tracks::add_tracks(found.tracks, problem);
  const ba::Refined refined = ba::refine(problem, {.progress = progress, .seconds = &seconds});

  const Errors before = errors(problem.photos, truth);
  const Errors after = errors(refined.problem.photos, truth);
  const auto to_json = [](const Errors& e, const ba::Quality& q) {
    return Json{{"rotation_error_deg", e.rotation_deg},
                {"translation_error_deg", e.translation_deg},
                {"median_px", q.median_px},
                {"observations", q.observations},
                {"points", q.points}};
  };
  Json json = {{"scene", fs::path(folder).lexically_normal().filename().string()},
               {"photos", truth.size()},
               {"tracks", found.tracks.size()},
               {"matched_pairs", found.matched_pairs},
               {"before", to_json(before, refined.report.before)},
               {"after", to_json(after, refined.report.after)},
               {"rounds", refined.report.rounds},
               {"iterations", refined.report.iterations},
               {"solver", ba::to_string(refined.report.solver)}};
  for (const auto& [stage, time] : seconds) json["seconds"][stage] = time;
  return json;
}

std::string row(const Json& r) {
  double seconds = 0;
  for (const auto& [stage, time] : r["seconds"].items()) seconds += time.get<double>();
  char text[256];
  std::snprintf(text,
                sizeof(text),
                " | %lld | %lld | %.3f / %.3f | %.3f / %.3f | %lld | %.2f | %.1f |\n",
                r["photos"].get<long long>(),
                r["tracks"].get<long long>(),
                r["before"]["rotation_error_deg"].get<double>(),
                r["after"]["rotation_error_deg"].get<double>(),
                r["before"]["translation_error_deg"].get<double>(),
                r["after"]["translation_error_deg"].get<double>(),
                r["after"]["observations"].get<long long>(),
                r["after"]["median_px"].get<double>(),
                seconds);
  return "| " + r["scene"].get<std::string>() + text;
}

}  // namespace

BenchBaResult bench_ba(const BenchBaOptions& options, const ProgressCallback& progress) {
  if (options.scenes.empty()) {
    throw ConfigError("scene", "bench ba needs a folder with images/ and cameras.json");
  }
  if (options.disturb.size() != 2 || options.disturb[0] < 0 || options.disturb[1] < 0) {
    throw ConfigError("disturb", "wants two numbers, not negative: degrees,share, as in 3,0.03");
  }
  BenchBaResult result;
  result.table =
      "| scene | photos | tracks | rotation, degrees, before / after | translation | observations "
      "| median px | seconds |\n|---|---|---|---|---|---|---|---|\n";
  result.report["disturb"] = options.disturb;
  result.report["seed"] = options.seed;
  result.report["lens"] = options.lens;
  for (const std::string& scene : options.scenes) {
    Json json = run_scene(scene, options, progress);
    result.table += row(json);
    result.report["results"].push_back(std::move(json));
  }
  return result;
}

}  // namespace vggt::apps
