// SPDX-License-Identifier: Apache-2.0
// What every merging method must keep, and the numbers of slots that each promises.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "src/accel/controls.h"
#include "src/accel/fastvggt.h"
#include "src/accel/httm.h"
#include "src/accel/litevggt.h"
#include "src/accel/merger.h"
#include "src/accel/window_keys.h"
#include "src/weights/synthetic.h"

namespace vggt::accel {
namespace {

constexpr int64_t kHeads = 4;
constexpr int64_t kChannels = 32;

at::Tensor values(at::IntArrayRef shape, uint64_t seed) {
  return synthetic_parameter("policy.pos_embed", shape, seed);
}

struct Method {
  const char* name;
  std::function<std::unique_ptr<MergePolicy>(const TokenLayout&, const SceneMaps&)> make;
};

std::vector<Method> methods() {
  const auto control = [](auto make) {
    return [make](const TokenLayout& layout, const SceneMaps&) { return make({}, layout); };
  };
  return {
      {"identity",
       [](const TokenLayout& layout, const SceneMaps&) { return make_identity(layout); }},
      {"grid", control(make_grid)},
      {"keys-grid",
       [](const TokenLayout& l, const SceneMaps&) { return make_keys_grid({}, l, 24); }},
      {"random", control(make_random)},
      {"fastvggt", [](const TokenLayout& l, const SceneMaps&) { return make_fastvggt({}, l); }},
      {"fastvggt scene",
       [](const TokenLayout& l, const SceneMaps&) {
         return make_fastvggt({.reach = Reach::kScene}, l);
       }},
      {"litevggt",
       [](const TokenLayout& l, const SceneMaps& m) { return make_litevggt({}, l, m, 24); }},
      {"permuted",
       [](const TokenLayout& l, const SceneMaps& m) {
         return make_litevggt({.permuted = true}, l, m, 24);
       }},
      {"window-keys",
       [](const TokenLayout& l, const SceneMaps&) { return make_window_keys({}, l, 24, kHeads); }},
      {"window-keys each",
       [](const TokenLayout& l, const SceneMaps&) {
         return make_window_keys({.by_head = true}, l, 24, kHeads);
       }},
      {"httm", [](const TokenLayout& l, const SceneMaps&) { return make_httm({}, l, kHeads); }},
      {"httm plain",
       [](const TokenLayout& l, const SceneMaps&) {
         return make_httm({.first_frame = FirstFrame::kPlain}, l, kHeads);
       }},
  };
}

struct Scene {
  TokenLayout layout;
  SceneMaps maps;
  PlanInputs inputs;
};

Scene scene(int64_t frames, int64_t h, int64_t w) {
  Scene made;
  made.layout = regular_layout(frames, h, w, 5, at::kCPU);
  made.maps.images = values({frames, 3, 14 * h, 14 * w}, 1);
  made.maps.patches = values({frames, h * w, 16}, 2);
  const auto rows = [&](uint64_t seed) { return values({made.layout.rows, kChannels}, seed); };
  made.inputs = {rows(3), rows(4), rows(5), rows(6), kHeads};
  return made;
}

const std::vector<std::array<int64_t, 3>> kShapes = {
    {1, 3, 5}, {2, 3, 5}, {3, 7, 5}, {7, 6, 6}, {31, 2, 2}, {3, 1, 1}, {4, 9, 8}};

TEST(Policies, PlansAreWholeAndLeaveSpecialTokensAlone) {
  for (const Method& method : methods()) {
    for (const auto& [frames, h, w] : kShapes) {
      SCOPED_TRACE(std::string(method.name) + " " + std::to_string(frames) + " x " +
                   std::to_string(h) + " x " + std::to_string(w));
      const Scene s = scene(frames, h, w);
      const auto policy = method.make(s.layout, s.maps);
      const MergePlan plan = policy->build(0, s.inputs);
      ASSERT_NO_THROW(validate(plan, s.layout));
      for (const TokenMap* map : {&plan.q, &plan.kv}) {
        for (int64_t m = 0; m < map->maps; ++m) {
          for (int64_t f = 0; f < frames; ++f) {
            for (int64_t t = 0; t < 5; ++t) {
              const auto slot = map->slot_of[m][f * s.layout.tokens() + t].item<int64_t>();
              EXPECT_EQ(map->mass[slot].item<float>(), 1);
            }
          }
        }
      }
    }
  }
}

TEST(Policies, TheSameInputsGiveTheSamePlanWithAnyNumberOfThreads) {
  const Scene s = scene(5, 6, 7);
  const int threads = at::get_num_threads();
  for (const Method& method : methods()) {
    at::set_num_threads(1);
    const MergePlan alone = method.make(s.layout, s.maps)->build(0, s.inputs);
    at::set_num_threads(3);
    const MergePlan together = method.make(s.layout, s.maps)->build(0, s.inputs);
    EXPECT_TRUE(at::equal(alone.q.slot_of, together.q.slot_of)) << method.name;
    EXPECT_TRUE(at::equal(alone.kv.slot_of, together.kv.slot_of)) << method.name;
  }
  at::set_num_threads(threads);
}

TEST(Policies, OfOneFrameTheMatchedMethodsMergeNothing) {
  const Scene s = scene(1, 6, 6);
  EXPECT_TRUE(make_fastvggt({}, s.layout)->build(0, s.inputs).is_identity());
  EXPECT_TRUE(make_litevggt({}, s.layout, s.maps, 24)->build(0, s.inputs).is_identity());
}

TEST(Policies, LiteVggtFillsEachFrameToTheSameNumberOfSlots) {
  for (const auto& [frames, h, w] : kShapes) {
    const Scene s = scene(frames, h, w);
    const int64_t cells = ((h + 1) / 2) * ((w + 1) / 2);
    const int64_t k = std::max<int64_t>(1, h * w / 10);
    const int64_t later = std::min(cells + k, h * w);
    const MergePlan plan = make_litevggt({}, s.layout, s.maps, 24)->build(0, s.inputs);
    EXPECT_EQ(plan.q.slots, s.layout.tokens() + (frames - 1) * (5 + later)) << h << " " << w;
  }
}

TEST(Policies, LiteVggtBuildsAtFewLayersAndReusesBetween) {
  const Scene s = scene(3, 6, 6);
  const auto count = [&](int64_t layers) {
    const auto policy = make_litevggt({}, s.layout, s.maps, layers);
    int64_t builds = 0;
    for (int64_t i = 0; i < layers; ++i) builds += policy->act(Site::kGlobal, i) == Act::kBuild;
    EXPECT_EQ(policy->act(Site::kGlobal, 0), Act::kBuild);
    EXPECT_EQ(policy->act(Site::kFrame, 0), Act::kNothing);
    return builds;
  };
  EXPECT_EQ(count(24), 4);
  EXPECT_EQ(count(6), 4);  // 0, 1, 3, 5
}

TEST(Policies, HttmMergesTheSharesThatItSays) {
  const Scene s = scene(8, 6, 10);
  HttmOptions options = {.window = {.run = 20, .frames = 4}, .first_frame = FirstFrame::kPlain};
  const MergePlan plan = make_httm(options, s.layout, kHeads)->build(0, s.inputs);
  EXPECT_TRUE(plan.split);
  EXPECT_EQ(plan.q.maps, kHeads);
  // 6 windows of 80 patches: 56 of them merge, and the 40 special tokens stay.
  EXPECT_EQ(plan.kv.slots, kHeads * (s.layout.rows - 6 * 56));
  // A tenth of all queries leaves its group; groups that lose every member are gone.
  const int64_t anchors = kHeads * (40 + 6 * 8);
  const auto outliers = static_cast<int64_t>(0.1 * kHeads * static_cast<double>(s.layout.rows));
  EXPECT_LE(plan.q.slots, anchors + outliers);
  EXPECT_GE(plan.q.slots, anchors + outliers - kHeads * 6 * 8);
  options.outliers = 1;
  EXPECT_TRUE(make_httm(options, s.layout, kHeads)->build(0, s.inputs).q.is_identity());
  options = {.keys_merged = 0, .outliers = 1};
  EXPECT_TRUE(make_httm(options, s.layout, kHeads)->build(0, s.inputs).is_identity());
}

TEST(Policies, AFramesOrderDoesNotMatterToMethodsThatKnowNoTime) {
  const Scene s = scene(5, 6, 6);
  const std::vector<int64_t> order = {0, 3, 1, 4, 2};
  Scene shuffled = s;
  const at::Tensor index = at::tensor(order);
  const auto by_frame = [&](const at::Tensor& x) {
    return x.unflatten(0, {5, s.layout.tokens()}).index_select(0, index).flatten(0, 1);
  };
  shuffled.layout.frame_id = order;
  shuffled.maps = {s.maps.images.index_select(0, index), s.maps.patches.index_select(0, index)};
  shuffled.inputs = {by_frame(s.inputs.xn),
                     by_frame(s.inputs.q),
                     by_frame(s.inputs.k),
                     by_frame(s.inputs.v),
                     kHeads};
  for (const Method& method : methods()) {
    const std::string name = method.name;
    if (name.starts_with("httm") || name.starts_with("window") || name == "permuted") continue;
    const MergePlan plan = method.make(s.layout, s.maps)->build(0, s.inputs);
    const MergePlan other = method.make(shuffled.layout, shuffled.maps)->build(0, shuffled.inputs);
    const at::Tensor row = at::arange(s.layout.rows, at::kDouble).unsqueeze(1);
    // The mean row number of each row's group, frames named as before.
    const at::Tensor of_plan = by_frame(unmerge(plan.kv, merge(plan.kv, row)));
    const at::Tensor of_other = unmerge(other.kv, merge(other.kv, by_frame(row)));
    EXPECT_LT((of_plan - of_other).abs().max().item<double>(), 1e-9) << method.name;
  }
}

}  // namespace
}  // namespace vggt::accel
