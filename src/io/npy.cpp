// SPDX-License-Identifier: Apache-2.0
#include "src/io/npy.h"

#include "src/base/error.h"
#include "src/io/binary_file.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <string_view>
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

constexpr std::string_view kText = "<U";
constexpr uint64_t kMaxTextLength = 1 << 20;

// 0: a type that is not read.
uint64_t bytes_of(const std::string& descr) {
  for (const auto& [type, known] : kTypes) {
    if (descr == known) return c10::elementSize(type);
  }
  if (!descr.starts_with(kText)) return 0;
  uint64_t length = 0;
  const char* const last = descr.data() + descr.size();
  const auto [end, error] = std::from_chars(descr.data() + kText.size(), last, length);
  return error == std::errc() && end == last && length <= kMaxTextLength ? 4 * length : 0;
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

  // Up to the quote, which stays.
  std::string quoted() {
    const size_t end = std::min(text_.find('\'', at_), text_.size());
    const std::string text = text_.substr(at_, end - at_);
    at_ = end;
    return text;
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

NpyHeader npy_header(const at::Tensor& tensor) {
  for (const auto& [type, descr] : kTypes) {
    if (type == tensor.scalar_type()) return {descr, tensor.sizes().vec()};
  }
  TORCH_CHECK(false, "write_npy: NumPy has no type for ", tensor.scalar_type());
}

std::string npy_header_bytes(const NpyHeader& header) {
  std::string text = "{'descr': '" + header.descr + "', 'fortran_order': False, 'shape': (";
  for (size_t i = 0; i < header.shape.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(header.shape[i]);
  }
  text += header.shape.size() == 1 ? ",), }" : "), }";  // a tuple of one keeps its comma
  const size_t before = kMagicBytes + sizeof(uint16_t);
  const size_t total = (before + text.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  text.resize(total - before - 1, ' ');
  text += '\n';
  const auto size = static_cast<uint16_t>(text.size());
  return std::string(kMagic, kMagicBytes) +
         std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + text;
}

NpyHeader read_npy_header(BinaryReader& file) {
  const std::string& path = file.path();
  std::string magic(kMagicBytes, '\0');
  file.bytes(magic.data(), kMagicBytes, "the NumPy magic");
  if (magic != std::string(kMagic, kMagicBytes)) {
    throw IoError(path, "is no NumPy array file of version 1.0");
  }
  std::string text(file.value<uint16_t>("the NumPy header's length"), '\0');
  file.bytes(text.data(), text.size(), "the NumPy header");

  NpyHeader header;
  HeaderText reader(path, text);
  reader.expect("{'descr': '");
  header.descr = reader.quoted();
  uint64_t bytes = bytes_of(header.descr);
  if (bytes == 0) throw IoError(path, "descr: a type that is not read here");
  reader.expect("', 'fortran_order': False, 'shape': (");
  bool empty = false;
  // An empty array may have any extents beside its zero: they too are kept from overflowing.
  const uint64_t limit = std::max(file.remaining(), uint64_t{1} << 20);
  while (!reader.take(")")) {
    if (!header.shape.empty() && !reader.take(", ")) {
      reader.expect(",");
      reader.expect(")");
      break;
    }
    const int64_t extent = reader.extent();
    header.shape.push_back(extent);
    if (extent == 0) {
      empty = true;
    } else if (bytes > limit / static_cast<uint64_t>(extent)) {
      throw IoError(path, "shape: more data than the file can hold");
    } else {
      bytes *= static_cast<uint64_t>(extent);
    }
  }
  reader.expect(", }");
  if (empty) bytes = 0;
  if (bytes != file.remaining()) throw IoError(path, "shape: does not fit the size of the file");
  return header;
}

at::Tensor read_npy_data(BinaryReader& file, const NpyHeader& header) {
  for (const auto& [type, descr] : kTypes) {
    if (header.descr != descr) continue;
    at::Tensor tensor = at::empty(header.shape, type);
    file.bytes(tensor.mutable_data_ptr(), file.remaining(), "the data");
    return tensor;
  }
  throw IoError(file.path(), "descr: text, not numbers");
}

void write_npy(const std::string& path, const at::Tensor& tensor) {
  const at::Tensor data = tensor.detach().cpu().contiguous();
  const std::string header = npy_header_bytes(npy_header(data));
  BinaryWriter file(path);
  file.bytes(header.data(), header.size());
  file.bytes(data.const_data_ptr(), data.nbytes());
  file.close();
}

at::Tensor read_npy(const std::string& path) {
  BinaryReader file(path);
  const NpyHeader header = read_npy_header(file);
  return read_npy_data(file, header);
}

}  // namespace vggt
