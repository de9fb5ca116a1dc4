// SPDX-License-Identifier: Apache-2.0
#include "src/weights/synthetic.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numeric>
#include <string_view>

#include "src/base/mixed.h"

namespace vggt {
namespace {

uint64_t random_bits(uint64_t hash, uint64_t index) { return mixed(hash + index * kMixStep); }

// The value of an element is offset + scale * u; some tensors have `first` elements with numbers of
// their own.
struct Distribution {
  float offset = 0;
  float scale = 0;
};

struct Rule {
  Distribution general;
  Distribution special;
  int64_t special_begin = 0;
  int64_t special_end = 0;
};

double gain_of(std::string_view key) {
  if (key.ends_with("pose_branch.fc2.weight")) return 0.2;
  if (key.ends_with("embed_pose.weight") || key.ends_with("poseLN_modulation.1.weight")) return 2.0;
  if (key.ends_with("flow_head.weight")) return 0.1;
  if (key.ends_with("output_conv2.2.weight")) return 0.5;
  return 1.0;
}

Rule rule_of(std::string_view key, at::IntArrayRef shape) {
  const size_t last_dot = key.rfind('.');
  const bool has_parent = last_dot != std::string_view::npos;
  const std::string_view last = has_parent ? key.substr(last_dot + 1) : key;
  std::string_view parent = has_parent ? key.substr(0, last_dot) : std::string_view();
  if (const size_t dot = parent.rfind('.'); dot != std::string_view::npos)
    parent = parent.substr(dot + 1);
  const bool of_norm = parent.find("norm") != std::string_view::npos;

  if (last == "gamma") return {.general = {0.3f, 0.1f}};
  if (key.ends_with("pose_branch.fc2.bias")) {
    return {.general = {0, 0.05f}, .special = {0.25f, 0.05f}, .special_begin = 6, .special_end = 9};
  }
  if (key.ends_with("flow_head.bias")) {
    return {.general = {0, 0.1f}, .special = {0, 1.5f}, .special_begin = 0, .special_end = 2};
  }
  if (of_norm && last == "weight") {
    return {.general = {parent == "q_norm" || parent == "k_norm" ? 1.3f : 1.0f, 0.2f}};
  }
  if (last == "bias" || last == "in_proj_bias") return {.general = {0, 0.1f}};
  for (const std::string_view token : {"cls_token",
                                       "register_tokens",
                                       "mask_token",
                                       "camera_token",
                                       "register_token",
                                       "pos_embed",
                                       "empty_pose_tokens",
                                       "query_ref_token",
                                       "virual_tracks"}) {
    if (last == token) return {.general = {0, 0.5f}};
  }
  const bool transposed =
      key.ends_with("resize_layers.0.weight") || key.ends_with("resize_layers.1.weight");
  const int64_t fan_in = transposed ? shape[0]
                                    : std::accumulate(shape.begin() + (shape.empty() ? 0 : 1),
                                                      shape.end(),
                                                      int64_t{1},
                                                      std::multiplies<>());
  return {.general = {
              0, static_cast<float>(gain_of(key) * std::sqrt(3.0 / static_cast<double>(fan_in)))}};
}

void fill(float* out, int64_t begin, int64_t end, uint64_t hash, Distribution distribution) {
  const double offset = distribution.offset;
  const double scale = distribution.scale;
  for (int64_t i = begin; i < end; ++i) {
    const auto top24 = static_cast<int64_t>(random_bits(hash, static_cast<uint64_t>(i)) >> 40);
    const double u = static_cast<double>(top24) * 0x1p-23 - 1;
    out[i] = static_cast<float>(offset + scale * u);
  }
}

}  // namespace

at::Tensor synthetic_parameter(const std::string& key, at::IntArrayRef shape, uint64_t seed) {
  const Rule rule = rule_of(key, shape);
  const uint64_t hash = hash_of(key) ^ seed;
  at::Tensor tensor = at::empty(shape, at::kFloat);
  float* out = tensor.mutable_data_ptr<float>();
  fill(out, 0, tensor.numel(), hash, rule.general);
  fill(out, rule.special_begin, std::min(rule.special_end, tensor.numel()), hash, rule.special);
  return tensor;
}

at::Tensor synthetic_images(int64_t frames, int64_t height, int64_t width, uint64_t seed) {
  const uint64_t block_hash = hash_of("image.blocks") ^ seed;
  const uint64_t noise_hash = hash_of("image.noise") ^ seed;
  const auto byte = [](uint64_t hash, int64_t index) {
    return static_cast<unsigned>(random_bits(hash, static_cast<uint64_t>(index)) >> 56);
  };
  at::Tensor images = at::empty({1, frames, 3, height, width}, at::kFloat);
  float* out = images.mutable_data_ptr<float>();
  for (int64_t s = 0; s < frames; ++s) {
    for (int64_t c = 0; c < 3; ++c) {
      for (int64_t y = 0; y < height; ++y) {
        for (int64_t x = 0; x < width; ++x) {
          const unsigned block =
              byte(block_hash, (c * 256 + ((y + 6 * s) >> 4)) * 256 + ((x + 10 * s) >> 4));
          const unsigned noise = byte(noise_hash, ((s * 3 + c) * height + y) * width + x);
          *out++ = static_cast<float>((3 * block + noise) >> 2) / 255.0f;
        }
      }
    }
  }
  return images;
}

}  // namespace vggt
