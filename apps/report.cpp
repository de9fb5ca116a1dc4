// SPDX-License-Identifier: Apache-2.0
#include "apps/report.h"

#include <ATen/ATen.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "src/base/device.h"
#include "src/base/error.h"

namespace vggt::apps {
namespace {

using Json = nlohmann::ordered_json;

Json describe(const View& view,
              const at::Tensor& depth,
              const at::Tensor& confidence,
              int64_t points) {
  const PixelMap& map = view.map;
  const Camera camera = map.stored_camera(view.camera);
  return {
      {"name", view.name},
      {"width_px", map.stored_width_px},
      {"height_px", map.stored_height_px},
      {"exif_orientation_applied", map.orientation},
      {"network_from_upright",
       {{"scale", {map.scale_x, map.scale_y}}, {"offset_px", {map.offset_x_px, map.offset_y_px}}}},
      {"camera",
       {{"fx_px", camera.fx_px},
        {"fy_px", camera.fy_px},
        {"cx_px", camera.cx_px},
        {"cy_px", camera.cy_px},
        {"rotation_cam_from_world", camera.rotation},
        {"translation_cam_from_world", camera.translation}}},
      {"depth",
       {{"min", depth.min().item<double>()},
        {"median", depth.median().item<double>()},
        {"max", depth.max().item<double>()}}},
      {"mean_confidence", confidence.mean().item<double>()},
      {"points", points}};
}

}  // namespace

Json write_report(const std::string& path,
                  const Reconstruction& reconstruction,
                  const LoadedModel& loaded,
                  const RunFacts& facts) {
  Json report = {
      {"options",
       {{"photos", facts.photos},
        {"max_images", facts.max_images},
        {"fit", facts.fit},
        {"like_original", facts.like_original},
        {"drop_percent", facts.drop_percent}}},
      {"model", loaded.describe()},
      {"units", "scene units; the scale is not known"},
      {"network_input",
       {{"width_px", reconstruction.images.size(3)}, {"height_px", reconstruction.images.size(2)}}},
      {"warnings", facts.warnings},
      {"points", reconstruction.points.size()}};
  for (const auto& [stage, seconds] : facts.seconds) report["seconds"][stage] = seconds;
  report["peak_memory_bytes"] = peak_memory_bytes();

  const auto views = static_cast<int64_t>(reconstruction.views.size());
  const at::Tensor counts = at::bincount(reconstruction.points.frame.to(at::kLong), {}, views);
  for (int64_t i = 0; i < views; ++i) {
    report["photos"].push_back(describe(reconstruction.views[static_cast<size_t>(i)],
                                        reconstruction.depth[i],
                                        reconstruction.confidence[i],
                                        counts[i].item<int64_t>()));
  }
  std::ofstream out(path);
  // File names need not be UTF-8; JSON must be.
  out << report.dump(1, ' ', false, Json::error_handler_t::replace) << "\n";
  if (!out.flush()) throw IoError(path, "cannot be written");
  return report;
}

}  // namespace vggt::apps
