// SPDX-License-Identifier: Apache-2.0
#include "apps/bench_run.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "apps/estimate.h"
#include "kernels/attention/attention.h"
#include "kernels/linear/linear.h"
#include "src/base/device.h"
#include "src/base/error.h"
#include "src/pipeline/reconstruct.h"
#include "src/weights/synthetic.h"

namespace vggt::apps {
namespace {

using kernels::Path;
using kernels::PathScope;

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

template <class Call>
double seconds_of(const Call& call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The measurements of one name on one path.
struct Samples {
  std::string name;
  Path path;
  std::vector<double> seconds;
  int64_t peak_bytes = 0;
};

class AllSamples {
 public:
  void add(const std::string& name, Path path, double seconds, int64_t peak_bytes) {
    auto found = std::find_if(all_.begin(), all_.end(), [&](const Samples& samples) {
      return samples.name == name && samples.path == path;
    });
    if (found == all_.end()) {  // beside the other path's
      const auto other = std::find_if(
          all_.rbegin(), all_.rend(), [&](const Samples& samples) { return samples.name == name; });
      found = all_.insert(other == all_.rend() ? all_.end() : other.base(), Samples{name, path});
    }
    found->seconds.push_back(seconds);
    found->peak_bytes = std::max(found->peak_bytes, peak_bytes);
  }
  const std::vector<Samples>& all() const { return all_; }

 private:
  std::vector<Samples> all_;
};

// The peak memory of each stage, told by the progress of one run.
class StagePeaks {
 public:
  StagePeaks(c10::Device device, ProgressCallback progress)
      : device_(device), progress_(std::move(progress)) {}

  ProgressCallback callback() {
    return [this](const Progress& progress) {
      if (progress.stage != stage_) begin(progress.stage);
      return !progress_ || progress_(progress);
    };
  }
  void end() { begin(""); }
  int64_t of(const std::string& stage) const {
    const auto found = std::find_if(
        peaks_.begin(), peaks_.end(), [&](const auto& peak) { return peak.first == stage; });
    return found == peaks_.end() ? 0 : found->second;
  }
  int64_t largest() const {
    int64_t most = 0;
    for (const auto& [stage, bytes] : peaks_) most = std::max(most, bytes);
    return most;
  }

 private:
  void begin(const std::string& stage) {
    if (!stage_.empty()) peaks_.emplace_back(stage_, peak_memory_bytes(device_));
    stage_ = stage;
    reset_peak_memory(device_);
  }

  c10::Device device_;
  ProgressCallback progress_;
  std::string stage_;
  std::vector<std::pair<std::string, int64_t>> peaks_;
};

std::string as_name(std::string stage) {
  std::replace(stage.begin(), stage.end(), ' ', '_');
  return stage;
}

// Runs what the stages need, once, and hands their times and peaks to `add`.
void run_stages(const LoadedModel& loaded,
                const NetworkInput& input,
                const BenchPlan& plan,
                const MemoryPlan& memory,
                const ProgressCallback& progress,
                const std::function<void(const std::string&, double, int64_t)>& add) {
  const Vggt& model = *loaded.model;
  StagePeaks peaks(loaded.device, progress);
  StageProgress::Seconds seconds;
  const double whole = seconds_of([&] {
    if (contains(plan.stages, "reconstruct")) {
      const std::vector<std::string> names(input.maps.size(), "synthetic");
      reconstruct(model,
                  input,
                  names,
                  {.head_frames = memory.head_frames,
                   .merge = loaded.options.accel,
                   .layers_on_host = memory.layers_on_host,
                   .progress = peaks.callback(),
                   .seconds = &seconds});
      return;
    }
    const at::Tensor images =
        input.images.to(loaded.device, model.aggregator->camera_token.scalar_type());
    if (plan.stages == std::vector<std::string>{"encoder"}) {
      model.aggregator->encode(images, peaks.callback(), &seconds);
    } else {
      model.forward(images.unsqueeze(0),
                    {.head_frames = memory.head_frames,
                     .merge = loaded.options.accel,
                     .layers_on_host = memory.layers_on_host,
                     .progress = peaks.callback(),
                     .seconds = &seconds});
    }
  });
  peaks.end();
  for (const auto& [stage, value] : seconds) {
    if (contains(plan.stages, as_name(stage))) add(as_name(stage), value, peaks.of(stage));
  }
  if (contains(plan.stages, "reconstruct")) add("reconstruct", whole, peaks.largest());
}

NetworkInput synthetic_input(int64_t frames, const BenchPlan& plan) {
  NetworkInput input;
  input.images = synthetic_images(frames, plan.height_px, plan.width_px, 0).squeeze(0);
  PixelMap map;
  map.stored_width_px = map.network_width_px = plan.width_px;
  map.stored_height_px = map.network_height_px = plan.height_px;
  input.maps.assign(static_cast<size_t>(frames), map);
  return input;
}

Cost cost_of(const std::string& stage,
             const ModelConfig& config,
             const InputSize& size,
             Precision precision) {
  if (stage == "encoder") return encoder_cost(config, size, precision);
  if (stage == "aggregator") return aggregator_cost(config, size, precision);
  if (stage == "camera_head") return camera_head_cost(config, size, precision);
  if (stage == "depth_head") return dense_head_cost(*config.depth_head, config, size, precision);
  if (stage == "point_head") return dense_head_cost(*config.point_head, config, size, precision);
  TORCH_INTERNAL_ASSERT(stage == "reconstruct");
  Cost whole;
  for (const std::string& part : stages_of_model(config)) {
    if (part != stage) whole += cost_of(part, config, size, precision);
  }
  return whole;
}

// A call of a kernel, as the aggregator makes it.
struct KernelCase {
  std::string name;
  Cost cost;
  std::function<void()> call;
};

std::vector<KernelCase> kernel_cases(const LoadedModel& loaded,
                                     int64_t frames,
                                     const BenchPlan& plan) {
  const ModelConfig& config = loaded.model->config;
  const int64_t patch = config.patch_size;
  const int64_t tokens = plan.height_px / patch * (plan.width_px / patch) + config.special_tokens();
  const int64_t channels = config.embed_dim;
  const auto& block = *loaded.model->aggregator->frame_blocks.front();
  const auto options = block.attn->qkv->weight.options();
  std::vector<KernelCase> cases;
  if (contains(plan.stages, "attention")) {
    const int64_t heads = config.aggregator.num_heads;
    std::vector<std::pair<int64_t, int64_t>> shapes = {{frames, tokens}};
    if (frames > 1) shapes.emplace_back(1, frames * tokens);
    for (const auto& [groups, length] : shapes) {
      const at::Tensor packed = at::randn({groups, length, 3, heads, channels / heads}, options);
      cases.push_back({"attention/" + std::to_string(groups) + "x" + std::to_string(length),
                       attention_cost(groups, length, channels, loaded.precision),
                       [packed] {
                         kernels::attention(
                             packed.select(2, 0), packed.select(2, 1), packed.select(2, 2));
                       }});
    }
  }
  if (contains(plan.stages, "linear")) {
    struct Layer {
      const char* name;
      const nn::Linear& linear;
      bool wide;
      kernels::Activation activation;
    };
    for (const Layer& layer : {Layer{"qkv", *block.attn->qkv, true, kernels::Activation::kNone},
                               Layer{"proj", *block.attn->proj, true, kernels::Activation::kNone},
                               Layer{"fc1", *block.mlp->fc1, false, kernels::Activation::kGelu},
                               Layer{"fc2", *block.mlp->fc2, true, kernels::Activation::kNone}}) {
      const int64_t rows = frames * tokens;
      const int64_t in = layer.linear.weight.size(1);
      const int64_t out = layer.linear.weight.size(0);
      const at::Tensor x = at::randn({rows, in}, options);
      cases.push_back({std::string("linear/") + layer.name,
                       linear_cost(rows, in, out, loaded.precision),
                       [x, layer] {
                         if (layer.wide) {
                           layer.linear.forward_wide(x);
                         } else {
                           layer.linear.forward(x, layer.activation);
                         }
                       }});
    }
  }
  return cases;
}

void measure_kernel(const KernelCase& kernel,
                    const LoadedModel& loaded,
                    const BenchPlan& plan,
                    const ProgressCallback& progress,
                    AllSamples& samples) {
  constexpr int64_t kLeastRuns = 7;  // short calls scatter
  const int64_t runs = std::max(plan.repeat, kLeastRuns);
  StageProgress stage(kernel.name, runs, progress);
  for (int64_t run = plan.warm_up ? -1 : 0; run < runs; ++run) {
    for (const Path path : plan.paths) {
      const PathScope scope(path);
      reset_peak_memory(loaded.device);
      const double seconds = seconds_of([&] {
        kernel.call();
        synchronize(loaded.device);
      });
      if (run >= 0) samples.add(kernel.name, path, seconds, peak_memory_bytes(loaded.device));
    }
    if (run >= 0) stage.advance();
  }
}

void check_heads(const Vggt& model, const std::vector<std::string>& stages) {
  const auto need = [&](const char* stage, bool there, const char* heads) {
    if (!contains(stages, stage) || there) return;
    throw ConfigError("stages", std::string(stage) + " needs " + heads);
  };
  need("camera_head", model.camera_head != nullptr, "a model with a camera head");
  need("depth_head", model.depth_head != nullptr, "a model with a depth head");
  need("point_head", model.point_head != nullptr, "a model with a point head");
  need("reconstruct",
       model.camera_head && model.depth_head,
       "a model with a camera head and a depth head");
}

}  // namespace

const std::vector<std::string>& bench_stages() {
  static const std::vector<std::string> names = {"encoder",
                                                 "aggregator",
                                                 "camera_head",
                                                 "depth_head",
                                                 "point_head",
                                                 "reconstruct",
                                                 "attention",
                                                 "linear"};
  return names;
}

std::vector<std::string> heads_of_stages(const std::vector<std::string>& stages) {
  std::vector<std::string> heads;
  const bool whole = contains(stages, "reconstruct");
  if (whole || contains(stages, "camera_head")) heads.emplace_back("camera");
  if (whole || contains(stages, "depth_head")) heads.emplace_back("depth");
  if (contains(stages, "point_head")) heads.emplace_back("point");
  if (heads.empty()) heads.emplace_back("camera");
  return heads;
}

std::vector<std::string> stages_of_model(const ModelConfig& config) {
  std::vector<std::string> stages = {"encoder", "aggregator"};
  if (config.camera_head) stages.emplace_back("camera_head");
  if (config.depth_head) stages.emplace_back("depth_head");
  if (config.point_head) stages.emplace_back("point_head");
  if (config.camera_head && config.depth_head) stages.emplace_back("reconstruct");
  return stages;
}

std::vector<BenchResult> measure(const LoadedModel& loaded,
                                 int64_t frames,
                                 const BenchPlan& plan,
                                 const ProgressCallback& progress) {
  check_heads(*loaded.model, plan.stages);
  const c10::InferenceMode inference;
  const ModelConfig& config = loaded.model->config;
  const InputSize size = {frames, plan.height_px, plan.width_px};
  AllSamples samples;
  MemoryPlan memory;
  const bool runs_network = std::any_of(plan.stages.begin(), plan.stages.end(), [](const auto& s) {
    return s != "attention" && s != "linear";
  });
  if (runs_network) {
    const NetworkInput input = synthetic_input(frames, plan);
    memory =
        plan_memory(loaded, frames, plan.height_px, plan.width_px, available_memory(loaded.device));
    for (int64_t run = plan.warm_up ? -1 : 0; run < plan.repeat; ++run) {
      for (const Path path : plan.paths) {
        const PathScope scope(path);
        const auto add = [&](const std::string& name, double seconds, int64_t peak_bytes) {
          if (run >= 0) samples.add(name, path, seconds, peak_bytes);
        };
        run_stages(loaded, input, plan, memory, progress, add);
      }
    }
  }
  std::vector<BenchResult> results;
  const auto report = [&](const Samples& s, const Cost& cost) {
    results.push_back(bench_result(s.name, frames, kernels::to_string(s.path), s.seconds));
    results.back().cost = cost;
    results.back().peak_bytes = s.peak_bytes;
  };
  for (const Samples& s : samples.all()) {
    report(s, cost_of(s.name, config, size, loaded.precision));
    results.back().layers_on_host = memory.layers_on_host;
  }
  for (const KernelCase& kernel : kernel_cases(loaded, frames, plan)) {
    AllSamples of_kernel;
    measure_kernel(kernel, loaded, plan, progress, of_kernel);
    for (const Samples& s : of_kernel.all()) report(s, kernel.cost);
  }
  compare_paths(results);
  return results;
}

}  // namespace vggt::apps
