// SPDX-License-Identifier: Apache-2.0
#include "src/train/initial_weights.h"

#include <ATen/ATen.h>

#include <cmath>
#include <functional>
#include <string_view>

#include "src/synthetic/random.h"
#include "src/weights/load.h"
#include "src/weights/weight_file.h"

namespace vggt::train {
namespace {

using synthetic::Random;

at::Tensor filled(at::IntArrayRef shape, const std::function<double()>& draw) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  float* value = tensor.mutable_data_ptr<float>();
  for (int64_t i = 0; i < tensor.numel(); ++i) value[i] = static_cast<float>(draw());
  return tensor;
}

at::Tensor initial(std::string_view key, at::IntArrayRef shape, Random random) {
  const std::string_view name = key.substr(key.rfind('.') + 1);
  const bool is_vector = shape.size() == 1;
  if (name == "bias") return at::zeros(shape);
  if (name == "gamma") return at::full(shape, 0.1);
  if (name == "weight" && is_vector) return at::ones(shape);  // of a norm
  if (name != "weight") return filled(shape, [&] { return 0.02 * random.normal(); });
  // A transposed convolution whose stride is its kernel has one input per channel for each pixel.
  const bool transposed =
      key.ends_with("resize_layers.0.weight") || key.ends_with("resize_layers.1.weight");
  int64_t inputs = transposed ? shape[0] : 1;
  for (size_t axis = 1; !transposed && axis < shape.size(); ++axis) inputs *= shape[axis];
  const double bound = 1 / std::sqrt(static_cast<double>(inputs));
  return filled(shape, [&] { return random.uniform(-bound, bound); });
}

}  // namespace

void initialise(torch::nn::Module& module, uint64_t seed) {
  const Random random(seed);
  uint64_t index = 0;
  for (auto& parameter : module.named_parameters()) {
    at::Tensor& tensor = parameter.value();
    tensor.set_data(initial(parameter.key(), tensor.sizes(), random.stream(index++)));
    tensor.requires_grad_(true);
  }
}

std::shared_ptr<Vggt> initial_model(const ModelConfig& config, uint64_t seed) {
  auto model = std::make_shared<Vggt>(config);
  initialise(*model, seed);
  return model;
}

std::shared_ptr<Vggt> model_to_refine(const std::string& path, const ModelConfig& config) {
  const std::shared_ptr<Vggt> model = load_model(open_weight_file(path), config, {});
  for (auto& parameter : model->named_parameters()) {
    at::Tensor& tensor = parameter.value();
    tensor.set_data(tensor.detach().clone());  // it may be mapped from the file
    tensor.requires_grad_(true);
  }
  return model;
}

}  // namespace vggt::train
