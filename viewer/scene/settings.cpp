// SPDX-License-Identifier: Apache-2.0
#include "viewer/scene/settings.h"

#include "src/base/error.h"
#include "src/io/json_file.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace vggt::viewer {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

void write_json(const std::string& path, const Json& json) {
  const std::string partial = path + ".vggt-partial";
  {
    std::ofstream out(partial);
    out << json.dump(2) << "\n";
    if (!out.flush()) throw IoError(path, "cannot be written");
  }
  std::error_code error;
  fs::rename(partial, path, error);
  if (error) throw IoError(path, "cannot be written: " + error.message());
}

// JSON has no infinity: null where the box is open.
Json corner_to_json(const Vec3f& corner) {
  Json list = Json::array();
  for (float x : corner) list.push_back(std::isfinite(x) ? Json(x) : Json(nullptr));
  return list;
}

void read_corner(const JsonFields& fields, const char* name, Vec3f& corner) {
  const nlohmann::json* list = fields.find(name);
  if (!list || list->is_null()) return;
  if (!list->is_array() || list->size() != corner.size())
    fields.fail(name, "must be three numbers");
  for (size_t c = 0; c < corner.size(); ++c) {
    if (!(*list)[c].is_null()) corner[c] = static_cast<float>(fields.number((*list)[c], name));
  }
}

bool has(const JsonFields& fields, const char* name) {
  const nlohmann::json* value = fields.find(name);
  return value && !value->is_null();
}

}  // namespace

ViewSettings read_view_settings(const std::string& path, const ViewSettings& fallback) {
  ViewSettings settings = fallback;
  std::error_code error;
  if (path.empty() || !fs::exists(path, error)) return settings;
  const nlohmann::json json = read_json(path);
  const JsonFields fields(path, "", json);
  if (has(fields, "drop_percent")) {
    settings.filter.drop_percent = fields.number("drop_percent");
    if (!(settings.filter.drop_percent >= 0 && settings.filter.drop_percent < 100)) {
      fields.fail("drop_percent", "must be from 0 to below 100");
    }
  }
  if (has(fields, "edges")) {
    settings.filter.edge_ratio = fields.number("edges");
    if (settings.filter.edge_ratio < 0) fields.fail("edges", "must not be negative");
  }
  if (has(fields, "crop")) {
    const JsonFields crop(path, "crop", fields.member("crop"));
    read_corner(crop, "low", settings.filter.crop_low);
    read_corner(crop, "high", settings.filter.crop_high);
  }
  if (has(fields, "up")) {
    fields.vector("up", settings.up.data(), 3);
    const double length = std::hypot(settings.up[0], settings.up[1], settings.up[2]);
    if (!(length > 1e-6)) fields.fail("up", "must be a direction");
    for (double& x : settings.up) x /= length;
  }
  if (has(fields, "metres_per_scene_unit")) {
    settings.metres_per_scene_unit = fields.number("metres_per_scene_unit");
    if (!(settings.metres_per_scene_unit > 0)) {
      fields.fail("metres_per_scene_unit", "must be positive");
    }
    settings.is_metric = true;
  }
  return settings;
}

std::string view_settings_path(const Scene& scene) {
  if (scene.kind != SceneKind::kResult) return {};
  return (fs::path(scene.path) / "view.json").string();
}

void write_view_settings(const std::string& path, const ViewSettings& settings) {
  const bool has_up = settings.up != std::array<double, 3>{};
  write_json(path,
             {{"drop_percent", settings.filter.drop_percent},
              {"edges", settings.filter.edge_ratio},
              {"crop",
               {{"low", corner_to_json(settings.filter.crop_low)},
                {"high", corner_to_json(settings.filter.crop_high)}}},
              {"up", has_up ? Json(settings.up) : Json(nullptr)},
              {"metres_per_scene_unit",
               settings.is_metric ? Json(settings.metres_per_scene_unit) : Json(nullptr)}});
}

std::string user_settings_path() {
  if (const char* config = std::getenv("XDG_CONFIG_HOME"); config && *config) {
    return (fs::path(config) / "vggt" / "viewer.json").string();
  }
  if (const char* home = std::getenv("HOME"); home && *home) {
    return (fs::path(home) / ".config" / "vggt" / "viewer.json").string();
  }
  return {};
}

UserSettings read_user_settings(const std::string& path) {
  UserSettings settings;
  std::error_code error;
  if (path.empty() || !fs::exists(path, error)) return settings;
  try {
    const nlohmann::json json = read_json(path);
    const JsonFields fields(path, "", json);
    constexpr int64_t kLeast = 320;
    constexpr int64_t kMost = 10'000;
    settings.width = static_cast<int>(std::clamp(fields.size("width"), kLeast, kMost));
    settings.height = static_cast<int>(std::clamp(fields.size("height"), kLeast, kMost));
    settings.point_size = static_cast<int>(std::clamp<int64_t>(fields.size("point_size"), 1, 10));
    double background[3];
    fields.vector("background", background, 3);
    for (int c = 0; c < 3; ++c) {
      settings.background[c] = static_cast<uint8_t>(std::clamp(background[c], 0.0, 255.0));
    }
    settings.colour = colour_by(fields.text("colour"));
  } catch (const std::exception&) {
    return {};
  }
  return settings;
}

void write_user_settings(const std::string& path, const UserSettings& settings) {
  if (path.empty()) return;
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  write_json(path,
             {{"width", settings.width},
              {"height", settings.height},
              {"background", settings.background},
              {"point_size", settings.point_size},
              {"colour", name_of(settings.colour)}});
}

}  // namespace vggt::viewer
