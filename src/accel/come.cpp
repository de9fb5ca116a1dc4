// SPDX-License-Identifier: Apache-2.0
#include "src/accel/come.h"

#include <ATen/ATen.h>

#include <charconv>
#include <cmath>

#include "src/accel/come_predictor.h"
#include "src/accel/geometry_map.h"
#include "src/accel/merge_policy.h"
#include "src/accel/merge_steps.h"
#include "src/accel/methods.h"
#include "src/base/error.h"

namespace vggt::accel {
namespace {

constexpr std::string_view kSynthetic = "synthetic:";
constexpr int64_t kRun = 4;  // patches of a group in the first release

// A number of things that is a share of them, for shares like 0.29 of 100, which is not quite 29.
int64_t share_of(double share, int64_t count) {
  constexpr double kRounding = 1e-9;
  return static_cast<int64_t>(std::floor(share * static_cast<double>(count) + kRounding));
}

Cells groups_of(const ComeOptions& options, const TokenLayout& layout) {
  if (options.variant != ComeVariant::kFirst) {
    return grid_cells(layout, options.cell, CellEdge::kSingle);
  }
  // Runs along the rows of the grid, and over their ends.
  const auto longs = at::TensorOptions().dtype(at::kLong).device(layout.position.device());
  const int64_t count = layout.patches() / kRun;
  const at::Tensor number = at::arange(layout.patches(), longs).floor_divide(kRun);
  return {at::where(number < count, number, at::full({}, -1, longs)), count};
}

// Sums over the patches of each group: [S, h w] -> [S, groups].
at::Tensor sums(const Cells& groups, const at::Tensor& of_patches) {
  // Patches of no group add to a place behind the groups.
  const at::Tensor place = at::where(
      groups.of_patch >= 0, groups.of_patch, at::full({}, groups.count, groups.of_patch.options()));
  return at::zeros({of_patches.size(0), groups.count + 1}, of_patches.options())
      .index_add_(1, place, of_patches)
      .slice(1, 0, groups.count);
}

// Which groups merge, bool [S, groups], and how many if that is known without looking.
struct Choice {
  at::Tensor merges;
  int64_t count = -1;
};

Choice choose(const ComeOptions& options, const at::Tensor& score) {
  const int64_t frames = score.size(0);
  const int64_t groups = score.size(1);
  // The first release ranks each frame by itself.
  if (options.variant == ComeVariant::kFirst) {
    const int64_t each = share_of(options.merged, groups);
    return {highest(-score, each), frames * each};
  }
  if (options.manner == Manner::kCompat && score.numel() > 0) {
    const at::Tensor limit = at::quantile(score.flatten(), options.merged);
    return {score < limit, -1};
  }
  const int64_t all = share_of(options.merged, frames * groups);
  return {highest(-score.reshape({1, -1}), all).view_as(score), all};
}

class CoMe : public SpanPolicy {
 public:
  CoMe(const ComeOptions& options, const PassFacts& pass)
      : options_(options), layout_(pass.layout) {
    if (options.score != ComeScore::kPredictor) {
      file_.tap = come_tap(pass.encoder_blocks);
    } else if (options.predictor.empty()) {
      throw ConfigError("accel", "come needs a predictor: " + how_to_make_a_predictor("WEIGHTS"));
    } else {
      read(pass);
    }
    if (options.tap >= 0) file_.tap = options.tap;
    if (file_.tap < 0 || file_.tap >= pass.encoder_blocks) {
      throw ConfigError("accel",
                        "come: tap " + std::to_string(file_.tap) +
                            " is no block of an encoder of " + std::to_string(pass.encoder_blocks) +
                            ", counted from 0");
    }
  }

  std::string name() const override { return "come"; }
  int64_t tap() const override { return file_.tap; }
  bool reads_normed() const override { return file_.normed; }
  bool merges_stream() const override { return options_.variant == ComeVariant::kFused; }

  SpanPlan build(const SpanInputs& inputs) override {
    return come_plan(options_, layout_, confidence(inputs));
  }

 private:
  void read(const PassFacts& pass) {
    const std::string& name = options_.predictor;
    if (name.starts_with(kSynthetic)) {
      const char* end = name.data() + name.size();
      uint64_t seed = 0;
      const auto [stop, error] = std::from_chars(name.data() + kSynthetic.size(), end, seed);
      if (error != std::errc() || stop != end) {
        throw ConfigError("accel",
                          "come: predictor '" + name + "' must be synthetic: and a whole number");
      }
      file_ = synthetic_predictor(seed, pass.channels, pass.encoder_blocks);
    } else {
      file_ = read_predictor(name, pass.encoder_blocks);
    }
    if (file_.predictor->channels() != pass.channels) {
      throw ConfigError("accel",
                        "come: " + name + " is for tokens of " +
                            std::to_string(file_.predictor->channels()) +
                            " channels, the model's have " + std::to_string(pass.channels) + ": " +
                            how_to_make_a_predictor("WEIGHTS"));
    }
    file_.predictor->convert(pass.layout.position.device(), pass.products, pass.wide);
  }

