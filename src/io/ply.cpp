// SPDX-License-Identifier: Apache-2.0
#include "src/io/ply.h"

#include "src/base/error.h"
#include "src/io/binary_file.h"

#include <ATen/ATen.h>

#include <charconv>
#include <cstring>
#include <string_view>

namespace vggt {
namespace {

constexpr const char* kBegin =
    "ply\nformat binary_little_endian 1.0\n"
    "comment world = first camera: x right, y down, z forward\n";
constexpr std::string_view kComment = "comment ";
constexpr std::string_view kElement = "element vertex ";
constexpr const char* kPosition = "property float x\nproperty float y\nproperty float z\n";
constexpr const char* kNormal = "property float nx\nproperty float ny\nproperty float nz\n";
constexpr const char* kRest =
    "property uchar red\nproperty uchar green\nproperty uchar blue\n"
    "property float confidence\n"
    "end_header\n";
constexpr size_t kVectorBytes = 3 * sizeof(float);
constexpr size_t kRestBytes = 3 + sizeof(float);

void check(const PointCloud& cloud) {
  const int64_t n = cloud.size();
  TORCH_CHECK(cloud.position.dim() == 2 && cloud.position.size(1) == 3 &&
                  cloud.position.scalar_type() == at::kFloat,
              "write_ply: position must be [N, 3] float, got ",
              cloud.position.sizes());
  TORCH_CHECK(cloud.colour.defined() && cloud.colour.sizes() == cloud.position.sizes() &&
                  cloud.colour.scalar_type() == at::kByte,
              "write_ply: colour must be [N, 3] uint8 with N = ",
              n);
  TORCH_CHECK(cloud.confidence.defined() && cloud.confidence.dim() == 1 &&
                  cloud.confidence.size(0) == n && cloud.confidence.scalar_type() == at::kFloat,
              "write_ply: confidence must be [N] float with N = ",
              n);
  TORCH_CHECK(!cloud.normal.defined() || (cloud.normal.sizes() == cloud.position.sizes() &&
                                          cloud.normal.scalar_type() == at::kFloat),
              "write_ply: normal must be [N, 3] float with N = ",
              n);
}

void expect_text(BinaryReader& file, const char* expected) {
  std::string text(std::strlen(expected), '\0');
  if (text.size() > file.remaining()) throw IoError(file.path(), "ends within the PLY header");
  file.bytes(text.data(), text.size(), "the PLY header");
  if (text != expected) throw IoError(file.path(), "its PLY header is not one that vggt writes");
}

}  // namespace

void write_ply(const std::string& path, const PointCloud& cloud, const std::string& note) {
  const int64_t n = cloud.size();
  BinaryWriter file(path);
  TORCH_CHECK(note.find('\n') == std::string::npos, "write_ply: the note must be one line");
  std::string header = kBegin;
  if (!note.empty()) header.append(kComment).append(note).append("\n");
  header.append(kElement).append(std::to_string(n)).append("\n").append(kPosition);
  const bool normals = cloud.normal.defined();
  if (normals) header.append(kNormal);
  header.append(kRest);
  file.bytes(header.data(), header.size());
  if (n > 0) {
    check(cloud);
    const at::Tensor position = cloud.position.contiguous();
    const at::Tensor colour = cloud.colour.contiguous();
    const at::Tensor confidence = cloud.confidence.contiguous();
    const float* xyz = position.const_data_ptr<float>();
    const uint8_t* rgb = colour.const_data_ptr<uint8_t>();
    const float* weight = confidence.const_data_ptr<float>();
    const at::Tensor normal = normals ? cloud.normal.contiguous() : at::Tensor();
    const float* nxyz = normals ? normal.const_data_ptr<float>() : nullptr;
    char vertex[2 * kVectorBytes + kRestBytes];
    for (int64_t i = 0; i < n; ++i) {
      char* end = vertex;
      const auto put = [&](const void* data, size_t size) {
        std::memcpy(end, data, size);
        end += size;
      };
      put(xyz + 3 * i, kVectorBytes);
      if (nxyz) put(nxyz + 3 * i, kVectorBytes);
      put(rgb + 3 * i, 3);
      put(weight + i, sizeof(float));
      file.bytes(vertex, static_cast<size_t>(end - vertex));
    }
  }
  file.close();
}

PointCloud read_ply(const std::string& path) {
  BinaryReader file(path);
  expect_text(file, kBegin);
  constexpr size_t kMaxLine = 1000;
  std::string line = file.text_until('\n', kMaxLine, "the PLY header");
  while (line.starts_with(kComment)) line = file.text_until('\n', kMaxLine, "the PLY header");
  if (!line.starts_with(kElement)) {
    throw IoError(path, "its PLY header is not one that vggt writes");
  }
  const std::string digits = line.substr(kElement.size());
  uint64_t n = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    throw IoError(path, "element vertex is no number: '" + digits + "'");
  }
  expect_text(file, kPosition);
  const std::string next = file.text_until('\n', kMaxLine, "the PLY header") + '\n';
  const auto expect_after = [&](const char* all) {
    if (!std::string_view(all).starts_with(next)) {
      throw IoError(path, "its PLY header is not one that vggt writes");
    }
    expect_text(file, all + next.size());
  };
  const bool normals = std::string_view(kNormal).starts_with(next);
  expect_after(normals ? kNormal : kRest);
  if (normals) expect_text(file, kRest);
  if (n > file.remaining() / ((normals ? 2 : 1) * kVectorBytes + kRestBytes)) {
    throw IoError(path, "element vertex is " + digits + ", more than the file can hold");
  }
  PointCloud cloud;
  const auto count = static_cast<int64_t>(n);
  cloud.position = at::empty({count, 3}, at::kFloat);
  cloud.colour = at::empty({count, 3}, at::kByte);
  cloud.confidence = at::empty({count}, at::kFloat);
  float* xyz = cloud.position.mutable_data_ptr<float>();
  uint8_t* rgb = cloud.colour.mutable_data_ptr<uint8_t>();
  float* weight = cloud.confidence.mutable_data_ptr<float>();
  if (normals) cloud.normal = at::empty({count, 3}, at::kFloat);
  float* nxyz = normals ? cloud.normal.mutable_data_ptr<float>() : nullptr;
  for (int64_t i = 0; i < count; ++i) {
    file.bytes(xyz + 3 * i, kVectorBytes, "vertex");
    if (nxyz) file.bytes(nxyz + 3 * i, kVectorBytes, "vertex");
    file.bytes(rgb + 3 * i, 3, "vertex");
    file.bytes(weight + i, sizeof(float), "vertex");
  }
  file.expect_end();
  return cloud;
}

}  // namespace vggt
