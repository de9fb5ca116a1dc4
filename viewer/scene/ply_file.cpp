// SPDX-License-Identifier: Apache-2.0
#include "viewer/scene/ply_file.h"

#include "src/base/error.h"
#include "src/io/binary_file.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <sstream>
#include <string_view>

namespace vggt::viewer {
namespace {

constexpr uint64_t kLongestLine = 1 << 16;

enum class Type { kInt8, kUint8, kInt16, kUint16, kInt32, kUint32, kFloat, kDouble };

size_t size_of(Type type) {
  static constexpr size_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 8};
  return sizes[static_cast<size_t>(type)];
}

struct Property {
  std::string name;
  Type type = Type::kFloat;
  bool is_list = false;
  Type count_type = Type::kUint8;
};

struct Element {
  std::string name;
  uint64_t count = 0;
  std::vector<Property> properties;
};

enum class Format { kText, kLittle, kBig };

class PlyReader {
 public:
  explicit PlyReader(const std::string& path) : path_(path), file_(path) { read_header(); }

  Points read() {
    for (const Element& element : elements_) {
      if (element.name == "vertex") {
        read_vertices(element);
        return std::move(points_);
      }
      skip(element);
    }
    throw IoError(path_, "has no vertices");
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const { throw IoError(path_, reason); }

  std::string line() {
    std::string text = file_.text_until('\n', kLongestLine, "header");
    if (!text.empty() && text.back() == '\r') text.pop_back();
    return text;
  }

  Type type_of(const std::string& name) const {
    static const std::pair<const char*, Type> names[] = {{"char", Type::kInt8},
                                                         {"int8", Type::kInt8},
                                                         {"uchar", Type::kUint8},
                                                         {"uint8", Type::kUint8},
                                                         {"short", Type::kInt16},
                                                         {"int16", Type::kInt16},
                                                         {"ushort", Type::kUint16},
                                                         {"uint16", Type::kUint16},
                                                         {"int", Type::kInt32},
                                                         {"int32", Type::kInt32},
                                                         {"uint", Type::kUint32},
                                                         {"uint32", Type::kUint32},
                                                         {"float", Type::kFloat},
                                                         {"float32", Type::kFloat},
                                                         {"double", Type::kDouble},
                                                         {"float64", Type::kDouble}};
    for (const auto& [text, type] : names) {
      if (name == text) return type;
    }
    fail("property of unknown type '" + name + "'");
  }

  void read_header() {
    if (line() != "ply") fail("is no PLY file: its first line is not 'ply'");
    bool has_format = false;
    for (;;) {
      std::istringstream words(line());
      std::string word;
      words >> word;
      if (word == "end_header") break;
      if (word == "format") {
        words >> word;
        has_format = true;
        if (word == "ascii") {
          format_ = Format::kText;
        } else if (word == "binary_little_endian") {
          format_ = Format::kLittle;
        } else if (word == "binary_big_endian") {
          format_ = Format::kBig;
        } else {
          fail("unknown format '" + word + "'");
        }
      } else if (word == "element") {
        Element element;
        if (!(words >> element.name >> element.count)) fail("an element without name and count");
        elements_.push_back(element);
      } else if (word == "property") {
        if (elements_.empty()) fail("a property before the first element");
        Property property;
        words >> word;
        if (word == "list") {
          property.is_list = true;
          words >> word;
          property.count_type = type_of(word);
          words >> word;
        }
        property.type = type_of(word);
        if (!(words >> property.name)) fail("a property without a name");
        elements_.back().properties.push_back(property);
      }
    }
    if (!has_format) fail("does not say its format");
  }

  // Reads the rest of the file in large pieces: value by value would take most of the time.
  const char* bytes(size_t size) {
    if (size > end_ - begin_) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
      if (buffer_.size() < std::max(size, size_t{1} << 20))
        buffer_.resize(std::max(size, size_t{1} << 20));
      const auto more = std::min<uint64_t>(buffer_.size() - end_, file_.remaining());
      file_.bytes(buffer_.data() + end_, more, "vertices");
      end_ += more;
      if (size > end_) fail("is cut off: it ends before all that its header promises");
    }
    const char* out = buffer_.data() + begin_;
    begin_ += size;
    return out;
  }

