// SPDX-License-Identifier: Apache-2.0
#include "src/weights/load.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <limits>

#include "src/base/device.h"
#include "src/base/error.h"
#include "src/weights/manifest.h"
#include "src/weights/safetensors.h"
#include "src/weights/synthetic.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

namespace vggt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kMatrix = "aggregator.frame_blocks.0.attn.qkv.weight";
const std::string kHeadMatrix = "camera_head.embed_pose.weight";
const std::string kNorm = "aggregator.frame_blocks.0.norm1.weight";

// A checkpoint of the small model that is in memory only.
WeightFile tiny_file(uint64_t seed = 1) {
  WeightFile file;
  file.path = "memory.safetensors";
  for (const auto& [key, shape] : manifest(ModelConfig::tiny())) {
    file.tensors[key] = synthetic_parameter(key, shape, seed);
  }
  return file;
}

std::string error_of(const WeightFile& file, Precision precision = Precision::kFloat32) {
  return message_of<IoError>(
      [&] { load_model(file, ModelConfig::tiny(), {.precision = precision}); });
}

at::Tensor parameter(const Vggt& model, const std::string& key) {
  return model.named_parameters()[key];
}

TEST(LoadModel, ListsAllDifferencesInOneError) {
  WeightFile file = tiny_file();
  file.tensors.erase(kMatrix);
  file.tensors.erase("camera_head.token_norm.bias");
  file.tensors["aggregator.rope.cache"] = at::zeros({2});
  file.tensors["optimizer"] = at::zeros({2});
  file.tensors["unknown_head.norm.weight"] = at::zeros({2});
  file.tensors[kNorm] = at::zeros({49});
  file.tensors["depth_head.norm.weight"] = at::zeros({96}, at::kInt);
  EXPECT_THAT(error_of(file),
              AllOf(HasSubstr("memory.safetensors"),
                    HasSubstr("2 tensors are missing"),
                    HasSubstr(kMatrix),
                    HasSubstr("camera_head.token_norm.bias"),
                    HasSubstr("3 tensors are not expected"),
                    HasSubstr("aggregator.rope.cache"),
                    HasSubstr("optimizer")));
  EXPECT_THAT(error_of(file),
              AllOf(HasSubstr("unknown_head.norm.weight"),
                    HasSubstr("2 tensors have another shape or type"),
                    HasSubstr(kNorm + ": file [49], model [48]"),
                    HasSubstr("depth_head.norm.weight: file has dtype Int")));
}

TEST(LoadModel, AcceptsTensorsOfHeadsThatAreLeftOut) {
  const WeightFile file = tiny_file();
  ModelConfig config = ModelConfig::tiny();
  config.point_head.reset();
  config.track_head.reset();
  EXPECT_TRUE(compare(file, config).empty());
  const auto model = load_model(file, config, {});
  EXPECT_FALSE(model->point_head);
  EXPECT_TRUE(at::equal(parameter(*model, kHeadMatrix), file.tensors.at(kHeadMatrix)));
}

TEST(LoadModel, NeedsTheTensorsOfHeadsThatAreThere) {
  WeightFile file = tiny_file();
  for (auto entry = file.tensors.begin(); entry != file.tensors.end();) {
    entry =
        entry->first.rfind("depth_head.", 0) == 0 ? file.tensors.erase(entry) : std::next(entry);
  }
  EXPECT_EQ(compare(file, ModelConfig::tiny()).missing.size(), 62u);
}

TEST(LoadModel, NamesTheTensorThatHoldsNanOrInfinity) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    WeightFile file = tiny_file();
    file.tensors[kHeadMatrix][3][4] = bad;
    EXPECT_THAT(error_of(file), AllOf(HasSubstr(kHeadMatrix), HasSubstr("NaN or infinity"))) << bad;
  }
  WeightFile file = tiny_file();
  file.tensors[kHeadMatrix][0][0] = std::numeric_limits<float>::infinity();
  file.tensors[kHeadMatrix][0][1] = -std::numeric_limits<float>::infinity();
  EXPECT_THAT(error_of(file), HasSubstr(kHeadMatrix));
}

TEST(LoadModel, AcceptsLargeNumbersWhoseSumOverflows) {
  WeightFile file = tiny_file();
  file.tensors[kHeadMatrix].fill_(3e38f);
  EXPECT_EQ(error_of(file), "");
}

TEST(LoadModel, NamesTheTensorThatOverflowsInFp16) {
  WeightFile file = tiny_file();
  file.tensors[kMatrix][5][6] = 1e6f;
  EXPECT_THAT(error_of(file, Precision::kFloat16),
              AllOf(HasSubstr(kMatrix), HasSubstr("overflows"), HasSubstr("Half")));
  EXPECT_EQ(error_of(file, Precision::kBFloat16), "");
  file = tiny_file();
  file.tensors[kHeadMatrix][5][6] = 1e6f;
  EXPECT_EQ(error_of(file, Precision::kFloat16), "") << "the heads stay float32";
}

TEST(LoadModel, ConvertsEachParameterOnce) {
  const WeightFile file = tiny_file();
  for (const Precision precision :
       {Precision::kBFloat16, Precision::kFloat16, Precision::kFloat64, Precision::kFloat32}) {
    const auto model = load_model(file, ModelConfig::tiny(), {.precision = precision});
    for (const auto& entry : model->named_parameters()) {
      const at::Tensor expected =
          file.tensors.at(entry.key()).to(parameter_dtype(entry.key(), precision));
      EXPECT_EQ(entry.value().scalar_type(), expected.scalar_type()) << entry.key();
      EXPECT_TRUE(at::equal(entry.value(), expected))
          << entry.key() << " in " << to_string(precision);
    }
  }
}

