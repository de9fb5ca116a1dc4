// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/calibrate.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/accel/quantize.h"
#include "src/base/error.h"
#include "src/calibrate/chain.h"
#include "src/calibrate/gptq.h"
#include "src/calibrate/scene_choice.h"
#include "src/calibrate/task_loss.h"
#include "src/calibrate/transforms.h"

namespace vggt::calibrate {
namespace {

using kernels::QuantizedWeight;

constexpr size_t kQkv = 0;
constexpr size_t kFc1 = 2;
constexpr size_t kLayers = 4;       // of a block
constexpr int64_t kRows = 1024;     // of a scene that trials are compared on
constexpr size_t kTrialScenes = 4;  // whose attention is compared
constexpr size_t kJudged = 3;       // scales whose outputs are compared (kQvggt)

std::string name_of(Method method) { return method_names()[static_cast<size_t>(method)]; }

// Codes while it lives.
class Trial {
 public:
  Trial(nn::Linear& layer, const QuantizedWeight& codes) : layer_(layer), before_(layer.quantized) {
    layer.quantized = std::make_shared<const QuantizedWeight>(codes);
  }
  ~Trial() { layer_.quantized = before_; }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

 private:
  nn::Linear& layer_;
  std::shared_ptr<const QuantizedWeight> before_;
};

double squares(const at::Tensor& x) { return x.to(at::kDouble).square().sum().item<double>(); }

// Evenly spread rows, the same of equal inputs.
at::Tensor some(const at::Tensor& rows) {
  const int64_t step = std::max<int64_t>(1, rows.size(0) / kRows);
  return rows.slice(0, 0, rows.size(0), step);
}

// What a block gets and gives in the full-precision model, scene by scene.
struct BlockData {
  std::vector<LayerInputs> full;
  const std::vector<Chain>& chains;
  bool patches_only;

  at::Tensor rows(size_t scene, size_t layer) const {
    return chains[scene].rows(full[scene][layer], patches_only);
  }
  // Over all rows of all scenes: of the magnitudes.
  at::Tensor largest(size_t layer, const at::Tensor& signs) const {
    at::Tensor result;
    for (size_t s = 0; s < full.size(); ++s) {
      at::Tensor x = rows(s, layer);
      if (signs.defined()) x = kernels::hadamard(x * signs);
      const at::Tensor of_scene = x.abs().amax(0);
      result = result.defined() ? at::maximum(result, of_scene) : of_scene;
    }
    return result;
  }
  at::Tensor mean(size_t layer) const {
    at::Tensor sum;
    int64_t count = 0;
    for (size_t s = 0; s < full.size(); ++s) {
      const at::Tensor x = rows(s, layer);
      const at::Tensor of_scene = x.abs().sum(0, false, at::kDouble);
      sum = sum.defined() ? sum + of_scene : of_scene;
      count += x.size(0);
    }
    return (sum / static_cast<double>(count)).to(at::kFloat);
  }
};

class Run {
 public:
  Run(Vggt& model, const std::vector<at::Tensor>& scenes, const Options& options)
      : model_(model), options_(options), sites_(block_sites(*model.aggregator)) {
    for (const auto& [name, layer] : accel::block_layers(model)) names_.push_back(name);
    options_.recipe.check(names_);
    if (options_.method != Method::kRoundToNearest || options_.compensation) {
      if (scenes.empty()) {
        throw ConfigError(
            "images",
            "method " + name_of(options_.method) + " needs calibration images; rtn does without");
      }
      for (const at::Tensor& images : scenes) scenes_.push_back(images.to(at::kFloat));
    }
    for (size_t i = 0; i < scenes_.size(); ++i) result_.scenes.push_back(i);
    check_weights();
  }

  Calibrated calibrate(const BlockStore& store) {
    if (options_.method == Method::kQuantVggt) keep_diverse_scenes();
    if (options_.compensation) result_.compensation_token = mean_camera_token();
    if (options_.method == Method::kQvggt) {
      lessons_ = make_lessons(model_, task_scenes());
      find_fragile_blocks();
    }
    calibrate_blocks(store);
    round_the_rest();
    return std::move(result_);
  }

 private:
  std::string scheme_of(const std::string& layer) const { return options_.recipe.scheme_of(layer); }

  // Everything that can be refused is, before the work.
  void check_weights() const {
    for (const auto& [name, layer] : accel::block_layers(model_)) {
      const std::string scheme = scheme_of(name);
      if (!scheme.empty()) {
        accel::check_quantizable(layer->weight, accel::quant_scheme(scheme), name);
      }
    }
  }

