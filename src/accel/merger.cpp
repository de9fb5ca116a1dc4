// SPDX-License-Identifier: Apache-2.0
#include "src/accel/merger.h"

#include <ATen/ATen.h>

#include <chrono>
#include <limits>

#include "kernels/attention/attention.h"
#include "src/accel/methods.h"
#include "src/base/device.h"
#include "src/base/error.h"

namespace vggt::accel {
namespace {

// Seconds since it was made or last asked.
class Lap {
 public:
  Lap(at::Device device, bool timed) : device_(device), timed_(timed) { restart(); }
  double seconds() {
    if (timed_) synchronize(device_);
    const auto now = std::chrono::steady_clock::now();
    const double passed = std::chrono::duration<double>(now - start_).count();
    start_ = now;
    return passed;
  }

 private:
  void restart() {
    if (timed_) synchronize(device_);
    start_ = std::chrono::steady_clock::now();
  }
  at::Device device_;
  bool timed_;
  std::chrono::steady_clock::time_point start_;
};

// Merged rows of all maps against each other: [Tq, W], [Tk, W] -> [Tq, W].
at::Tensor attend_merged(const MergePlan& plan,
                         const at::Tensor& q,
                         const at::Tensor& k,
                         const at::Tensor& v,
                         int64_t heads) {
  kernels::AttentionOptions options;
  // A map per head: groups of one head each. One map: one group of all heads.
  const int64_t together = plan.q.maps == 1 ? heads : 1;
  if (plan.key_bias.defined()) options.key_bias = plan.key_bias.view({1, 1, -1});
  if (plan.q.maps > 1 || !plan.q.exact || !plan.kv.exact) {
    options.q_offsets = plan.q.map_offsets;
    options.k_offsets = plan.kv.map_offsets;
  }
  const auto as_heads = [&](const at::Tensor& x) {
    return x.unsqueeze(0).unflatten(2, {together, x.size(1) / together});
  };
  return kernels::attention(as_heads(q), as_heads(k), as_heads(v), options).squeeze(0);
}

}  // namespace

Merger::Merger(std::unique_ptr<MergePolicy> policy, TokenLayout layout, MergeReport* report)
    : policy_(std::move(policy)), layout_(std::move(layout)), report_(report) {}

bool Merger::acts_at(Site site, int64_t layer) const {
  return policy_->act(site, layer) != Act::kNothing;
}

void Merger::keep(const MergeRecord& record) {
  if (report_) report_->layers.push_back(record);
}

const MergePlan& Merger::plan_for(int64_t layer,
                                  Act act,
                                  const PlanInputs& inputs,
                                  MergeRecord& record) {
  if (act == Act::kBuild) {
    Lap lap(layout_.position.device(), is_timed());
    plan_ = policy_->build(layer, inputs);
    plan_.policy = policy_->name();
    plan_.built_at = layer;
    record.plan_s = lap.seconds();
  }
  TORCH_INTERNAL_ASSERT(plan_.built_at >= 0 && plan_.policy == policy_->name() &&
                            plan_.layout == layout_hash(layout_),
                        "a plan of ",
                        plan_.policy,
                        " is reused where it does not fit");
  return plan_;
}

at::Tensor Merger::attend(Site site,
                          int64_t layer,
                          const at::Tensor& xn,
                          const at::Tensor& q,
                          const at::Tensor& k,
                          const at::Tensor& v,
                          const std::function<at::Tensor(const at::Tensor&)>& project) {
  TORCH_CHECK(q.size(0) == 1 && q.size(1) == layout_.rows,
              "merging takes one scene of ",
              layout_.rows,
              " rows at a time, got ",
              q.sizes());
  const auto rows_of = [](const at::Tensor& x) { return x.squeeze(0).flatten(1); };
  const PlanInputs inputs = {
      matchable(xn.squeeze(0)), rows_of(q), rows_of(k), rows_of(v), q.size(2)};
  MergeRecord record;
  record.layer = layer;
  const Act act = policy_->act(site, layer);
  if (act == Act::kWithinFrames) {
    Lap lap(q.device(), is_timed());
    const auto by_frame = [&](const at::Tensor& x) {
      return x.squeeze(0).unflatten(0, {layout_.frames, layout_.rows / layout_.frames});
    };
    const at::Tensor out = kernels::attention(by_frame(q), by_frame(k), by_frame(v));
    record.attention_s = lap.seconds();
    const at::Tensor update = project(out.flatten(0, 1).unsqueeze(0));
    record.restore_s = lap.seconds();
    record.built_at = -1;
    record.rows = record.q_slots = layout_.rows;
    record.kv_slots = layout_.rows / layout_.frames;
    keep(record);
    return update;
  }
  const MergePlan& plan = plan_for(layer, act, inputs, record);
  record.built_at = plan.built_at;
  record.rows = layout_.rows;
  record.q_slots = plan.q.slots / plan.q.maps;
  record.kv_slots = plan.kv.slots / plan.kv.maps;

  Lap lap(q.device(), is_timed());
  if (plan.is_identity()) {
    const at::Tensor out = kernels::attention(q, k, v);
    record.attention_s = lap.seconds();
    const at::Tensor update = project(out);
    record.restore_s = lap.seconds();
    keep(record);
    return update;
  }
  const at::Tensor out = attend_merged(plan,
                                       merge(plan.q, inputs.q),
                                       merge(plan.kv, inputs.k),
                                       merge(plan.kv, inputs.v),
                                       inputs.heads);
  record.attention_s = lap.seconds();
  // Whole rows are projected before they are given back, which is less work; rows whose heads went
  // different ways can only be projected after.
  const at::Tensor update = plan.q.maps == 1
                                ? unmerge(plan.q, project(out.unsqueeze(0)).squeeze(0))
                                : project(unmerge(plan.q, out).unsqueeze(0)).squeeze(0);
  record.restore_s = lap.seconds();
  keep(record);
  return update.unsqueeze(0);
}

std::vector<Merger> make_mergers(const MergeOptions& options,
                                 const PassShape& shape,
                                 const std::function<at::Tensor()>& images,
                                 const at::Tensor& patches,
                                 MergeReport* report) {
  std::vector<Merger> mergers;
  if (!options.is_on()) return mergers;
  const Method& method = method_named(options.method);
  const at::Device device = patches.device();
  const int64_t tokens = shape.special + shape.grid_h * shape.grid_w;
  const int64_t most_frames = std::numeric_limits<int32_t>::max() / (tokens * shape.heads);
  if (shape.frames > most_frames) {
    throw ConfigError("accel",
                      options.method + " numbers the tokens of all heads in 32 bits: at most " +
                          std::to_string(most_frames) + " frames of this size, got " +
                          std::to_string(shape.frames));
  }
  Lap lap(device, report != nullptr);
  const at::Tensor all_images = method.needs_maps ? images() : at::Tensor();
  for (int64_t first = 0; first < patches.size(0); first += shape.frames) {
    const TokenLayout layout =
        regular_layout(shape.frames, shape.grid_h, shape.grid_w, shape.special, device);
    SceneMaps maps;
    if (method.needs_maps) {
      maps = {all_images.narrow(0, first, shape.frames), patches.narrow(0, first, shape.frames)};
    }
    mergers.emplace_back(
        method.make(options, {layout, maps, shape.layers, shape.heads}), layout, report);
  }
  if (report) report->setup_s += lap.seconds();
  return mergers;
}

}  // namespace vggt::accel
