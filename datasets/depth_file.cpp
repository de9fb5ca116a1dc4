// SPDX-License-Identifier: Apache-2.0
#include "datasets/depth_file.h"

#include <ATen/ATen.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <fstream>
#include <vector>

#include "src/base/error.h"
#include "src/image/decode.h"
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

at::Tensor read_raw(const DepthFile& file) {
  BinaryReader values(file.path);
  at::Tensor depth = at::empty({file.height_px, file.width_px}, at::kFloat);
  if (values.remaining() != depth.nbytes()) {
    throw IoError(file.path,
                  "does not hold " + std::to_string(file.width_px) + " x " +
                      std::to_string(file.height_px) + " values of float32");
  }
  values.bytes(depth.mutable_data_ptr<float>(), depth.nbytes(), "the values");
  return depth;
}

at::Tensor read_zlib(const DepthFile& file) {
  std::ifstream stream(file.path, std::ios::binary);
  std::vector<char> packed(file.bytes);
  std::vector<uint16_t> values(static_cast<size_t>(file.width_px * file.height_px));
  stream.seekg(static_cast<std::streamoff>(file.at));
  if (!stream.read(packed.data(), static_cast<std::streamsize>(packed.size()))) {
    throw IoError(file.path, "ends within a depth map");
  }
  uLongf size = values.size() * sizeof(uint16_t);
  if (uncompress(reinterpret_cast<Bytef*>(values.data()),
                 &size,
                 reinterpret_cast<const Bytef*>(packed.data()),
                 packed.size()) != Z_OK ||
      size != values.size() * sizeof(uint16_t)) {
    throw IoError(file.path, "holds a damaged depth map");
  }
  at::Tensor depth = at::empty({file.height_px, file.width_px}, at::kFloat);
  std::copy(values.begin(), values.end(), depth.mutable_data_ptr<float>());
  return depth;
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

at::Tensor masked_depth(const at::Tensor& depth, const std::string& mask, int64_t eroded_px) {
  constexpr int kHalfWhite = 127;
  const at::Tensor picture = decode_image(mask).rgb.select(2, 0);
  const auto nearest = [](int64_t from, int64_t to) {
    return (at::arange(to, at::kDouble) * (static_cast<double>(from) / static_cast<double>(to)))
        .floor()
        .to(at::kLong);
  };
  at::Tensor hidden = (picture <= kHalfWhite)
                          .index_select(0, nearest(picture.size(0), depth.size(0)))
                          .index_select(1, nearest(picture.size(1), depth.size(1)));
  if (eroded_px > 1) {
    // An even square reaches one pixel farther to the upper left, as in OpenCV.
    const int64_t before = eroded_px / 2;
    const int64_t after = eroded_px - 1 - before;
    const at::Tensor padded =
        at::constant_pad_nd(hidden.to(at::kFloat).unsqueeze(0), {before, after, before, after}, 0);
    hidden = at::max_pool2d(padded, {eroded_px, eroded_px}, {1, 1}).squeeze(0) > 0;
  }
  return depth.masked_fill(hidden, 0);
}

at::Tensor zoomed_depth(const at::Tensor& depth, double ratio) {
  const auto places = [&](int64_t size) {
    const double middle = static_cast<double>(size) / 2;
    return ((at::arange(size, at::kDouble) + 0.5 - middle) / ratio + middle).floor().to(at::kLong);
  };
  const at::Tensor rows = places(depth.size(0));
  const at::Tensor columns = places(depth.size(1));
  const auto outside = [](const at::Tensor& place, int64_t size) {
    return (place < 0) | (place >= size);
  };
  return depth.index_select(0, rows.clamp(0, depth.size(0) - 1))
      .index_select(1, columns.clamp(0, depth.size(1) - 1))
      .masked_fill(outside(rows, depth.size(0)).unsqueeze(1), 0)
      .masked_fill(outside(columns, depth.size(1)).unsqueeze(0), 0);
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
    case DepthFormat::kRaw:
      depth = read_raw(file);
      break;
    case DepthFormat::kZlib:
      depth = read_zlib(file);
      break;
  }
  TORCH_INTERNAL_ASSERT(depth.defined(), "read_depth: a format without code");
  depth = depth / file.values_per_unit;
  at::Tensor none = at::isfinite(depth).logical_not() | (depth <= file.nearest);
  if (file.farthest > 0) none = none | (depth >= file.farthest);
  depth = depth.masked_fill(none, 0).contiguous();
  return file.then ? file.then(depth).contiguous() : depth;
}

}  // namespace vggt::datasets
