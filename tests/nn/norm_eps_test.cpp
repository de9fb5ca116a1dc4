// SPDX-License-Identifier: Apache-2.0
// Modules of the small model on inputs so small (1e-3) that the eps of their norms decides the
// result.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <set>

#include "src/weights/load.h"
#include "tests/support/golden.h"

namespace vggt::nn {
namespace {

using vggt::testing::golden;
using vggt::testing::relative_l2;

TEST(NormEps, IsTheOriginalsInEveryProbedModule) {
  const c10::InferenceMode inference;
  const ModelConfig config = ModelConfig::read("tests/golden/tiny/config.json");
  const auto model = synthetic_model(1, config, {.precision = Precision::kFloat64});
  const auto modules = model->named_modules();
  const auto probes = golden("units/eps_probes");
  std::set<std::string> used;
  const auto get = [&](const std::string& name) {
    used.insert(name);
    return probes.at(name);
  };
  const auto expect_near = [&](const std::string& name, const at::Tensor& actual) {
    // The same operations in double; a wrong eps is off by tens of percent.
    EXPECT_LT(relative_l2("", actual, get(name)), 1e-9) << name;
  };
  for (const auto& probe : probes) {
    const size_t end = probe.first.rfind(".in");
    if (end == std::string::npos || end + 3 != probe.first.size()) continue;
    const std::string path = probe.first.substr(0, end);
    const at::Tensor x = get(probe.first);
    if (path == "camera_head.trunk_fn") {
      const auto encodings = model->camera_head->iterate(x);
      for (size_t k = 0; k < 4; ++k)
        expect_near(path + ".out_" + std::to_string(k), encodings.at(k));
      continue;
    }
    ASSERT_TRUE(modules.contains(path)) << path;
    const auto module = modules[path];
    at::Tensor out;
    if (const auto* norm = dynamic_cast<const LayerNorm*>(module.get())) {
      out = norm->forward(x);
    } else if (const auto* block = dynamic_cast<const Block*>(module.get())) {
      if (probes.count(path + ".positions_yx")) {
        const kernels::RopeTables tables = kernels::rope2d_tables(
            get(path + ".positions_yx"), 16, config.aggregator.rope_freq, at::kDouble);
        out = block->forward(x, &tables);
      } else {
        out = block->forward(x);
      }
    } else if (const auto* track = dynamic_cast<const TrackBlock*>(module.get())) {
      out = track->norm_context ? track->forward(x, get(path + ".context")) : track->forward(x);
    }
    ASSERT_TRUE(out.defined()) << "no way to run " << path;
    expect_near(path + ".out", out);
  }
  EXPECT_EQ(used.size(), probes.size()) << "all probes must have been used";
  EXPECT_EQ(probes.size(), 49u);
}

}  // namespace
}  // namespace vggt::nn
