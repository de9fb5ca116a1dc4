// SPDX-License-Identifier: Apache-2.0
#include "src/image/report_page.h"

#include "src/base/error.h"
#include "src/image/colouring.h"
#include "src/image/page_points.h"
#include "src/image/scene_view.h"
#include "src/io/binary_file.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace vggt {

// report_page.html, made into an object by the build.
extern const unsigned char report_page_html[];
extern const size_t report_page_html_size;

namespace {

using Json = nlohmann::ordered_json;

// What text may take of the page, so that most is left for points and pictures.
constexpr size_t kMaxReportBytes = 500'000;
constexpr size_t kMaxPhotoFactsBytes = 1'200'000;
constexpr size_t kMaxNameBytes = 200;
constexpr size_t kMaxTextBytes = 500;
constexpr size_t kMaxMembers = 100;
constexpr int kMaxNesting = 8;

// Long side of the pictures: the largest that fits is taken. Smaller ones show nothing, so that
// rather some photos go without.
constexpr std::array<int, 8> kPictureSizes_px = {480, 384, 320, 256, 208, 160, 128, 96};
constexpr int kJpegQuality = 82;

// ---- Text -------------------------------------------------------------------------------------

// Six digits are more than a page shows and a third of the characters.
double rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", value);
  return std::strtod(text, nullptr);
}

// At most `limit` bytes and a mark; whole UTF-8 characters.
std::string cut(const std::string& text, size_t limit) {
  if (text.size() <= limit) return text;
  size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "\xE2\x80\xA6";
}

std::string more(size_t count) { return "and " + std::to_string(count) + " more in report.json"; }

Json shortened(const Json& value, int nesting = 0) {
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    return std::isfinite(number) ? Json(rounded(number)) : Json(nullptr);
  }
  if (value.is_string()) return cut(value.get_ref<const std::string&>(), kMaxTextBytes);
  if (!value.is_structured()) return value;
  if (nesting == kMaxNesting) return "in report.json";
  Json result = value.is_array() ? Json::array() : Json::object();
  size_t count = 0;
  for (const auto& [key, member] : value.items()) {
    if (count++ == kMaxMembers) break;
    if (value.is_array()) {
      result.push_back(shortened(member, nesting + 1));
    } else {
      result[cut(key, kMaxNameBytes)] = shortened(member, nesting + 1);
    }
  }
  if (value.size() > kMaxMembers && value.is_array()) {
    result.push_back(more(value.size() - kMaxMembers));
  } else if (value.size() > kMaxMembers) {
    result["further"] = more(value.size() - kMaxMembers);
  }
  return result;
}

// For a <script> element: no "<" can end it. File names need not be UTF-8; JSON must be.
std::string script_text(const Json& json) {
  const std::string dumped = json.dump(-1, ' ', true, Json::error_handler_t::replace);
  std::string result;
  result.reserve(dumped.size());
  for (const char c : dumped) {
    if (c == '<') {
      result += "\\u003c";
    } else {
      result += c;
    }
  }
  return result;
}

// The report but for its photos.
Json general_facts(const Json& report) {
  Json facts = Json::object();
  if (report.is_object()) {
    for (const auto& [key, value] : report.items()) {
      if (key != "photos") facts[key] = value;
    }
  }
  facts = shortened(facts);
  if (script_text(facts).size() <= kMaxReportBytes) return facts;
  return {{"note", "the report is too long for this page: see report.json"}};
}

Json photo_facts(const Json& entry, size_t limit) {
  Json facts = shortened(entry);
  if (facts.is_object() && script_text(facts).size() > limit) {
    Json plain = Json::object();
    for (const auto& [key, value] : facts.items()) {
      if (value.is_primitive() || key == "depth") plain[key] = value;
    }
    facts = plain;
  }
  return facts.is_object() && script_text(facts).size() <= limit ? facts : Json::object();
}

