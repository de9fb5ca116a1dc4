// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace vggt {

/// The JSON of a file, nested at most 16 deep: values are as deep in memory as in the text. Throws
/// IoError naming the file.
nlohmann::json read_json(const std::string& path);

/// Reads the fields of one object of a file. Every failure is an IoError that names the file, which
/// object of it, and the field.
class JsonFields {
 public:
  /// where     which object of the file: "frame 3"; empty: the file's own
  /// object    must outlive this, as must fallback
  /// fallback  is asked for fields that the object does not have; null: none is
  JsonFields(std::string path,
             std::string where,
             const nlohmann::json& object,
             const nlohmann::json* fallback = nullptr);

  const nlohmann::json* find(const char* field) const;  ///< null if there is none
  const nlohmann::json& member(const char* field) const;

  std::string text(const char* field) const;
  bool boolean(const char* field) const;
  double number(const char* field) const;  ///< finite
  /// A count of pixels: a whole number from 1 to 1e9. Some programs write 640.0.
  int64_t size(const char* field) const;
  /// The `columns` finite numbers of a list; of a matrix, a list of `rows` such lists, row by row.
  void vector(const char* field, double* values, size_t columns) const;
  void matrix(const char* field, double* values, size_t rows, size_t columns) const;

  /// `value` as a finite number; errors call it `field`.
  double number(const nlohmann::json& value, const char* field) const;

  [[noreturn]] void fail(const std::string& field, const std::string& reason) const;

 private:
  std::string path_;
  std::string where_;
  const nlohmann::json& object_;
  const nlohmann::json* fallback_;
};

}  // namespace vggt
