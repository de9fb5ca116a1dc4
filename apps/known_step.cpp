// SPDX-License-Identifier: Apache-2.0
#include "apps/known_step.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "apps/messages.h"
#include "apps/program.h"
#include "src/base/error.h"
#include "src/io/colmap.h"
#include "src/io/known_cameras.h"
#include "src/pipeline/known_world.h"

namespace vggt::apps {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

// The numbers of "1,2.5"; empty if it is something else.
std::vector<double> numbers_of(const std::string& text) {
  std::vector<double> numbers;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    double number = 0;
    const char* const end = part.data() + part.size();
    const auto [stop, error] = std::from_chars(part.data(), end, number);
    if (error != std::errc() || stop != end || !std::isfinite(number)) return {};
    numbers.push_back(number);
  }
  return numbers;
}

std::vector<std::string> names_of(const Reconstruction& reconstruction) {
  std::vector<std::string> names;
  for (const View& view : reconstruction.views) names.push_back(view.name);
  return names;
}

bool is_path(const std::string& text) {
  std::error_code error;
  return fs::exists(text, error);
}

// A focal length, or fx, fy, cx, cy.
std::vector<double> one_lens(const std::string& text) {
  const std::vector<double> numbers = numbers_of(text);
  if ((numbers.size() != 1 && numbers.size() != 4) || !(numbers[0] > 0) ||
      (numbers.size() == 4 && !(numbers[1] > 0))) {
    throw ConfigError("intrinsics",
                      "must be a focal length, or fx,fy,cx,cy, in pixels of the photos' files; a "
                      "folder with a COLMAP model; transforms.json or cameras.json; it is " +
                          text);
  }
  return numbers;
}

// One camera for all photos, in the pixels of each.
KnownLenses same_for_all(const std::vector<double>& numbers, const Reconstruction& reconstruction) {
  KnownLenses lenses;
  for (const View& view : reconstruction.views) {
    Camera lens{.width_px = view.map.stored_width_px, .height_px = view.map.stored_height_px};
    lens.fx_px = lens.fy_px = numbers[0];
    lens.cx_px = static_cast<double>(lens.width_px) / 2;
    lens.cy_px = static_cast<double>(lens.height_px) / 2;
    if (numbers.size() == 4) {
      lens.fy_px = numbers[1];
      lens.cx_px = numbers[2];
      lens.cy_px = numbers[3];
    }
    lenses.emplace_back(lens);
  }
  return lenses;
}

template <typename Known>
std::vector<uint8_t> which(const std::vector<std::optional<Known>>& known) {
  std::vector<uint8_t> flags;
  for (const auto& one : known) flags.push_back(one.has_value());
  return flags;
}

int64_t count_known(const std::vector<uint8_t>& flags) {
  return std::count(flags.begin(), flags.end(), 1);
}

void use_lenses(const KnownSettings& settings, Answer& answer, RunFacts& facts) {
  const KnownLenses lenses = is_path(settings.intrinsics)
                                 ? read_known_lenses(settings.intrinsics, names_of(answer.result))
                                 : same_for_all(one_lens(settings.intrinsics), answer.result);
  std::vector<double> ratios;  // of the network's focal length to the known one
  for (size_t s = 0; s < lenses.size(); ++s) {
    if (!lenses[s]) continue;
    const Camera before = answer.result.views[s].map.stored_camera(answer.result.views[s].camera);
    const double scale =
        static_cast<double>(before.width_px) / static_cast<double>(lenses[s]->width_px);
    ratios.push_back(before.fx_px / (lenses[s]->fx_px * scale));
  }
  set_known_lenses(answer.result, lenses);
  answer.known_lens = which(lenses);
  std::nth_element(ratios.begin(), ratios.begin() + ratios.size() / 2, ratios.end());
  facts.known["intrinsics"] = {{"photos", count_known(answer.known_lens)},
                               {"network_focal_share", ratios[ratios.size() / 2]}};
  say("intrinsics of " + count_of(count_known(answer.known_lens), "photo") +
      " are known; the network's focal lengths were " +
      std::to_string(std::lround(100 * ratios[ratios.size() / 2])) + " % of them");
}

void use_poses(const KnownSettings& settings, Answer& answer, RunFacts& facts) {
  const KnownPoses poses = read_known_poses(settings.poses, names_of(answer.result));
  const KnownWorld world = place_in_known_world(answer.result, poses);
  answer.known_pose = which(poses);
  facts.known["poses"] = {{"photos", world.posed},
                          {"scale", world.known_from_network.scale},
                          {"has_scale", world.has_scale},
                          {"network_rotation_deg", world.rotation_deg},
                          {"network_centre_share", world.centre_share}};
  if (world.has_scale) facts.units = "units of the known poses";
  std::ostringstream text;
  text.precision(2);
  text << "poses of " << count_of(world.posed, "photo") << " are known; the network's were off by "
       << world.rotation_deg << " degrees and " << std::lround(100 * world.centre_share)
       << " % of the cameras' extent (medians)";
  say(text.str());
  const auto all = static_cast<int64_t>(poses.size());
  if (world.posed < all) {
    warn(count_of(all - world.posed, "photo") +
             " without a known pose stand where the network puts them among the others",
         facts);
  }
  if (!world.has_scale) {
    warn("the known poses stand in one place: the scale is not known", facts);
  }
  constexpr double kFarOff_deg = 20;
  if (world.rotation_deg > kFarOff_deg) {
    warn("the known poses and the network's differ by " +
             std::to_string(std::lround(world.rotation_deg)) +
             " degrees: either is wrong; are they of these photos, and camera from world?",
         facts);
  }
}

