// SPDX-License-Identifier: Apache-2.0
#include "src/accel/httm.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace vggt::accel {
namespace {

double pairs_of(const Windows& windows) {
  double pairs = 0;
  for (size_t b = 0; b < windows.sources.size(); ++b) {
    pairs += static_cast<double>(windows.sources[b]) * static_cast<double>(windows.anchors[b]);
  }
  return pairs;
}

class Httm : public MergePolicy {
 public:
  Httm(const HttmOptions& options, const TokenLayout& layout, int64_t heads)
      : options_(options),
        layout_(layout),
        heads_(heads),
        queries_(window_blocks(layout, options.window, options.queries, options.first_frame)),
        keys_(window_blocks(layout, options.window, options.keys, options.first_frame)) {
    for (size_t b = 0; b < keys_.sources.size(); ++b) {
      const auto members = static_cast<double>(keys_.sources[b] + keys_.anchors[b]);
      merged_keys_.push_back(
          std::min<int64_t>(keys_.sources[b], std::llround(options.keys_merged * members)));
    }
    query_slots_ = layout.rows - queries_.blocks.sources.size(0);
    key_slots_ =
        layout.rows - std::accumulate(merged_keys_.begin(), merged_keys_.end(), int64_t{0});
    outliers_ = static_cast<int64_t>(options.outliers * static_cast<double>(heads * layout.rows));
  }

  std::string name() const override { return "httm"; }
  Act act(Site site, int64_t) const override {
    return site == Site::kGlobal ? Act::kBuild : Act::kNothing;
  }
  Cost cost(int64_t channels) const override {
    return {query_slots_ + outliers_ / heads_,
            key_slots_,
            2 * (pairs_of(queries_) + pairs_of(keys_)) * static_cast<double>(channels)};
  }

  MergePlan build(int64_t, const PlanInputs& inputs) override {
    const at::Tensor by_key =
        anchors_from_match(layout_.rows,
                           keys_.blocks,
                           kernels::match_rows(matchable(inputs.k), heads_, keys_.blocks),
                           merged_keys_);
    const TokenMap first = map_from_anchors(
        anchors_from_match(layout_.rows,
                           queries_.blocks,
                           kernels::match_rows(matchable(inputs.q), heads_, queries_.blocks)),
        {heads_ * query_slots_, query_slots_, true});
    const at::Tensor by_query = release_outliers(first, inputs.q, outliers_);
    // A group whose members all leave is gone, so a GPU knows a bound; a CPU counts.
    const int64_t bound = std::min(heads_ * query_slots_ + outliers_, heads_ * layout_.rows);
    const SlotCount count = inputs.q.is_cpu() ? SlotCount{} : SlotCount{bound, layout_.rows, false};
    return plan_from_anchors(layout_,
                             {by_query, count},
                             {by_key, {heads_ * key_slots_, key_slots_, true}},
                             options_.bias);
  }

 private:
  HttmOptions options_;
  TokenLayout layout_;
  int64_t heads_;
  Windows queries_, keys_;
  std::vector<int64_t> merged_keys_;  ///< per window
  int64_t query_slots_ = 0;           ///< of a head, before outliers leave
  int64_t key_slots_ = 0;
  int64_t outliers_ = 0;  ///< of all heads
};

}  // namespace

std::unique_ptr<MergePolicy> make_httm(const HttmOptions& options,
                                       const TokenLayout& layout,
                                       int64_t heads) {
  return std::make_unique<Httm>(options, layout, heads);
}

std::vector<Setting> settings_of(HttmOptions& options) {
  constexpr int64_t kMost = 1000000;
  return {
      ratio_setting([&options](double ratio) {
        // As published at 0.3: of the keys a quarter are anchors, of the queries a tenth, and as
        // many are outliers.
        constexpr double kAnchorsOfKept = 5.0 / 6;
        constexpr double kRounding = 1e-9;
        const double anchors = kAnchorsOfKept * ratio;
        options.keys.period = static_cast<int64_t>(std::ceil(1 / anchors - kRounding));
        options.keys_merged = 1 - ratio;
        options.queries.period = std::lround(3 / ratio);
        options.outliers = ratio < 1 ? ratio / 3 : 1;
      }),
      number("run", "patches of a window, along a row of the grid", options.window.run, 1, kMost),
      number("frames", "of a window", options.window.frames, 1, kMost),
      number("query_period", "a query of so many is an anchor", options.queries.period, 1, kMost),
      number("key_period", "a key of so many is an anchor", options.keys.period, 1, kMost),
      number("keys_merged", "share of each window's keys", options.keys_merged, 0, 1),
      number("outliers", "share of all queries that are taken out again", options.outliers, 0, 1),
      first_frame_setting(options.first_frame),
      number("bias", kBiasMeaning, options.bias, 0, 2)};
}

}  // namespace vggt::accel
