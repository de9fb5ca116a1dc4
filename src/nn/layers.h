// SPDX-License-Identifier: Apache-2.0
// The layers with parameters. torch::nn's own fill their weights with random numbers when they are
// made, time and memory for values that the loader replaces; these are made with placeholders that
// take no memory and read as NaN until then. A layer computes in the dtype of its
// weights.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>

#include "kernels/linear/linear.h"

namespace vggt::kernels {
struct QuantizedWeight;
}

namespace vggt::nn {

/// A tensor of `shape` that holds one NaN, seen through strides of zero.
at::Tensor placeholder(at::IntArrayRef shape);

/// y = act(x W^T + b); x is converted to the dtype of W.
struct Linear : torch::nn::Module {
  Linear(int64_t in, int64_t out);
  /// In the dtype of W.
  at::Tensor forward(const at::Tensor& x,
                     kernels::Activation activation = kernels::Activation::kNone) const;
  /// At least float32: for what goes into the residual stream or a norm.
  at::Tensor forward_wide(const at::Tensor& x) const;
  /// Computes with `codes` from now on; the weight keeps its shape, dtype and device, and no memory.
  /// Throws c10::Error if they are of another shape.
  void quantize(std::shared_ptr<const kernels::QuantizedWeight> codes);
  at::Tensor weight;                                          ///< [out, in]
  at::Tensor bias;                                            ///< [out]
  std::shared_ptr<const kernels::QuantizedWeight> quantized;  ///< null: the weight is taken

 private:
  at::Tensor result(const at::Tensor& x,
                    kernels::Activation activation,
                    at::ScalarType dtype) const;
};

/// Over the last axis; x is converted to the dtype of the weight, so the statistics are never half
/// precision.
struct LayerNorm : torch::nn::Module {
  LayerNorm(int64_t channels, double eps);
  at::Tensor forward(const at::Tensor& x) const;
  at::Tensor weight;  ///< [channels]
  at::Tensor bias;
  int64_t channels;
  double eps;
};

/// gamma of y = x + gamma * f(x).
struct LayerScale : torch::nn::Module {
  explicit LayerScale(int64_t channels);
  /// residual + gamma * update, in the dtype of the residual.
  at::Tensor add(const at::Tensor& residual, const at::Tensor& update) const;
  at::Tensor gamma;  ///< [channels]
};

/// Two linear layers with exact (erf) GELU between; the result is at least float32.
struct Mlp : torch::nn::Module {
  Mlp(int64_t in, int64_t hidden, int64_t out);
  at::Tensor forward(const at::Tensor& x) const;
  std::shared_ptr<Linear> fc1, fc2;
};

struct ConvOptions {
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t padding = 0;
  bool bias = true;
};

struct Conv2d : torch::nn::Module {
  Conv2d(int64_t in, int64_t out, ConvOptions options);
  at::Tensor forward(const at::Tensor& x) const;
  at::Tensor weight;  ///< [out, in, kernel, kernel]
  at::Tensor bias;    ///< [out], undefined without
  ConvOptions options;
};

struct ConvTranspose2d : torch::nn::Module {
  ConvTranspose2d(int64_t in, int64_t out, int64_t kernel_and_stride);
  at::Tensor forward(const at::Tensor& x) const;
  at::Tensor weight;  ///< [in, out, kernel, kernel]
  at::Tensor bias;    ///< [out]
  int64_t stride;
};

/// ReLU, in place unless autograd needs the input.
at::Tensor relu_reusing(at::Tensor x);

/// GELU (erf), in place unless autograd needs the input.
at::Tensor gelu_reusing(at::Tensor x);

/// Registers `make(i)`, i < count, as a torch::nn::ModuleList `name` of `parent` (keys name.0,
/// name.1, ...).
template <class Make>
auto register_list(torch::nn::Module& parent, const std::string& name, int64_t count, Make make) {
  torch::nn::ModuleList list;
  std::vector<decltype(make(int64_t{0}))> modules;
  for (int64_t i = 0; i < count; ++i) {
    modules.push_back(make(i));
    list->push_back(modules.back());
  }
  parent.register_module(name, list);
  return modules;
}

}  // namespace vggt::nn
