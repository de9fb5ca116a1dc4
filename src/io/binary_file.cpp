// SPDX-License-Identifier: Apache-2.0
#include "src/io/binary_file.h"

#include "src/base/error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace vggt {
namespace {

// Large enough that a call costs nothing beside the copy.
constexpr size_t kBufferBytes = size_t{1} << 20;

std::string reason(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

}  // namespace

BinaryWriter::BinaryWriter(const std::string& path)
    : path_(path), file_(std::fopen(path.c_str(), "wb")) {
  if (!file_) throw IoError(path, reason("cannot be created"));
  // Our buffer is the only one: a failed write is then seen where it happens.
  std::setvbuf(file_, nullptr, _IONBF, 0);
  buffer_.reserve(kBufferBytes);
}

BinaryWriter::~BinaryWriter() {
  if (file_) std::fclose(file_);
}

void BinaryWriter::bytes(const void* data, size_t size) {
  if (buffer_.size() + size > kBufferBytes) flush();
  if (size > kBufferBytes) {
    if (std::fwrite(data, 1, size, file_) != size)
      throw IoError(path_, reason("cannot be written"));
    return;
  }
  const auto* first = static_cast<const char*>(data);
  buffer_.insert(buffer_.end(), first, first + size);
}

void BinaryWriter::flush() {
  if (std::fwrite(buffer_.data(), 1, buffer_.size(), file_) != buffer_.size()) {
    throw IoError(path_, reason("cannot be written"));
  }
  buffer_.clear();
}

void BinaryWriter::close() {
  flush();
  std::FILE* file = file_;
  file_ = nullptr;
  // Network and quota file systems report a lost write only here.
  if (std::fclose(file) != 0) throw IoError(path_, reason("cannot be written"));
}

BinaryReader::BinaryReader(const std::string& path) : path_(path) {
  std::error_code error;
  const bool regular = std::filesystem::is_regular_file(path, error);
  if (error) throw IoError(path, "cannot be read: " + error.message());
  if (!regular) throw IoError(path, "is not a regular file");
  remaining_ = std::filesystem::file_size(path, error);
  if (error) throw IoError(path, "cannot be read: " + error.message());
  file_ = std::fopen(path.c_str(), "rb");
  if (!file_) throw IoError(path, reason("cannot be read"));
}

BinaryReader::BinaryReader(const std::string& name, std::string_view bytes)
    : path_(name), memory_(bytes.data()), remaining_(bytes.size()) {}

BinaryReader::~BinaryReader() {
  if (file_) std::fclose(file_);
}

void BinaryReader::bytes(void* data, uint64_t size, const char* field) {
  if (size > remaining_) throw IoError(path_, std::string("ends within ") + field);
  if (!file_) {
    std::copy_n(memory_, size, static_cast<char*>(data));
    memory_ += size;
  } else if (std::fread(data, 1, size, file_) != size) {
    throw IoError(path_, std::string("cannot be read at ") + field);
  }
  remaining_ -= size;
}

uint64_t BinaryReader::count(uint64_t bytes_each, const char* field) {
  const auto count = value<uint64_t>(field);
  if (count > remaining_ / bytes_each) {
    throw IoError(
        path_,
        std::string(field) + " is " + std::to_string(count) + ", more than the file can hold");
  }
  return count;
}

std::string BinaryReader::text_until(char end, uint64_t limit, const char* field) {
  std::string text;
  while (true) {
    const char next = value<char>(field);
    if (next == end) return text;
    if (text.size() == limit) {
      throw IoError(path_,
                    std::string(field) + " is longer than " + std::to_string(limit) + " bytes");
    }
    text.push_back(next);
  }
}

void BinaryReader::expect_end() const {
  if (remaining_ != 0) {
    throw IoError(path_, std::to_string(remaining_) + " bytes too long");
  }
}

}  // namespace vggt
