// SPDX-License-Identifier: Apache-2.0
#include "apps/made_from.h"

#include <chrono>
#include <filesystem>

#include "apps/accel_options.h"
#include "apps/program.h"
#include "src/base/device.h"
#include "src/models/precision.h"

namespace vggt::apps {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

// Size and time of a checkpoint's files: reading gigabytes only to compare them takes too long.
Json state_of_weights(const std::string& weights) {
  std::error_code error;
  Json files = Json::array();
  const auto add = [&](const fs::path& path) {
    const auto changed = fs::last_write_time(path, error).time_since_epoch();
    files.push_back({{"name", path.filename().string()},
                     {"bytes", fs::file_size(path, error)},
                     {"changed", std::chrono::nanoseconds(changed).count()}});
  };
  if (fs::is_regular_file(weights, error)) {
    add(weights);
  } else if (fs::is_directory(weights, error)) {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(weights, error)) {
      if (entry.is_regular_file(error)) paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    for (const fs::path& path : paths) add(path);
  } else {
    files.push_back({{"name", weights}});
  }
  return files;
}

}  // namespace

Json made_from(const ReadPhotos& photos, const ReadOptions& read, const ModelOptions& model) {
  const c10::Device device = select_device(model.device);
  accel::MergeOptions merging = model.accel;
  find_predictor(merging, weights_of(model));
  Json accel = to_json(merging);
  const auto predictor = merging.settings.find("predictor");
  std::error_code missing;
  if (predictor != merging.settings.end() && fs::exists(predictor->second, missing)) {
    accel["predictor_hash"] = file_hash(predictor->second);
  }
  Json key = {{"engine", version()},
              {"weights", state_of_weights(weights_of(model))},
              {"model", model.model},
              {"config", model.config.empty() ? "" : file_hash(model.config)},
              {"precision", describe_precision(model, device)},
              {"accel", accel},
              {"device", device.is_cuda() ? "cuda" : "cpu"},
              {"fit", static_cast<int>(read.preprocess.fit)},
              {"target_px", read.preprocess.target_px},
              {"patch_px", read.preprocess.patch_px},
              {"like_original", read.like_original}};
  key["photos"] = Json::array();
  for (size_t i = 0; i < photos.photos.size(); ++i) {
    key["photos"].push_back({{"name", photos.photos[i].name}, {"hash", photos.hashes[i]}});
  }
  return key;
}

std::string first_difference(const Json& then, const Json& now) {
  if (!then.is_object() || !then.contains("photos")) {
    return "the former result does not say what it was made from";
  }
  for (const auto& [field, value] : now.items()) {
    if (field == "photos") continue;
    if (!then.contains(field) || then[field] != value) {
      return field == "weights" || field == "config" ? "the " + field + " changed"
                                                     : "'" + field + "' differs";
    }
  }
  const Json& before = then["photos"];
  const Json& photos = now["photos"];
  if (before.size() != photos.size()) {
    return "there were " + std::to_string(before.size()) + " photos, now there are " +
           std::to_string(photos.size());
  }
  for (size_t i = 0; i < photos.size(); ++i) {
    const std::string name = photos[i]["name"];
    if (before[i].value("name", "") != name) return "photo " + name + " was not among them";
    if (before[i].value("hash", "") != photos[i]["hash"]) return "photo " + name + " changed";
  }
  return "";
}

}  // namespace vggt::apps
