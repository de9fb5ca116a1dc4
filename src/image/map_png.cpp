// SPDX-License-Identifier: Apache-2.0
#include "src/image/map_png.h"

#include "src/base/error.h"
#include "src/base/percentile.h"
#include "src/image/opencv_silence.h"
#include "src/io/binary_file.h"

#include <ATen/ATen.h>

#include <opencv2/imgcodecs.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace vggt {
namespace {

constexpr double kLargest = 65535;

bool is_value(float value) { return std::isfinite(value) && value > 0; }

constexpr uint8_t kSignature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

bool is_png(const std::vector<uint8_t>& bytes) {
  return bytes.size() > std::size(kSignature) &&
         std::equal(std::begin(kSignature), std::end(kSignature), bytes.begin());
}

// Whether all chunks are there, up to the closing one: libpng prints what it misses.
bool is_whole(const std::vector<uint8_t>& png) {
  constexpr size_t kAround = 12;  // a chunk's length, name and checksum
  for (size_t at = std::size(kSignature); png.size() - at >= kAround;) {
    const uint8_t* chunk = &png[at];
    const size_t length = size_t{chunk[0]} << 24 | chunk[1] << 16 | chunk[2] << 8 | chunk[3];
    if (length > png.size() - at - kAround) return false;
    if (std::equal(chunk + 4, chunk + 8, "IEND")) return true;
    at += kAround + length;
  }
  return false;
}

}  // namespace

double map_png_scale(const at::Tensor& maps) {
  constexpr double kPercent = 99.9;  // beyond it lie sky and flying points, which would cost steps
  const at::Tensor values = maps.contiguous();
  const float* value = values.const_data_ptr<float>();
  std::vector<float> kept;
  kept.reserve(static_cast<size_t>(values.numel()));
  std::copy_if(value, value + values.numel(), std::back_inserter(kept), is_value);
  return kept.empty() ? 1 : kLargest / static_cast<double>(percentile(kept, kPercent));
}

void write_map_png(const std::string& path, const at::Tensor& map, double scale) {
  TORCH_CHECK(map.dim() == 2 && map.scalar_type() == at::kFloat,
              "write_map_png: the map must be [H, W] float, got ",
              map.sizes());
  TORCH_CHECK(scale > 0 && std::isfinite(scale), "write_map_png: scale must be positive");
  const at::Tensor values = map.contiguous();
  const float* value = values.const_data_ptr<float>();
  cv::Mat picture(
      static_cast<int>(map.size(0)), static_cast<int>(map.size(1)), CV_16U, cv::Scalar(0));
  auto* const pixels = picture.ptr<uint16_t>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    if (!is_value(value[i])) continue;
    const double scaled = std::round(static_cast<double>(value[i]) * scale);
    pixels[i] = static_cast<uint16_t>(std::clamp(scaled, 1.0, kLargest));
  }
  std::vector<uint8_t> png;
  if (!cv::imencode(".png", picture, png)) throw IoError(path, "cannot be encoded");
  BinaryWriter file(path);
  file.bytes(png.data(), png.size());
  file.close();
}

at::Tensor read_map_png(const std::string& path, double scale) {
  TORCH_CHECK(scale > 0 && std::isfinite(scale), "read_map_png: scale must be positive");
  BinaryReader file(path);
  std::vector<uint8_t> bytes(file.remaining());
  file.bytes(bytes.data(), bytes.size(), "the PNG");
  cv::Mat picture;
  if (is_png(bytes)) {
    if (!is_whole(bytes)) throw IoError(path, "is cut off");
    silence_opencv();
    try {
      picture = cv::imdecode(bytes, cv::IMREAD_UNCHANGED);
    } catch (const cv::Exception& error) {
      throw IoError(path, std::string("cannot be decoded: ") + error.what());
    }
  }
  if (picture.empty() || picture.type() != CV_16U) {
    throw IoError(path, "is no PNG of one 16-bit channel");
  }
  at::Tensor map = at::empty({picture.rows, picture.cols}, at::kFloat);
  float* value = map.mutable_data_ptr<float>();
  for (int y = 0; y < picture.rows; ++y) {
    const auto* row = picture.ptr<uint16_t>(y);
    for (int x = 0; x < picture.cols; ++x) *value++ = static_cast<float>(row[x] / scale);
  }
  return map;
}

}  // namespace vggt
