// SPDX-License-Identifier: Apache-2.0
// Which path is taken is seen by which of LibTorch's operations are called.
#include "kernels/common/path.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <map>

#include "kernels/attention/attention.h"
#include "kernels/common/cpu_features.h"
#include "kernels/linear/linear.h"
#include "kernels/rope2d/rope2d.h"
#include "src/models/vggt.h"
#include "src/weights/load.h"
#include "src/weights/synthetic.h"

namespace vggt::kernels {
namespace {

std::map<std::string, int64_t>& calls() {
  static std::map<std::string, int64_t> counts;
  return counts;
}

std::unique_ptr<at::ObserverContext> count(const at::RecordFunction& function) {
  ++calls()[function.name()];
  return nullptr;
}

// How often `run` calls each of LibTorch's operations.
std::map<std::string, int64_t> calls_of(Path path, const auto& run) {
  const PathScope scope(path);
  const c10::InferenceMode inference;
  calls().clear();
  const auto handle = at::addThreadLocalCallback(
      at::RecordFunctionCallback(count).scopes({at::RecordScope::FUNCTION}));
  run();
  at::removeCallback(handle);
  return calls();
}

TEST(Path, IsFastUnlessAScopeSaysPlain) {
  EXPECT_EQ(path(), Path::kFast);
  {
    const PathScope plain(Path::kPlain);
    EXPECT_EQ(path(), Path::kPlain);
    {
      const PathScope fast(Path::kFast);
      EXPECT_EQ(path(), Path::kFast);
    }
    EXPECT_EQ(path(), Path::kPlain);
  }
  EXPECT_EQ(path(), Path::kFast);
}

TEST(Path, PlainCallsLibTorchAndFastDoesNot) {
  const at::Tensor x = at::ones({2, 32, 4, 16}, at::kBFloat16);
  const at::Tensor weight = at::ones({64, 64}, at::kBFloat16);
  const RopeTables tables = rope2d_tables(at::ones({1, 32, 2}, at::kLong), 16, 100, at::kFloat);
  const auto attend = [&] { attention(x, x, x); };
  const auto multiply = [&] { linear(x.flatten(2), weight, {}, Activation::kNone, at::kBFloat16); };
  const auto rotate = [&] { rope2d(x.to(at::kFloat), tables); };
  EXPECT_EQ(calls_of(Path::kPlain, attend)["aten::scaled_dot_product_attention"], 1);
  EXPECT_EQ(calls_of(Path::kPlain, multiply)["aten::linear"], 1);
  EXPECT_EQ(calls_of(Path::kPlain, rotate)["aten::addcmul"], 2);
  EXPECT_EQ(calls_of(Path::kFast, rotate)["aten::addcmul"], 0);
  if (!prefers_avx512_bf16()) GTEST_SKIP() << "no kernels of ours for this CPU but rope2d";
  EXPECT_EQ(calls_of(Path::kFast, attend)["aten::scaled_dot_product_attention"], 0);
  EXPECT_EQ(calls_of(Path::kFast, multiply)["aten::linear"], 0);
}

TEST(Path, PlainGivesALibTorchCallToEveryLayerOfAModel) {
  const ModelConfig config = ModelConfig::mini();
  const auto model = synthetic_model(1, config, {.precision = Precision::kBFloat16});
  const at::Tensor images = synthetic_images(2, 112, 140, 0);
  auto plain = calls_of(Path::kPlain, [&] { model->forward(images); });
  const CameraHeadConfig& head = *config.camera_head;
  const int64_t blocks = config.patch_embed.depth + 2 * config.aggregator.depth +
                         head.num_iterations * head.trunk_depth;
  EXPECT_EQ(plain["aten::scaled_dot_product_attention"], blocks);
  // Four per block; per iteration of the camera head two before its trunk and two after it.
  EXPECT_EQ(plain["aten::linear"], 4 * blocks + 4 * head.num_iterations);
  if (!prefers_avx512_bf16()) return;
  auto fast = calls_of(Path::kFast, [&] { model->forward(images); });
  EXPECT_EQ(fast["aten::scaled_dot_product_attention"], 0);
}

}  // namespace
}  // namespace vggt::kernels
