// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/commands.h"
#include "apps/help.h"
#include "apps/interrupt.h"
#include "apps/messages.h"
#include "apps/output_file.h"
#include "apps/replaceable.h"
#include "src/base/error.h"
#include "src/image/export_scene.h"
#include "src/io/colmap.h"
#include "src/io/npz.h"
#include "src/io/output_folder.h"
#include "src/io/ply.h"
#include "src/io/transforms.h"
#include "src/io/tum.h"
#include "src/pipeline/export.h"
#include "src/pipeline/result_folder.h"

namespace vggt::apps {
namespace {

namespace fs = std::filesystem;

struct ConvertCommand {
  std::string result;
  std::string to;
  std::string output;
  bool text = false;
  bool overwrite = false;
  ProgressCallback progress;
};

std::string in_result(const ConvertCommand& command, const std::string& file) {
  return (fs::path(command.result) / file).string();
}

void write_colmap_folder(const ConvertCommand& command, const std::string& folder) {
  const ColmapModel model = read_colmap(in_result(command, "sparse/0"));
  if (command.text) {
    write_colmap_text(folder, model);
  } else {
    write_colmap(folder, model);
  }
}

// The photos stay where they are: their paths lead there from the new folder.
void write_nerfstudio_folder(const ConvertCommand& command, const std::string& folder) {
  TransformsFile transforms = read_transforms(in_result(command, "transforms.json"));
  // Links on the way are resolved: ".." after one would else lead elsewhere.
  const fs::path output = fs::weakly_canonical(fs::absolute(command.output));
  int64_t missing = 0;
  for (TransformsFile::Frame& frame : transforms.frames) {
    const fs::path photo = fs::weakly_canonical(fs::absolute(in_result(command, frame.file_path)));
    std::error_code unknown;
    missing += fs::exists(photo, unknown) ? 0 : 1;
    frame.file_path = photo.lexically_proximate(output).generic_string();
  }
  if (missing > 0) {
    say("warning: " + std::to_string(missing) + " photos are no longer where transforms.json says");
  }
  write_transforms(folder + "/transforms.json", transforms);
  const std::string points = in_result(command, "points.ply");
  std::error_code error;
  fs::copy_file(points, folder + "/points.ply", error);
  if (error) throw IoError(points, "cannot be copied: " + error.message());
}

void write_ply_file(const ConvertCommand& command, const std::string& path) {
  const Reconstruction result = read_result(command.result, command.progress);
  write_ply(path, result.points, result.note);
}

void write_glb_file(const ConvertCommand& command, const std::string& path) {
  write_scene(path, read_result(command.result, command.progress));
}

void write_tum_file(const ConvertCommand& command, const std::string& path) {
  write_tum(path, trajectory_from(read_result(command.result, command.progress)));
}

void write_npz_file(const ConvertCommand& command, const std::string& path) {
  write_npz(path, npz_from(read_result(command.result, command.progress)));
}

using Writer = std::function<void(const ConvertCommand&, const std::string&)>;
const std::map<std::string, Writer> kFolders = {{"colmap", write_colmap_folder},
                                                {"nerfstudio", write_nerfstudio_folder}};
const std::map<std::string, Writer> kFiles = {{"ply", write_ply_file},
                                              {"glb", write_glb_file},
                                              {"tum", write_tum_file},
                                              {"npz", write_npz_file}};

// --overwrite is for what an earlier conversion to the same format made, and for nothing else.
void check_replaceable(const ConvertCommand& command) {
  std::error_code error;
  const fs::path output(command.output);
  const fs::file_status status = fs::symlink_status(output, error);
  if (!fs::exists(status)) return;
  if (kFiles.count(command.to) > 0) {
    if (!command.overwrite) {
      throw ConfigError("output", command.output + " exists; name another file or add --overwrite");
    }
    if (!fs::is_regular_file(status) || output.extension() != "." + command.to) {
      throw ConfigError("output",
                        command.output + " is no ." + command.to +
                            " file, so it is not overwritten; name another one");
    }
    return;
  }
  if (!command.overwrite || !fs::is_directory(status)) return;  // OutputFolder says what it is
  static const std::map<std::string, std::set<std::string>> ours = {
      {"colmap",
       {"cameras.bin", "images.bin", "points3D.bin", "cameras.txt", "images.txt", "points3D.txt"}},
      {"nerfstudio", {"transforms.json", "points.ply"}}};
  check_only_ours(command.output, ours.at(command.to), "a " + command.to + " folder");
}

void run(ConvertCommand command) {
  command.progress = interruptible_progress();
  read_report(command.result);  // whether it is a result at all, before anything is made
  // Asks again before the result is put in place whether it is still wanted.
  StageProgress stage(command.to, 1, command.progress);
  check_replaceable(command);
  if (const auto folder = kFolders.find(command.to); folder != kFolders.end()) {
    OutputFolder output(command.output, command.overwrite, {command.result});
    folder->second(command, output.path());
    stage.advance();
    output.commit();
  } else {
    write_file(command.output, [&](const std::string& path) {
      kFiles.at(command.to)(command, path);
      stage.advance();
    });
  }
  say(command.to + ": " + command.output);
}

}  // namespace

void add_convert(CLI::App& app) {
  const auto command = std::make_shared<ConvertCommand>();
  CLI::App* sub = app.add_subcommand(
      "convert", "Write a finished result in another format, without running the network");
  sub->add_option("result", command->result, "Folder that 'vggt reconstruct' made")
      ->required()
      ->type_name("FOLDER");
  std::vector<std::string> formats;
  for (const auto& format : kFolders) formats.push_back(format.first);
  for (const auto& format : kFiles) formats.push_back(format.first);
  sub->add_option(
         "--to", command->to, "colmap and nerfstudio make a folder, ply, glb, tum and npz a file")
      ->required()
      ->check(CLI::IsMember(formats));
  sub->add_option("-o,--output", command->output, "The folder or file to make")
      ->required()
      ->type_name("PATH");
  sub->add_flag("--text", command->text, "COLMAP's text files instead of the binary ones");
  sub->add_flag("--overwrite", command->overwrite, "Replace what is there");
  sub->footer(
      examples({{"For Blender and web viewers", "vggt convert out/ --to glb -o scene.glb"},
                {"For NumPy: depth, confidence, cameras and points",
                 "vggt convert out/ --to npz -o scene.npz"},
                {"A COLMAP model as text", "vggt convert out/ --to colmap --text -o model/"}}));
  sub->callback([command] { run(*command); });
}

}  // namespace vggt::apps
