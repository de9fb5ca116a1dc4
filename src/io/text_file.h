// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace vggt {

/// The shortest text that reads back as exactly this number, of at most 17 significant digits.
std::string number_text(double value);

/// Reads a text file line by line, and a line field by field; fields are separated by spaces and
/// tabs. Every failure is an IoError that names the file and the line.
class TextReader {
 public:
  /// A last line without its end is refused: the file may be cut off within a number.
  explicit TextReader(const std::string& path);

  /// Goes to the next line; false if there is none.
  bool next_line();
  /// Goes to the next line that is neither empty nor a comment (#); false if there is none.
  bool next_record();

  bool has_field();
  /// Throws if there is no further field, or it is no finite number.
  double number(const char* field);
  template <std::integral T>
  T integer(const char* field);
  std::string_view word(const char* field);
  /// Everything after the single space or tab that follows the last field.
  std::string rest(const char* field);
  /// Throws if there are further fields.
  void expect_line_end();

  [[noreturn]] void fail(const std::string& reason) const;

 private:
  std::string path_;
  std::string text_;
  std::string_view ahead_;  // the lines not yet read
  std::string_view line_;   // what is left of the current line
  int64_t line_number_ = 0;
};

}  // namespace vggt
