// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>

#include "apps/commands.h"
#include "apps/help.h"
#include "apps/interrupt.h"
#include "apps/messages.h"
#include "apps/output_file.h"
#include "apps/program.h"
#include "apps/replaceable.h"
#include "apps/texture_photos.h"
#include "src/base/device.h"
#include "src/base/error.h"
#include "src/image/map_png.h"
#include "src/image/picture_file.h"
#include "src/io/output_folder.h"
#include "src/io/scene_folder.h"
#include "src/synthetic/random.h"
#include "src/synthetic/sample.h"

namespace vggt::apps {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPreview = "preview.png";
// A sheet of more could hardly be looked at.
constexpr int64_t kMostPreviewed = 50;

struct SynthCommand {
  std::string output;
  int64_t scenes = 20;
  std::string kind = "mixed";
  std::string rig = "any";
  std::string size = "640x480";
  uint64_t seed = 1;
  std::string photos;
  std::string format = "jpg";
  synthetic::SampleOptions sample{.frames = 8};
  bool clean = false;
  bool preview = false;
  bool overwrite = false;
};

struct Size {
  int64_t width;
  int64_t height;
};

// "640x480" or several, "640x480,480x640".
std::vector<Size> sizes_of(const std::string& text) {
  std::vector<Size> sizes;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string one = text.substr(begin, end - begin);
    long long width = 0;
    long long height = 0;
    char after = 0;
    if (std::sscanf(one.c_str(), "%lldx%lld%c", &width, &height, &after) != 2) {
      throw ConfigError(
          "size", "'" + one + "'; must be WIDTHxHEIGHT in pixels, as 640x480 or 640x480,480x640");
    }
    sizes.push_back({width, height});
    begin = end + 1;
  }
  return sizes;
}

// The options of one scene: of several sizes it takes one.
synthetic::SampleOptions options_of(const SynthCommand& command, uint64_t seed) {
  const std::vector<Size> sizes = sizes_of(command.size);
  synthetic::Random random(seed, 0x512E);
  const Size& size = sizes[static_cast<size_t>(random.index(static_cast<int64_t>(sizes.size())))];
  synthetic::SampleOptions options = command.sample;
  options.width_px = size.width;
  options.height_px = size.height;
  return options;
}

// What the library calls its fields, in the words of the options.
ConfigError by_option(const ConfigError& error) {
  constexpr struct {
    const char* field;
    const char* option;
  } kNames[] = {{"frames", "views"},
                {"width_px", "size"},
                {"height_px", "size"},
                {"fov_min_deg, fov_max_deg", "fov-min, fov-max"},
                {"min_overlap", "overlap"}};
  const std::string text = error.what();
  const size_t end = text.find(": ");
  for (const auto& name : kNames) {
    if (text.substr(0, end) == name.field) return {name.option, text.substr(end + 2)};
  }
  return error;
}

// A scene is in memory as a whole.
void check_memory(const synthetic::SampleOptions& options) {
  // Light, picture, normals twice, depth, index and mask, and what blurring and noise take.
  constexpr double kBytesPerPixel = 80;
  constexpr double kGigabyte = 1e9;
  const double needed = kBytesPerPixel * static_cast<double>(options.frames) *
                        static_cast<double>(options.width_px) *
                        static_cast<double>(options.height_px);
  const auto available = static_cast<double>(available_memory(at::kCPU));
  if (needed <= available) return;
  char text[160];
  std::snprintf(text,
                sizeof(text),
                "a scene of this size and so many views needs about %.1f GB, %.1f GB are free; ask "
                "for less",
                needed / kGigabyte,
                available / kGigabyte);
  throw ConfigError("size, views", text);
}

std::string numbered(const char* pattern, int64_t number) {
  char text[32];
  std::snprintf(text, sizeof(text), pattern, static_cast<long long>(number));
  return text;
}

std::string scene_name(int64_t scene) { return numbered("scene_%04lld", scene); }

// --overwrite is for what an earlier run made, and for nothing else.
void check_replaceable(const SynthCommand& command) {
  std::error_code error;
  if (!command.overwrite || !fs::is_directory(command.output, error)) return;
  std::set<std::string> ours = {kPreview};
  for (const auto& entry : fs::directory_iterator(command.output, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("scene_") || !fs::exists(entry.path() / "cameras.json")) continue;
    ours.insert({name + "/cameras.json", name + "/SOURCE.md"});
    for (const SceneFrame& frame : read_scene_cameras(entry.path().string()).frames) {
      ours.insert({name + "/images/" + frame.file, name + "/" + frame.depth});
    }
  }
  check_only_ours(command.output, ours, "synthetic scenes");
}

