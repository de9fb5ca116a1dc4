// SPDX-License-Identifier: Apache-2.0
#include "apps/reconstruct_steps.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "apps/estimate.h"
#include "apps/known_step.h"
#include "apps/made_from.h"
#include "apps/messages.h"
#include "apps/replaceable.h"
#include "src/base/device.h"
#include "src/base/error.h"
#include "src/image/export_scene.h"
#include "src/image/preview.h"
#include "src/image/report_page.h"
#include "src/pipeline/reconstruct.h"
#include "src/pipeline/result_folder.h"

namespace vggt::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Too little memory is said before the network runs, with the way out.
MemoryPlan checked_plan(const LoadedModel& loaded, const NetworkInput& input) {
  const int64_t frames = input.images.size(0);
  const int64_t available = available_memory(loaded.device);
  const auto plan_of = [&](int64_t count) {
    return plan_memory(loaded, count, input.images.size(2), input.images.size(3), available);
  };
  const MemoryPlan plan = plan_of(frames);
  messages().explain("memory plan: " + to_string(plan) + "; " + gigabytes(available) +
                     " may be used");
  // What a GPU leaves to the host must fit there.
  const int64_t of_host = available_memory(at::kCPU);
  const auto fits = [&](const MemoryPlan& p) {
    return p.total() <= available && p.host <= of_host;
  };
  if (fits(plan)) return plan;
  int64_t fitting = frames - 1;
  while (fitting > 0 && !fits(plan_of(fitting))) --fitting;
  const bool too_much_on_host = plan.total() <= available;
  throw ConfigError(
      "memory",
      count_of(frames, "photo") + " need about " +
          gigabytes(too_much_on_host ? plan.host : plan.total()) + ", " +
          gigabytes(too_much_on_host ? of_host : available) +
          (too_much_on_host ? " may be used of the host's memory; " : " may be used; ") +
          (fitting > 0 ? "--max-images " + std::to_string(fitting) + " fits"
                       : "not even one photo fits with this model"));
}

// Too little disk, too.
void check_disk(const ReconstructCommand& command,
                const NetworkInput& input,
                const std::string& folder) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  const at::Tensor& images = input.images;
  const int64_t disk =
      estimate_disk(images.size(0), images.size(2), images.size(3), disk_options(command));
  if (error || static_cast<int64_t>(space.available) >= disk) return;
  throw IoError(folder,
                "the results need up to " + gigabytes(disk) + ", the disk has " +
                    gigabytes(static_cast<int64_t>(space.available)) +
                    " free; name a folder on another disk, or use --max-images");
}

// What a result with this report may hold.
std::set<std::string> files_of_result(const Json& report) {
  std::set<std::string> files = {"report.html",
                                 "report.json",
                                 "log.txt",
                                 "preview.png",
                                 "points.ply",
                                 "scene.glb",
                                 "transforms.json",
                                 "trajectory.tum",
                                 "predictions.safetensors",
                                 "view.json"};
  for (const char* part : {"cameras", "images", "points3D"}) {
    for (const char* ending : {".bin", ".txt"}) {
      files.insert(std::string("sparse/0/") + part + ending);
    }
  }
  const auto text = [](const Json& photo, const char* field) {
    const bool there = photo.is_object() && photo.contains(field) && photo[field].is_string();
    return there ? photo[field].get<std::string>() : std::string();
  };
  if (!report.is_object() || !report.contains("photos")) return files;
  for (const Json& photo : report["photos"]) {
    files.insert("frames/" + text(photo, "name"));
    for (const char* map : {"depth/", "confidence/"}) {
      for (const char* ending : {".npy", ".png"}) files.insert(map + text(photo, "file") + ending);
    }
  }
  return files;
}

// What decides the cameras and maps of a result.
Json made_from_with(const ReconstructCommand& command,
                    const ReadPhotos& read,
                    const ReadOptions& options) {
  Json key = made_from(read, options, command.model);
  key["known"] = key_of(command.known);
  key["refine"] = command.refine.mode;
  key["lens"] = command.refine.mode == "none" ? "" : command.refine.lens;
  key["masked_tracks"] = command.refine.mode != "none" && !command.read.masks.empty();
  return key;
}

