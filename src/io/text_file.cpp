// SPDX-License-Identifier: Apache-2.0
#include "src/io/text_file.h"

#include "src/base/error.h"
#include "src/io/binary_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace vggt {
namespace {

constexpr std::string_view kBlank = " \t";

// As an error shows it: what stands there may be a whole binary file.
std::string shown(std::string_view word) {
  constexpr size_t kMost = 40;
  return "'" + std::string(word.substr(0, kMost)) + (word.size() > kMost ? "...'" : "'");
}

template <typename T>
bool parse(std::string_view word, T& value) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc() && end == word.data() + word.size();
}

}  // namespace

std::string number_text(double value) {
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof(text), value);
  return {text, end};
}

TextReader::TextReader(const std::string& path) : path_(path) {
  BinaryReader file(path);
  text_.resize(file.remaining());
  file.bytes(text_.data(), text_.size(), "the text");
  ahead_ = text_;
  if (!text_.empty() && text_.back() != '\n') {
    throw IoError(path, "the last line has no end, so the file may be cut off");
  }
}

bool TextReader::next_line() {
  if (ahead_.empty()) return false;
  const size_t end = ahead_.find('\n');
  line_ = ahead_.substr(0, end);
  ahead_.remove_prefix(end + 1);
  if (line_.ends_with('\r')) line_.remove_suffix(1);
  ++line_number_;
  return true;
}

bool TextReader::next_record() {
  while (next_line()) {
    if (has_field() && line_.front() != '#') return true;
  }
  return false;
}

bool TextReader::has_field() {
  line_.remove_prefix(std::min(line_.find_first_not_of(kBlank), line_.size()));
  return !line_.empty();
}

std::string_view TextReader::word(const char* field) {
  if (!has_field()) fail(std::string("ends before ") + field);
  const size_t size = std::min(line_.find_first_of(kBlank), line_.size());
  const std::string_view word = line_.substr(0, size);
  line_.remove_prefix(size);
  return word;
}

double TextReader::number(const char* field) {
  const std::string_view text = word(field);
  double value = 0;
  if (!parse(text, value) || !std::isfinite(value)) {
    fail(std::string(field) + " is no finite number: " + shown(text));
  }
  return value;
}

template <std::integral T>
T TextReader::integer(const char* field) {
  const std::string_view text = word(field);
  T value = 0;
  if (!parse(text, value)) {
    fail(std::string(field) + " is no whole number in its range: " + shown(text));
  }
  return value;
}

template uint8_t TextReader::integer(const char* field);
template uint32_t TextReader::integer(const char* field);
template int64_t TextReader::integer(const char* field);
template uint64_t TextReader::integer(const char* field);

std::string TextReader::rest(const char* field) {
  if (line_.size() < 2) fail(std::string("ends before ") + field);
  const std::string rest(line_.substr(1));
  line_ = {};
  return rest;
}

void TextReader::expect_line_end() {
  if (has_field()) fail("goes on with " + shown(line_));
}

void TextReader::fail(const std::string& reason) const {
  throw IoError(path_, "line " + std::to_string(line_number_) + ": " + reason);
}

}  // namespace vggt
