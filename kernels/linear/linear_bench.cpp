// SPDX-License-Identifier: Apache-2.0
// linear() against LibTorch's linear and GELU in bfloat16 on the CPU: the layers of VGGT-1B's
// blocks at one, two and eight frames of 392 x 518 px; and its camera head in float32.
#include "kernels/linear/linear.h"

#include <c10/core/InferenceMode.h>

#include "kernels/common/bench.h"

namespace vggt::kernels {
namespace {

struct Layer {
  const char* name;
  int64_t in;
  int64_t out;
  Activation activation;
  bool wide;  ///< the result is float
};

constexpr Layer kLayers[] = {{"qkv", 1024, 3072, Activation::kNone, false},
                             {"proj", 1024, 1024, Activation::kNone, true},
                             {"fc1 + GELU", 1024, 4096, Activation::kGelu, false},
                             {"fc2", 4096, 1024, Activation::kNone, true}};

void measure(const Layer& layer, int64_t rows) {
  const at::Tensor x = at::randn({rows, layer.in}, at::kBFloat16);
  const at::Tensor weight = (at::randn({layer.out, layer.in}) / 32).to(at::kBFloat16);
  const at::Tensor bias = at::randn({layer.out}, at::kBFloat16);
  const at::ScalarType dtype = layer.wide ? at::kFloat : at::kBFloat16;
  const auto ours = [&] { return linear(x, weight, bias, layer.activation, dtype); };
  // What follows in the network takes bfloat16 as it is: no conversion is charged to LibTorch.
  const auto plain = [&] {
    return linear_reference(x, weight, bias, layer.activation, at::kBFloat16);
  };
  const at::Tensor truth = linear_reference(x.slice(0, 0, 64).to(at::kDouble),
                                            weight.to(at::kDouble),
                                            bias.to(at::kDouble),
                                            layer.activation,
                                            at::kDouble);
  const auto error = [&](const at::Tensor& y) { return relative_error(y.slice(0, 0, 64), truth); };
  const double flop = 2.0 * static_cast<double>(rows * layer.in * layer.out);
  const std::string name = std::string(layer.name) + ", " + std::to_string(rows) + " rows";
  print_row(name.c_str(), flop, time_pair(ours, plain), error(ours()), error(plain()));
}

// The camera head in float32, a row a frame: what counts is how fast the weights are read. Three
// layers in turn, so that none is still in the cache.
void measure_few_rows(int64_t rows, int64_t in, int64_t out) {
  std::vector<at::Tensor> weights;
  for (int i = 0; i < 3; ++i) weights.push_back(at::randn({out, in}) / 32);
  const at::Tensor x = at::randn({rows, in});
  const at::Tensor bias = at::randn({out});
  at::Tensor last;
  const auto ours = [&] {
    for (const auto& weight : weights) {
      last = linear(x, weight, bias, Activation::kNone, at::kFloat);
    }
    return last;
  };
  const auto plain = [&] {
    for (const auto& weight : weights) {
      last = linear_reference(x, weight, bias, Activation::kNone, at::kFloat);
    }
    return last;
  };
  const at::Tensor truth = linear_reference(x.to(at::kDouble),
                                            weights.back().to(at::kDouble),
                                            bias.to(at::kDouble),
                                            Activation::kNone,
                                            at::kDouble);
  const std::string name =
      std::to_string(in) + " -> " + std::to_string(out) + ", " + std::to_string(rows) + " rows";
  print_row(name.c_str(),
            3.0 * 4.0 * static_cast<double>(in * out),
            time_pair(ours, plain),
            relative_error(ours(), truth),
            relative_error(plain(), truth));
}

}  // namespace
}  // namespace vggt::kernels

int main() {
  const c10::InferenceMode inference;
  vggt::kernels::print_header();
  for (const auto& layer : vggt::kernels::kLayers) {
    for (const int64_t frames : {1, 2, 8}) vggt::kernels::measure(layer, frames * 1041);
  }
  vggt::kernels::print_header("GB");
  for (const int64_t rows : {1, 2, 4, 6, 8, 12, 16, 24}) {
    vggt::kernels::measure_few_rows(rows, 2048, 6144);
    vggt::kernels::measure_few_rows(rows, 8192, 2048);
  }
}