  std::vector<at::Tensor> task_scenes() const {
    const size_t count = std::min(scenes_.size(), static_cast<size_t>(options_.task_scenes));
    return {scenes_.begin(), scenes_.begin() + static_cast<std::ptrdiff_t>(count)};
  }

  std::vector<Chain> start() const {
    std::vector<Chain> chains;
    StageProgress stage("scenes", static_cast<int64_t>(scenes_.size()), options_.progress);
    for (const at::Tensor& images : scenes_) {
      chains.emplace_back(*model_.aggregator, images);
      stage.advance();
    }
    return chains;
  }

  // The sixth part of the blocks that come last are the deep ones: 20 to 23 of VGGT's 24.
  void keep_diverse_scenes() {
    std::vector<SceneTraits> traits;
    StageProgress stage("choosing scenes", static_cast<int64_t>(scenes_.size()), options_.progress);
    for (const at::Tensor& images : scenes_) {
      Chain chain(*model_.aggregator, images);
      SceneTraits of_scene;
      const size_t deep = sites_.size() - std::max<size_t>(2, sites_.size() / 6);
      for (size_t b = 0; b < sites_.size(); ++b) {
        const LayerInputs in = chain.inputs(sites_[b]);
        if (b >= deep) {
          of_scene.means.push_back(in.qkv.mean().item<double>());
          of_scene.variances.push_back(in.qkv.var().item<double>());
        }
        chain.advance(in.out);
      }
      const at::Tensor last = chain.stream(false);
      for (int64_t t = 1; t < last.size(0); ++t) {
        of_scene.likeness.push_back(
            at::cosine_similarity(last[0], last[t], 1).mean().item<double>());
      }
      traits.push_back(of_scene);
      stage.advance();
    }
    result_.scenes = choose_scenes(
        traits, static_cast<size_t>(std::max<int64_t>(1, options_.most_scenes)), options_.seed);
    std::vector<at::Tensor> chosen;
    for (const size_t i : result_.scenes) chosen.push_back(scenes_[i]);
    scenes_ = chosen;
  }

  // With the mean of the same tokens as its centre, the published projection on their principal
  // directions gives that mean; it is made as long as the mean patch token.
  at::Tensor mean_camera_token() const {
    at::Tensor sum;
    int64_t count = 0;
    double length = 0;
    for (const at::Tensor& images : scenes_) {
      const nn::AggregatedTokens tokens = model_.aggregator->forward(images, {}, nullptr);
      const at::Tensor camera = tokens.camera.flatten(0, 1).to(at::kDouble);
      sum = sum.defined() ? sum + camera.sum(0) : camera.sum(0);
      count += camera.size(0);
      const at::Tensor last = tokens.layers.rbegin()->second;
      length += last.slice(2, model_.config.special_tokens())
                    .norm(2, {3}, false, at::kDouble)
                    .mean()
                    .item<double>() /
                static_cast<double>(scenes_.size());
    }
    const at::Tensor mean = sum / static_cast<double>(count);
    return (mean * (length / mean.norm().item<double>())).to(at::kFloat);
  }

  void find_fragile_blocks() {
    StageProgress stage("sensitivity", static_cast<int64_t>(sites_.size()), options_.progress);
    std::vector<double> damage;
    for (const BlockSite& site : sites_) {
      std::vector<std::unique_ptr<Trial>> trials;
      for (size_t k = 0; k < kLayers; ++k) {
        const std::string scheme = scheme_of(site.layer_name(k));
        if (scheme.empty()) continue;
        const auto layer = site.layer(k);
        trials.push_back(std::make_unique<Trial>(
            *layer,
            accel::quantize(layer->weight, accel::quant_scheme(scheme), site.layer_name(k))));
      }
      Sensitivity of_block{.block = site.name};
      for (const Lesson& lesson : lessons_) {
        const OutputChange change = output_change(model_, lesson);
        of_block.pose_rad += change.pose_rad / static_cast<double>(lessons_.size());
        of_block.depth += change.depth / static_cast<double>(lessons_.size());
      }
      damage.push_back(of_block.pose_rad + of_block.depth);
      result_.sensitivity.push_back(of_block);
      stage.advance();
    }
    const auto middle = [](std::vector<double> values) {
      std::sort(values.begin(), values.end());
      return values[values.size() / 2];
    };
    const double median = middle(damage);
    std::vector<double> apart;
    for (const double value : damage) apart.push_back(std::abs(value - median));
    const double limit = median + 3 * middle(apart);
    for (size_t b = 0; b < sites_.size(); ++b) {
      if (damage[b] <= limit) continue;
      result_.sensitivity[b].fragile = true;
      for (size_t k = 0; k < kLayers; ++k) {
        const std::string name = sites_[b].layer_name(k);
        const std::string scheme = scheme_of(name);
        options_.recipe.rules.emplace_back(
            name, scheme.empty() || !name.ends_with("attn.proj") ? "bf16" : scheme);
      }
    }
  }

