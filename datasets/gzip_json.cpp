// SPDX-License-Identifier: Apache-2.0
#include "datasets/gzip_json.h"

#include <zlib.h>

#include <array>
#include <istream>
#include <nlohmann/json.hpp>
#include <streambuf>

#include "src/base/error.h"

namespace vggt::datasets {
namespace {

using nlohmann::json;

// What a gzip file holds, as the standard library reads files. zlib passes plain files through.
class GzipBuffer : public std::streambuf {
 public:
  explicit GzipBuffer(const std::string& path) : path_(path), file_(gzopen(path.c_str(), "rb")) {
    if (!file_) throw IoError(path, "cannot be opened");
  }
  ~GzipBuffer() override { gzclose(file_); }
  GzipBuffer(const GzipBuffer&) = delete;
  GzipBuffer& operator=(const GzipBuffer&) = delete;

 protected:
  int_type underflow() override {
    const int count = gzread(file_, block_.data(), static_cast<unsigned>(block_.size()));
    int error = Z_OK;
    const char* const reason = gzerror(file_, &error);
    if (count < 0 || (error != Z_OK && error != Z_STREAM_END)) {
      throw IoError(path_, std::string("is damaged or cut off: ") + reason);
    }
    if (count == 0) return traits_type::eof();
    setg(block_.data(), block_.data(), block_.data() + count);
    return traits_type::to_int_type(*gptr());
  }

 private:
  std::string path_;
  gzFile file_;
  std::array<char, 1 << 16> block_;
};

// The parser asks after each value whether to keep it; at the depth of the elements none is kept.
void walk(const std::string& path, bool object, const json::parser_callback_t& callback) {
  constexpr int kDeepest = 32;  // values are as deep in memory as in the text
  GzipBuffer buffer(path);
  std::istream stream(&buffer);
  const auto guarded = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > kDeepest) throw IoError(path, "is nested too deep");
    return callback(depth, event, value);
  };
  try {
    const json rest = json::parse(stream, guarded);
    if (object ? !rest.is_object() : !rest.is_array()) {
      throw IoError(path, object ? "is no JSON object" : "is no JSON list");
    }
  } catch (const json::exception& error) {
    throw IoError(path, std::string("is not the JSON expected: ") + error.what());
  }
}

}  // namespace

void for_each_element(const std::string& path, const std::function<void(const json&)>& use) {
  walk(path, false, [&](int depth, json::parse_event_t event, json& value) {
    if (depth != 1 ||
        (event != json::parse_event_t::object_end && event != json::parse_event_t::array_end)) {
      return true;
    }
    use(value);
    return false;
  });
}

void for_each_element_by_key(
    const std::string& path,
    const std::function<void(const std::string& key, const json& element)>& use) {
  std::string key;
  walk(path, true, [&](int depth, json::parse_event_t event, json& value) {
    if (depth == 1 && event == json::parse_event_t::key) key = value.get<std::string>();
    if (depth != 2 ||
        (event != json::parse_event_t::object_end && event != json::parse_event_t::array_end)) {
      return true;
    }
    use(key, value);
    return false;
  });
}

}  // namespace vggt::datasets
