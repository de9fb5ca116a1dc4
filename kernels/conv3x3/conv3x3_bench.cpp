// SPDX-License-Identifier: Apache-2.0
// conv3x3() against LibTorch's convolutions on the CPU: the layers of VGGT-1B's dense heads at one
// frame of 392 x 518 px. GFLOP are those of the plain sum, so that ours may pass the machine's
// peak, measured after each layer; LibTorch's resize, position and ReLU count as its own.
//   conv3x3_bench [ROUNDS]
#include "kernels/conv3x3/conv3x3.h"

#include <c10/core/InferenceMode.h>

#include <cstdlib>
#include <string>

#include "kernels/common/bench.h"
#include "src/base/peaks.h"

namespace vggt::kernels {
namespace {

struct Layer {
  const char* name;
  int64_t rows;
  int64_t columns;
  int64_t in;
  int64_t out;
  int64_t from_rows = 0;  ///< resized from this; 0: not
  int64_t from_columns = 0;
};

constexpr Layer kLayers[] = {{"level 1", 112, 148, 256, 256},
                             {"level 2 in", 56, 74, 512, 256},
                             {"level 2", 56, 74, 256, 256},
                             {"level 3 in", 28, 37, 1024, 256},
                             {"level 3", 28, 37, 256, 256},
                             {"level 4 in", 14, 19, 1024, 256},
                             {"level 4", 14, 19, 256, 256},
                             {"output_conv1", 224, 296, 256, 128, 112, 148},
                             {"output_conv2", 392, 518, 128, 32, 224, 296}};

void measure(const Layer& layer, int rounds) {
  const bool resized = layer.from_rows > 0;
  const at::Tensor x = at::randn({1,
                                  resized ? layer.from_rows : layer.rows,
                                  resized ? layer.from_columns : layer.columns,
                                  layer.in});
  const at::Tensor weight = at::randn({layer.out, layer.in, 3, 3}) / 48;
  const at::Tensor bias = at::randn({layer.out});
  const Conv3x3Weights weights = transform_conv3x3(weight, bias);
  Conv3x3Options options{.relu = true};
  if (resized) {
    options.rows = layer.rows;
    options.columns = layer.columns;
  }
  const auto ours = [&] { return conv3x3(x, weights, options); };
  // As the network calls them: channels first.
  const auto plain = [&](at::ScalarType dtype) {
    const at::Tensor map = x.permute({0, 3, 1, 2}).contiguous().to(dtype);
    return [=] {
      at::Tensor y = map;
      if (resized) y = at::upsample_bilinear2d(y, {layer.rows, layer.columns}, true);
      y = at::conv2d(y, weight.to(dtype), bias.to(dtype), {1, 1}, {1, 1});
      return at::relu_(y).permute({0, 2, 3, 1});
    };
  };
  const at::Tensor truth =
      conv3x3_reference(x.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble), options);
  const double flop = 18.0 * static_cast<double>(layer.rows * layer.columns * layer.in * layer.out);
  const auto in_float = plain(at::kFloat);
  const auto in_half = plain(at::kBFloat16);
  const Pair with_float = time_pair(ours, in_float, rounds);
  const Pair with_half = time_pair(ours, in_half, rounds);
  const double peak = measure_peaks(at::kCPU).single.per_second;
  std::printf("%-14s %7.2f %8.2f %8.1f %8.1f %8.1f %7.2f %7.2f %7.2f %9.1e %9.1e %9.1e\n",
              layer.name,
              flop * 1e-9,
              with_float.ours * 1e3,
              flop * 1e-9 / with_float.ours,
              flop * 1e-9 / with_float.plain,
              flop * 1e-9 / with_half.plain,
              with_float.plain / with_float.ours,
              with_half.plain / with_half.ours,
              flop / with_float.ours / peak,
              relative_error(ours(), truth),
              relative_error(in_float(), truth),
              relative_error(in_half(), truth));
  std::fflush(stdout);
}

}  // namespace
}  // namespace vggt::kernels

int main(int count, char** arguments) {
  const c10::InferenceMode inference;
  if (!vggt::kernels::has_conv3x3()) {
    std::printf("conv3x3 does not run on this machine\n");
    return 0;
  }
  std::printf("%d threads; speeds in GFLOP/s\n%-14s %7s %8s %8s %8s %8s %7s %7s %7s %9s %9s %9s\n",
              at::get_num_threads(),
              "layer",
              "GFLOP",
              "ours ms",
              "ours",
              "float",
              "bf16",
              "ratio",
              "to bf16",
              "of peak",
              "our error",
              "float's",
              "bf16's");
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 7;
  for (const auto& layer : vggt::kernels::kLayers) vggt::kernels::measure(layer, rounds);
}
