// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "apps/accel_options.h"
#include "apps/commands.h"
#include "apps/dry_run.h"
#include "apps/help.h"
#include "apps/interrupt.h"
#include "apps/known_step.h"
#include "apps/messages.h"
#include "apps/number_in.h"
#include "apps/point_options.h"
#include "apps/reconstruct_steps.h"
#ifdef VGGT_WITH_BA
#include "apps/refine_step.h"
#endif
#include "src/io/output_folder.h"

namespace vggt::apps {
namespace {

using Json = nlohmann::ordered_json;

FitMode fit_mode(const std::string& name) {
  if (name == "pad") return FitMode::kPad;
  if (name == "square") return FitMode::kSquare;
  return FitMode::kCrop;
}

Json describe(const ReconstructCommand& command) {
  return {{"inputs", command.input.inputs},
          {"list", command.input.list_file},
          {"recursive", command.input.recursive},
          {"max_images", command.max_images},
          {"fps", command.video.fps},
          {"every", command.video.every},
          {"max_frames", command.video.max_frames},
          {"drop_duplicates", command.video.drop_duplicates},
          {"masks", command.read.masks},
          {"strict", command.read.strict},
          {"fit", command.fit},
          {"like_original", command.read.like_original},
          {"drop_percent", command.points.drop_percent},
          {"edges", command.points.edge_ratio},
          {"consistent", command.points.consistent},
          {"consistent_within", command.points.consistent_within},
          {"max_points", command.points.max_points},
          {"voxel", command.points.voxel},
          {"normals", command.points.normals},
          {"poses", command.known.poses},
          {"poses_within", command.known.poses_within},
          {"intrinsics", command.known.intrinsics},
          {"scale_from", command.known.scale_from},
          {"refine", command.refine.mode},
          {"lens", command.refine.lens},
          {"text", command.exports.text},
          {"predictions", command.exports.predictions},
          {"from_cache", command.from_cache}};
}

void run(const ReconstructCommand& command) {
  const ProgressCallback progress = interruptible_progress();
  if (command.dry_run) {
    dry_run(command, progress);
    return;
  }
  check(command.points);
  check_replaceable(command);
  OutputFolder output(command.output, command.overwrite, inputs_of(command));
  messages().log_to(output.path() + "/log.txt");
  RunFacts facts = {.options = describe(command)};
  const std::vector<Photo> photos = list_inputs(command, output.path(), progress, &facts.seconds);
  check_known(command.known, photos, command.refine.mode != "none");

  std::optional<Answer> answer;
  if (command.from_cache) {
    answer = read_back(command, photos, output.path(), progress, facts);
  }
  facts.from_cache = answer.has_value();
  const bool computed = !answer;
  if (computed) answer = compute(command, photos, output.path(), progress, facts);
  warn_of_reading(answer->read, facts);
  facts.skipped = answer->read.skipped;
  if (computed) {
    use_known_cameras(command.known, *answer, facts);
#ifdef VGGT_WITH_BA
    refine(command, *answer, progress, facts);
#endif
    use_known_distance(command.known, *answer, facts);
  }
  write_results(command, *answer, output.path(), progress, facts);
  output.commit();

  double seconds = 0;
  for (const auto& stage : facts.seconds) seconds += stage.second;
  std::ostringstream summary;
  summary << count_of(answer->result.views.size(), "photo") << ", " << answer->result.points.size()
          << " points, " << std::fixed << std::setprecision(1) << seconds
          << " s: " << command.output;
  say(summary.str());
}

}  // namespace

void add_reconstruct(CLI::App& app) {
  const auto command = std::make_shared<ReconstructCommand>();
  command->model.heads = {"camera", "depth"};
  CLI::App* sub = app.add_subcommand(
      "reconstruct", "Make cameras, depth and a point cloud from photos or a video");

  sub->add_option("inputs",
                  command->input.inputs,
                  "Folders of photos (taken in natural order), photos, patterns, videos")
      ->type_name("PATH");
  sub->add_option("-o,--output", command->output, "Folder for the results")
      ->required()
      ->type_name("FOLDER");
  sub->add_flag("--overwrite", command->overwrite, "Replace an old result");
  sub->add_flag("--from-cache",
                command->from_cache,
                "Take cameras and depth from the old result where photos, weights and options are "
                "the same: only filters and exports run");
  sub->add_flag("--dry-run",
                command->dry_run,
                "Say what would be read, run and written, with time and memory; write nothing");

  const char* what_goes_in = "What goes in";
  sub->add_option("--list", command->input.list_file, "File that lists photos, one path a line")
      ->type_name("FILE")
      ->group(what_goes_in);
  sub->add_flag("--recursive", command->input.recursive, "Photos in subfolders, too")
      ->group(what_goes_in);
  sub->add_option(
         "--max-images", command->max_images, "Take an even spread of at most this many photos")
      ->check(CLI::Range(1, 1000000))
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
      ->group(what_goes_in);
  sub->add_option("--masks",
                  command->read.masks,
                  "Folder of masks named like the photos; what is not white gives no points")
      ->check(CLI::ExistingDirectory)
      ->type_name("FOLDER")
      ->group(what_goes_in);
  sub->add_flag("--strict", command->read.strict, "An unreadable photo is an error, not left out")
      ->group(what_goes_in);
  sub->add_option("--fit", command->fit, "How photos become network inputs: crop, pad or square")
      ->check(CLI::IsMember({"crop", "pad", "square"}))
      ->capture_default_str()
      ->group(what_goes_in);
  sub->add_flag("--like-original",
                command->read.like_original,
                "Read photos byte for byte as the original: EXIF orientation and some transparency "
                "ignored")
      ->group(what_goes_in);
  CLI::Option* const fps =
      sub->add_option("--fps", command->video.fps, "Frames taken from a second of video")
          ->check(number_in(0.001, 1000))
          ->capture_default_str()
          ->group(what_goes_in);
  sub->add_option("--every", command->video.every, "Take every Nth frame of a video instead")
      ->excludes(fps)
      ->check(CLI::Range(1, 1000000))
      ->group(what_goes_in);
  sub->add_option("--max-frames", command->video.max_frames, "At most this many frames of a video")
      ->check(CLI::Range(1, 1000000))
      ->group(what_goes_in);
  sub->add_flag("--drop-duplicates",
                command->video.drop_duplicates,
                "Leave out frames of a video that hardly differ from the one before")
      ->group(what_goes_in);

  add_model_options(*sub, command->model);
  add_accel_options(*sub, command->model.accel);
  add_known_options(*sub, command->known);
#ifdef VGGT_WITH_BA
  add_refine_options(*sub, command->refine);
#endif
  add_point_options(*sub, command->points);

  const char* what_comes_out = "What comes out";
  sub->add_flag("--text", command->exports.text, "sparse/0 as text, too")->group(what_comes_out);
  sub->add_flag("--predictions",
                command->exports.predictions,
                "predictions.safetensors: images, depth, confidence and cameras in one file")
      ->group(what_comes_out);
  sub->footer(
      examples({{"The bundled model on all photos of a folder", "vggt reconstruct photos/ -o out/"},
                {"A published checkpoint on two frames a second of a video",
                 "vggt reconstruct walk.mp4 --fps 2 -o out/ --weights model.safetensors"},
#ifdef VGGT_WITH_BA
                {"Cameras to a fraction of a pixel, and tracks for COLMAP and splatting",
                 "vggt reconstruct photos/ -o out/ --weights model.safetensors --refine ba"},
#endif
                {"Only the surer half of the pixels as points, without running the network again",
                 "vggt reconstruct photos/ -o out/ --overwrite --from-cache --drop-percent 50"}}));
  sub->callback([command] {
    command->read.preprocess.fit = fit_mode(command->fit);
    run(*command);
  });
}

}  // namespace vggt::apps