synthetic::Textures textures_of(const SynthCommand& command, const ProgressCallback& progress) {
  synthetic::TextureOptions options = {.seed = command.seed, .count = 128};
  if (!command.photos.empty()) options.photos = texture_photos(command.photos, progress);
  StageProgress stage("textures", 1, progress);
  auto textures = synthetic::make_textures(options);
  stage.advance();
  return textures;
}

uint64_t scene_seed(const SynthCommand& command, int64_t scene) {
  return command.seed + static_cast<uint64_t>(scene);
}

// As cameras and web sites save them; a clean picture loses next to nothing.
int jpeg_quality(const SynthCommand& command, uint64_t seed) {
  synthetic::Random random(seed, 0x19E6);
  return command.clean ? 95 : static_cast<int>(random.integer(65, 96));
}

std::string source_text(const SynthCommand& command,
                        const synthetic::Sample& sample,
                        int64_t scene) {
  std::string text = "# " + scene_name(scene) + "\n\n";
  text += "* What: a synthetic scene (" + synthetic::name_of(sample.kind) + ")\n";
  text +=
      "* Made by: vggt " + std::string(version()) + " (" + commit() + "), " + command_line() + "\n";
  text += "* Seed: " + std::to_string(scene_seed(command, scene)) + " of textures " +
          std::to_string(command.seed) + "\n";
  text += "* Poses, intrinsics and depth: exact; depth is rounded to 16 bits\n";
  text += command.photos.empty() ? "* Licence: textures are procedural; no photo is used\n"
                                 : "* Licence: that of the photos in " + command.photos +
                                       ", parts of which are textures\n";
  return text;
}

void write_scene(const SynthCommand& command,
                 const std::string& folder,
                 const synthetic::Sample& sample,
                 const at::Tensor& pictures,
                 int64_t scene) {
  const int quality = jpeg_quality(command, scene_seed(command, scene));
  fs::create_directories(folder + "/images");
  fs::create_directories(folder + "/depth");
  const double farthest = sample.depth.max().item<double>();
  SceneCameras cameras = {.metric_scale = true,
                          .pose_source = "synthetic, exact",
                          .depth_scale = farthest > 0 ? 65535 / farthest : 1};
  for (size_t i = 0; i < sample.cameras.size(); ++i) {
    const auto frame = static_cast<int64_t>(i);
    const std::string name = numbered("%05lld", frame);
    cameras.frames.push_back(
        {name + "." + command.format, "depth/" + name + ".png", sample.cameras[i]});
    write_picture(folder + "/images/" + cameras.frames[i].file, pictures[frame], quality);
    write_map_png(folder + "/" + cameras.frames[i].depth, sample.depth[frame], cameras.depth_scale);
  }
  write_scene_cameras(folder, cameras);
  write_text_file(folder + "/SOURCE.md", printable(source_text(command, sample, scene)));
}

// An even spread of many scenes.
bool is_previewed(int64_t scene, int64_t scenes) {
  const auto place = [&](int64_t of) { return of * std::min(scenes, kMostPreviewed) / scenes; };
  return scene == 0 || place(scene) != place(scene - 1);
}

