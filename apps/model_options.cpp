// SPDX-License-Identifier: Apache-2.0
#include "apps/model_options.h"

#include <ATen/Parallel.h>
#include <torch/version.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>

#include "apps/accel_options.h"
#include "apps/messages.h"
#include "apps/program.h"
#include "kernels/quantized_linear/quantized_linear.h"
#include "src/accel/methods.h"
#include "src/accel/quant_recipe.h"
#include "src/base/device.h"
#include "src/base/error.h"
#include "src/weights/infer_config.h"
#include "src/weights/load.h"

namespace vggt::apps {
namespace {

constexpr std::string_view kSynthetic = "synthetic:";

uint64_t parse_seed(const std::string& weights) {
  const char* begin = weights.data() + kSynthetic.size();
  const char* end = weights.data() + weights.size();
  uint64_t seed = 0;
  const auto [stop, error] = std::from_chars(begin, end, seed);
  if (error != std::errc() || stop != end) {
    throw ConfigError("weights", "'" + weights + "' must be synthetic: and a whole number");
  }
  return seed;
}

constexpr const char* kPrecisions[] = {
    "auto", "fp64", "fp32", "bf16", "fp16", "fp8", "int8", "w8a16", "w4a16"};

std::string joined_precisions() {
  std::string text;
  for (const char* name : kPrecisions) text += (text.empty() ? "" : ",") + std::string(name);
  return text;
}

// In the build tree the program lies in build/bin, installed in bin.
std::string bundled_model() {
  namespace fs = std::filesystem;
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path();
  for (const char* place : {"../../models", "../share/vggt/models"}) {
    const fs::path model = program / place / "mini.safetensors";
    if (fs::exists(model)) return fs::weakly_canonical(model);
  }
  throw ConfigError("weights", "no bundled model lies beside the program; give --weights");
}

}  // namespace

void add_model_options(CLI::App& app, ModelOptions& options) {
  constexpr const char* kGroup = "Model";
  app.add_option("--weights",
                 options.weights,
                 "Checkpoint (.safetensors, .pt, a folder of shards), or synthetic:SEED; without "
                 "it the bundled model")
      ->type_name("FILE")
      ->group(kGroup);
  app.add_option("--model", options.model, "Preset for synthetic weights")
      ->check(CLI::IsMember(ModelConfig::preset_names()))
      ->group(kGroup);
  app.add_option(
         "--config", options.config, "The model's config.json; without it the checkpoint tells")
      ->type_name("FILE")
      ->group(kGroup);
  app.add_option("--heads", options.heads, "Heads to load and run; without it all that are needed")
      ->delimiter(',')
      ->check(CLI::IsMember({"camera", "depth", "point", "track"}))
      ->group(kGroup);
  app.add_option("--precision",
                 options.precision,
                 "Of the matrix products: 64, 32 or 16 bits; auto is bf16 where it is fast, else "
                 "fp32. Or codes that the weights are rounded to when they are loaded, or a recipe "
                 "(*.json) that says which layer gets which (docs/quantisation.md)")
      ->check(CLI::Validator(
          [](const std::string& name) {
            const bool known = std::find(std::begin(kPrecisions), std::end(kPrecisions), name) !=
                                   std::end(kPrecisions) ||
                               accel::is_quantized_precision(name);
            return known ? std::string() : name + " not in {" + joined_precisions() + "}";
          },
          "TEXT:{" + joined_precisions() + "}"))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--device", options.device, "What computes; auto is the GPU if one works")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--max-memory",
                 options.max_memory,
                 "Refuse a run that would take more memory of what computes than this, as 4GB; "
                 "without it than there is. What waits on a GPU goes to the host's memory first")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true))
      ->check(CLI::PositiveNumber)
      ->type_name("SIZE")
      ->group(kGroup);
}

Precision precision_of(const ModelOptions& options, c10::Device device) {
  const bool quantized = accel::is_quantized_precision(options.precision);
  return select_precision(quantized ? "auto" : options.precision, device);
}

std::string describe_precision(const ModelOptions& options, c10::Device device) {
  std::string text = to_string(precision_of(options, device));
  if (accel::is_quantized_precision(options.precision)) {
    text += " with " + accel::recipe_of_precision(options.precision).to_json();
  }
  return text;
}

std::string LoadedModel::arithmetic() const {
  const std::string rest = to_string(precision);
  if (quantized) return rest + " with the weights' codes";
  if (!accel::is_quantized_precision(options.precision)) return rest;
  return rest + " with " + options.precision;
}

std::string weights_of(const ModelOptions& options) {
  return options.weights.empty() ? bundled_model() : options.weights;
}

