// SPDX-License-Identifier: Apache-2.0
#include "apps/dry_run.h"

#include <ATen/ATen.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "apps/estimate.h"
#include "apps/output_file.h"
#include "src/base/device.h"
#include "src/base/error.h"
#include "src/io/output_folder.h"
#include "src/pipeline/result_folder.h"

namespace vggt::apps {
namespace {

namespace fs = std::filesystem;

// A folder for samples and the frames of videos, gone at the end, and in the next dry run if this
// one is killed.
class Workspace {
 public:
  Workspace()
      : folder_((fs::temp_directory_path() / ("vggt-dry-run-" + std::to_string(getuid()))).string(),
                false) {}
  const std::string& path() const { return folder_.path(); }

 private:
  OutputFolder folder_;
};

// Tells only that something is estimated, for it is not the work itself, and lets the user cancel.
ProgressCallback cancel_only(const ProgressCallback& progress) {
  return [&progress](const Progress&) {
    return !progress || progress({.stage = "estimate", .done = 0, .total = 1});
  };
}

// A stand-in for the network's answer: a plane before every photo.
Answer stand_in(const ReadPhotos& read, int64_t count, const LoadedModel& loaded) {
  Answer answer;
  const auto slice = [&](const at::Tensor& x) { return x.slice(0, 0, count).contiguous(); };
  answer.result.images = slice(read.input.images);
  const int64_t height = answer.result.images.size(2);
  const int64_t width = answer.result.images.size(3);
  answer.result.depth = at::full({count, height, width}, 1.F) +
                        at::linspace(0, 1, width, at::kFloat).view({1, 1, width});
  answer.result.confidence = at::rand({count, height, width}) + 1;
  if (read.input.mask.defined()) answer.result.mask = slice(read.input.mask);
  for (int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<size_t>(i);
    Camera camera = {.width_px = width, .height_px = height};
    camera.fx_px = camera.fy_px = static_cast<double>(width);
    camera.cx_px = static_cast<double>(width) / 2;
    camera.cy_px = static_cast<double>(height) / 2;
    camera.translation[0] = static_cast<double>(i) * 0.1;
    answer.result.views.push_back({read.photos[index].name, read.input.maps[index], camera});
  }
  answer.model = loaded.describe();
  answer.read.photos.assign(read.photos.begin(), read.photos.begin() + count);
  return answer;
}

// A name on one line, without a terminal's commands.
std::string shown(const Photo& photo) {
  std::string name = printable(photo.name);
  std::replace(name.begin(), name.end(), '\n', '?');
  return name;
}

// The folder in which the output, or the first of its parents that is missing, would be made.
fs::path existing_parent(const std::string& output) {
  fs::path folder = fs::absolute(output);
  std::error_code error;
  while (folder.has_relative_path() && !fs::is_directory(folder, error))
    folder = folder.parent_path();
  return folder;
}

// Seconds to make points and write the results of `frames`: of one frame and of all the sample's,
// and from there on a straight line.
double write_seconds(const ReconstructCommand& command,
                     const ReadPhotos& read,
                     const LoadedModel& loaded,
                     int64_t frames,
                     const std::string& folder,
                     const ProgressCallback& progress) {
  const auto sample = static_cast<int64_t>(read.photos.size());
  const auto seconds_of = [&](int64_t count) {
    Answer answer = stand_in(read, count, loaded);
    const std::string out = folder + "/" + std::to_string(count);
    fs::create_directory(out);
    RunFacts facts;
    const auto start = std::chrono::steady_clock::now();
    write_results(command, answer, out, cancel_only(progress), facts);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const double of_one = seconds_of(1);
  if (frames == 1) return of_one;
  const double of_sample = seconds_of(sample);
  if (frames == sample || sample == 1) return of_sample;
  const double each = (of_sample - of_one) / static_cast<double>(sample - 1);
  return of_sample + each * static_cast<double>(frames - sample);
}

}  // namespace

void dry_run(const ReconstructCommand& command, const ProgressCallback& progress) {
  constexpr int64_t kSample = 8;
  // What the run would refuse is refused here, too. The staging folder that this makes goes at
  // once; parents that are missing would stay, so they are left to the run.
  check(command.points);
  check_replaceable(command);
  if (command.from_cache) read_report(command.output);  // there must be one
  if (fs::is_directory(fs::absolute(command.output).parent_path())) {
    const OutputFolder output(command.output, command.overwrite, inputs_of(command));
  }
  const Workspace workspace;
  RunFacts facts;
  const std::vector<Photo> photos =
      list_inputs(command, workspace.path(), progress, &facts.seconds);
  const auto frames = static_cast<int64_t>(photos.size());
  const LoadedModel loaded = load(command.model, progress);
  ReadOptions options = command.read;
  options.preprocess.target_px = loaded.model->config.img_size;
  options.preprocess.patch_px = loaded.model->config.patch_size;
  const std::vector<Photo> sample = even_spread(photos, kSample);
  const ReadPhotos read = read_photos(sample, options, cancel_only(progress), &facts.seconds);
  const double photo_seconds = facts.seconds.back().second;
  facts.seconds.back().second =
      photo_seconds * static_cast<double>(frames) / static_cast<double>(sample.size());

  const int64_t height = read.input.images.size(2);
  const int64_t width = read.input.images.size(3);
  auto stages = facts.seconds;
  stages.emplace_back("weights", loaded.seconds);
  for (auto& stage :
       estimate_network_seconds(loaded, frames, height, width, cancel_only(progress))) {
    stages.push_back(std::move(stage));
  }
  stages.emplace_back("points, writing",
                      write_seconds(command, read, loaded, frames, workspace.path(), progress));

  std::printf(
      "would read    %s: %s", count_of(frames, "photo").c_str(), shown(photos.front()).c_str());
  if (frames > 1) std::printf(" ... %s", shown(photos.back()).c_str());
  std::printf("\n");
  for (const SkippedPhoto& skipped : read.skipped) {
    std::printf("  would leave out %s\n", printable(skipped.reason).c_str());
  }
  std::printf("would run     %s, %s, %s, on %s\n",
              loaded.weights.c_str(),
              loaded.licence.c_str(),
              loaded.arithmetic().c_str(),
              describe_device(loaded.device).c_str());
  std::printf("network input %lld x %lld px%s\n",
              static_cast<long long>(width),
              static_cast<long long>(height),
              frames > static_cast<int64_t>(sample.size()) ? ", judged by some of the photos" : "");
  double total = 0;
  for (const auto& [stage, seconds] : stages) {
    std::printf("  %-16s %9.1f s\n", stage.c_str(), seconds);
    total += seconds;
  }
  std::printf("time          about %.1f s%s\n",
              total,
              command.from_cache ? ", less where --from-cache spares the network" : "");
  const int64_t available = available_memory(loaded.device);
  const MemoryPlan plan = plan_memory(loaded, frames, height, width, available);
  // Photos are decoded in the host's memory.
  const int64_t memory =
      loaded.device.is_cuda()
          ? plan.total()
          : std::max(plan.total(), estimate_decoding_memory(loaded, read.input.maps));
  std::printf("memory        about %s of %s%s\n",
              gigabytes(memory).c_str(),
              gigabytes(available).c_str(),
              memory > available ? ": too little, the run would be refused" : "");
  std::printf("  network       %s\n", to_string(plan).c_str());
  const int64_t disk = estimate_disk(frames, height, width, disk_options(command));
  std::error_code error;
  const fs::space_info space = fs::space(existing_parent(command.output), error);
  const bool too_little = !error && static_cast<int64_t>(space.available) < disk;
  std::printf(
      "would write   %s, up to %s%s: report.html, preview.png, points.ply, scene.glb, sparse/0, "
      "transforms.json, trajectory.tum, depth, confidence, report.json, log.txt%s\n",
      command.output.c_str(),
      gigabytes(disk).c_str(),
      too_little ? ", which the disk does not have free," : "",
      command.exports.predictions ? ", predictions.safetensors" : "");
}

}  // namespace vggt::apps
