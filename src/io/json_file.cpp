// SPDX-License-Identifier: Apache-2.0
#include "src/io/json_file.h"

#include "src/base/error.h"
#include "src/io/binary_file.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <utility>

namespace vggt {

using nlohmann::json;

json read_json(const std::string& path) {
  constexpr int kMaxDepth = 16;
  BinaryReader file(path);
  std::string text(file.remaining(), '\0');
  file.bytes(text.data(), text.size(), "the JSON");
  const auto check = [&](int depth, json::parse_event_t, json&) {
    if (depth > kMaxDepth) throw IoError(path, "is nested too deep");
    return true;
  };
  try {
    return json::parse(text, check);
  } catch (const json::exception& error) {
    throw IoError(path, std::string("is not valid JSON: ") + error.what());
  }
}

JsonFields::JsonFields(std::string path,
                       std::string where,
                       const json& object,
                       const json* fallback)
    : path_(std::move(path)), where_(std::move(where)), object_(object), fallback_(fallback) {
  if (!object_.is_object()) fail("it", "is no object");
}

void JsonFields::fail(const std::string& field, const std::string& reason) const {
  throw IoError(path_, (where_.empty() ? "" : where_ + ": ") + field + " " + reason);
}

const json* JsonFields::find(const char* field) const {
  if (const auto found = object_.find(field); found != object_.end()) return &*found;
  if (!fallback_) return nullptr;
  const auto found = fallback_->find(field);
  return found == fallback_->end() ? nullptr : &*found;
}

const json& JsonFields::member(const char* field) const {
  const json* found = find(field);
  if (!found) fail(field, "is missing");
  return *found;
}

std::string JsonFields::text(const char* field) const {
  const json& value = member(field);
  if (!value.is_string()) fail(field, "is no string");
  return value.get<std::string>();
}

bool JsonFields::boolean(const char* field) const {
  const json& value = member(field);
  if (!value.is_boolean()) fail(field, "is neither true nor false");
  return value.get<bool>();
}

double JsonFields::number(const json& value, const char* field) const {
  if (!value.is_number() || !std::isfinite(value.get<double>())) fail(field, "is no number");
  return value.get<double>();
}

double JsonFields::number(const char* field) const { return number(member(field), field); }

int64_t JsonFields::size(const char* field) const {
  constexpr double kMost = 1e9;
  const double value = number(field);
  if (!(value >= 1 && value <= kMost) || value != std::floor(value)) fail(field, "is no size");
  return static_cast<int64_t>(value);
}

void JsonFields::vector(const char* field, double* values, size_t columns) const {
  const json& list = member(field);
  if (!list.is_array() || list.size() != columns) {
    fail(field, "is no list of " + std::to_string(columns));
  }
  for (const json& value : list) *values++ = number(value, field);
}

void JsonFields::matrix(const char* field, double* values, size_t rows, size_t columns) const {
  const std::string reason = "is not " + std::to_string(rows) + " x " + std::to_string(columns);
  const json& matrix = member(field);
  if (!matrix.is_array() || matrix.size() != rows) fail(field, reason);
  for (const json& row : matrix) {
    if (!row.is_array() || row.size() != columns) fail(field, reason);
    for (const json& value : row) *values++ = number(value, field);
  }
}

}  // namespace vggt
