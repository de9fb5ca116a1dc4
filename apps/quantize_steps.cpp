// SPDX-License-Identifier: Apache-2.0
#include "apps/quantize_steps.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>

#include "apps/output_file.h"
#include "apps/program.h"
#include "apps/read_photos.h"
#include "src/accel/quantize.h"
#include "src/base/error.h"
#include "src/image/chart.h"
#include "src/image/inputs.h"
#include "src/io/output_files.h"
#include "src/weights/quantized_file.h"
#include "src/weights/safetensors.h"

namespace vggt::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kKeyFile = "key.json";

const char* const kKinds[] = {"attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"};

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

CalibrationImages read_calibration_images(const QuantizeCommand& command,
                                          const ModelConfig& config,
                                          const ProgressCallback& progress) {
  CalibrationImages result;
  if (command.images.empty()) return result;
  // A folder is a scene; photos of different folders never meet.
  std::map<std::string, std::vector<Photo>> folders;
  for (const Photo& photo : list_photos({.inputs = command.images, .recursive = true})) {
    folders[fs::path(photo.path).parent_path().string()].push_back(photo);
  }
  const ReadOptions options = {
      .strict = true, .preprocess = {.target_px = config.img_size, .patch_px = config.patch_size}};
  const auto frames = static_cast<size_t>(command.frames);
  for (const auto& [folder, photos] : folders) {
    for (size_t begin = 0; begin < photos.size(); begin += frames) {
      const size_t end = std::min(begin + frames, photos.size());
      // A rest of one photo says nothing of what lies between photos.
      if (begin > 0 && end - begin < 2) break;
      const ReadPhotos read = read_photos(
          {photos.begin() + static_cast<long>(begin), photos.begin() + static_cast<long>(end)},
          options,
          progress);
      result.scenes.push_back(read.input.images.unsqueeze(0));
      result.names.push_back(folder + " from " + std::to_string(begin));
      result.hashes.insert(result.hashes.end(), read.hashes.begin(), read.hashes.end());
    }
  }
  return result;
}

std::string key_of(const QuantizeCommand& command,
                   const accel::QuantRecipe& recipe,
                   const CalibrationImages& images) {
  std::error_code error;
  const auto size = fs::file_size(command.weights, error);
  return Json{{"engine", version()},
              {"commit", commit()},
              {"weights", fs::absolute(command.weights).string()},
              {"weights_bytes", error ? 0 : size},
              {"recipe", recipe.to_json()},
              {"method", command.method},
              {"frames", command.frames},
              {"most_scenes", command.most_scenes},
              {"task_scenes", command.task_scenes},
              {"seed", command.seed},
              {"photos", images.hashes}}
      .dump(1);
}

PartialBlocks::PartialBlocks(std::string folder, const std::string& key)
    : folder_(std::move(folder)) {
  const fs::path key_file = fs::path(folder_) / kKeyFile;
  if (fs::exists(key_file) && text_of(key_file) != key) fs::remove_all(folder_);
  make_folder(folder_);
  if (!fs::exists(key_file)) write_text_file(key_file.string(), key);
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.path().extension() == ".safetensors") ++found_;
  }
}

calibrate::BlockStore PartialBlocks::store() const {
  const auto path_of = [folder = folder_](const std::string& block) {
    return (fs::path(folder) / (block + ".safetensors")).string();
  };
  calibrate::BlockStore store;
  store.find = [path_of](const std::string& block) -> std::optional<calibrate::BlockCodes> {
    if (!fs::exists(path_of(block))) return std::nullopt;
    calibrate::BlockCodes codes;
    for (const auto& [key, weight] : open_weight_file(path_of(block)).quantized) {
      codes[key.substr(0, key.rfind('.'))] = *weight;
    }
    return codes;
  };
  store.keep = [path_of](const std::string& block, const calibrate::BlockCodes& codes) {
    std::map<std::string, at::Tensor> tensors;
    Json layers = Json::object();
    for (const auto& [layer, weight] : codes) {
      tensors.merge(tensors_of(layer + ".weight", weight));
      layers[layer] = accel::to_string({.format = weight.format, .group = weight.group});
    }
    write_safetensors(
        path_of(block), tensors, {{kQuantizationKey, Json{{"layers", layers}}.dump()}});
  };
  return store;
}

void PartialBlocks::remove() const { fs::remove_all(folder_); }

