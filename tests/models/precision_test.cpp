// SPDX-License-Identifier: Apache-2.0
#include "src/models/precision.h"

#include <gmock/gmock.h>

#include "src/base/device.h"
#include "src/base/error.h"
#include "src/weights/manifest.h"
#include "tests/support/message_of.h"

namespace vggt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const c10::Device kCpu(c10::kCPU);

TEST(Precision, HasNamesThatSelectIt) {
  for (const char* name : {"fp64", "fp32", "fp16", "bf16"}) {
    EXPECT_EQ(to_string(select_precision(name, kCpu)), name);
  }
  EXPECT_EQ(select_precision("fp64", kCpu), Precision::kFloat64);
  EXPECT_EQ(select_precision("fp32", kCpu), Precision::kFloat32);
  EXPECT_EQ(select_precision("fp16", kCpu), Precision::kFloat16);
  EXPECT_EQ(select_precision("bf16", kCpu), Precision::kBFloat16)
      << "slow on some CPUs, but asked for";
}

TEST(Precision, IsHalfByItselfOnlyWhereTheCpuHasIt) {
  EXPECT_EQ(select_precision("auto", kCpu),
            has_fast_bfloat16(kCpu) ? Precision::kBFloat16 : Precision::kFloat32);
}

TEST(Precision, RefusesUnknownNames) {
  for (const std::string name : {"", "float32", "BF16", "int8"}) {
    EXPECT_THAT(message_of<ConfigError>([&] { select_precision(name, kCpu); }),
                AllOf(HasSubstr("precision"), HasSubstr("'" + name + "'")));
  }
}

TEST(ParameterDtype, IsHalfForTheMatricesOfEncoderAndAggregator) {
  for (const char* key : {"aggregator.frame_blocks.3.attn.qkv.weight",
                          "aggregator.global_blocks.0.attn.proj.weight",
                          "aggregator.patch_embed.blocks.0.attn.proj.weight",
                          "aggregator.patch_embed.blocks.0.mlp.fc2.weight"}) {
    EXPECT_EQ(parameter_dtype(key, Precision::kBFloat16), c10::kBFloat16) << key;
    EXPECT_EQ(parameter_dtype(key, Precision::kFloat16), c10::kHalf) << key;
    EXPECT_EQ(parameter_dtype(key, Precision::kFloat32), c10::kFloat) << key;
    EXPECT_EQ(parameter_dtype(key, Precision::kFloat64), c10::kDouble) << key;
  }
}

TEST(ParameterDtype, StaysFloatForBiasesNormsScalesTokensPatchesAndHeads) {
  for (const char* key : {"aggregator.frame_blocks.3.norm1.weight",
                          "aggregator.frame_blocks.3.norm2.bias",
                          "aggregator.frame_blocks.3.attn.q_norm.weight",
                          "aggregator.global_blocks.3.attn.k_norm.bias",
                          "aggregator.frame_blocks.3.attn.qkv.bias",
                          "aggregator.global_blocks.23.mlp.fc1.bias",
                          "aggregator.global_blocks.3.ls1.gamma",
                          "aggregator.patch_embed.norm.weight",
                          "aggregator.patch_embed.cls_token",
                          "aggregator.patch_embed.pos_embed",
                          "aggregator.patch_embed.register_tokens",
                          "aggregator.patch_embed.mask_token",
                          "aggregator.patch_embed.patch_embed.proj.weight",
                          "aggregator.patch_embed.patch_embed.proj.bias",
                          "aggregator.camera_token",
                          "aggregator.register_token",
                          "camera_head.trunk.0.attn.qkv.weight",
                          "camera_head.pose_branch.fc2.bias",
                          "depth_head.projects.0.weight",
                          "point_head.scratch.layer1_rn.weight",
                          "track_head.tracker.updateformer.time_blocks.0.attn.in_proj_weight",
                          "weight",
                          ".weight",
                          ""}) {
    for (const Precision half : {Precision::kBFloat16, Precision::kFloat16, Precision::kFloat32}) {
      EXPECT_EQ(parameter_dtype(key, half), c10::kFloat) << key;
    }
    EXPECT_EQ(parameter_dtype(key, Precision::kFloat64), c10::kDouble) << key;
  }
}

TEST(ParameterDtype, HalvesNearlyAllOfTheAggregator) {
  int64_t half = 0;
  int64_t all = 0;
  for (const auto& [key, shape] : manifest(ModelConfig::vggt_1b())) {
    if (key.rfind("aggregator.", 0) != 0) continue;
    int64_t count = 1;
    for (const int64_t size : shape) count *= size;
    all += count;
    if (parameter_dtype(key, Precision::kBFloat16) == c10::kBFloat16) half += count;
  }
  EXPECT_GT(half, 0.99 * static_cast<double>(all));
  EXPECT_LT(half, all);
}

}  // namespace
}  // namespace vggt