// ---- Cameras and pictures ---------------------------------------------------------------------

// The part of the network input that shows the photo, without padding; half-open.
cv::Rect shown_part(const PixelMap& map, int width, int height) {
  const auto bound = [](double value, int size) {
    return static_cast<int>(std::lround(std::clamp(value, 0.0, static_cast<double>(size))));
  };
  const double right = map.offset_x_px + map.scale_x * static_cast<double>(map.upright_width_px());
  const double bottom =
      map.offset_y_px + map.scale_y * static_cast<double>(map.upright_height_px());
  const cv::Point from(bound(map.offset_x_px, width), bound(map.offset_y_px, height));
  const cv::Point to(bound(right, width), bound(bottom, height));
  const cv::Rect part(from, to);
  return part.area() > 0 ? part : cv::Rect(0, 0, width, height);
}

// Null where a number is not usable. "slopes" are x / z and y / z of the photo's edges: left, top,
// right, bottom.
Json page_camera(const Camera& camera, const cv::Rect& part) {
  if (!(camera.fx_px > 0 && camera.fy_px > 0)) return nullptr;
  const auto slope = [](double edge_px, double centre_px, double focal_px) {
    constexpr double kWidest = 3;  // beyond it a frustum is no longer a picture of a camera
    return rounded(std::clamp((edge_px - centre_px) / focal_px, -kWidest, kWidest));
  };
  const auto centre = camera.centre_in_world();
  Json json = {{"centre", Json::array()},
               {"axes", Json::array()},
               {"slopes",
                {slope(part.x, camera.cx_px, camera.fx_px),
                 slope(part.y, camera.cy_px, camera.fy_px),
                 slope(part.x + part.width, camera.cx_px, camera.fx_px),
                 slope(part.y + part.height, camera.cy_px, camera.fy_px)}}};
  for (const double value : centre) json["centre"].push_back(rounded(value));
  for (const double value : camera.rotation) json["axes"].push_back(rounded(value));
  for (const auto& [key, values] : json.items()) {
    for (const Json& value : values) {
      if (!std::isfinite(value.get<double>())) return nullptr;
    }
  }
  return json;
}

std::string hex_colour(const cv::Scalar& bgr) {
  char text[8];
  std::snprintf(text,
                sizeof(text),
                "#%02x%02x%02x",
                static_cast<unsigned>(bgr[2]) & 255,
                static_cast<unsigned>(bgr[1]) & 255,
                static_cast<unsigned>(bgr[0]) & 255);
  return text;
}

std::string encoded(const cv::Mat& picture,
                    const char* extension,
                    const std::vector<int>& parameters = {}) {
  std::vector<uint8_t> bytes;
  if (!cv::imencode(extension, picture, bytes, parameters)) {
    throw IoError("report page", std::string("a picture cannot be encoded as ") + extension);
  }
  return base64(bytes.data(), bytes.size());
}

// Photo, depth and confidence of views as JPEG.
class Pictures {
 public:
  explicit Pictures(const Reconstruction& reconstruction)
      : reconstruction_(reconstruction),
        depth_range_(robust_range(reconstruction.depth, ColourScale::kDepth)),
        confidence_range_(robust_range(reconstruction.confidence, ColourScale::kConfidence)) {}

  Json of_view(int64_t view, int size_px) const {
    const cv::Mat depth = coloured(reconstruction_.depth[view], depth_range_, ColourScale::kDepth);
    const cv::Mat confidence =
        coloured(reconstruction_.confidence[view], confidence_range_, ColourScale::kConfidence);
    return {jpeg(bgr_picture(reconstruction_.images[view]), view, size_px),
            jpeg(depth, view, size_px),
            jpeg(confidence, view, size_px)};
  }

  // The colour bars, from low to high, with the values of their ends.
  Json scales() const {
    return {{"depth", scale(depth_range_, ColourScale::kDepth)},
            {"confidence", scale(confidence_range_, ColourScale::kConfidence)}};
  }

