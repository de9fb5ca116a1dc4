// SPDX-License-Identifier: Apache-2.0
// The steps of `vggt reconstruct`, which its dry run takes in part.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "apps/estimate.h"
#include "apps/model_options.h"
#include "apps/read_photos.h"
#include "apps/report.h"
#include "src/image/inputs.h"
#include "src/image/video.h"
#include "src/pipeline/export.h"
#include "src/pipeline/point_filter.h"

namespace vggt::apps {

struct RefineSettings {
  std::string mode = "none";    ///< none, ba, auto
  std::string lens = "shared";  ///< shared, photo, fixed
};

/// What the user knows beforehand; empty: nothing.
struct KnownSettings {
  std::string poses;                    ///< a path
  std::string poses_within;             ///< degrees,length
  std::string intrinsics;               ///< numbers or a path
  std::vector<std::string> scale_from;  ///< two photos and metres
};

/// What the user asked for.
struct ReconstructCommand {
  ModelOptions model;
  InputOptions input;
  VideoOptions video;
  ReadOptions read;
  std::string fit = "crop";
  int64_t max_images = 0;  ///< 0: all
  std::string output;
  PointFilter points;
  ExportOptions exports;
  KnownSettings known;
  RefineSettings refine;
  bool overwrite = false;
  bool from_cache = false;
  bool dry_run = false;
};

/// What the network said of the photos, computed now or read back.
struct Answer {
  ReadPhotos read;
  Reconstruction result;              ///< its points still to be made
  std::vector<TrackedPoint> tracked;  ///< of the refinement; empty without
  std::vector<uint8_t> known_pose;    ///< one per view where poses are known, else empty
  std::vector<uint8_t> known_lens;
  nlohmann::ordered_json model;
  nlohmann::ordered_json made_from;
};

/// Throws ConfigError if --overwrite would replace a folder that is no old result, or holds files
/// that are not of one.
void check_replaceable(const ReconstructCommand& command);

/// All files and folders that are read, which --overwrite must not remove.
std::vector<std::string> inputs_of(const ReconstructCommand& command);

/// Photos, then the frames of videos, which are written into `folder`/frames; an even spread of
/// them if asked for.
std::vector<Photo> list_inputs(const ReconstructCommand& command,
                               const std::string& folder,
                               const ProgressCallback& progress,
                               StageProgress::Seconds* seconds);

/// The former result's cameras and maps where nothing that decides them changed; else nothing, and
/// the reason is said. Throws IoError if there is no former result, or no room for a new one.
std::optional<Answer> read_back(const ReconstructCommand& command,
                                const std::vector<Photo>& photos,
                                const std::string& staging,
                                const ProgressCallback& progress,
                                RunFacts& facts);

/// Runs the network. Throws ConfigError("memory") or IoError where memory or disk will not do.
Answer compute(const ReconstructCommand& command,
               const std::vector<Photo>& photos,
               const std::string& staging,
               const ProgressCallback& progress,
               RunFacts& facts);

/// Says what the user must know of the photos, and keeps it for the report.
void warn_of_reading(const ReadPhotos& read, RunFacts& facts);
void warn(const std::string& text, RunFacts& facts);

/// Makes the points and writes every file.
void write_results(const ReconstructCommand& command,
                   Answer& answer,
                   const std::string& folder,
                   const ProgressCallback& progress,
                   RunFacts& facts);

DiskOptions disk_options(const ReconstructCommand& command);

std::string count_of(int64_t n, const std::string& thing);

}  // namespace vggt::apps
