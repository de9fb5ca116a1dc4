// SPDX-License-Identifier: Apache-2.0
#include "src/io/npy.h"

#include "src/base/error.h"
#include "src/io/binary_file.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

namespace vggt {
namespace {

constexpr char kMagic[] = "\x93NUMPY\x01";  // with its closing zero, version 1.0
constexpr size_t kMagicBytes = sizeof(kMagic);
// NumPy aligns the data to this, counted from the start of the file.
constexpr size_t kAlignment = 64;

constexpr std::pair<at::ScalarType, const char*> kTypes[] = {
    {at::kHalf, "<f2"},
    {at::kFloat, "<f4"},
    {at::kDouble, "<f8"},
    {at::kByte, "|u1"},
    {at::kChar, "|i1"},
    {at::kShort, "<i2"},
    {at::kInt, "<i4"},
    {at::kLong, "<i8"},
};

std::string descr_of(at::ScalarType type) {
  for (const auto& [known, descr] : kTypes) {
    if (known == type) return descr;
  }
  TORCH_CHECK(false, "write_npy: NumPy has no type for ", type);
}

// Steps through the header's dictionary. NumPy writes its keys sorted and with this spacing since
// version 1.0 of the format, so the text is compared rather than parsed as Python.
class HeaderText {
 public:
  HeaderText(const std::string& path, const std::string& text) : path_(path), text_(text) {}

  bool take(const std::string& expected) {
    if (text_.compare(at_, expected.size(), expected) != 0) return false;
    at_ += expected.size();
    return true;
  }

  void expect(const std::string& expected) {
    if (!take(expected)) {
      throw IoError(
          path_,
          "expected \"" + expected + "\" at byte " + std::to_string(at_) + " of the NumPy header");
    }
  }

  at::ScalarType type() {
    for (const auto& [known, descr] : kTypes) {
      if (take(descr)) return known;
    }
    throw IoError(path_, "descr: a type that is not read here");
  }

  int64_t extent() {
    int64_t extent = 0;
    const char* first = text_.data() + at_;
    const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), extent);
    if (error != std::errc() || extent < 0) throw IoError(path_, "shape: not a size");
    at_ += end - first;
    return extent;
  }

 private:
  const std::string& path_;
  const std::string& text_;
  size_t at_ = 0;
};

}  // namespace

void write_npy(const std::string& path, const at::Tensor& tensor) {
  const at::Tensor data = tensor.detach().cpu().contiguous();
  std::string header =
      "{'descr': '" + descr_of(data.scalar_type()) + "', 'fortran_order': False, 'shape': (";
  for (int64_t i = 0; i < data.dim(); ++i) {
    // A tuple of one keeps its comma.
    header += std::to_string(data.size(i)) + (i + 1 < data.dim() ? ", "
                                              : data.dim() == 1  ? ","
                                                                 : "");
  }
  header += "), }";
  const size_t before = kMagicBytes + sizeof(uint16_t);
  const size_t total = (before + header.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  header.resize(total - before - 1, ' ');
  header += '\n';

  BinaryWriter file(path);
  file.bytes(kMagic, kMagicBytes);
  file.value(static_cast<uint16_t>(header.size()));
  file.bytes(header.data(), header.size());
  file.bytes(data.const_data_ptr(), data.nbytes());
  file.close();
}

at::Tensor read_npy(const std::string& path) {
  BinaryReader file(path);
  std::string magic(kMagicBytes, '\0');
  file.bytes(magic.data(), kMagicBytes, "the NumPy magic");
  if (magic != std::string(kMagic, kMagicBytes)) {
    throw IoError(path, "is no NumPy array file of version 1.0");
  }
  std::string text(file.value<uint16_t>("the NumPy header's length"), '\0');
  file.bytes(text.data(), text.size(), "the NumPy header");

  HeaderText header(path, text);
  header.expect("{'descr': '");
  const at::ScalarType type = header.type();
  header.expect("', 'fortran_order': False, 'shape': (");
  std::vector<int64_t> shape;
  uint64_t bytes = c10::elementSize(type);
  bool empty = false;
  // An empty array may have any extents beside its zero: they too are kept from overflowing.
  const uint64_t limit = std::max(file.remaining(), uint64_t{1} << 20);
  while (!header.take(")")) {
    if (!shape.empty() && !header.take(", ")) {
      header.expect(",");
      header.expect(")");
      break;
    }
    const int64_t extent = header.extent();
    shape.push_back(extent);
    if (extent == 0) {
      empty = true;
    } else if (bytes > limit / static_cast<uint64_t>(extent)) {
      throw IoError(path, "shape: more data than the file can hold");
    } else {
      bytes *= static_cast<uint64_t>(extent);
    }
  }
  header.expect(", }");
  if (empty) bytes = 0;
  if (bytes != file.remaining()) throw IoError(path, "shape: does not fit the size of the file");

  at::Tensor tensor = at::empty(shape, type);
  file.bytes(tensor.mutable_data_ptr(), bytes, "the data");
  return tensor;
}

}  // namespace vggt