  bool needs_inputs() const { return options_.method != Method::kRoundToNearest; }

  void calibrate_blocks(const BlockStore& store) {
    std::vector<Chain> full;
    std::vector<Chain> quantized;
    if (needs_inputs()) full = start();
    if (options_.method == Method::kGptq) quantized = full;
    StageProgress stage("blocks", static_cast<int64_t>(sites_.size()), options_.progress);
    for (const BlockSite& site : sites_) {
      std::vector<LayerInputs> inputs;
      for (const Chain& chain : full) {
        inputs.push_back(chain.inputs(site));
        if (!inputs.back().out.isfinite().all().item<bool>()) {
          throw ConfigError("images", "calibration gives NaN or infinity in " + site.name);
        }
        stage.poll();
      }
      std::optional<BlockCodes> codes;
      if (store.find) codes = store.find(site.name);
      if (codes) {
        for (size_t k = 0; k < kLayers; ++k) {
          const auto found = codes->find(site.layer_name(k));
          if (found != codes->end()) install(site, k, found->second);
        }
      } else {
        const BlockData data = {std::move(inputs), full, options_.method == Method::kQvggt};
        codes = calibrate_block(site, data, quantized, stage);
        inputs = data.full;
        if (store.keep) store.keep(site.name, *codes);
      }
      for (size_t k = 0; k < kLayers; ++k) {
        const auto found = codes->find(site.layer_name(k));
        if (found != codes->end()) report(site.layer_name(k), *site.layer(k), found->second);
      }
      for (size_t s = 0; s < full.size(); ++s) full[s].advance(inputs[s].out);
      for (Chain& chain : quantized) chain.advance(chain.inputs(site).out);
      stage.advance();
    }
  }

  BlockCodes calibrate_block(const BlockSite& site,
                             const BlockData& data,
                             const std::vector<Chain>& quantized,
                             StageProgress& stage) {
    BlockCodes codes;
    for (size_t k = 0; k < kLayers; ++k) {
      const std::string name = site.layer_name(k);
      const std::string scheme_name = scheme_of(name);
      if (scheme_name.empty()) continue;
      const accel::QuantScheme scheme = accel::quant_scheme(scheme_name);
      codes[name] = codes_of(site, k, scheme, data, quantized);
      install(site, k, codes[name]);
      stage.poll();
    }
    return codes;
  }

  QuantizedWeight codes_of(const BlockSite& site,
                           size_t k,
                           const accel::QuantScheme& scheme,
                           const BlockData& data,
                           const std::vector<Chain>& quantized) {
    const at::Tensor& weight = site.layer(k)->weight;
    const std::string name = site.layer_name(k);
    switch (options_.method) {
      case Method::kRoundToNearest:
        break;
      case Method::kSmoothQuant:
        if (k != kQkv && k != kFc1) break;
        return coded(weight, scheme, {{}, smoothing_scale(data.largest(k, {}), weight)}, name);
      case Method::kQuantVggt: {
        InputTransform transform = {random_signs(weight.size(1), options_.seed), {}};
        transform.scale = smoothing_scale(data.largest(k, transform.signs),
                                          transformed_weight(weight, transform));
        return coded(weight, scheme, transform, name);
      }
      case Method::kGptq: {
        Moments moments;
        for (size_t s = 0; s < quantized.size(); ++s) {
          const LayerInputs now = quantized[s].inputs(site);
          moments.add(data.rows(s, k), quantized[s].rows(now[k], data.patches_only));
        }
        return gptq(retargeted(weight, moments), moments.gram, scheme, name);
      }
      case Method::kAwq:
      case Method::kQvggt:
        return searched(site, k, scheme, data);
    }
    return coded(weight, scheme, {}, name);
  }