bool lies_in(const std::string& path, const std::string& folder) {
  const fs::path inside = fs::path(path).lexically_relative(folder);
  return !inside.empty() && *inside.begin() != "..";
}

// Frames of a video lie in the result's folder: those that were not taken would only fill it.
void remove_unused_frames(const std::vector<Photo>& listed,
                          const std::vector<Photo>& taken,
                          const std::string& folder) {
  std::set<std::string> used;
  for (const Photo& photo : taken) used.insert(photo.path);
  for (const Photo& photo : listed) {
    std::error_code stays;
    if (used.count(photo.path) == 0 && lies_in(photo.path, folder)) fs::remove(photo.path, stays);
  }
}

// How a program that reads the result finds a photo: from the result's folder, or, for a frame that
// lies in its staging folder, within it.
std::string path_from(const std::string& photo,
                      const std::string& staging,
                      const std::string& output) {
  std::error_code error;
  if (lies_in(photo, staging)) return fs::path(photo).lexically_relative(staging).generic_string();
  // Absolute first: GCC's weakly_canonical leaves a path that does not exist yet relative.
  const fs::path relative = fs::relative(fs::absolute(photo), fs::absolute(output), error);
  return error || relative.empty() ? fs::absolute(photo).generic_string()
                                   : relative.generic_string();
}

}  // namespace

std::string count_of(int64_t n, const std::string& thing) {
  return std::to_string(n) + " " + thing + (n == 1 ? "" : "s");
}

DiskOptions disk_options(const ReconstructCommand& command) {
  return {.text = command.exports.text,
          .predictions = command.exports.predictions,
          .normals = command.points.normals};
}

void check_replaceable(const ReconstructCommand& command) {
  std::error_code error;
  const fs::path folder(command.output);
  if (!command.overwrite || !fs::is_directory(folder, error) || fs::is_empty(folder, error)) return;
  if (!fs::exists(folder / "report.json", error)) {
    throw ConfigError("output",
                      command.output +
                          " holds no report.json, so it is not an old result and is not "
                          "overwritten; name another folder");
  }
  check_only_ours(command.output, files_of_result(read_report(command.output)), "a result");
}

std::vector<std::string> inputs_of(const ReconstructCommand& command) {
  std::vector<std::string> inputs = command.input.inputs;
  for (const std::string& file : {command.input.list_file,
                                  command.model.weights,
                                  command.model.config,
                                  command.read.masks,
                                  command.known.poses,
                                  command.known.intrinsics}) {
    if (!file.empty()) inputs.push_back(file);
  }
  return inputs;
}

std::vector<Photo> list_inputs(const ReconstructCommand& command,
                               const std::string& folder,
                               const ProgressCallback& progress,
                               StageProgress::Seconds* seconds) {
  if (command.input.inputs.empty() && command.input.list_file.empty()) {
    throw ConfigError("inputs", "name a folder of photos, photos, a video, or --list FILE");
  }
  std::vector<Photo> photos;
  bool any_video = false;
  for (const Photo& input : list_photos(command.input)) {
    if (!is_video(input.path)) {
      photos.push_back(input);
      continue;
    }
    any_video = true;
    for (Photo& frame : extract_frames(input, folder, command.video, progress, seconds)) {
      photos.push_back(std::move(frame));
    }
  }
  const VideoOptions usual;
  const VideoOptions& video = command.video;
  if (!any_video && (video.fps != usual.fps || video.every > 0 || video.max_frames > 0 ||
                     video.drop_duplicates)) {
    throw ConfigError(
        "inputs",
        "--fps, --every, --max-frames and --drop-duplicates are for videos, and there "
        "is none; --max-images takes fewer photos");
  }
  const auto all = static_cast<int64_t>(photos.size());
  const std::vector<Photo> listed = std::move(photos);
  photos = even_spread(listed, command.max_images);
  remove_unused_frames(listed, photos, folder);
  if (const auto taken = static_cast<int64_t>(photos.size()); taken < all) {
    constexpr size_t kNamed = 12;
    std::string names;
    for (size_t i = 0; i < photos.size() && i < kNamed; ++i) names += " " + photos[i].name;
    say("taking " + std::to_string(taken) + " of " + count_of(all, "photo") + ", evenly:" + names +
        (photos.size() > kNamed ? " ...; report.json names all" : ""));
  }
  for (const Photo& photo : photos) {
    if (command.exports.text && photo.name.find('\n') != std::string::npos) {
      throw ConfigError("text",
                        "COLMAP's text files cannot hold the line break in the name of " +
                            photo.path + "; rename it, or leave --text out");
    }
  }
  return photos;
}

