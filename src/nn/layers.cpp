// SPDX-License-Identifier: Apache-2.0
#include "src/nn/layers.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <limits>
#include <utility>

#include "kernels/quantized_linear/quantized_linear.h"

namespace vggt::nn {

at::Tensor placeholder(at::IntArrayRef shape) {
  return at::full({}, std::numeric_limits<float>::quiet_NaN(), at::kFloat).expand(shape);
}

Linear::Linear(int64_t in, int64_t out) {
  weight = register_parameter("weight", placeholder({out, in}), false);
  bias = register_parameter("bias", placeholder({out}), false);
}

at::Tensor Linear::forward(const at::Tensor& x, kernels::Activation activation) const {
  return result(x, activation, weight.scalar_type());
}

at::Tensor Linear::forward_wide(const at::Tensor& x) const {
  const at::ScalarType dtype = weight.scalar_type();
  return result(
      x, kernels::Activation::kNone, at::isReducedFloatingType(dtype) ? at::kFloat : dtype);
}

at::Tensor Linear::result(const at::Tensor& x,
                          kernels::Activation activation,
                          at::ScalarType dtype) const {
  return quantized ? kernels::quantized_linear(x, *quantized, bias, activation, dtype)
                   : kernels::linear(x, weight, bias, activation, dtype);
}

void Linear::quantize(std::shared_ptr<const kernels::QuantizedWeight> codes) {
  TORCH_CHECK(codes->out() == weight.size(0) && codes->in == weight.size(1),
              "codes of ",
              codes->out(),
              " x ",
              codes->in,
              " do not fit a layer of ",
              weight.sizes());
  weight.set_data(at::full({}, std::numeric_limits<float>::quiet_NaN(), weight.options())
                      .expand(weight.sizes()));
  quantized = std::move(codes);
}

LayerNorm::LayerNorm(int64_t channels, double eps) : channels(channels), eps(eps) {
  weight = register_parameter("weight", placeholder({channels}), false);
  bias = register_parameter("bias", placeholder({channels}), false);
}

at::Tensor LayerNorm::forward(const at::Tensor& x) const {
  return at::layer_norm(x.to(weight.scalar_type()), {channels}, weight, bias, eps);
}

LayerScale::LayerScale(int64_t channels) {
  gamma = register_parameter("gamma", placeholder({channels}), false);
}

at::Tensor LayerScale::add(const at::Tensor& residual, const at::Tensor& update) const {
  return at::addcmul(residual, update.to(residual.scalar_type()), gamma);
}

Mlp::Mlp(int64_t in, int64_t hidden, int64_t out) {
  fc1 = register_module("fc1", std::make_shared<Linear>(in, hidden));
  fc2 = register_module("fc2", std::make_shared<Linear>(hidden, out));
}

at::Tensor Mlp::forward(const at::Tensor& x) const {
  return fc2->forward_wide(fc1->forward(x, kernels::Activation::kGelu));
}

Conv2d::Conv2d(int64_t in, int64_t out, ConvOptions options) : options(options) {
  weight =
      register_parameter("weight", placeholder({out, in, options.kernel, options.kernel}), false);
  if (options.bias) bias = register_parameter("bias", placeholder({out}), false);
}

at::Tensor Conv2d::forward(const at::Tensor& x) const {
  return at::conv2d(x.to(weight.scalar_type()),
                    weight,
                    bias,
                    {options.stride, options.stride},
                    {options.padding, options.padding});
}

ConvTranspose2d::ConvTranspose2d(int64_t in, int64_t out, int64_t kernel_and_stride)
    : stride(kernel_and_stride) {
  weight = register_parameter("weight", placeholder({in, out, stride, stride}), false);
  bias = register_parameter("bias", placeholder({out}), false);
}

at::Tensor ConvTranspose2d::forward(const at::Tensor& x) const {
  return at::conv_transpose2d(x.to(weight.scalar_type()), weight, bias, {stride, stride});
}

at::Tensor relu_reusing(at::Tensor x) {
  return c10::GradMode::is_enabled() && x.requires_grad() ? at::relu(x) : at::relu_(x);
}

at::Tensor gelu_reusing(at::Tensor x) {
  return c10::GradMode::is_enabled() && x.requires_grad() ? at::gelu(x) : at::gelu_(x);
}

}  // namespace vggt::nn