  // The scale, of those that AWQ tries, whose codes change what follows least.
  QuantizedWeight searched(const BlockSite& site,
                           size_t k,
                           const accel::QuantScheme& scheme,
                           const BlockData& data) {
    nn::Linear& layer = *site.layer(k);
    const at::Tensor mean = data.mean(k);
    const bool by_task = options_.method == Method::kQvggt;
    std::vector<std::pair<double, QuantizedWeight>> trials;
    const std::vector<at::Tensor> wanted = outputs(site, k, data, by_task);
    double size = 0;
    for (const at::Tensor& y : wanted) size += squares(y);
    for (int i = 0; i < kAwqRatios; ++i) {
      const at::Tensor scale = awq_scale(mean, static_cast<double>(i) / kAwqRatios);
      const QuantizedWeight codes = coded(layer.weight, scheme, {{}, scale}, site.layer_name(k));
      const Trial trial(layer, codes);
      const std::vector<at::Tensor> got = outputs(site, k, data, by_task);
      double loss = 0;
      for (size_t s = 0; s < wanted.size(); ++s) loss += squares(got[s] - wanted[s]);
      trials.emplace_back(loss / std::max(size, 1e-30), codes);
    }
    std::stable_sort(trials.begin(), trials.end(), [](const auto& a, const auto& b) {
      return a.first < b.first;
    });
    if (!by_task) return trials.front().second;
    size_t best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < std::min(kJudged, trials.size()); ++i) {
      const Trial trial(layer, trials[i].second);
      double loss = trials[i].first;
      for (const Lesson& lesson : lessons_) {
        loss += task_loss(model_, lesson) / static_cast<double>(lessons_.size());
      }
      if (loss >= least) continue;
      least = loss;
      best = i;
    }
    return trials[best].second;
  }

  // Of the module that the layer begins (attention, MLP), or of the layer itself.
  std::vector<at::Tensor> outputs(const BlockSite& site,
                                  size_t k,
                                  const BlockData& data,
                                  bool of_layer) const {
    std::vector<at::Tensor> results;
    for (size_t s = 0; s < data.full.size(); ++s) {
      if (k == kQkv && !of_layer) {
        if (s >= kTrialScenes) break;
        const kernels::RopeTables& rope = data.chains[s].rope(site.global);
        results.push_back(site.block->attn->forward(data.full[s].qkv, &rope));
      } else if (k == kFc1 && !of_layer) {
        results.push_back(site.block->mlp->forward(some(data.rows(s, k))));
      } else {
        results.push_back(site.layer(k)->forward_wide(some(data.rows(s, k))));
      }
    }
    return results;
  }

  void install(const BlockSite& site, size_t k, const QuantizedWeight& codes) {
    site.layer(k)->quantized = std::make_shared<const QuantizedWeight>(codes);
    result_.layers[site.layer_name(k)] = codes;
  }

  void report(const std::string& name, const nn::Linear& layer, const QuantizedWeight& codes) {
    result_.report.push_back({.layer = name,
                              .scheme = scheme_of(name),
                              .sqnr_db = accel::sqnr_db(codes, layer.weight),
                              .bytes = codes.bytes(),
                              .half_bytes = 2 * layer.weight.numel()});
  }

  void round_the_rest() {
    for (const auto& [name, layer] : accel::block_layers(model_)) {
      const std::string scheme = scheme_of(name);
      if (scheme.empty() || result_.layers.count(name)) continue;
      const QuantizedWeight codes =
          accel::quantize(layer->weight, accel::quant_scheme(scheme), name);
      layer->quantized = std::make_shared<const QuantizedWeight>(codes);
      result_.layers[name] = codes;
      report(name, *layer, codes);
    }
  }

  Vggt& model_;
  Options options_;
  std::vector<BlockSite> sites_;
  std::vector<std::string> names_;
  std::vector<at::Tensor> scenes_;
  std::vector<Lesson> lessons_;
  Calibrated result_;
};

}  // namespace

const std::vector<std::string>& method_names() {
  static const std::vector<std::string> names = {
      "rtn", "smoothquant", "awq", "gptq", "quantvggt", "qvggt"};
  return names;
}

Method method_named(const std::string& name) {
  const std::vector<std::string>& names = method_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    std::string all;
    for (const std::string& known : names) all += (all.empty() ? "" : ", ") + known;
    throw ConfigError("method", "'" + name + "' is none of " + all);
  }
  return static_cast<Method>(found - names.begin());
}

Calibrated calibrate(Vggt& model,
                     const std::vector<at::Tensor>& scenes,
                     const Options& options,
                     const BlockStore& store) {
  const c10::InferenceMode inference;
  return Run(model, scenes, options).calibrate(store);
}

}  // namespace vggt::calibrate