  at::Tensor confidence(const SpanInputs& inputs) const {
    switch (options_.score) {
      case ComeScore::kPredictor:
        return file_.predictor->forward(inputs.tokens.unsqueeze(0), layout_.grid_h, layout_.grid_w)
            .view({layout_.frames, layout_.patches()});
      case ComeScore::kEdges:
        return geometry_map(inputs.images, inputs.tokens, 1, 0);
      case ComeScore::kRandom:
        break;
    }
    return random_scores(layout_, 1);
  }

  ComeOptions options_;
  TokenLayout layout_;
  ComePredictorFile file_;
};

}  // namespace

SpanPlan come_plan(const ComeOptions& options,
                   const TokenLayout& layout,
                   const at::Tensor& confidence) {
  const Cells groups = groups_of(options, layout);
  const at::Tensor wide =
      confidence.scalar_type() == at::kDouble ? confidence : confidence.to(at::kFloat);
  const at::Tensor size = sums(groups, at::ones({1, layout.patches()}, wide.options()));
  const at::Tensor score = sums(groups, wide) / size;
  const int64_t left_alone =
      options.first_frame == FirstFrame::kPlain ? 0 : std::min<int64_t>(layout.frames, 1);
  Choice choice = choose(options, score.slice(0, left_alone));
  choice.merges =
      at::cat({at::zeros({left_alone, groups.count}, choice.merges.options()), choice.merges});

  // Each patch is named by the first one of its group, or by itself.
  const at::Tensor longs = at::arange(layout.patches(), groups.of_patch.options());
  const at::Tensor in_group = groups.of_patch.clamp_min(0);
  const at::Tensor first =
      at::full({std::max<int64_t>(groups.count, 1)}, layout.patches(), longs.options())
          .scatter_reduce_(
              0,
              in_group,
              at::where(
                  groups.of_patch >= 0, longs, at::full({}, layout.patches(), longs.options())),
              "amin",
              /*include_self=*/true);
  SpanPlan made;
  made.merged_patches =
      groups.count == 0
          ? at::zeros({layout.frames, layout.patches()}, longs.options().dtype(at::kBool))
          : choice.merges.index_select(1, in_group) & (groups.of_patch >= 0);
  const at::Tensor rows = patch_rows(layout);
  const at::Tensor named = at::where(
      made.merged_patches, first.index_select(0, in_group).clamp_max(layout.patches() - 1), longs);
  const at::Tensor special = at::arange(layout.rows, longs.options())
                                 .view({layout.frames, -1})
                                 .slice(1, 0, layout.special);
  const at::Tensor anchor_of =
      at::cat({special, rows.gather(1, named)}, 1).to(at::kInt).view({1, layout.rows});
  const int64_t group_size =
      options.variant == ComeVariant::kFirst ? kRun : options.cell * options.cell;
  SlotCount count;
  if (choice.count >= 0) {
    const int64_t slots = layout.rows - choice.count * (group_size - 1);
    count = {slots, slots, true};
  }
  made.plan = plan_from_anchors(layout, {anchor_of, count}, {}, options.bias);
  MergePlan& plan = made.plan;
  const at::Tensor slot = plan.q.slot_of[0].to(at::kLong);
  plan.position = at::zeros({plan.q.slots, 2}, layout.position.options())
                      .index_add_(0, slot, layout.position)
                      .floor_divide(plan.q.member_offsets.diff().to(at::kLong).unsqueeze(1));
  const at::Tensor starts = slot.view({layout.frames, layout.tokens()}).select(1, 0);
  plan.frame_offsets =
      at::cat({starts, at::full({1}, plan.q.slots, starts.options())}).to(at::kInt);
  return made;
}

std::unique_ptr<SpanPolicy> make_come(const ComeOptions& options, const PassFacts& pass) {
  return std::make_unique<CoMe>(options, pass);
}

std::string how_to_make_a_predictor(const std::string& weights) {
  return "make one by vggt train models/recipes/come.json --distil come --teacher " + weights +
         " -o RUN, then add --accel-options predictor=RUN/predictor.safetensors";
}

std::vector<Setting> settings_of(ComeOptions& options) {
  return {ratio_setting([&options](double ratio) {
            // Merged groups keep one of cell x cell patches.
            const auto of_group = [&] {
              return 1 / static_cast<double>(options.cell * options.cell);
            };
            while (of_group() > ratio) ++options.cell;
            options.merged = std::min(1.0, (1 - ratio) / (1 - of_group()));
          }),
          text("predictor", "file of the predictor, or synthetic:SEED", options.predictor),
          choice<ComeScore>("score",
                            "what ranks the groups: predictor; edges or random, controls",
                            options.score,
                            {{"predictor", ComeScore::kPredictor},
                             {"edges", ComeScore::kEdges},
                             {"random", ComeScore::kRandom}}),
          choice<ComeVariant>("variant",
                              "fused (the stream itself is merged), direct (each branch's input), "
                              "first (direct, runs of 4 patches, ranked by frame)",
                              options.variant,
                              {{"fused", ComeVariant::kFused},
                               {"direct", ComeVariant::kDirect},
                               {"first", ComeVariant::kFirst}}),
          number("merged", "share of the groups", options.merged, 0, 1),
          number("cell", "side of a group, patches", options.cell, 1, kMostCell),
          number("tap", "block of the encoder; -1: as the predictor says", options.tap, -1, 1000),
          first_frame_setting(options.first_frame),
          number("bias", kBiasMeaning, options.bias, 0, 2),
          manner_setting(options.manner)};
}

}  // namespace vggt::accel