 private:
  std::string jpeg(const cv::Mat& picture, int64_t view, int size_px) const {
    const PixelMap& map = reconstruction_.views[static_cast<size_t>(view)].map;
    const cv::Mat part = picture(shown_part(map, picture.cols, picture.rows));
    const double share = static_cast<double>(size_px) / std::max(part.cols, part.rows);
    cv::Mat scaled = part;
    if (share < 1) {
      const auto side = [share](int px) {
        return std::max(1, static_cast<int>(std::lround(share * px)));
      };
      cv::resize(part, scaled, {side(part.cols), side(part.rows)}, 0, 0, cv::INTER_AREA);
    }
    return encoded(
        scaled, ".jpg", {cv::IMWRITE_JPEG_QUALITY, kJpegQuality, cv::IMWRITE_JPEG_OPTIMIZE, 1});
  }

  static Json scale(const ValueRange& range, ColourScale scale) {
    cv::Mat levels(1, 256, CV_8U);
    for (int i = 0; i < levels.cols; ++i) levels.at<uint8_t>(0, i) = static_cast<uint8_t>(i);
    const bool depth = scale == ColourScale::kDepth;
    return {{"png", encoded(colour_map(levels, scale), ".png")},
            {"low", rounded(depth ? range.high : range.low)},
            {"high", rounded(depth ? range.low : range.high)}};
  }

  const Reconstruction& reconstruction_;
  ValueRange depth_range_;
  ValueRange confidence_range_;
};

// `count` of 0..total-1, first and last included.
std::vector<int64_t> evenly(int64_t count, int64_t total) {
  std::vector<int64_t> chosen;
  for (int64_t k = 0; k < count; ++k) {
    chosen.push_back(count == 1 ? 0 : k * (total - 1) / (count - 1));
  }
  return chosen;
}

size_t text_bytes(const Json& pictures) {
  size_t bytes = 0;
  for (const Json& picture : pictures) bytes += picture.get_ref<const std::string&>().size();
  return bytes + 40;  // their quotes, and the key
}

// Adds "pictures" to as many of `photos` as `budget` bytes allow, as large as they allow, and
// returns how many have them. A few tell what all will take.
int64_t add_pictures(Json& photos, const Pictures& pictures, size_t budget) {
  const auto rows = static_cast<int64_t>(photos.size());
  const auto view_of = [&](int64_t row) {
    return photos[static_cast<size_t>(row)]["index"].get<int64_t>();
  };
  for (const int size_px : kPictureSizes_px) {
    const bool smallest = size_px == kPictureSizes_px.back();
    const std::vector<int64_t> probes = evenly(std::min<int64_t>(rows, 6), rows);
    size_t sum = 0;
    for (const int64_t row : probes) sum += text_bytes(pictures.of_view(view_of(row), size_px));
    const double expected = static_cast<double>(sum) / static_cast<double>(probes.size());
    const auto fitting = static_cast<int64_t>(static_cast<double>(budget) / expected);
    if (fitting < rows && !smallest) continue;

    const std::vector<int64_t> chosen = evenly(std::min(rows, fitting), rows);
    std::vector<Json> made;
    size_t used = 0;
    for (const int64_t row : chosen) {
      made.push_back(pictures.of_view(view_of(row), size_px));
      used += text_bytes(made.back());
    }
    if (used > budget && !smallest) continue;
    // Of the smallest, if they take more than was expected, an even choice again.
    auto kept = static_cast<int64_t>(made.size());
    if (used > budget) kept = kept * static_cast<int64_t>(budget) / static_cast<int64_t>(used);
    used = 0;
    int64_t added = 0;
    for (const int64_t k : evenly(kept, static_cast<int64_t>(made.size()))) {
      used += text_bytes(made[static_cast<size_t>(k)]);
      if (used > budget) break;
      photos[static_cast<size_t>(chosen[static_cast<size_t>(k)])]["pictures"] =
          std::move(made[static_cast<size_t>(k)]);
      ++added;
    }
    return added;
  }
  return 0;
}

