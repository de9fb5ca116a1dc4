// SPDX-License-Identifier: Apache-2.0
#include "src/train/trainer.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adamw.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "src/base/error.h"

namespace vggt::train {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Products in bfloat16 while it lives.
class Autocast {
 public:
  Autocast(at::DeviceType device, bool enabled) : device_(device), enabled_(enabled) {
    if (!enabled_) return;
    at::autocast::set_autocast_enabled(device_, true);
    at::autocast::set_autocast_dtype(device_, at::kBFloat16);
    at::autocast::increment_nesting();
  }
  ~Autocast() {
    if (!enabled_) return;
    // The weights change before the next step.
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(device_, false);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  at::DeviceType device_;
  bool enabled_;
};

// Norms, biases, scales and tokens are not pulled towards zero.
bool decays(const at::Tensor& parameter) { return parameter.dim() > 1 && parameter.size(0) > 1; }

std::unique_ptr<torch::optim::AdamW> make_optimiser(
    const std::vector<std::pair<std::string, at::Tensor>>& parameters,
    const OptimiserRecipe& recipe) {
  std::vector<at::Tensor> decaying;
  std::vector<at::Tensor> others;
  for (const auto& [name, parameter] : parameters) {
    (decays(parameter) ? decaying : others).push_back(parameter);
  }
  const auto group = [&](std::vector<at::Tensor> members, double weight_decay) {
    auto options = std::make_unique<torch::optim::AdamWOptions>(recipe.learning_rate);
    options->betas({recipe.betas[0], recipe.betas[1]}).weight_decay(weight_decay);
    return torch::optim::OptimizerParamGroup(std::move(members), std::move(options));
  };
  return std::make_unique<torch::optim::AdamW>(std::vector<torch::optim::OptimizerParamGroup>{
      group(decaying, recipe.weight_decay), group(others, 0)});
}

}  // namespace

Trainer::Trainer(Objective& objective, const Recipe& recipe, TrainerOptions options)
    : objective_(objective),
      recipe_(recipe),
      options_(std::move(options)),
      parameters_(objective.parameters()),
      optimiser_(make_optimiser(parameters_, recipe.optimiser)) {
  for (const auto& [name, parameter] : parameters_) {
    average_[name] = parameter.detach().clone();
  }
}

Trainer::~Trainer() = default;

// Each of the two parts, encoder alone and all, warms up; the end of the second decays, as half a
// cosine.
double Trainer::learning_rate() const {
  const OptimiserRecipe& recipe = recipe_.optimiser;
  const int64_t at = step_ < recipe_.encoder_steps ? step_ : step_ - recipe_.encoder_steps;
  const double warm =
      std::min(1.0, static_cast<double>(at + 1) / static_cast<double>(recipe.warmup_steps + 1));
  const double left = std::min(1.0,
                               static_cast<double>(recipe_.all_steps() - step_) /
                                   static_cast<double>(recipe.decay_steps + 1));
  return recipe.learning_rate * std::min(warm, 0.5 - 0.5 * std::cos(M_PI * left));
}

void Trainer::update_average() {
  // Short at first, so that the start is forgotten.
  const auto updates = static_cast<double>(updates_);
  const double decay = std::min(recipe_.optimiser.ema_decay, (updates + 1) / (updates + 10));
  for (const auto& [name, parameter] : parameters_)
    average_[name].lerp_(parameter.detach(), 1 - decay);
}

// Returns whether the weights changed.
bool Trainer::step(const Batch& batch, StepReport& sum) {
  optimiser_->zero_grad(/*set_to_none=*/true);
  StepLosses losses;
  {
    const Autocast autocast(batch.images.device().type(), recipe_.bf16);
    losses = objective_.losses(batch, step_);
  }
  const auto loss = losses.total.item<double>();
  if (!std::isfinite(loss)) {
    if (options_.on_skip) options_.on_skip("its loss is not finite");
    return false;
  }
  losses.total.backward();
  std::vector<at::Tensor> learning;
  for (const auto& [name, parameter] : parameters_) {
    if (parameter.grad().defined()) learning.push_back(parameter);
  }
  const double norm = torch::nn::utils::clip_grad_norm_(learning, recipe_.optimiser.clip_norm);
  if (!std::isfinite(norm)) {
    if (options_.on_skip) options_.on_skip("its gradient is not finite");
    return false;
  }
  sum.learning_rate = learning_rate();
  for (auto& group : optimiser_->param_groups()) group.options().set_lr(sum.learning_rate);
  optimiser_->step();
  ++updates_;
  update_average();

  sum.loss += loss;
  sum.gradient_norm += norm;
  for (size_t i = 0; i < losses.parts.size(); ++i) {
    const auto& [name, value] = losses.parts[i];
    if (sum.parts.size() <= i) sum.parts.emplace_back(name, 0);
    sum.parts[i].second += value;
  }
  return true;
}

void Trainer::run(const ProgressCallback& progress) {
  constexpr int64_t kPatience = 10;
  const Clock::time_point start = Clock::now();
  const double seconds_before = seconds_;
  Clock::time_point saved = start;
  const auto save = [&] {
    seconds_ = seconds_before + seconds_since(start);
    saved = Clock::now();
    if (options_.on_checkpoint) options_.on_checkpoint(checkpoint());
  };

  BatchSource source(recipe_, options_.photos, step_, parameters_.front().second.device());
  StepReport sum;
  int64_t counted = 0;
  int64_t skipped = 0;
  try {
    StageProgress shown("training", recipe_.all_steps() - step_, progress);
    while (step_ < recipe_.all_steps()) {
      const bool changed = step(source.next(), sum);
      skipped = changed ? 0 : skipped + 1;
      counted += changed ? 1 : 0;
      if (skipped == kPatience) {
        throw ModelError("training",
                         "the losses of the last " + std::to_string(kPatience) +
                             " steps are not finite; try a smaller learning rate");
      }
      ++step_;
      // The parts change with the first step after those of the encoder alone.
      const bool due = step_ % options_.report_every == 0 || step_ == recipe_.encoder_steps ||
                       step_ == recipe_.all_steps();
      if (due && counted > 0) {
        const auto n = static_cast<double>(counted);
        sum.step = step_;
        sum.seconds = seconds_before + seconds_since(start);
        sum.loss /= n;
        sum.gradient_norm /= n;
        for (auto& part : sum.parts) part.second /= n;
        if (options_.on_report) options_.on_report(sum);
        sum = {};
        counted = 0;
      }
      shown.advance();
      if (seconds_since(saved) > 60 * options_.checkpoint_minutes) save();
      if (options_.stop_after_minutes > 0 &&
          seconds_since(start) > 60 * options_.stop_after_minutes) {
        break;
      }
    }
  } catch (const Cancelled&) {
    save();
    throw;
  }
  save();
}

Checkpoint Trainer::checkpoint() const {
  Checkpoint result;
  result.step = step_;
  result.updates = updates_;
  result.seconds = seconds_;
  result.recipe = recipe_.to_json();
  const auto keep = [&](const std::string& name, const at::Tensor& tensor) {
    result.tensors[name] = tensor.detach().to(at::kCPU).clone();
  };
  for (const auto& [name, parameter] : parameters_) {
    keep("weights/" + name, parameter);
    keep("average/" + name, average_.at(name));
    const auto state = optimiser_->state().find(parameter.unsafeGetTensorImpl());
    if (state == optimiser_->state().end()) continue;  // it has not learned yet
    const auto& moments = static_cast<const torch::optim::AdamWParamState&>(*state->second);
    keep("first/" + name, moments.exp_avg());
    keep("second/" + name, moments.exp_avg_sq());
    keep("count/" + name, at::full({1}, moments.step(), at::kLong));
  }
  return result;
}

void Trainer::resume(const Checkpoint& checkpoint) {
  if (checkpoint.step > recipe_.all_steps()) {
    throw ConfigError("recipe",
                      "ends after " + std::to_string(recipe_.all_steps()) +
                          " steps, the checkpoint is of step " + std::to_string(checkpoint.step) +
                          ": give it more steps");
  }
  // A run may end sooner or later than it was said when it began; its weights are the checkpoint's.
  Recipe begun = Recipe::from_json(checkpoint.recipe, "checkpoint");
  recipe_.weights = begun.weights;
  begun.steps = recipe_.steps;
  begun.optimiser.decay_steps = recipe_.optimiser.decay_steps;
  if (begun.to_json() != recipe_.to_json()) {
    throw ConfigError("recipe",
                      "is another one than the checkpoint's in more than steps and decay_steps; "
                      "begin anew in another folder, or give the same recipe");
  }
  const c10::NoGradGuard no_gradients;
  const auto found = [&](const std::string& name, const at::Tensor& like) {
    const auto tensor = checkpoint.tensors.find(name);
    if (tensor == checkpoint.tensors.end() || tensor->second.sizes() != like.sizes()) {
      throw ConfigError("checkpoint", "lacks " + name + " in the model's shape");
    }
    return tensor->second.to(like.device());
  };
  for (const auto& [name, parameter] : parameters_) {
    at::Tensor(parameter).copy_(found("weights/" + name, parameter));
    average_[name].copy_(found("average/" + name, parameter));
    if (!checkpoint.tensors.count("first/" + name)) continue;
    auto state = std::make_unique<torch::optim::AdamWParamState>();
    state->step(found("count/" + name, at::empty({1})).item<int64_t>());
    state->exp_avg(found("first/" + name, parameter));
    state->exp_avg_sq(found("second/" + name, parameter));
    optimiser_->state()[parameter.unsafeGetTensorImpl()] = std::move(state);
  }
  step_ = checkpoint.step;
  updates_ = checkpoint.updates;
  seconds_ = checkpoint.seconds;
}

Trainer::WithAverage::WithAverage(Trainer& trainer) : trainer_(trainer) {
  const c10::NoGradGuard no_gradients;
  for (const auto& [name, parameter] : trainer_.parameters_) {
    learned_[name] = parameter.detach().clone();
    at::Tensor(parameter).copy_(trainer_.average_.at(name));
  }
}

Trainer::WithAverage::~WithAverage() {
  const c10::NoGradGuard no_gradients;
  for (const auto& [name, parameter] : trainer_.parameters_) {
    at::Tensor(parameter).copy_(learned_.at(name));
  }
}

}  // namespace vggt::train
