// SPDX-License-Identifier: Apache-2.0
#include "apps/estimate.h"

#include <gmock/gmock.h>

#include "src/weights/load.h"

namespace vggt::apps {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kFrames = 2000;
constexpr int64_t kHeight = 392;
constexpr int64_t kWidth = 518;
constexpr int64_t kPlenty = int64_t{1} << 50;

// A plan only reads the sizes, so no GPU is needed to make that of one.
LoadedModel loaded(c10::DeviceType device) {
  LoadedModel loaded;
  loaded.model = synthetic_model(1, ModelConfig::tiny(), {});
  loaded.device = c10::Device(device, device == c10::kCUDA ? 0 : -1);
  return loaded;
}

MemoryPlan plan(c10::DeviceType device, int64_t available) {
  return plan_memory(loaded(device), kFrames, kHeight, kWidth, available);
}

TEST(MemoryPlan, CountsTheKeptLayersByTheirSizes) {
  const ModelConfig config = ModelConfig::tiny();
  const int64_t tokens = kFrames * ((kHeight / 14) * (kWidth / 14) + config.special_tokens());
  const auto kept = static_cast<int64_t>(config.kept_layers().size());
  EXPECT_EQ(plan(c10::kCPU, kPlenty).layers, kept * tokens * 2 * config.embed_dim * 4);
}

TEST(MemoryPlan, LeavesEverythingOnAGpuWithRoom) {
  const MemoryPlan of_gpu = plan(c10::kCUDA, kPlenty);
  EXPECT_FALSE(of_gpu.layers_on_host);
  EXPECT_EQ(of_gpu.layers, plan(c10::kCPU, kPlenty).layers);
  EXPECT_GT(of_gpu.host, 0) << "the results";
  EXPECT_EQ(plan(c10::kCUDA, of_gpu.total()).layers_on_host, false) << "just fits";
}

TEST(MemoryPlan, MovesTheLayersOfAGpuToTheHostWhereTheyDoNotFit) {
  const MemoryPlan whole = plan(c10::kCUDA, kPlenty);
  // Work is that of the blocks here, so smaller chunks of the heads do not help.
  const MemoryPlan moved = plan(c10::kCUDA, whole.total() - 1);
  EXPECT_TRUE(moved.layers_on_host);
  EXPECT_LT(moved.total(), whole.total());
  EXPECT_GE(moved.layers, whole.layers / 4) << "the one at hand stays";
  EXPECT_GE(moved.host, whole.host + whole.layers);
  EXPECT_LE(moved.host, whole.host + 2 * whole.layers);
  EXPECT_THAT(to_string(moved), HasSubstr("with the kept layers"));
  EXPECT_THAT(to_string(whole), Not(HasSubstr("with the kept layers")));
}

TEST(MemoryPlan, LetsTheHeadsOfAGpuTakeFewerFramesFirst) {
  // Of few frames the heads take the most.
  const auto of_eight = [](int64_t available) {
    return plan_memory(loaded(c10::kCUDA), 8, kHeight, kWidth, available);
  };
  const MemoryPlan whole = of_eight(kPlenty);
  EXPECT_EQ(whole.head_frames, 8);
  EXPECT_THAT(to_string(whole), HasSubstr("8 frames at a time"));
  const MemoryPlan halved = of_eight(whole.total() - 1);
  EXPECT_EQ(halved.head_frames, 4);
  EXPECT_FALSE(halved.layers_on_host);
  EXPECT_EQ(halved.layers, whole.layers);
  EXPECT_EQ(halved.work, whole.work / 2);
  EXPECT_EQ(of_eight(1).head_frames, 1);
  EXPECT_TRUE(of_eight(1).layers_on_host);
}

TEST(MemoryPlan, OfACpuHasOneMemory) {
  const MemoryPlan tight = plan(c10::kCPU, 1);
  EXPECT_FALSE(tight.layers_on_host);
  EXPECT_EQ(tight.host, 0);
  EXPECT_EQ(tight.head_frames, 1);
  EXPECT_THAT(to_string(tight), Not(HasSubstr("host")));
}

}  // namespace
}  // namespace vggt::apps
