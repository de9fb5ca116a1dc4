// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/help.h"
#include "apps/interrupt.h"
#include "apps/messages.h"
#include "apps/output_file.h"
#include "apps/program.h"
#include "apps/quantize_steps.h"
#include "src/base/error.h"
#include "src/weights/infer_config.h"
#include "src/weights/load.h"
#include "src/weights/quantized_file.h"
#include "src/weights/safetensors.h"

namespace vggt::apps {
namespace {

using Json = nlohmann::ordered_json;

accel::QuantRecipe recipe_of(const QuantizeCommand& command) {
  if (!accel::is_quantized_precision(command.format)) {
    throw ConfigError("format",
                      "'" + command.format +
                          "' is none of fp8, int8, w8a16, w4a16 (with -g64, -sym, ...), and no "
                          "recipe (*.json)");
  }
  return accel::recipe_of_precision(command.format);
}

// What is not coded, as a file of half the size has it: matrices and kernels in bfloat16.
at::Tensor kept(const at::Tensor& tensor, const std::string& key, bool half) {
  const bool is_matrix = tensor.dim() >= 2 && key.ends_with(".weight");
  return tensor.to(half && is_matrix ? at::kBFloat16 : at::kFloat);
}

int64_t write_weights(const QuantizeCommand& command,
                      const WeightFile& file,
                      const ModelConfig& config,
                      const calibrate::Calibrated& calibrated) {
  std::map<std::string, at::Tensor> tensors;
  Json layers = Json::object();
  for (const calibrate::LayerReport& layer : calibrated.report) layers[layer.layer] = layer.scheme;
  for (const auto& [key, tensor] : file.tensors) {
    const bool is_weight = key.ends_with(".weight");
    const auto codes =
        is_weight ? calibrated.layers.find(key.substr(0, key.rfind('.'))) : calibrated.layers.end();
    if (codes == calibrated.layers.end()) {
      tensors[key] = kept(tensor, key, command.rest == "bf16");
    } else {
      tensors.merge(tensors_of(key, codes->second));
    }
  }
  if (calibrated.compensation_token.defined()) {
    tensors[kCompensationKey] = calibrated.compensation_token;
  }
  std::map<std::string, std::string> metadata = file.metadata;
  metadata["vggt.config"] = config.to_json(-1);
  metadata[kQuantizationKey] =
      Json{{"layers", layers}, {"method", command.method}, {"seed", command.seed}}.dump();
  write_safetensors(command.output, tensors, metadata);
  int64_t bytes = 0;
  for (const auto& [key, tensor] : tensors) bytes += static_cast<int64_t>(tensor.nbytes());
  return bytes;
}

void run(const QuantizeCommand& command) {
  const auto start = std::chrono::steady_clock::now();
  const ProgressCallback progress = interruptible_progress();
  calibrate::Options options = {.recipe = recipe_of(command),
                                .method = calibrate::method_named(command.method),
                                .seed = command.seed,
                                .most_scenes = command.most_scenes,
                                .task_scenes = command.task_scenes,
                                .compensation = command.compensation,
                                .progress = progress};
  check_writable(command.output);
  check_is_no_input(command.output, {command.weights, command.config, command.format});
  const WeightFile file = open_weight_file(command.weights);
  if (!file.quantized.empty()) {
    throw IoError(command.weights, "is quantised already; give the weights that it was made of");
  }
  const ModelConfig config =
      command.config.empty() ? infer_config(file).config : ModelConfig::read(command.config);
  const CalibrationImages images = read_calibration_images(command, config, progress);
  const auto model =
      load_model(file, config, {.precision = Precision::kFloat32, .progress = progress});
  PartialBlocks partial(command.output + ".partial", key_of(command, options.recipe, images));
  if (partial.found() > 0) {
    say("going on behind " + std::to_string(partial.found()) + " blocks of an interrupted run");
  }
  const calibrate::Calibrated calibrated =
      calibrate::calibrate(*model, images.scenes, options, partial.store());
  const int64_t bytes = write_weights(command, file, config, calibrated);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  const Json report =
      report_of(command, calibrated, {.images = images, .bytes = bytes, .seconds = taken.count()});
  write_text_file(command.output + ".report.json", report.dump(1) + "\n");
  write_allocation_chart(command.output + ".png", command, calibrated);
  partial.remove();
  std::fputs(printable(summary_of(report)).c_str(), stdout);
  say("wrote " + command.output + ", its report .report.json and chart .png");
}

}  // namespace

void add_quantize(CLI::App& app) {
  const auto command = std::make_shared<QuantizeCommand>();
  CLI::App* sub = app.add_subcommand(
      "quantize", "Round a checkpoint's weights to 4 or 8 bits, calibrated on photos");
  sub->add_option("--weights", command->weights, "Checkpoint that is not quantised")
      ->type_name("FILE")
      ->required();
  sub->add_option("--config", command->config, "Its config.json; without it the checkpoint tells")
      ->type_name("FILE");
  sub->add_option("--images",
                  command->images,
                  "Folders of photos, each folder below them a scene; not for rtn")
      ->type_name("FOLDER");
  sub->add_option("--format",
                  command->format,
                  "fp8, int8, w8a16 or w4a16 (with -g16, -g32, -g64, -g128, -sym), or a recipe "
                  "(*.json) that says which layer gets which")
      ->capture_default_str();
  sub->add_option("--method", command->method, "How weights become codes, as docs/quantisation.md")
      ->check(CLI::IsMember(calibrate::method_names()))
      ->capture_default_str();
  sub->add_option("-o,--output", command->output, "safetensors to write")
      ->type_name("FILE")
      ->required();
  sub->add_option("--rest", command->rest, "What matrices that get no codes are kept in")
      ->check(CLI::IsMember({"bf16", "fp32"}))
      ->capture_default_str();
  constexpr const char* kGroup = "Calibration";
  sub->add_option("--frames", command->frames, "Photos of a scene; a folder of more gives several")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str()
      ->group(kGroup);
  sub->add_option("--most-scenes", command->most_scenes, "Scenes that quantvggt chooses")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str()
      ->group(kGroup);
  sub->add_option("--task-scenes",
                  command->task_scenes,
                  "Scenes whose poses and depth judge qvggt's choices, each by whole forwards")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str()
      ->group(kGroup);
  sub->add_option("--seed", command->seed, "Of what is drawn; a seed gives the same codes")
      ->capture_default_str()
      ->group(kGroup);
  sub->add_flag("--compensation",
                command->compensation,
                "Also store the mean camera token, which the camera head then attends to")
      ->group(kGroup);
  sub->footer(examples(
      {{"4-bit weights by QVGGT's method",
        "vggt quantize --weights W.safetensors --images calib/ --format w4a16 -o W-w4.safetensors"},
       {"Without images",
        "vggt quantize --weights W.safetensors --format int8 --method rtn -o "
        "W-int8.safetensors"},
       {"Run it", "vggt reconstruct photos/ --weights W-w4.safetensors -o out/"}}));
  sub->callback([command] { run(*command); });
}

}  // namespace vggt::apps