size_t photo_called(const std::string& name, const std::vector<std::string>& names) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw ConfigError("scale-from", "there is no photo " + name + " among those that are taken");
  }
  return static_cast<size_t>(found - names.begin());
}

double metres_of(const KnownSettings& settings) {
  const std::vector<double> metres = numbers_of(settings.scale_from[2]);
  if (metres.size() != 1 || !(metres[0] > 0)) {
    throw ConfigError("scale-from",
                      "ends with the metres between two photos' cameras, a number above 0; it is " +
                          settings.scale_from[2]);
  }
  return metres[0];
}

}  // namespace

void add_known_options(CLI::App& app, KnownSettings& settings) {
  const char* group = "What is known";
  CLI::Option* const poses =
      app.add_option(
             "--poses",
             settings.poses,
             "Cameras' poses: a folder with a COLMAP model, transforms.json, cameras.json, or a "
             "trajectory of TUM RGB-D numbered like the photos; the result is in their "
             "world")
          ->check(CLI::ExistingPath)
          ->type_name("PATH")
          ->group(group);
#ifdef VGGT_WITH_BA
  app.add_option("--poses-within",
                 settings.poses_within,
                 "With --refine: the poses are measured to these standard deviations; without it "
                 "they are exact")
      ->type_name("DEGREES,LENGTH")
      ->needs(poses)
      ->group(group);
#endif
  app.add_option("--intrinsics",
                 settings.intrinsics,
                 "Focal length, or fx,fy,cx,cy, in pixels of the photos' files; or of each photo: "
                 "a folder with a COLMAP model, transforms.json or cameras.json")
      ->type_name("F|FX,FY,CX,CY|PATH")
      ->group(group);
  app.add_option("--scale-from",
                 settings.scale_from,
                 "The cameras of two photos, and the metres between them: the result is in metres")
      ->expected(3)
      ->type_name("A B METRES")
      ->excludes(poses)
      ->group(group);
}

Json key_of(const KnownSettings& settings) {
  Json key = {{"poses", settings.poses},
              {"poses_within", settings.poses_within},
              {"intrinsics", settings.intrinsics},
              {"scale_from", settings.scale_from}};
  key["files"] = Json::array();
  for (const std::string& path : {settings.poses, settings.intrinsics}) {
    std::error_code error;
    std::vector<std::string> files;
    if (fs::is_regular_file(path, error)) files.push_back(path);
    if (const std::string model = find_colmap_model(path); !path.empty() && !model.empty()) {
      for (const char* name : {"cameras.bin", "images.bin", "cameras.txt", "images.txt"}) {
        if (fs::is_regular_file(fs::path(model) / name, error)) {
          files.push_back((fs::path(model) / name).string());
        }
      }
    }
    for (const std::string& file : files) key["files"].push_back(file_hash(file));
  }
  return key;
}

void check_known(const KnownSettings& settings,
                 const std::vector<Photo>& photos,
                 bool may_move_poses) {
  std::vector<std::string> names;
  for (const Photo& photo : photos) names.push_back(photo.name);
  if (!settings.poses.empty()) read_known_poses(settings.poses, names);
  if (pose_deviations(settings) && !may_move_poses) {
    throw ConfigError("poses-within", "is for --refine ba or auto, which may move the poses");
  }
  if (is_path(settings.intrinsics)) {
    read_known_lenses(settings.intrinsics, names);
  } else if (!settings.intrinsics.empty()) {
    one_lens(settings.intrinsics);
  }
  if (settings.scale_from.empty()) return;
  metres_of(settings);
  photo_called(settings.scale_from[0], names);
  photo_called(settings.scale_from[1], names);
}

void use_known_cameras(const KnownSettings& settings, Answer& answer, RunFacts& facts) {
  if (!settings.intrinsics.empty()) use_lenses(settings, answer, facts);
  if (!settings.poses.empty()) use_poses(settings, answer, facts);
}

std::optional<std::array<double, 2>> pose_deviations(const KnownSettings& settings) {
  if (settings.poses_within.empty()) return std::nullopt;
  const std::vector<double> numbers = numbers_of(settings.poses_within);
  if (numbers.size() != 2 || !(numbers[0] > 0) || !(numbers[1] > 0)) {
    throw ConfigError(
        "poses-within",
        "must be degrees,length, both above 0, as 0.5,0.02; it is " + settings.poses_within);
  }
  return std::array{numbers[0], numbers[1]};
}

void use_known_distance(const KnownSettings& settings, Answer& answer, RunFacts& facts) {
  if (settings.scale_from.empty()) return;
  const std::vector<std::string> names = names_of(answer.result);
  const double metres = metres_of(settings);
  const double scale = scale_by_distance(answer.result,
                                         photo_called(settings.scale_from[0], names),
                                         photo_called(settings.scale_from[1], names),
                                         metres);
  for (TrackedPoint& point : answer.tracked) {
    for (double& value : point.position) value *= scale;
  }
  facts.known["scale"] = {{"photos", {settings.scale_from[0], settings.scale_from[1]}},
                          {"metres", metres},
                          {"scale", scale}};
  facts.units = "metres";
}

}  // namespace vggt::apps
