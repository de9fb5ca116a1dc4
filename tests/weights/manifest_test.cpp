// SPDX-License-Identifier: Apache-2.0
#include "src/weights/manifest.h"

#include <gtest/gtest.h>

namespace vggt {
namespace {

using Shapes = std::map<std::string, std::vector<int64_t>>;

struct Count {
  int64_t tensors = 0;
  int64_t parameters = 0;
  bool operator==(const Count&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Count& count) {
  return out << count.tensors << " tensors, " << count.parameters << " parameters";
}

Count count_of(const Shapes& shapes, const std::string& prefix) {
  Count count;
  for (const auto& [key, shape] : shapes) {
    if (key.rfind(prefix, 0) != 0) continue;
    int64_t parameters = 1;
    for (const int64_t size : shape) parameters *= size;
    ++count.tensors;
    count.parameters += parameters;
  }
  return count;
}

TEST(Manifest, CountsThePartsOfVggt1bAsTheOriginal) {
  const Shapes shapes = manifest(ModelConfig::vggt_1b());
  EXPECT_EQ(count_of(shapes, "aggregator.patch_embed."), (Count{344, 304372736}));
  EXPECT_EQ(count_of(shapes, "aggregator.frame_blocks."), (Count{432, 302364672}));
  EXPECT_EQ(count_of(shapes, "aggregator.global_blocks."), (Count{432, 302364672}));
  EXPECT_EQ(count_of(shapes, "aggregator.camera_token"), (Count{1, 2048}));
  EXPECT_EQ(count_of(shapes, "aggregator.register_token"), (Count{1, 8192}));
  EXPECT_EQ(count_of(shapes, "aggregator."), (Count{1210, 909112320}));
  EXPECT_EQ(count_of(shapes, "camera_head."), (Count{69, 216174610}));
  EXPECT_EQ(count_of(shapes, "depth_head."), (Count{62, 32654562}));
  EXPECT_EQ(count_of(shapes, "point_head."), (Count{62, 32654628}));
  EXPECT_EQ(count_of(shapes, "track_head.feature_extractor."), (Count{58, 22834048}));
  EXPECT_EQ(count_of(shapes, "track_head.tracker."), (Count{336, 43107348}));
  EXPECT_EQ(count_of(shapes, ""), (Count{1797, 1256537516}));
}

TEST(Manifest, HasAllTensorsOfTheSmallModel) {
  EXPECT_EQ(manifest(ModelConfig::tiny()).size(), 619u);
}

TEST(Manifest, LeavesOutHeadsThatTheConfigLeavesOut) {
  ModelConfig config = ModelConfig::tiny();
  config.point_head.reset();
  config.track_head.reset();
  const Shapes shapes = manifest(config);
  EXPECT_EQ(count_of(shapes, "point_head."), Count{});
  EXPECT_EQ(count_of(shapes, "track_head."), Count{});
  EXPECT_EQ(count_of(shapes, "depth_head."),
            count_of(manifest(ModelConfig::tiny()), "depth_head."));
}

}  // namespace
}  // namespace vggt