  double text_number() {
    char letter = *bytes(1);
    while (letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r') letter = *bytes(1);
    std::string word;
    while (letter != ' ' && letter != '\t' && letter != '\n' && letter != '\r') {
      word += letter;
      // The last line's end may be missing.
      if (begin_ == end_ && file_.remaining() == 0) break;
      letter = *bytes(1);
    }
    double value = 0;
    const auto result = std::from_chars(word.data(), word.data() + word.size(), value);
    if (result.ec != std::errc() || result.ptr != word.data() + word.size()) {
      fail("'" + word.substr(0, 40) + "' is no number");
    }
    return value;
  }

  template <class T>
  double binary(const char* from) const {
    T value;
    char raw[sizeof(T)];
    std::memcpy(raw, from, sizeof(T));
    if (format_ == Format::kBig) std::reverse(raw, raw + sizeof(T));
    std::memcpy(&value, raw, sizeof(T));
    return static_cast<double>(value);
  }

  double value(Type type, const char* from) const {
    switch (type) {
      case Type::kInt8:
        return binary<int8_t>(from);
      case Type::kUint8:
        return binary<uint8_t>(from);
      case Type::kInt16:
        return binary<int16_t>(from);
      case Type::kUint16:
        return binary<uint16_t>(from);
      case Type::kInt32:
        return binary<int32_t>(from);
      case Type::kUint32:
        return binary<uint32_t>(from);
      case Type::kFloat:
        return binary<float>(from);
      case Type::kDouble:
        return binary<double>(from);
    }
    fail("unknown type");
  }

  double number(Type type) {
    return format_ == Format::kText ? text_number() : value(type, bytes(size_of(type)));
  }

  void skip(const Element& element) {
    for (uint64_t i = 0; i < element.count; ++i) {
      for (const Property& property : element.properties) skip(property);
    }
  }

  void skip(const Property& property) {
    double count = 1;
    if (property.is_list) count = number(property.count_type);
    for (double k = 0; k < count; ++k) number(property.type);
  }

  void read_vertices(const Element& element) {
    enum Field { kX, kY, kZ, kRed, kGreen, kBlue, kConfidence, kFrame, kError, kFields };
    static const char* const names[] = {
        "x", "y", "z", "red", "green", "blue", "confidence", "frame", "error"};
    std::array<int, kFields> place;
    place.fill(-1);
    size_t row_bytes = 0;
    bool has_list = false;
    std::vector<size_t> offsets;
    for (size_t p = 0; p < element.properties.size(); ++p) {
      std::string name = element.properties[p].name;
      if (name.starts_with("diffuse_")) name = name.substr(8);
      for (int f = 0; f < kFields; ++f) {
        if (name == names[f] && !element.properties[p].is_list) place[f] = static_cast<int>(p);
      }
      offsets.push_back(row_bytes);
      row_bytes += size_of(element.properties[p].type);
      has_list |= element.properties[p].is_list;
    }
    if (place[kX] < 0 || place[kY] < 0 || place[kZ] < 0) fail("its vertices have no x, y and z");
    // Believed only as far as the file can hold it.
    const uint64_t least_bytes =
        format_ == Format::kText ? 2 * element.properties.size() : std::max<size_t>(row_bytes, 1);
    const uint64_t left = file_.remaining() + (end_ - begin_) + 1;
    if (element.count > left / least_bytes) {
      fail("is cut off: its header promises " + std::to_string(element.count) + " vertices");
    }
    if (element.count > 4'000'000'000U) fail("has more than 4,000,000,000 points");
    const bool has_colour = place[kRed] >= 0 && place[kGreen] >= 0 && place[kBlue] >= 0;
    const auto count = static_cast<size_t>(element.count);
    points_.position.reserve(count);
    if (has_colour) points_.colour.reserve(count);
    if (place[kConfidence] >= 0) points_.confidence.reserve(count);
    if (place[kFrame] >= 0) points_.frame.reserve(count);
    if (place[kError] >= 0) points_.error.reserve(count);
    const double colour_scale = has_colour ? scale_of(element.properties[place[kRed]].type) : 1;
    std::vector<double> text(element.properties.size());
    for (size_t i = 0; i < count; ++i) {
      const char* row = nullptr;
      if (format_ == Format::kText || has_list) {
        for (size_t p = 0; p < element.properties.size(); ++p) {
          if (element.properties[p].is_list) {
            skip(element.properties[p]);
          } else {
            text[p] = number(element.properties[p].type);
          }
        }
      } else {
        row = bytes(row_bytes);
      }
      const auto get = [&](Field field) {
        const auto p = static_cast<size_t>(place[field]);
        return row ? value(element.properties[p].type, row + offsets[p]) : text[p];
      };
      const Vec3f position = {
          static_cast<float>(get(kX)), static_cast<float>(get(kY)), static_cast<float>(get(kZ))};
      if (!std::isfinite(position[0]) || !std::isfinite(position[1]) ||
          !std::isfinite(position[2])) {
        continue;
      }
      points_.position.push_back(position);
      if (has_colour) {
        const auto channel = [&](Field field) {
          const double level = get(field) * colour_scale;
          return static_cast<uint8_t>(level > 0 ? std::min(level, 255.0) : 0.0);
        };
        points_.colour.push_back({channel(kRed), channel(kGreen), channel(kBlue)});
      }
      if (place[kConfidence] >= 0) {
        points_.confidence.push_back(static_cast<float>(get(kConfidence)));
      }
      if (place[kFrame] >= 0) points_.frame.push_back(static_cast<int32_t>(get(kFrame)));
      if (place[kError] >= 0) points_.error.push_back(static_cast<float>(get(kError)));
    }
  }

  static double scale_of(Type type) {
    if (type == Type::kFloat || type == Type::kDouble) return 255;
    return type == Type::kUint16 ? 1.0 / 257 : 1;
  }

  std::string path_;
  BinaryReader file_;
  Format format_ = Format::kLittle;
  std::vector<Element> elements_;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  Points points_;
};

float linear(uint8_t srgb) {
  const double v = srgb / 255.0;
  return static_cast<float>(v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4));
}

}  // namespace

Points read_ply_points(const std::string& path) { return PlyReader(path).read(); }

void write_ply_points(const std::string& path,
                      const Points& points,
                      std::span<const uint32_t> chosen,
                      double scale) {
  const bool has_confidence = !points.confidence.empty();
  std::string header = "ply\nformat binary_little_endian 1.0\nelement vertex " +
                       std::to_string(chosen.size()) +
                       "\nproperty float x\nproperty float y\nproperty float z\n"
                       "property uchar red\nproperty uchar green\nproperty uchar blue\n";
  if (has_confidence) header += "property float confidence\n";
  header += "end_header\n";
  BinaryWriter file(path);
  file.bytes(header.data(), header.size());
  for (uint32_t i : chosen) {
    for (float x : points.position[i]) file.value(static_cast<float>(x * scale));
    const Rgb colour = points.colour.empty() ? Rgb{128, 128, 128} : points.colour[i];
    file.bytes(colour.data(), colour.size());
    if (has_confidence) file.value(points.confidence[i]);
  }
  file.close();
}

void write_glb_points(const std::string& path,
                      const Points& points,
                      std::span<const uint32_t> chosen,
                      double scale) {
  using Json = nlohmann::ordered_json;
  if (chosen.empty()) throw IoError(path, "there are no points to write");
  const size_t n = chosen.size();
  const uint64_t position_bytes = n * sizeof(Vec3f);
  const uint64_t colour_bytes = n * 4;  // padded to four bytes, as glTF wants it
  constexpr uint64_t kMostBytes = uint64_t{4'000'000'000};
  if (position_bytes + colour_bytes > kMostBytes) throw IoError(path, "too many points for glTF");
  Vec3f low = {1e30F, 1e30F, 1e30F};
  Vec3f high = {-1e30F, -1e30F, -1e30F};
  const auto turned = [&](uint32_t i) {
    const Vec3f& p = points.position[i];
    const auto s = static_cast<float>(scale);
    return Vec3f{p[0] * s, -p[1] * s, -p[2] * s};
  };
  for (uint32_t i : chosen) {
    const Vec3f p = turned(i);
    for (int c = 0; c < 3; ++c) {
      low[c] = std::min(low[c], p[c]);
      high[c] = std::max(high[c], p[c]);
    }
  }
  constexpr int kFloat = 5126;
  constexpr int kUbyte = 5121;
  constexpr int kArray = 34962;
  const Json json = {
      {"asset", {{"version", "2.0"}, {"generator", "vggt view"}}},
      {"scene", 0},
      {"scenes", {{{"nodes", {0}}}}},
      {"nodes", {{{"mesh", 0}, {"name", "points"}}}},
      {"meshes",
       {{{"primitives", {{{"attributes", {{"POSITION", 0}, {"COLOR_0", 1}}}, {"mode", 0}}}}}}},
      {"accessors",
       {{{"bufferView", 0},
         {"componentType", kFloat},
         {"count", n},
         {"type", "VEC3"},
         {"min", low},
         {"max", high}},
        {{"bufferView", 1},
         {"componentType", kUbyte},
         {"normalized", true},
         {"count", n},
         {"type", "VEC4"}}}},
      {"bufferViews",
       {{{"buffer", 0}, {"byteOffset", 0}, {"byteLength", position_bytes}, {"target", kArray}},
        {{"buffer", 0},
         {"byteOffset", position_bytes},
         {"byteLength", colour_bytes},
         {"target", kArray}}}},
      {"buffers", {{{"byteLength", position_bytes + colour_bytes}}}}};
  std::string text = json.dump();
  text.resize((text.size() + 3) / 4 * 4, ' ');
  constexpr uint32_t kJsonChunk = 0x4E4F534A;
  constexpr uint32_t kBinaryChunk = 0x004E4942;
  BinaryWriter file(path);
  file.bytes("glTF", 4);
  file.value<uint32_t>(2);
  file.value(static_cast<uint32_t>(28 + text.size() + position_bytes + colour_bytes));
  file.value(static_cast<uint32_t>(text.size()));
  file.value(kJsonChunk);
  file.bytes(text.data(), text.size());
  file.value(static_cast<uint32_t>(position_bytes + colour_bytes));
  file.value(kBinaryChunk);
  for (uint32_t i : chosen) {
    for (float x : turned(i)) file.value(x);
  }
  for (uint32_t i : chosen) {
    const Rgb colour = points.colour.empty() ? Rgb{128, 128, 128} : points.colour[i];
    for (uint8_t channel : colour) {
      file.value(static_cast<uint8_t>(std::lround(255 * linear(channel))));
    }
    file.value<uint8_t>(255);
  }
  file.close();
}

}  // namespace vggt::viewer