Json report_of(const QuantizeCommand& command,
               const calibrate::Calibrated& calibrated,
               const QuantizeFacts& facts) {
  Json report = {{"weights", command.weights},
                 {"format", command.format},
                 {"method", command.method},
                 {"seed", command.seed},
                 {"seconds", facts.seconds},
                 {"engine", version()},
                 {"commit", commit()}};
  report["scenes"] = Json::array();
  for (const size_t i : calibrated.scenes) report["scenes"].push_back(facts.images.names.at(i));
  int64_t bytes = 0;
  int64_t half_bytes = 0;
  double least = std::numeric_limits<double>::infinity();
  double sum = 0;
  report["layers"] = Json::array();
  for (const calibrate::LayerReport& layer : calibrated.report) {
    bytes += layer.bytes;
    half_bytes += layer.half_bytes;
    least = std::min(least, layer.sqnr_db);
    sum += layer.sqnr_db;
    report["layers"].push_back({{"layer", layer.layer},
                                {"scheme", layer.scheme},
                                {"sqnr_db", layer.sqnr_db},
                                {"bytes", layer.bytes},
                                {"bf16_bytes", layer.half_bytes}});
  }
  const auto count = static_cast<double>(calibrated.report.size());
  report["total"] = {{"layers", calibrated.report.size()},
                     {"bytes", bytes},
                     {"bf16_bytes", half_bytes},
                     {"file_bytes", facts.bytes},
                     {"least_sqnr_db", least},
                     {"mean_sqnr_db", sum / count}};
  report["sensitivity"] = Json::array();
  for (const calibrate::Sensitivity& block : calibrated.sensitivity) {
    report["sensitivity"].push_back({{"block", block.block},
                                     {"pose_rad", block.pose_rad},
                                     {"depth", block.depth},
                                     {"fragile", block.fragile}});
  }
  return report;
}

std::string summary_of(const Json& report) {
  const Json& total = report["total"];
  char text[256];
  std::snprintf(text,
                sizeof(text),
                "%d layers: %.3f MB, as bf16 %.3f MB; the file's tensors %.3f MB; signal to noise "
                "of the weights %.1f dB, at least %.1f; %.1f s\n",
                total["layers"].get<int>(),
                total["bytes"].get<double>() * 1e-6,
                total["bf16_bytes"].get<double>() * 1e-6,
                total["file_bytes"].get<double>() * 1e-6,
                total["mean_sqnr_db"].is_number() ? total["mean_sqnr_db"].get<double>() : NAN,
                total["least_sqnr_db"].is_number() ? total["least_sqnr_db"].get<double>() : NAN,
                report["seconds"].get<double>());
  std::string summary = text;
  for (const Json& block : report["sensitivity"]) {
    if (block["fragile"].get<bool>()) {
      summary += "fragile, only attn.proj is coded: " + block["block"].get<std::string>() + "\n";
    }
  }
  return summary;
}

void write_allocation_chart(const std::string& path,
                            const QuantizeCommand& command,
                            const calibrate::Calibrated& calibrated) {
  ChartPanel bits{.title = "Allocation",
                  .x_label = "block",
                  .y_label = "bits per weight",
                  .y_range = {{0, 17}}};
  ChartPanel noise{.title = "Signal to noise", .x_label = "block", .y_label = "dB"};
  // Blocks in the order of their layers: encoder, frame, global, camera head, as they come.
  std::map<std::string, double> place;
  for (const calibrate::LayerReport& layer : calibrated.report) {
    const std::string block =
        layer.layer.substr(0, layer.layer.rfind('.', layer.layer.rfind('.') - 1));
    place.emplace(block, static_cast<double>(place.size()));
  }
  for (size_t k = 0; k < 4; ++k) {
    const double hue = static_cast<double>(k) / 4;
    ChartSeries of_bits{.name = kKinds[k], .kind = ChartSeries::Kind::kPoints, .hue = hue};
    ChartSeries of_noise{.name = kKinds[k], .hue = hue};
    for (const calibrate::LayerReport& layer : calibrated.report) {
      if (!layer.layer.ends_with(kKinds[k])) continue;
      const std::string block =
          layer.layer.substr(0, layer.layer.rfind('.', layer.layer.rfind('.') - 1));
      const double weights = static_cast<double>(layer.half_bytes) / 2;
      of_bits.points.push_back({place[block], 8 * static_cast<double>(layer.bytes) / weights});
      of_noise.points.push_back({place[block], layer.sqnr_db});
    }
    bits.series.push_back(of_bits);
    noise.series.push_back(of_noise);
  }
  Chart chart{.title = "Quantised by " + command.method + ": " + command.format,
              .note = "Blocks in the order of a pass, frame and global in turns, then the others",
              .panels = {bits, noise}};
  if (!calibrated.sensitivity.empty()) {
    ChartPanel panel{.title = "What a block alone does", .x_label = "block", .y_label = "change"};
    ChartSeries pose{.name = "pose, rad", .hue = 0};
    ChartSeries depth{.name = "depth, relative", .hue = 0.6};
    for (size_t b = 0; b < calibrated.sensitivity.size(); ++b) {
      pose.points.push_back({static_cast<double>(b), calibrated.sensitivity[b].pose_rad});
      depth.points.push_back({static_cast<double>(b), calibrated.sensitivity[b].depth});
    }
    panel.series = {pose, depth};
    chart.panels.push_back(panel);
  }
  write_chart(path, chart);
}

}  // namespace vggt::apps