std::optional<Answer> read_back(const ReconstructCommand& command,
                                const std::vector<Photo>& photos,
                                const std::string& staging,
                                const ProgressCallback& progress,
                                RunFacts& facts) {
  const Json report = read_report(command.output);
  const auto number = [](const Json& json, const char* field) {
    const bool found = json.is_object() && json.contains(field) && json[field].is_number_integer();
    return found ? json[field].get<int64_t>() : 0;
  };
  Answer answer;
  const auto object = [&](const char* field) {
    const bool there = report.is_object() && report.contains(field) && report[field].is_object();
    return there ? report[field] : Json();
  };
  answer.made_from = object("made_from");
  ReadOptions options = command.read;
  options.preprocess.target_px = number(answer.made_from, "target_px");
  options.preprocess.patch_px = number(answer.made_from, "patch_px");
  std::string difference = "the former result does not say what it was made from";
  constexpr int64_t kMost_px = 4096;  // of a network's input
  const auto usable = [](int64_t size_px) { return size_px > 0 && size_px <= kMost_px; };
  if (usable(options.preprocess.target_px) && usable(options.preprocess.patch_px)) {
    answer.read = read_photos(photos, options, progress, &facts.seconds);
    difference = first_difference(answer.made_from, made_from_with(command, answer.read, options));
  }
  if (!difference.empty()) {
    say("the network runs again: " + difference);
    facts.seconds.clear();
    return std::nullopt;
  }
  check_disk(command, answer.read.input, staging);
  try {
    answer.result = read_result(command.output, progress);
    facts.refinement = object("refinement");
    facts.known = object("known");
    if (report.contains("units") && report["units"].is_string()) facts.units = report["units"];
    if (facts.refinement.is_object() && facts.refinement.value("taken", false)) {
      const std::string sparse = (fs::path(command.output) / "sparse/0").string();
      answer.tracked =
          tracked_points(read_colmap(sparse), answer.result.views.size(), sparse + "/images.bin");
    }
  } catch (const IoError& error) {
    say(std::string("the network runs again: ") + error.what());
    facts.seconds.clear();
    return std::nullopt;
  }
  answer.result.images = answer.read.input.images;
  answer.result.mask = answer.read.input.mask;
  answer.model = object("model");
  return answer;
}

Answer compute(const ReconstructCommand& command,
               const std::vector<Photo>& photos,
               const std::string& staging,
               const ProgressCallback& progress,
               RunFacts& facts) {
  const LoadedModel loaded = load(command.model, progress);
  facts.seconds.emplace_back("weights", loaded.seconds);
  if (!loaded.note.empty()) facts.warnings.push_back(loaded.note);
  ReadOptions options = command.read;
  options.preprocess.target_px = loaded.model->config.img_size;
  options.preprocess.patch_px = loaded.model->config.patch_size;

  Answer answer;
  answer.read = read_photos(photos, options, progress, &facts.seconds);
  const MemoryPlan plan = checked_plan(loaded, answer.read.input);
  check_disk(command, answer.read.input, staging);
  answer.made_from = made_from_with(command, answer.read, options);
  answer.model = loaded.describe();
  std::vector<std::string> names;
  for (const Photo& photo : answer.read.photos) names.push_back(photo.name);
  answer.result = predict(*loaded.model,
                          answer.read.input,
                          names,
                          {.head_frames = plan.head_frames,
                           .merge = loaded.options.accel,
                           .merge_report = &facts.merging,
                           .layers_on_host = plan.layers_on_host,
                           .progress = progress,
                           .seconds = &facts.seconds});
  answer.result.note = loaded.note;
  return answer;
}