nlohmann::ordered_json LoadedModel::describe() const {
  nlohmann::ordered_json json = {{"weights", weights}, {"licence", licence}};
  if (!note.empty()) json["note"] = note;
  if (!assumed.empty()) json["assumed_config_fields"] = assumed;
  json["asked_for"] = {{"config", options.config},
                       {"heads", options.heads},
                       {"precision", options.precision},
                       {"device", options.device}};
  json["precision"] = to_string(precision);
  if (quantized || accel::is_quantized_precision(options.precision)) {
    json["quantisation"] = quantized ? nlohmann::ordered_json("of the file")
                                     : nlohmann::ordered_json::parse(
                                           accel::recipe_of_precision(options.precision).to_json());
  }
  json["accel"] = to_json(options.accel);
  json["device"] = describe_device(device);
  json["threads"] = at::get_num_threads();
  json["versions"] = {{"vggt", version()}, {"commit", commit()}, {"libtorch", TORCH_VERSION}};
  return json;
}

namespace {

// Said before gigabytes are read.
void check_memory(const WeightFile& file, const LoadedModel& loaded) {
  int64_t needed = 0;
  const std::string& asked = loaded.options.precision;
  accel::QuantRecipe recipe;
  if (accel::is_quantized_precision(asked)) recipe = accel::recipe_of_precision(asked);
  for (const auto& [key, tensor] : file.tensors) {
    const auto codes = file.quantized.find(key);
    if (codes != file.quantized.end()) {
      needed += codes->second->bytes();
      continue;
    }
    const auto bytes_each =
        static_cast<int64_t>(c10::elementSize(parameter_dtype(key, loaded.precision)));
    const bool is_quantized = !recipe.scheme_of(key.substr(0, key.rfind('.'))).empty();
    // Codes have 8 bits at most.
    needed += tensor.numel() * (tensor.dim() == 2 && is_quantized ? 1 : bytes_each);
  }
  const int64_t available = available_memory(loaded.device);
  if (needed <= available) return;
  constexpr double kGigabyte = 1e9;
  char text[160];
  std::snprintf(text,
                sizeof(text),
                "the weights of %s need %.2f GB in %s, %.2f GB are free",
                file.path.c_str(),
                static_cast<double>(needed) / kGigabyte,
                loaded.arithmetic().c_str(),
                static_cast<double>(available) / kGigabyte);
  throw ConfigError("memory", text);
}

}  // namespace

LoadedModel load(const ModelOptions& options, const ProgressCallback& progress) {
  const auto start = std::chrono::steady_clock::now();
  LoadedModel loaded;
  accel::check(options.accel);
  loaded.device = select_device(options.device);
  if (options.max_memory > 0) limit_memory(loaded.device, options.max_memory);
  loaded.precision = precision_of(options, loaded.device);
  loaded.options = options;
  messages().explain(std::string("vggt ") + version() + " (" + commit() + "), LibTorch " +
                     TORCH_VERSION + ": " + command_line());
  messages().explain("device: " + describe_device(loaded.device) + "; " +
                     std::to_string(at::get_num_threads()) + " threads in use, precision " +
                     loaded.arithmetic());
  loaded.weights = weights_of(options);
  find_predictor(loaded.options.accel, loaded.weights);
  LoadOptions load_options = {
      .precision = loaded.precision, .device = loaded.device, .progress = progress};
  if (accel::is_quantized_precision(options.precision)) {
    load_options.recipe = accel::recipe_of_precision(options.precision);
  }
  if (!options.config.empty() && !options.model.empty()) {
    throw ConfigError("model", "give --model or --config, not both");
  }
  if (loaded.weights.rfind(kSynthetic, 0) == 0) {
    const uint64_t seed = parse_seed(loaded.weights);
    if (options.config.empty() && options.model.empty()) {
      throw ConfigError("weights", "synthetic weights need --model or --config");
    }
    ModelConfig config = options.config.empty() ? ModelConfig::preset(options.model)
                                                : ModelConfig::read(options.config);
    if (!options.heads.empty()) config.keep_heads(options.heads, "heads");
    loaded.licence = "none: numbers made by a rule";
    loaded.note =
        "weights are synthetic, not trained: the results mean nothing but speed and parity";
    say("note: " + loaded.note);
    loaded.model = synthetic_model(seed, config, load_options);
  } else {
    if (!options.model.empty()) {
      throw ConfigError(
          "model", "is for synthetic weights; a checkpoint tells its config, or --config does");
    }
    const WeightFile file = open_weight_file(loaded.weights);
    ModelConfig config;
    if (options.config.empty()) {
      const InferredConfig inferred = infer_config(file);
      config = inferred.config;
      loaded.assumed = inferred.assumed;
    } else {
      config = ModelConfig::read(options.config);
    }
    loaded.licence = licence_of(file, config);
    loaded.quantized = !file.quantized.empty();
    if (!options.heads.empty()) config.keep_heads(options.heads, "heads");
    check_memory(file, loaded);
    loaded.model = load_model(file, config, load_options);
    say("weights: " + loaded.weights + ", licence: " + loaded.licence);
  }
  loaded.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return loaded;
}

}  // namespace vggt::apps