void run(SynthCommand command) {
  const ProgressCallback progress = interruptible_progress();
  command.sample.kind = synthetic::scene_kind(command.kind);
  command.sample.rig = synthetic::rig_kind(command.rig);
  if (command.scenes < 1 || command.scenes > 10000) {
    throw ConfigError("scenes", std::to_string(command.scenes) + "; must be from 1 to 10000");
  }
  // What is larger than this is taken for a number that did not fit.
  constexpr uint64_t kMostSeed = uint64_t{1} << 53;
  if (command.seed > kMostSeed) {
    throw ConfigError("seed", "must be from 0 to " + std::to_string(kMostSeed));
  }
  for (const Size& size : sizes_of(command.size)) {
    command.sample.width_px = size.width;
    command.sample.height_px = size.height;
    synthetic::check(command.sample);
    check_memory(command.sample);
  }
  check_replaceable(command);
  std::vector<std::string> inputs;
  if (!command.photos.empty()) inputs.push_back(command.photos);
  OutputFolder output(command.output, command.overwrite, inputs);
  const synthetic::Textures textures = textures_of(command, progress);
  std::vector<at::Tensor> previews;
  StageProgress stage("scenes", command.scenes, progress);
  for (int64_t scene = 0; scene < command.scenes; ++scene) {
    const uint64_t seed = scene_seed(command, scene);
    const synthetic::Sample sample =
        synthetic::make_sample(options_of(command, seed), textures, seed);
    const double strength = command.clean ? 0 : 1;
    const at::Tensor pictures = synthetic::photometric(sample.linear,
                                                       seed,
                                                       {.exposure = strength,
                                                        .white_balance = strength,
                                                        .contrast = strength,
                                                        .vignetting = strength,
                                                        .blur = strength,
                                                        .noise = strength});
    write_scene(command, output.path() + "/" + scene_name(scene), sample, pictures, scene);
    if (command.preview && is_previewed(scene, command.scenes)) {
      previews.push_back(contact_rows(pictures, sample.depth));
    }
    stage.advance();
  }
  if (command.preview) {
    write_contact_sheet(output.path() + "/" + kPreview, previews);
  }
  output.commit();
  say(std::to_string(command.scenes) + (command.scenes == 1 ? " scene" : " scenes") + " of " +
      std::to_string(command.sample.frames) +
      (command.sample.frames == 1 ? " view: " : " views: ") + command.output);
}

}  // namespace

void add_synth(CLI::App& app) {
  const auto command = std::make_shared<SynthCommand>();
  CLI::App* sub =
      app.add_subcommand("synth", "Make synthetic scenes: pictures with exact cameras and depth");
  sub->add_option("-o,--output",
                  command->output,
                  "The folder to make: scene_0000/ and so on, each with images/, depth/ (16 bits, "
                  "0 = none), cameras.json and SOURCE.md")
      ->required()
      ->type_name("FOLDER");
  sub->add_option("--scenes", command->scenes, "How many scenes")->capture_default_str();
  sub->add_option("--views", command->sample.frames, "Pictures of each scene")
      ->capture_default_str();
  sub->add_option("--size",
                  command->size,
                  "Width and height of the pictures in pixels; of several, as 640x480,480x640, "
                  "each scene takes one")
      ->type_name("WxH")
      ->capture_default_str();
  sub->add_option("--kind", command->kind, "What the scenes show")
      ->check(CLI::IsMember({"room", "object", "street", "corridor", "mixed"}))
      ->capture_default_str();
  sub->add_option("--rig", command->rig, "How the camera moves; turn is rotation alone")
      ->check(CLI::IsMember({"orbit", "walk", "sparse", "turn", "drive", "any"}))
      ->capture_default_str();
  sub->add_option("--seed", command->seed, "The same seed gives the same scenes")
      ->capture_default_str();
  sub->add_option(
         "--overlap",
         command->sample.min_overlap,
         "Views are linked by pairs that share at least this much of what they see, 0 to 0.9")
      ->capture_default_str();
  sub->add_option("--spread",
                  command->sample.spread,
                  "Scales how far the views are apart, above 0, up to 10")
      ->capture_default_str();
  sub->add_option("--fov-min",
                  command->sample.fov_min_deg,
                  "Narrowest field of view of the longer side, degrees, from 5")
      ->capture_default_str();
  sub->add_option("--fov-max", command->sample.fov_max_deg, "Widest one, up to 150")
      ->capture_default_str();
  sub->add_option("--photos", command->photos, "Parts of these photos are used as textures, too")
      ->type_name("FOLDER");
  sub->add_option("--format", command->format, "Files of the pictures; jpg is of varied quality")
      ->check(CLI::IsMember({"jpg", "png"}))
      ->capture_default_str();
  sub->add_flag(
      "--clean", command->clean, "No noise, blur, or varied exposure, colour and JPEG quality");
  sub->add_flag("--preview",
                command->preview,
                "A contact sheet as well: preview.png, of up to 50 scenes, with their depth");
  sub->add_flag(
      "--overwrite", command->overwrite, "Replace scenes that an earlier run wrote there");
  sub->footer(examples({{"Twenty rooms of eight views, and a picture of them all",
                         "vggt synth --kind room --preview -o scenes/"},
                        {"A long walk around a loop, to test drift",
                         "vggt synth --scenes 1 --views 200 --kind corridor --rig drive -o loop/"},
                        {"One of the scenes through the network",
                         "vggt reconstruct scenes/scene_0000/images -o out/"}}));
  sub->callback([command] {
    try {
      run(*command);
    } catch (const ConfigError& error) {
      throw by_option(error);
    }
  });
}

}  // namespace vggt::apps