TEST(LoadModel, WidensAHalfPrecisionFile) {
  WeightFile file = tiny_file();
  for (auto& [key, tensor] : file.tensors) tensor = tensor.to(at::kBFloat16);
  const auto model = load_model(file, ModelConfig::tiny(), {});
  EXPECT_EQ(parameter(*model, kMatrix).scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(parameter(*model, kMatrix), file.tensors.at(kMatrix).to(at::kFloat)));
}

TEST(LoadModel, LeavesMappedWhatHasTheRightTypeAlready) {
  const TemporaryFolder folder;
  const std::string path = folder.file("tiny.safetensors");
  write_safetensors(path, tiny_file().tensors);
  const WeightFile file = open_weight_file(path);
  const auto float32 = load_model(file, ModelConfig::tiny(), {});
  const auto bfloat16 = load_model(file, ModelConfig::tiny(), {.precision = Precision::kBFloat16});
  for (const auto& entry : float32->named_parameters()) {
    EXPECT_EQ(entry.value().const_data_ptr(), file.tensors.at(entry.key()).const_data_ptr())
        << entry.key();
  }
  EXPECT_EQ(parameter(*bfloat16, kNorm).const_data_ptr(), file.tensors.at(kNorm).const_data_ptr());
  EXPECT_NE(parameter(*bfloat16, kMatrix).const_data_ptr(),
            file.tensors.at(kMatrix).const_data_ptr());
}

TEST(LoadModel, KeepsTheMappingAliveWithoutTheFile) {
  const TemporaryFolder folder;
  const std::string path = folder.file("tiny.safetensors");
  write_safetensors(path, tiny_file().tensors);
  const auto model = load_model(open_weight_file(path), ModelConfig::tiny(), {});
  EXPECT_TRUE(at::equal(parameter(*model, kMatrix), tiny_file().tensors.at(kMatrix)));
}

TEST(LoadModel, ReportsProgressAndCanBeCancelled) {
  const WeightFile file = tiny_file();
  int64_t last = 0;
  const auto count = [&](const Progress& progress) {
    EXPECT_EQ(progress.stage, "weights");
    EXPECT_EQ(progress.total, 619);
    last = progress.done;
    return true;
  };
  load_model(file, ModelConfig::tiny(), {.progress = count});
  EXPECT_EQ(last, 619);
  const auto cancel = [](const Progress& progress) { return progress.done < 3; };
  EXPECT_THROW(load_model(file, ModelConfig::tiny(), {.progress = cancel}), Cancelled);
}

TEST(SyntheticModel, HoldsTheRulesWeights) {
  const auto model = synthetic_model(7, ModelConfig::tiny(), {.precision = Precision::kBFloat16});
  const WeightFile file = tiny_file(7);
  for (const auto& entry : model->named_parameters()) {
    EXPECT_TRUE(
        at::equal(entry.value(), file.tensors.at(entry.key()).to(entry.value().scalar_type())))
        << entry.key();
  }
}

// Whether the kernel lets this process begin a new measurement of its peak.
bool can_reset_peak_memory() {
  constexpr int64_t kMany = int64_t{200} << 20;
  at::ones({kMany}, at::kByte);  // touched and freed again
  const int64_t before = peak_memory_bytes();
  reset_peak_memory();
  return peak_memory_bytes() < before - kMany / 2;
}

TEST(LoadModel, NeedsNoMoreMemoryThanTheConvertedWeights) {
  ModelConfig config = ModelConfig::vggt_1b();
  config.embed_dim = 768;
  config.patch_embed = {.depth = 4, .num_heads = 12};
  config.aggregator = {.depth = 9, .num_heads = 12};
  config.camera_head.reset();
  config.depth_head.reset();
  config.point_head.reset();
  config.track_head.reset();
  std::map<std::string, at::Tensor> tensors;
  int64_t file_bytes = 0;
  for (const auto& [key, shape] : manifest(config)) {
    // One number seen many times: the file gets large, this process does not.
    tensors[key] = at::full({}, 0.01f).expand(shape);
    file_bytes += tensors[key].numel() * 4;
  }
  ASSERT_GT(file_bytes, int64_t{550} << 20);
  const TemporaryFolder folder;
  const std::string path = folder.file("large.safetensors");
  write_safetensors(path, tensors);

  if (!can_reset_peak_memory()) GTEST_SKIP() << "the peak memory of a process cannot be reset here";
  const int64_t before = peak_memory_bytes();
  const WeightFile file = open_weight_file(path);
  const auto model = load_model(file, config, {.precision = Precision::kBFloat16});
  const int64_t growth = peak_memory_bytes() - before;
  int64_t target_bytes = 0;
  for (const auto& entry : model->named_parameters())
    target_bytes += static_cast<int64_t>(entry.value().nbytes());
  EXPECT_LT(target_bytes, file_bytes * 6 / 10);
  EXPECT_GT(growth, target_bytes / 2) << "what was measured is not the load";
  // Beside the target: the largest tensor as stored (9 MB) and what the allocator keeps.
  EXPECT_LT(growth, target_bytes + (int64_t{64} << 20));
}

}  // namespace
}  // namespace vggt
