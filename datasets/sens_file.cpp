// SPDX-License-Identifier: Apache-2.0
#include "datasets/sens_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "src/base/error.h"

namespace vggt::datasets {
namespace {

// Reads little-endian values and passes over what is large.
class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path), file_(path, std::ios::binary) {
    std::error_code error;
    bytes_ = std::filesystem::file_size(path, error);
    if (!file_ || error) throw IoError(path, "cannot be opened");
  }

  template <class T>
  T value() {
    T value{};
    if (!file_.read(reinterpret_cast<char*>(&value), sizeof(value))) cut_off();
    at_ += sizeof(value);
    return value;
  }

  /// Where they began.
  uint64_t pass_over(uint64_t bytes) {
    if (bytes > bytes_ - at_) cut_off();
    const uint64_t begin = at_;
    at_ += bytes;
    file_.seekg(static_cast<std::streamoff>(at_));
    return begin;
  }

 private:
  [[noreturn]] void cut_off() const { throw IoError(path_, "is cut off"); }

  std::string path_;
  std::ifstream file_;
  uint64_t bytes_ = 0;
  uint64_t at_ = 0;
};

}  // namespace

SensFile read_sens(const std::string& path) {
  constexpr uint32_t kVersion = 4;
  constexpr int32_t kPng = 1;
  constexpr int32_t kJpeg = 2;
  constexpr int32_t kZlib = 1;
  Reader file(path);
  if (const auto version = file.value<uint32_t>(); version != kVersion) {
    throw IoError(path, "is no .sens file of version 4, but of " + std::to_string(version));
  }
  SensFile sens;
  file.pass_over(file.value<uint64_t>());  // the sensor's name
  using Matrix = std::array<float, 16>;
  sens.colour_intrinsic = file.value<Matrix>();
  file.pass_over(3 * sizeof(Matrix));  // colour's extrinsic, depth's intrinsic and extrinsic
  const auto colour = file.value<int32_t>();
  const auto depth = file.value<int32_t>();
  if (colour != kPng && colour != kJpeg) {
    throw IoError(path, "holds pictures that are neither JPEG nor PNG");
  }
  sens.colour_width_px = file.value<uint32_t>();
  sens.colour_height_px = file.value<uint32_t>();
  sens.depth_width_px = file.value<uint32_t>();
  sens.depth_height_px = file.value<uint32_t>();
  sens.depth_values_per_metre = file.value<float>();
  constexpr int64_t kMostPixels = 1 << 28;
  sens.has_depth = depth == kZlib && sens.depth_values_per_metre > 0 &&
                   sens.depth_width_px * sens.depth_height_px <= kMostPixels;
  const auto count = file.value<uint64_t>();
  for (uint64_t i = 0; i < count; ++i) {
    SensFile::Frame frame;
    const auto matrix = file.value<Matrix>();
    std::copy(matrix.begin(), matrix.end(), frame.world_from_cam.begin());
    file.pass_over(2 * sizeof(uint64_t));  // times
    frame.colour_bytes = file.value<uint64_t>();
    frame.depth_bytes = file.value<uint64_t>();
    frame.colour_at = file.pass_over(frame.colour_bytes);
    frame.depth_at = file.pass_over(frame.depth_bytes);
    sens.frames.push_back(frame);
  }
  return sens;
}

}  // namespace vggt::datasets
