// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace vggt {

static_assert(std::endian::native == std::endian::little, "our binary files are little-endian");

/// Writes a file from start to end through one large buffer. Every failure is an IoError that names
/// the file; a file is complete only after close().
class BinaryWriter {
 public:
  explicit BinaryWriter(const std::string& path);
  ~BinaryWriter();
  BinaryWriter(const BinaryWriter&) = delete;
  BinaryWriter& operator=(const BinaryWriter&) = delete;

  void bytes(const void* data, size_t size);

  template <typename T>
  void value(T value) {
    static_assert(std::is_arithmetic_v<T>);
    bytes(&value, sizeof(value));
  }

  void close();

 private:
  void flush();

  std::string path_;
  std::FILE* file_;
  std::vector<char> buffer_;
};

/// Reads a regular file, or what stands in memory, from start to end. Reading beyond the end is an
/// IoError that names the file and the field.
class BinaryReader {
 public:
  explicit BinaryReader(const std::string& path);
  /// Reads `bytes`, which must outlive the reader; errors call them `name`.
  BinaryReader(const std::string& name, std::string_view bytes);
  ~BinaryReader();
  BinaryReader(const BinaryReader&) = delete;
  BinaryReader& operator=(const BinaryReader&) = delete;

  const std::string& path() const { return path_; }
  uint64_t remaining() const { return remaining_; }

  void bytes(void* data, uint64_t size, const char* field);

  template <typename T>
  T value(const char* field) {
    static_assert(std::is_arithmetic_v<T>);
    T value;
    bytes(&value, sizeof(value), field);
    return value;
  }

  /// A 64-bit count of things that take at least `bytes_each`: refused if the rest of the file
  /// cannot hold them, so that a caller may allocate for them.
  uint64_t count(uint64_t bytes_each, const char* field);

  /// Everything up to `end`, which is consumed and not returned. At most `limit` bytes.
  std::string text_until(char end, uint64_t limit, const char* field);

  /// Throws unless all was read.
  void expect_end() const;

 private:
  std::string path_;
  std::FILE* file_ = nullptr;     // null where it reads memory
  const char* memory_ = nullptr;  // what is not yet read of it
  uint64_t remaining_ = 0;
};

}  // namespace vggt