// ---- The page ---------------------------------------------------------------------------------

Json page_photos(const Reconstruction& reconstruction, const Json& report) {
  const auto views = static_cast<int64_t>(reconstruction.views.size());
  const int64_t rows = std::min(views, kMaxReportPagePhotos);
  const Json* entries = nullptr;
  if (report.is_object() && report.contains("photos") && report["photos"].is_array() &&
      report["photos"].size() == reconstruction.views.size()) {
    entries = &report["photos"];
  }
  Json photos = Json::array();
  for (const int64_t s : evenly(rows, views)) {
    const View& view = reconstruction.views[static_cast<size_t>(s)];
    const cv::Rect part = shown_part(view.map,
                                     static_cast<int>(reconstruction.depth.size(2)),
                                     static_cast<int>(reconstruction.depth.size(1)));
    Json photo = {{"index", s},
                  {"name", cut(view.name, kMaxNameBytes)},
                  {"colour", hex_colour(camera_colour(s, views))},
                  {"camera", page_camera(view.camera, part)}};
    if (entries) {
      photo["facts"] = photo_facts((*entries)[static_cast<size_t>(s)], kMaxPhotoFactsBytes / rows);
    }
    photos.push_back(std::move(photo));
  }
  return photos;
}

// Writes the template with each {{mark}} replaced by its text.
void write_filled(const std::string& path,
                  const std::vector<std::pair<std::string_view, const std::string*>>& marks) {
  std::string_view rest(reinterpret_cast<const char*>(report_page_html), report_page_html_size);
  BinaryWriter file(path);
  for (const auto& [mark, text] : marks) {
    const size_t at = rest.find(mark);
    TORCH_INTERNAL_ASSERT(at != std::string_view::npos, "report_page.html lacks ", mark);
    file.bytes(rest.data(), at);
    file.bytes(text->data(), text->size());
    rest.remove_prefix(at + mark.size());
  }
  file.bytes(rest.data(), rest.size());
  file.close();
}

}  // namespace

void write_report_page(const std::string& path,
                       const Reconstruction& reconstruction,
                       const Json& report) {
  const auto views = static_cast<int64_t>(reconstruction.views.size());
  TORCH_CHECK(views > 0 && reconstruction.images.size(0) == views &&
                  reconstruction.depth.size(0) == views &&
                  reconstruction.confidence.size(0) == views,
              "write_report_page: images, depth and confidence must have one frame per view");
  const PagePoints points = draw_page_points(reconstruction.points, kMaxReportPagePoints);
  const std::string points_text = base64(points.bytes.data(), points.bytes.size());
  const Pictures pictures(reconstruction);
  const cv::Vec3d up = scene_up(reconstruction);

  Json data = {{"report", general_facts(report)},
               {"note", cut(reconstruction.note, kMaxTextBytes)},
               {"photo_count", views},
               {"scales", pictures.scales()},
               {"up", {rounded(up[0]), rounded(up[1]), rounded(up[2])}},
               {"points",
                {{"count", points.count},
                 {"total", reconstruction.points.size()},
                 {"centre", points.centre},
                 {"step", points.step}}},
               {"picture_count", 0},
               {"photos", page_photos(reconstruction, report)}};
  constexpr size_t kSpare = 1000;  // for what the lines below add
  const size_t taken =
      report_page_html_size + points_text.size() + script_text(data).size() + kSpare;
  const size_t limit = kMaxReportPageBytes;
  if (taken < limit) {
    data["picture_count"] = add_pictures(data["photos"], pictures, limit - taken);
  }
  const std::string data_text = script_text(data);
  write_filled(path, {{"{{data}}", &data_text}, {"{{points}}", &points_text}});
}

}  // namespace vggt
