// SPDX-License-Identifier: Apache-2.0
#include "datasets/depth_file.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <bit>
#include <charconv>

#include "src/base/error.h"
#include "src/image/map_png.h"
#include "src/io/binary_file.h"
#include "src/io/npy.h"

namespace vggt::datasets {
namespace {

at::Tensor read_half_png(const std::string& path) {
  at::Tensor depth = read_map_png(path, 1);
  float* value = depth.mutable_data_ptr<float>();
  for (int64_t i = 0; i < depth.numel(); ++i) {
    value[i] = c10::Half(static_cast<uint16_t>(value[i]), c10::Half::from_bits());
  }
  return depth;
}

at::Tensor read_numpy(const std::string& path) {
  const at::Tensor depth = read_npy(path);
  if (depth.dim() != 2 || !depth.is_floating_point()) {
    throw IoError(path, "is no depth map: it must be [H, W] of floating point");
  }
  return depth.to(at::kFloat);
}

}  // namespace

at::Tensor read_pfm(const std::string& path) {
  constexpr uint64_t kLongestLine = 64;
  BinaryReader file(path);
  if (file.text_until('\n', kLongestLine, "the kind") != "Pf") {
    throw IoError(path, "is no grey portable float map (Pf)");
  }
  const std::string size = file.text_until('\n', kLongestLine, "the size");
  const std::string scale = file.text_until('\n', kLongestLine, "the scale");
  int64_t width = 0;
  int64_t height = 0;
  const char* const end = size.data() + size.size();
  const auto [after_width, first] = std::from_chars(size.data(), end, width);
  const char* const second_number = std::find_if(after_width, end, [](char c) { return c != ' '; });
  const auto [after_height, second] = std::from_chars(second_number, end, height);
  constexpr int64_t kMost = 1 << 20;
  if (first != std::errc() || second != std::errc() || width < 1 || height < 1 || width > kMost ||
      height > kMost) {
    throw IoError(path, "has no usable size: '" + size + "'");
  }
  if (scale.empty() || scale.front() != '-') {
    throw IoError(path, "is big-endian (its scale is not negative), which is not read");
  }
  if (file.remaining() != static_cast<uint64_t>(width * height) * sizeof(float)) {
    throw IoError(path, "does not hold the " + size + " values it promises");
  }
  at::Tensor rows = at::empty({height, width}, at::kFloat);
  file.bytes(rows.mutable_data_ptr<float>(), file.remaining(), "the values");
  return rows.flip(0).contiguous();  // the lower row comes first
}

at::Tensor read_depth(const DepthFile& file) {
  at::Tensor depth;
  switch (file.format) {
    case DepthFormat::kPng:
      depth = read_map_png(file.path, 1);
      break;
    case DepthFormat::kHalfPng:
      depth = read_half_png(file.path);
      break;
    case DepthFormat::kNumpy:
      depth = read_numpy(file.path);
      break;
    case DepthFormat::kPfm:
      depth = read_pfm(file.path);
      break;
  }
  TORCH_INTERNAL_ASSERT(depth.defined(), "read_depth: a format without code");
  depth = depth / file.values_per_unit;
  at::Tensor none = at::isfinite(depth).logical_not() | (depth <= file.nearest);
  if (file.farthest > 0) none = none | (depth >= file.farthest);
  return depth.masked_fill(none, 0).contiguous();
}

}  // namespace vggt::datasets
