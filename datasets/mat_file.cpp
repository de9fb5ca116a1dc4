// SPDX-License-Identifier: Apache-2.0
// As "MAT-File Format" of The MathWorks says, level 5.
#include "datasets/mat_file.h"

#include <ATen/ATen.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "src/base/error.h"
#include "src/io/binary_file.h"

namespace vggt::datasets {
namespace {

// Types of elements, and classes of arrays.
constexpr uint32_t kInt32 = 5;
constexpr uint32_t kUint32 = 6;
constexpr uint32_t kMatrix = 14;
constexpr uint32_t kCompressed = 15;
constexpr uint32_t kDoubleClass = 6;
constexpr uint32_t kUint64Class = 15;
constexpr uint32_t kComplex = 0x0800;

struct Element {
  uint32_t type = 0;
  std::string bytes;
};

// A tag, what it tells of, and what fills up to eight bytes.
Element next_element(BinaryReader& file) {
  Element element;
  const auto word = file.value<uint32_t>("an element's type");
  const bool is_small = word >> 16 != 0;  // type and size share the word; four bytes follow
  element.type = is_small ? word & 0xFFFFU : word;
  const uint64_t size = is_small ? word >> 16 : file.value<uint32_t>("an element's size");
  if (size > (is_small ? 4 : file.remaining())) {
    throw IoError(
        file.path(),
        "is damaged or cut off: an element of " + std::to_string(size) + " bytes does not fit");
  }
  element.bytes.resize(size);
  file.bytes(element.bytes.data(), size, "an element");
  const uint64_t unit = is_small ? 4 : 8;
  char padding[8];
  const uint64_t rest = (unit - size % unit) % unit;
  if (element.type != kCompressed) file.bytes(padding, std::min(rest, file.remaining()), "padding");
  return element;
}

std::string decompressed(const std::string& path, const std::string& packed) {
  constexpr size_t kBlock = 1 << 20;
  constexpr size_t kMost = size_t{1} << 31;
  std::string bytes;
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) throw IoError(path, "cannot be decompressed");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  int status = Z_OK;
  while (status == Z_OK && bytes.size() < kMost) {
    const size_t done = bytes.size();
    bytes.resize(done + kBlock);
    stream.next_out = reinterpret_cast<Bytef*>(bytes.data() + done);
    stream.avail_out = static_cast<uInt>(kBlock);
    status = inflate(&stream, Z_NO_FLUSH);
    bytes.resize(bytes.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END) throw IoError(path, "is damaged or cut off: it does not decompress");
  return bytes;
}

template <typename T>
std::vector<double> converted(const std::string& bytes) {
  std::vector<double> values(bytes.size() / sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = static_cast<double>(value);
  }
  return values;
}

// Numbers are stored in the smallest type that holds them, whatever the array's class is.
std::vector<double> numbers_of(const std::string& path, const Element& element) {
  switch (element.type) {
    case 1:
      return converted<int8_t>(element.bytes);
    case 2:
      return converted<uint8_t>(element.bytes);
    case 3:
      return converted<int16_t>(element.bytes);
    case 4:
      return converted<uint16_t>(element.bytes);
    case kInt32:
      return converted<int32_t>(element.bytes);
    case kUint32:
      return converted<uint32_t>(element.bytes);
    case 7:
      return converted<float>(element.bytes);
    case 9:
      return converted<double>(element.bytes);
    case 12:
      return converted<int64_t>(element.bytes);
    case 13:
      return converted<uint64_t>(element.bytes);
    default:
      throw IoError(path, "holds numbers of the unknown type " + std::to_string(element.type));
  }
}

void read_array(const std::string& path,
                const std::string& bytes,
                std::map<std::string, at::Tensor>& arrays) {
  BinaryReader array(path, bytes);
  const Element flags = next_element(array);
  if (flags.type != kUint32 || flags.bytes.size() != 8) throw IoError(path, "is damaged: flags");
  uint32_t word = 0;
  std::memcpy(&word, flags.bytes.data(), sizeof(word));
  const uint32_t kind = word & 0xFFU;
  if (kind < kDoubleClass || kind > kUint64Class || (word & kComplex) != 0) return;
  const Element dimensions = next_element(array);
  const std::string name = next_element(array).bytes;
  if (dimensions.type != kInt32) throw IoError(path, "is damaged: the shape of " + name);
  std::vector<int64_t> reversed;  // the first index runs fastest
  double count = 1;
  for (const double size : converted<int32_t>(dimensions.bytes)) {
    reversed.insert(reversed.begin(), static_cast<int64_t>(size));
    count *= size;
  }
  const std::vector<double> values = numbers_of(path, next_element(array));
  const bool fits =
      reversed.size() >= 2 && *std::min_element(reversed.begin(), reversed.end()) >= 0;
  if (!fits || count != static_cast<double>(values.size())) {
    throw IoError(path, "is damaged: " + name + " does not hold as many numbers as its shape says");
  }
  const at::Tensor tensor = at::tensor(values, at::kDouble).view(reversed);
  std::vector<int64_t> order(reversed.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(order.size() - 1 - i);
  arrays[name] = tensor.permute(order).contiguous();
}

}  // namespace

std::map<std::string, at::Tensor> read_mat(const std::string& path) {
  constexpr uint64_t kHeader = 128;
  constexpr uint16_t kVersion = 0x0100;
  BinaryReader file(path);
  char header[kHeader];
  if (file.remaining() < kHeader) throw IoError(path, "is no MATLAB file: it is too short");
  file.bytes(header, kHeader, "the header");
  uint16_t version = 0;
  std::memcpy(&version, header + kHeader - 4, sizeof(version));
  if (version != kVersion || header[kHeader - 2] != 'I' || header[kHeader - 1] != 'M') {
    throw IoError(path, "is no MATLAB file of version 5 to 7, little-endian; save it with -v7");
  }
  std::map<std::string, at::Tensor> arrays;
  while (file.remaining() > 0) {
    Element element = next_element(file);
    if (element.type == kCompressed) {
      const std::string bytes = decompressed(path, element.bytes);
      BinaryReader inside(path, bytes);
      element = next_element(inside);
    }
    if (element.type == kMatrix) read_array(path, element.bytes, arrays);
  }
  return arrays;
}

}  // namespace vggt::datasets