void warn(const std::string& text, RunFacts& facts) {
  facts.warnings.push_back(text);
  say("warning: " + text);
}

void warn_of_reading(const ReadPhotos& read, RunFacts& facts) {
  for (const SkippedPhoto& skipped : read.skipped) warn("left out: " + skipped.reason, facts);
  if (read.without_mask > 0) warn(count_of(read.without_mask, "photo") + " without a mask", facts);
  constexpr int64_t kSmall_px = 14;  // a patch of the network
  for (size_t i = 0; i < read.photos.size(); ++i) {
    const PixelMap& map = read.input.maps[i];
    if (std::min(map.stored_width_px, map.stored_height_px) < kSmall_px) {
      warn(read.photos[i].path + " has " + std::to_string(map.stored_width_px) + " x " +
               std::to_string(map.stored_height_px) + " pixels: too few to see anything",
           facts);
    }
  }
  // Of the photo's area, what the network input's edges cut off.
  int64_t cropped = 0;
  double most = 0;
  for (const PixelMap& map : read.input.maps) {
    const auto shown = [](int64_t network_px, double scale, int64_t upright_px) {
      return std::min(1.0,
                      static_cast<double>(network_px) / scale / static_cast<double>(upright_px));
    };
    const double kept = shown(map.network_width_px, map.scale_x, map.upright_width_px()) *
                        shown(map.network_height_px, map.scale_y, map.upright_height_px());
    constexpr double kWorthSaying = 0.1;
    if (1 - kept < kWorthSaying) continue;
    ++cropped;
    most = std::max(most, 1 - kept);
  }
  if (cropped > 0) {
    warn("of " + count_of(cropped, "photo") + " up to " + std::to_string(std::lround(100 * most)) +
             " % lie outside the network's input and are not used; --fit pad keeps all of them",
         facts);
  }
  if (read.input.mixed_sizes) {
    warn(
        "the photos differ in shape: all were padded with white to the largest, which the "
        "network sees",
        facts);
  }
}

void write_results(const ReconstructCommand& command,
                   Answer& answer,
                   const std::string& folder,
                   const ProgressCallback& progress,
                   RunFacts& facts) {
  Reconstruction& result = answer.result;
  result.points = make_points(result, command.points, progress, &facts.seconds);
  if (result.points.size() == 0) {
    warn(
        "no pixel gave a point: the photos are too flat, all padding or all masked, or the point "
        "filters too strict",
        facts);
  }
  {
    ExportOptions exports = command.exports;
    exports.tracked = answer.tracked;
    for (const Photo& photo : answer.read.photos) {
      exports.photo_paths.push_back(path_from(photo.path, folder, command.output));
    }
    facts.png_scales = map_scales(result);
    std::vector<OutputFile> files = result_files(result, folder, exports);
    for (OutputFile& file : scene_files(result, folder, facts.png_scales)) {
      files.push_back(std::move(file));
    }
    StageProgress stage("writing", static_cast<int64_t>(files.size()), progress, &facts.seconds);
    write_files(files, stage);
  }
  const auto report = [&] { return make_report(result, answer.model, answer.made_from, facts); };
  {
    // After the other files, for the page shows the seconds of all stages before it.
    const std::string page = folder + "/report.html";
    const std::string preview = folder + "/preview.png";
    const Json page_report = report();
    StageProgress stage("report page", 2, progress, &facts.seconds);
    write_files({{page, [&] { write_report_page(page, result, page_report); }},
                 {preview, [&] { write_preview(preview, result); }}},
                stage);
  }
  write_report(folder + "/report.json", report());
}

}  // namespace vggt::apps
