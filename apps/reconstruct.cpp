// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/reconstruct.h"

#include <ATen/ATen.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <filesystem>
#include <iomanip>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "apps/commands.h"
#include "apps/model_options.h"
#include "apps/progress_line.h"
#include "apps/report.h"
#include "src/base/error.h"
#include "src/image/decode.h"
#include "src/image/preview.h"
#include "src/io/output_folder.h"
#include "src/pipeline/export.h"

namespace vggt::apps {
namespace {

struct ReconstructCommand {
  ModelOptions model;
  std::string photos;
  std::string output;
  std::string fit = "crop";
  int64_t max_images = 0;
  double drop_percent = PointFilter().drop_percent;
  bool like_original = false;
  bool overwrite = false;
};

FitMode fit_mode(const std::string& name) {
  if (name == "pad") return FitMode::kPad;
  if (name == "square") return FitMode::kSquare;
  return FitMode::kCrop;
}

// An even spread over the whole list, its first photo included.
std::vector<std::string> even_spread(const std::vector<std::string>& paths, int64_t most) {
  const auto count = static_cast<int64_t>(paths.size());
  if (most <= 0 || count <= most) return paths;
  std::vector<std::string> chosen;
  for (int64_t i = 0; i < most; ++i) chosen.push_back(paths[static_cast<size_t>(i * count / most)]);
  return chosen;
}

// Decodes and fits on all cores; of the originals only as many as there are cores are in memory at
// a time.
std::vector<FittedImage> read_photos(const std::vector<std::string>& paths,
                                     const ReconstructCommand& command,
                                     const ModelConfig& config,
                                     StageProgress& stage) {
  const PreprocessOptions options = {
      .fit = fit_mode(command.fit), .target_px = config.img_size, .patch_px = config.patch_size};
  std::vector<FittedImage> photos(paths.size());
  std::atomic<size_t> next = 0;
  std::exception_ptr failure;
  size_t failed = paths.size();  // the first photo that failed, whichever thread met one first
  std::mutex mutex;              // guards failure, failed and stage
  const auto work = [&] {
    for (size_t i = next++; i < paths.size(); i = next++) {
      try {
        const DecodedImage image = decode_image(paths[i], {.like_original = command.like_original});
        try {
          photos[i] = fit_image(
              image.rgb, image.stored_width_px, image.stored_height_px, image.orientation, options);
        } catch (const ConfigError& error) {
          throw IoError(paths[i], error.what());
        }
        const std::lock_guard lock(mutex);
        if (!failure) stage.advance();
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (i < failed) {
          failure = std::current_exception();
          failed = i;
        }
        next = paths.size();
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 1; i < std::thread::hardware_concurrency(); ++i) threads.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
  return photos;
}

// --overwrite is for old results: whatever else lies in a folder, it was not meant.
void check_replaceable(const ReconstructCommand& command) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path folder(command.output);
  if (command.overwrite && fs::is_directory(folder, error) && !fs::is_empty(folder, error) &&
      !fs::exists(folder / "report.json", error)) {
    throw ConfigError("output",
                      command.output +
                          " holds no report.json, so it is not an old result and is not "
                          "overwritten; name another folder");
  }
}

void run(const ReconstructCommand& command) {
  const ProgressCallback progress = progress_line();
  const std::vector<std::string> paths =
      even_spread(list_images(command.photos), command.max_images);
  std::vector<std::string> inputs = {command.photos};
  for (const std::string& file : {command.model.weights, command.model.config}) {
    if (!file.empty()) inputs.push_back(file);
  }
  check_replaceable(command);
  OutputFolder output(command.output, command.overwrite, inputs);

  RunFacts facts = {.photos = command.photos,
                    .max_images = command.max_images,
                    .fit = command.fit,
                    .like_original = command.like_original,
                    .drop_percent = command.drop_percent};
  ModelOptions model_options = command.model;
  if (model_options.heads.empty()) model_options.heads = {"camera", "depth"};
  const LoadedModel loaded = load(model_options, progress);
  facts.seconds.emplace_back("weights", loaded.seconds);
  if (!loaded.note.empty()) facts.warnings.push_back(loaded.note);

  NetworkInput input;
  {
    StageProgress stage("photos", static_cast<int64_t>(paths.size()), progress, &facts.seconds);
    input = stack_images(read_photos(paths, command, loaded.model->config, stage));
  }
  if (input.mixed_sizes) {
    facts.warnings.push_back(
        "the photos differ in shape: all were padded with white to the largest, which the network "
        "sees");
    say("warning: " + facts.warnings.back());
  }
  std::vector<std::string> names;
  for (const std::string& path : paths) names.push_back(std::filesystem::path(path).filename());
  Reconstruction result = reconstruct(*loaded.model,
                                      input,
                                      names,
                                      {.points = {.drop_percent = command.drop_percent},
                                       .progress = progress,
                                       .seconds = &facts.seconds});
  result.note = loaded.note;
  if (result.points.size() == 0) {
    facts.warnings.push_back("no pixel gave a point: the photos may be too flat or all padding");
    say("warning: " + facts.warnings.back());
  }
  {
    StageProgress stage("writing", 1, progress, &facts.seconds);
    export_reconstruction(result, output.path());
    write_preview(output.path() + "/preview.png", result);
    stage.advance();
  }
  write_report(output.path() + "/report.json", result, loaded, facts);
  output.commit();

  double seconds = 0;
  for (const auto& stage : facts.seconds) seconds += stage.second;
  std::ostringstream summary;
  summary << paths.size() << (paths.size() == 1 ? " photo, " : " photos, ") << result.points.size()
          << " points, " << std::fixed << std::setprecision(1) << seconds
          << " s: " << command.output;
  say(summary.str());
}

}  // namespace

void add_reconstruct(CLI::App& app) {
  const auto command = std::make_shared<ReconstructCommand>();
  CLI::App* sub = app.add_subcommand(
      "reconstruct", "Make cameras, depth and a point cloud from a folder of photos");
  sub->add_option("photos", command->photos, "Folder of JPEG and PNG files, taken in natural order")
      ->required();
  sub->add_option("-o,--output", command->output, "Folder for the results")->required();
  add_model_options(*sub, command->model);
  sub->add_option("--fit", command->fit, "How photos become network inputs: crop, pad or square")
      ->check(CLI::IsMember({"crop", "pad", "square"}))
      ->capture_default_str();
  sub->add_option(
         "--max-images", command->max_images, "Take an even spread of at most this many photos")
      ->check(CLI::Range(1, 1000000))
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  sub->add_option("--drop-percent",
                  command->drop_percent,
                  "Share of least confident pixels that give no points")
      ->check(CLI::Range(0.0, 99.9))
      ->capture_default_str();
  sub->add_flag(
      "--like-original",
      command->like_original,
      "Read photos byte for byte as the original: EXIF orientation and some transparency ignored");
  sub->add_flag("--overwrite", command->overwrite, "Replace an existing output folder");
  sub->callback([command] { run(*command); });
}

}  // namespace vggt::apps
