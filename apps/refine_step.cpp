// SPDX-License-Identifier: Apache-2.0
#include "apps/refine_step.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <sstream>

#include "apps/known_step.h"
#include "apps/messages.h"
#include "src/image/mask.h"
#include "src/tracks/grey_photo.h"
#include "src/tracks/refine_reconstruction.h"

namespace vggt::apps {
namespace {

using Json = nlohmann::ordered_json;

tracks::SharedLens shared_lens(const std::string& name) {
  if (name == "fixed") return tracks::SharedLens::kFixed;
  if (name == "photo") return tracks::SharedLens::kPerPhoto;
  return tracks::SharedLens::kShared;
}

Json to_json(const ba::Quality& quality) {
  return {{"cost_px2", quality.cost},
          {"median_error_px", quality.median_px},
          {"mean_error_px", quality.mean_px},
          {"observations", quality.observations},
          {"points", quality.points}};
}

Json to_json(const tracks::SiftTracks& found) {
  Json lengths = Json::object();
  for (const auto& [length, count] :
       tracks::tracks_by_length(found.tracks, tracks::Source::kSift)) {
    lengths[std::to_string(length)] = count;
  }
  return {{"source", "sift"},
          {"tracks", found.tracks.size()},
          {"by_length", lengths},
          {"features", found.features},
          {"plausible_pairs", found.pairs},
          {"matched_pairs", found.matched_pairs},
          {"unguided_pairs", found.unguided_pairs},
          {"matches", found.matches},
          {"contradictions", found.contradictions}};
}

Json to_json(const RefineSettings& settings,
             const tracks::RefinedReconstruction& refined,
             const std::vector<View>& views) {
  const ba::RefineReport& report = refined.report;
  Json json = {{"mode", settings.mode},
               {"taken", refined.taken},
               {"lens", settings.lens},
               {"lens_open", refined.lens_open},
               {"tracks", to_json(refined.tracks)},
               {"before", to_json(report.before)},
               {"after", to_json(report.after)},
               {"explained", refined.explained},
               {"rounds", report.rounds},
               {"iterations", report.iterations},
               {"converged", report.converged},
               {"solver", ba::to_string(report.solver)}};
  if (!refined.taken) json["why_not"] = refined.why_not;
  json["unmoved"] = Json::array();
  for (const int32_t s : report.unmoved) json["unmoved"].push_back(views[s].name);
  json["groups"] = refined.groups;
  json["depth"] = Json::array();
  for (const tracks::DepthFit& fit : refined.depth) {
    json["depth"].push_back(
        {{"scale", fit.scale}, {"shift", fit.shift}, {"relative_error", fit.relative_error}});
  }
  return json;
}

// Groups of photos that share points; one that shares none is no group.
int64_t groups_of_several(const std::vector<int32_t>& groups) {
  int64_t several = 0;
  for (int32_t group = 0; group < static_cast<int32_t>(groups.size()); ++group) {
    several += std::count(groups.begin(), groups.end(), group) > 1;
  }
  return several;
}

void say_what_came(const tracks::RefinedReconstruction& refined, RunFacts& facts) {
  if (!refined.taken) {
    warn("cameras were not refined: " + refined.why_not + "; they are the network's", facts);
    return;
  }
  const ba::RefineReport& report = refined.report;
  std::ostringstream text;
  text.precision(2);
  text << "refined: " << report.after.points << " points, " << report.after.observations
       << " observations, median error " << report.after.median_px << " px, "
       << std::lround(100 * refined.explained) << " % of the tracks (before "
       << report.before.observations << " observations)";
  say(text.str());
  if (refined.lens_open) {
    warn("the photos do not determine the focal length, which stays as the network says", facts);
  }
  if (!report.unmoved.empty()) {
    warn(count_of(static_cast<int64_t>(report.unmoved.size()), "photo") +
             " shared too little with the others to be refined; report.json names them",
         facts);
  }
  if (const int64_t groups = groups_of_several(refined.groups); groups > 1) {
    warn("the photos fall into " + std::to_string(groups) +
             " groups that show nothing in common; how they stand to each other is the network's "
             "guess",
         facts);
  }
  constexpr double kLittle = 0.5;
  if (refined.explained < kLittle) {
    warn("the refined cameras explain only " +
             std::to_string(std::lround(100 * refined.explained)) +
             " % of the tracks: cameras, focal length or matches are wrong",
         facts);
  }
}

}  // namespace

void add_refine_options(CLI::App& app, RefineSettings& settings) {
  const char* group = "Refinement";
  app.add_option("--refine",
                 settings.mode,
                 "Bundle adjustment on SIFT tracks: none, ba, or auto, which takes it where it "
                 "explains most of the tracks")
      ->check(CLI::IsMember({"none", "ba", "auto"}))
      ->capture_default_str()
      ->group(group);
  app.add_option("--lens",
                 settings.lens,
                 "Focal lengths in it: shared by photos of one size, one per photo, or fixed as "
                 "the network says")
      ->check(CLI::IsMember({"shared", "photo", "fixed"}))
      ->capture_default_str()
      ->group(group);
}

void refine(const ReconstructCommand& command,
            Answer& answer,
            const ProgressCallback& progress,
            RunFacts& facts) {
  if (command.refine.mode == "none") return;
  tracks::RefineReconstructionOptions options;
  options.lens = shared_lens(command.refine.lens);
  constexpr double kMost = 0.5;
  options.min_explained = command.refine.mode == "auto" ? kMost : 0;
  options.known_pose = answer.known_pose;
  options.known_lens = answer.known_lens;
  if (const auto deviations = pose_deviations(command.known)) {
    options.pose_deviation = {(*deviations)[0] * M_PI / 180, (*deviations)[1]};
  }
  options.tracks.progress = options.rounds.progress = progress;
  options.tracks.seconds = options.rounds.seconds = &facts.seconds;
  const auto load = [&](size_t s) {
    const Photo& photo = answer.read.photos[s];
    tracks::GreyPhotoOptions grey = {.like_original = command.read.like_original};
    if (!command.read.masks.empty()) {
      grey.mask = find_mask(command.read.masks, photo.name).value_or("");
    }
    return tracks::grey_photo(photo.path, answer.read.input.maps[s], grey);
  };
  tracks::RefinedReconstruction refined =
      tracks::refine_reconstruction(answer.result, load, options);
  facts.refinement = to_json(command.refine, refined, answer.result.views);
  say_what_came(refined, facts);
  answer.tracked = std::move(refined.points);
}

}  // namespace vggt::apps
