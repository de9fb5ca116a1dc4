// SPDX-License-Identifier: Apache-2.0
#include "apps/bench_accel.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/accel_options.h"
#include "src/accel/methods.h"
#include "src/base/device.h"
#include "src/base/error.h"
#include "src/weights/synthetic.h"

namespace vggt::apps {
namespace {

using Json = nlohmann::ordered_json;

// What the model says of the frames.
struct Answer {
  at::Tensor tokens, pose, depth;
};

Answer answer_of(const Vggt& model, const nn::AggregatedTokens& tokens, const at::Tensor& images) {
  // Without dense heads only the camera tokens are kept.
  Answer answer{.tokens = tokens.layers.empty() ? tokens.camera : tokens.layers.rbegin()->second};
  if (model.camera_head) answer.pose = model.camera_head->forward(tokens.camera).back();
  if (model.depth_head) {
    StageProgress silent("depth head", images.size(1), {});
    answer.depth =
        model.depth_head->forward(tokens.layers, images.size(3), images.size(4), 1, silent).values;
  }
  return answer;
}

double error(const at::Tensor& of, const at::Tensor& truth) {
  if (!truth.defined()) return -1;
  const at::Tensor wide = truth.to(at::kDouble);
  return ((of.to(at::kDouble) - wide).norm() / wide.norm()).item<double>();
}

// The mean of the layers' shares of tokens that are kept.
double kept(const accel::MergeReport& report, int64_t accel::MergeRecord::*slots) {
  if (report.layers.empty()) return 1;
  double sum = 0;
  for (const accel::MergeRecord& record : report.layers) {
    sum += static_cast<double>(record.*slots) / static_cast<double>(record.rows);
  }
  return sum / static_cast<double>(report.layers.size());
}

double total(const accel::MergeReport& report, double accel::MergeRecord::*seconds) {
  double sum = 0;
  for (const accel::MergeRecord& record : report.layers) sum += record.*seconds;
  return sum;
}

bool has_ratio(const accel::MergeOptions& options) {
  accel::MergeOptions asked = options;
  asked.settings = {{"ratio", "1"}};
  try {
    accel::check(asked);
    return true;
  } catch (const ConfigError&) {
    return false;
  }
}

}  // namespace

std::vector<AccelVariant> accel_variants(const std::vector<std::string>& methods,
                                         const std::vector<double>& ratios,
                                         const std::map<std::string, std::string>& settings) {
  std::vector<AccelVariant> variants = {{"none", {}}};
  for (const std::string& name : methods) {
    AccelVariant variant{name, {name, settings}};
    for (const auto& [setting, value] : settings) variant.name += " " + setting + "=" + value;
    accel::method_named(name);
    if (ratios.empty() || !has_ratio(variant.options)) {
      accel::check(variant.options);
      variants.push_back(variant);
      continue;
    }
    for (const double ratio : ratios) {
      AccelVariant at_ratio = variant;
      std::ostringstream text;
      text << ratio;
      at_ratio.options.settings["ratio"] = text.str();
      at_ratio.name += " ratio=" + text.str();
      accel::check(at_ratio.options);
      variants.push_back(at_ratio);
    }
  }
  return variants;
}

std::vector<AccelResult> measure_accel(const LoadedModel& loaded,
                                       int64_t frames,
                                       const BenchPlan& plan,
                                       const std::vector<AccelVariant>& variants,
                                       const ProgressCallback& progress) {
  const c10::InferenceMode inference;
  const Vggt& model = *loaded.model;
  const at::Tensor images = synthetic_images(frames, plan.height_px, plan.width_px, 0)
                                .to(loaded.device, model.aggregator->camera_token.scalar_type());
  const at::Tensor patches = model.aggregator->encode(images.flatten(0, 1), progress, nullptr);
  std::vector<AccelResult> results(variants.size());
  std::vector<std::vector<double>> seconds(variants.size());
  std::vector<int64_t> peaks(variants.size());
  Answer whole;
  for (int64_t run = plan.warm_up ? -1 : 0; run < plan.repeat; ++run) {
    for (size_t i = 0; i < variants.size(); ++i) {
      accel::MergeReport report;
      reset_peak_memory(loaded.device);
      const auto start = std::chrono::steady_clock::now();
      const nn::AggregatedTokens tokens = model.aggregator->aggregate(
          images, patches, progress, nullptr, variants[i].options, &report);
      synchronize(loaded.device);
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
      if (run >= 0) seconds[i].push_back(passed.count());
      peaks[i] = std::max(peaks[i], peak_memory_bytes(loaded.device));
      results[i].report = report;
      if (run + 1 < plan.repeat) continue;
      const Answer answer = answer_of(model, tokens, images);
      if (i == 0) whole = answer;
      results[i].tokens_error = error(answer.tokens, whole.tokens);
      results[i].pose_error = error(answer.pose, whole.pose);
      results[i].depth_error = error(answer.depth, whole.depth);
    }
  }
  for (size_t i = 0; i < variants.size(); ++i) {
    results[i].time = bench_result(variants[i].name, frames, "fast", seconds[i]);
    results[i].time.peak_bytes = peaks[i];
    results[i].time.speedup = results[0].time.median_s / results[i].time.median_s;
    results[i].options = variants[i].options;
  }
  return results;
}

Json to_json(const AccelResult& result) {
  const BenchResult& time = result.time;
  Json json = {{"name", "aggregator"},
               {"frames", time.frames},
               {"method", result.options.method},
               {"settings", Json::object()},
               {"runs", time.runs},
               {"median_s", time.median_s},
               {"min_s", time.min_s},
               {"p90_s", time.p90_s},
               {"speedup", *time.speedup},
               {"peak_bytes", time.peak_bytes},
               {"queries_kept", kept(result.report, &accel::MergeRecord::q_slots)},
               {"keys_kept", kept(result.report, &accel::MergeRecord::kv_slots)},
               {"tokens_error", result.tokens_error}};
  const Json described = to_json(result.options);
  if (described.contains("settings")) json["settings"] = described["settings"];
  if (result.pose_error >= 0) json["pose_error"] = result.pose_error;
  if (result.depth_error >= 0) json["depth_error"] = result.depth_error;
  json["merging"] = to_json(result.report);
  return json;
}

std::string table_of_accel(const std::vector<AccelResult>& results) {
  const auto percent = [](double share) { return short_number(100 * share) + " %"; };
  const auto or_dash = [&](double share) { return share < 0 ? "-" : percent(share); };
  std::vector<std::vector<std::string>> rows;
  for (const AccelResult& result : results) {
    const accel::MergeReport& report = result.report;
    const bool merged = result.options.is_on();
    const auto part = [&](double value) { return merged ? short_number(value) : "-"; };
    rows.push_back({result.time.name,
                    std::to_string(result.time.frames),
                    short_number(result.time.median_s),
                    short_number(*result.time.speedup),
                    percent(kept(report, &accel::MergeRecord::q_slots)),
                    percent(kept(report, &accel::MergeRecord::kv_slots)),
                    part(report.setup_s + total(report, &accel::MergeRecord::plan_s)),
                    part(total(report, &accel::MergeRecord::attention_s)),
                    part(total(report, &accel::MergeRecord::restore_s)),
                    short_number(static_cast<double>(result.time.peak_bytes) * 1e-6),
                    percent(result.tokens_error),
                    or_dash(result.pose_error),
                    or_dash(result.depth_error)});
  }
  return markdown({"method",
                   "frames",
                   "s",
                   "speed-up",
                   "queries",
                   "keys",
                   "plan s",
                   "attention s",
                   "restore s",
                   "MB",
                   "tokens off",
                   "poses off",
                   "depth off"},
                  rows);
}

}  // namespace vggt::apps
