// SPDX-License-Identifier: Apache-2.0
#include "apps/report.h"

#include <ATen/ATen.h>

#include <fstream>

#include "apps/accel_options.h"
#include "src/base/device.h"
#include "src/base/error.h"
#include "src/pipeline/export.h"
#include "src/pipeline/result_folder.h"

namespace vggt::apps {
namespace {

using Json = nlohmann::ordered_json;

// Of the pixels that the user's mask, if any, keeps.
at::Tensor kept(const at::Tensor& map, const at::Tensor& mask, int64_t i) {
  return mask.defined() ? map[i].masked_select(mask[i]) : map[i].flatten();
}

}  // namespace

Json make_report(const Reconstruction& reconstruction,
                 const Json& model,
                 const Json& made_from,
                 const RunFacts& facts) {
  Json report = {
      {"options", facts.options},
      {"model", model},
      {"units", facts.units},
      {"network_input",
       {{"width_px", reconstruction.depth.size(2)}, {"height_px", reconstruction.depth.size(1)}}},
      {"depth_png_scale", facts.png_scales.depth},
      {"confidence_png_scale", facts.png_scales.confidence},
      {"from_cache", facts.from_cache},
      {"warnings", facts.warnings},
      {"points", reconstruction.points.size()}};
  if (!reconstruction.note.empty()) report["note"] = reconstruction.note;
  for (const auto& [stage, seconds] : facts.seconds) report["seconds"][stage] = seconds;
  if (!facts.merging.layers.empty() || !facts.merging.reason.empty())
    report["merging"] = to_json(facts.merging);
  if (!facts.known.is_null()) report["known"] = facts.known;
  if (!facts.refinement.is_null()) report["refinement"] = facts.refinement;
  report["peak_memory_bytes"] = peak_memory_bytes();
  report["skipped"] = Json::array();
  for (const SkippedPhoto& skipped : facts.skipped) {
    report["skipped"].push_back({{"path", skipped.photo.path}, {"reason", skipped.reason}});
  }

  const auto views = static_cast<int64_t>(reconstruction.views.size());
  const at::Tensor counts = at::bincount(reconstruction.points.frame.to(at::kLong), {}, views);
  const std::vector<std::string> files = photo_stems(reconstruction.views);
  for (int64_t i = 0; i < views; ++i) {
    const auto index = static_cast<size_t>(i);
    Json photo = view_to_json(reconstruction.views[index], files[index]);
    const at::Tensor depth = kept(reconstruction.depth, reconstruction.mask, i);
    photo["depth"] = nullptr;  // where the mask keeps nothing
    photo["mean_confidence"] = nullptr;
    if (depth.numel() > 0) {
      photo["depth"] = {{"min", depth.min().item<double>()},
                        {"median", depth.median().item<double>()},
                        {"max", depth.max().item<double>()}};
      photo["mean_confidence"] =
          kept(reconstruction.confidence, reconstruction.mask, i).mean().item<double>();
    }
    photo["points"] = counts[i].item<int64_t>();
    report["photos"].push_back(photo);
  }
  report["made_from"] = made_from;
  return report;
}

void write_report(const std::string& path, const Json& report) {
  std::ofstream out(path);
  // File names need not be UTF-8; JSON must be.
  out << report.dump(1, ' ', false, Json::error_handler_t::replace) << "\n";
  if (!out.flush()) throw IoError(path, "cannot be written");
}

}  // namespace vggt::apps
