// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace vggt {

/// A whole regular file, mapped into memory: pages are read when they are touched. The mapping is
/// private, so writing to it changes memory and never the file. The file must not be shortened
/// while it is mapped.
class MappedFile {
 public:
  /// Throws IoError: missing, unreadable, not a regular file, or empty.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  char* data() const { return data_; }
  size_t size() const { return size_; }
  std::string_view bytes() const { return {data_, size_}; }

  /// Takes the whole pages within [begin, begin + size) out of memory, if that lies in this file;
  /// the next access reads them again. What was written there is lost. Returns whether it lies in
  /// this file.
  bool drop_pages(const void* begin, size_t size) const;

 private:
  char* data_ = nullptr;
  size_t size_ = 0;
};

/// A name out of a file as an error message shows it: quoted, escaped and cut, since the file may
/// be hostile.
std::string quote(std::string_view name);

}  // namespace vggt
