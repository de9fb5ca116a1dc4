// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/accel_options.h"
#include "apps/commands.h"
#include "apps/help.h"
#include "apps/interrupt.h"
#include "apps/messages.h"
#include "apps/model_options.h"
#include "apps/output_file.h"
#include "src/base/error.h"
#include "src/base/trace.h"
#include "src/weights/safetensors.h"

namespace vggt::apps {
namespace {

using Json = nlohmann::ordered_json;
using Tensors = std::map<std::string, at::Tensor>;

struct ForwardCommand {
  ModelOptions model;
  std::string input;
  std::string output;
  bool intermediates = false;
};

// Which input tensor is at fault is known here; what is wrong with it, the model says.
at::Tensor floating_input(const WeightFile& file, const std::string& name) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) throw IoError(file.path, "tensor " + name + " is missing");
  if (!at::isFloatingType(found->second.scalar_type())) {
    throw IoError(file.path, "tensor " + name + " must be floating-point");
  }
  if (!at::isfinite(found->second).all().item<bool>()) {
    throw IoError(file.path, "tensor " + name + " holds NaN or infinity");
  }
  return found->second;
}

Tensors output_tensors(const Predictions& predictions) {
  Tensors out;
  const auto put = [&](const std::string& name, const at::Tensor& tensor) {
    if (tensor.defined()) out["out." + name] = tensor;
  };
  for (size_t i = 0; i < predictions.pose_encodings.size(); ++i) {
    put("pose_enc_" + std::to_string(i), predictions.pose_encodings[i]);
  }
  put("depth", predictions.depth);
  put("depth_conf", predictions.depth_confidence);
  put("world_points", predictions.world_points);
  put("world_points_conf", predictions.world_points_confidence);
  for (size_t i = 0; i < predictions.tracks.coords.size(); ++i) {
    put("track_" + std::to_string(i), predictions.tracks.coords[i]);
  }
  put("vis", predictions.tracks.visibility);
  put("conf", predictions.tracks.confidence);
  return out;
}

// A name that comes twice (frames in chunks, scenes one by one) is one tensor, joined along the
// first axis.
Tensors joined(std::map<std::string, std::vector<at::Tensor>>& traced) {
  Tensors out;
  for (auto& [name, parts] : traced) out[name] = parts.size() == 1 ? parts.front() : at::cat(parts);
  return out;
}

void run(const ForwardCommand& command) {
  const ProgressCallback progress = interruptible_progress();
  check_writable(command.output);
  check_is_no_input(command.output, {command.input, command.model.weights, command.model.config});
  const WeightFile input = open_weight_file(command.input);
  at::Tensor images = floating_input(input, "in.images");
  if (images.numel() > 0 && (images.min().item<double>() < 0 || images.max().item<double>() > 1)) {
    throw IoError(command.input, "tensor in.images must be in [0, 1]");
  }
  if (images.dim() == 4) images = images.unsqueeze(0);
  const LoadedModel loaded = load(command.model, progress);

  const at::ScalarType dtype = loaded.model->aggregator->camera_token.scalar_type();
  ForwardOptions options{.merge = command.model.accel, .progress = progress};
  if (input.tensors.count("in.query_points")) {
    at::Tensor queries = floating_input(input, "in.query_points");
    if (queries.dim() == 2) queries = queries.unsqueeze(0);
    options.query_points = queries.to(loaded.device, dtype);
  }
  std::map<std::string, std::vector<at::Tensor>> traced;
  Predictions predictions;
  {
    const c10::InferenceMode inference;
    std::optional<TraceListener> listener;
    if (command.intermediates) {
      // Later layers write into some of these, so each is copied.
      listener.emplace([&](const std::string& name, const at::Tensor& value) {
        traced[name].push_back(value.to(at::kCPU).clone());
      });
    }
    try {
      predictions = loaded.model->forward(images.to(loaded.device, dtype), options);
    } catch (const ConfigError& error) {
      throw IoError(command.input, std::string("tensor in.") + error.what());
    }
  }
  Tensors out = output_tensors(predictions);
  out.merge(joined(traced));
  write_safetensors(
      command.output,
      out,
      {{"vggt.config", loaded.model->config.to_json(-1)},
       {"vggt.run", loaded.describe().dump(-1, ' ', false, Json::error_handler_t::replace)},
       {"format", "pt"}});
  say("wrote " + std::to_string(out.size()) + " tensors to " + command.output);
}

}  // namespace

void add_forward(CLI::App& app) {
  const auto command = std::make_shared<ForwardCommand>();
  CLI::App* sub = app.add_subcommand("forward", "Run the network alone, from tensors to tensors");
  sub->add_option("--input",
                  command->input,
                  "safetensors with in.images [B, S, 3, H, W] in [0, 1], H and W multiples of the "
                  "model's patch in px, and, to track, in.query_points [B, N, 2]: (x, y) in px of "
                  "frame 0")
      ->type_name("FILE")
      ->required();
  sub->add_option("--output", command->output, "safetensors to write: out.*")
      ->type_name("FILE")
      ->required();
  sub->add_flag(
      "--intermediates", command->intermediates, "Also write the tensors in between, by name");
  add_model_options(*sub, command->model);
  add_accel_options(*sub, command->model.accel);
  sub->get_option("--weights")
      ->description("Checkpoint (.safetensors, .pt, a folder of shards), or synthetic:SEED")
      ->required();
  sub->footer(examples({{"The bundled model on tensors of your own",
                         "vggt forward --weights models/mini.safetensors --input x.safetensors "
                         "--output y.safetensors"},
                        {"With every tensor in between, to compare layer by layer",
                         "vggt forward --weights W --intermediates --input x.safetensors --output "
                         "y.safetensors"},
                        {"Without a checkpoint: weights made by a rule from the seed 0",
                         "vggt forward --weights synthetic:0 --model tiny --input x.safetensors "
                         "--output y.safetensors"}}));
  sub->callback([command] { run(*command); });
}

}  // namespace vggt::apps
