// SPDX-License-Identifier: Apache-2.0
#include "src/accel/come_predictor.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>

#include "src/base/error.h"
#include "src/weights/safetensors.h"
#include "src/weights/synthetic.h"

namespace vggt::accel {
namespace {

constexpr double kEps = 1e-5;
constexpr int64_t kReleasedWidth = 128;
constexpr int64_t kFirstReleasedWidth = 32;
constexpr const char* kTap = "vggt.come.tap";
constexpr const char* kNormed = "vggt.come.normed";
constexpr const char* kOutput = "vggt.come.output";

// 3 x 3, the picture continued by its mirror; a side of one patch has nothing to mirror.
at::Tensor convolved(const nn::Conv2d& conv, const at::Tensor& x) {
  const bool mirrors = x.size(2) > 1 && x.size(3) > 1;
  const at::Tensor wide = x.to(conv.weight.scalar_type());
  return conv.forward(mirrors ? at::reflection_pad2d(wide, {1, 1, 1, 1})
                              : at::replication_pad2d(wide, {1, 1, 1, 1}));
}

std::string shape_text(at::IntArrayRef shape) {
  std::string text = "[";
  for (const int64_t size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

std::string metadata_or(const WeightFile& file, const char* key, const std::string& otherwise) {
  const auto found = file.metadata.find(key);
  return found == file.metadata.end() ? otherwise : found->second;
}

int64_t whole_number(const WeightFile& file, const char* key, int64_t otherwise) {
  const std::string text = metadata_or(file, key, std::to_string(otherwise));
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) {
    throw IoError(file.path, std::string(key) + " '" + text + "' is no whole number");
  }
  return value;
}

}  // namespace

ComePredictor::Block::Block(int64_t width) {
  norm1 = register_module("norm1", std::make_shared<nn::LayerNorm>(width, kEps));
  attn = register_module("attn", std::make_shared<nn::Attention>(width, 1, false, kEps));
  norm2 = register_module("norm2", std::make_shared<nn::LayerNorm>(width, kEps));
  mlp = register_module("mlp", std::make_shared<nn::Mlp>(width, 2 * width, width));
}

ComePredictor::ComePredictor(int64_t channels, int64_t width) {
  proj1 = register_module("proj1", std::make_shared<nn::Linear>(channels, width));
  block = register_module("block", std::make_shared<Block>(width));
  const auto proj2 = register_module("proj2", std::make_shared<torch::nn::Module>());
  const nn::ConvOptions options = {.kernel = 3};
  conv1 = proj2->register_module("0", std::make_shared<nn::Conv2d>(width, width, options));
  conv2 = proj2->register_module("2", std::make_shared<nn::Conv2d>(width, 1, options));
}

at::Tensor ComePredictor::forward(const at::Tensor& tokens, int64_t grid_h, int64_t grid_w) const {
  constexpr int64_t kMostFrames = 100;
  constexpr int64_t kFramesAtATime = 16;
  const int64_t scenes = tokens.size(0);
  const int64_t frames = tokens.size(1);
  if (frames > kMostFrames) {
    std::vector<at::Tensor> parts;
    for (int64_t begin = 0; begin < frames; begin += kFramesAtATime) {
      parts.push_back(forward(tokens.slice(1, begin, begin + kFramesAtATime), grid_h, grid_w));
    }
    return at::cat(parts, 1);
  }
  at::Tensor x = proj1->forward_wide(tokens).flatten(1, 2);  // [B, S h w, width]
  x = x + block->attn->forward(block->norm1->forward(x), nullptr);
  x = x + block->mlp->forward(block->norm2->forward(x));
  x = x.view({scenes * frames, grid_h, grid_w, -1}).permute({0, 3, 1, 2});
  x = convolved(*conv2, at::gelu(convolved(*conv1, x))).view({scenes, frames, grid_h, grid_w});
  return above_one ? x.exp() + 1 : x;
}

void ComePredictor::convert(at::Device device, at::ScalarType products, at::ScalarType wide) {
  for (auto& parameter : named_parameters()) {
    // What feeds the ranks last stays wide: fewer of them are equal.
    const bool is_matrix = parameter.value().dim() == 2;
    parameter.value().set_data(parameter.value().to(device, is_matrix ? products : wide));
  }
}

int64_t come_tap(int64_t blocks) {
  constexpr int64_t kBlocks = 24;
  constexpr int64_t kBefore = 15;
  return std::max<int64_t>(1, (blocks * kBefore + kBlocks / 2) / kBlocks) - 1;
}

ComePredictorFile read_predictor(const std::string& path, int64_t encoder_blocks) {
  const WeightFile file = open_weight_file(path);
  const auto first = file.tensors.find("proj1.weight");
  if (first == file.tensors.end() || first->second.dim() != 2) {
    throw IoError(path, "is no predictor of Co-Me: it has no matrix proj1.weight");
  }
  const int64_t width = first->second.size(0);
  ComePredictorFile result;
  result.predictor = std::make_shared<ComePredictor>(first->second.size(1), width);
  size_t known = 0;
  for (auto& parameter : result.predictor->named_parameters()) {
    const auto found = file.tensors.find(parameter.key());
    const at::IntArrayRef shape = parameter.value().sizes();
    if (found == file.tensors.end()) {
      throw IoError(path, "is no predictor of Co-Me: " + parameter.key() + " is missing");
    }
    if (found->second.sizes() != shape || !at::isFloatingType(found->second.scalar_type())) {
      throw IoError(path,
                    parameter.key() + " must be numbers of shape " + shape_text(shape) +
                        ", it is " + shape_text(found->second.sizes()));
    }
    const at::Tensor values = found->second.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
    if (!values.isfinite().all().item<bool>()) {
      throw IoError(path, parameter.key() + " holds NaN or infinity");
    }
    parameter.value().set_data(values);
    ++known;
  }
  if (known != file.tensors.size()) {
    throw IoError(path,
                  "holds " + std::to_string(file.tensors.size()) + " tensors, a predictor has " +
                      std::to_string(known));
  }
  // The first release taps a block later, behind the norm, and leaves the output as it is.
  const bool is_first = width == kFirstReleasedWidth;
  result.tap = whole_number(file, kTap, come_tap(encoder_blocks) + (is_first ? 1 : 0));
  result.normed = whole_number(file, kNormed, is_first ? 1 : 0) != 0;
  const std::string output = metadata_or(file, kOutput, is_first ? "x" : "exp(x)+1");
  if (output != "x" && output != "exp(x)+1") {
    throw IoError(path, std::string(kOutput) + " '" + output + "' is none of x, exp(x)+1");
  }
  result.predictor->above_one = output == "exp(x)+1";
  return result;
}

void write_predictor(const std::string& path, const ComePredictorFile& file) {
  std::map<std::string, at::Tensor> tensors;
  for (const auto& parameter : file.predictor->named_parameters()) {
    tensors[parameter.key()] = parameter.value().detach().to(at::kBFloat16);
  }
  write_safetensors(path,
                    tensors,
                    {{kTap, std::to_string(file.tap)},
                     {kNormed, file.normed ? "1" : "0"},
                     {kOutput, file.predictor->above_one ? "exp(x)+1" : "x"}});
}

ComePredictorFile synthetic_predictor(uint64_t seed, int64_t channels, int64_t encoder_blocks) {
  ComePredictorFile result;
  result.predictor = std::make_shared<ComePredictor>(channels, kReleasedWidth);
  for (auto& parameter : result.predictor->named_parameters()) {
    parameter.value().set_data(
        synthetic_parameter(parameter.key(), parameter.value().sizes(), seed));
  }
  result.tap = come_tap(encoder_blocks);
  return result;
}

}  // namespace vggt::accel
