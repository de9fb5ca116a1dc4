// SPDX-License-Identifier: Apache-2.0
#include "src/image/report_page.h"

#include "src/base/error.h"
#include "src/image/page_points.h"
#include "tests/support/plane_and_box.h"
#include "tests/support/temporary_folder.h"

#include <ATen/ATen.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace vggt {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

PixelMap map_of(int64_t width, int64_t height) {
  PixelMap map;
  map.stored_width_px = map.network_width_px = width;
  map.stored_height_px = map.network_height_px = height;
  return map;
}

std::vector<std::string> names(int64_t views) {
  std::vector<std::string> result;
  for (int64_t s = 0; s < views; ++s) result.push_back("photo" + std::to_string(s) + ".jpg");
  return result;
}

Reconstruction scene(int64_t views, int64_t width = 98, int64_t height = 70) {
  return PlaneAndBox(views).reconstruct({static_cast<size_t>(views), map_of(width, height)},
                                        names(views));
}

// Pictures of noise, which no encoder makes small.
Reconstruction noise(int64_t views, int64_t points, int64_t width, int64_t height) {
  at::manual_seed(0);
  const PlaneAndBox cameras(views);
  Reconstruction result;
  for (int64_t s = 0; s < views; ++s) {
    result.views.push_back({names(views)[static_cast<size_t>(s)],
                            map_of(width, height),
                            cameras.camera(s, width, height)});
  }
  result.images = at::rand({views, 3, height, width});
  result.depth = 1 + at::rand({views, height, width});
  result.confidence = 1 + at::rand({views, height, width});
  result.points.position = at::rand({points, 3}) * 4 - 1;
  result.points.colour = at::randint(0, 256, {points, 3}, at::kByte);
  result.points.confidence = 1 + at::rand({points});
  result.points.frame = (at::arange(points) * views).div(points, "floor").to(at::kInt);
  result.points.pixel = at::zeros({points, 2}, at::kInt);
  return result;
}

std::string page_of(const Reconstruction& reconstruction, const Json& report = Json::object()) {
  TemporaryFolder folder;
  write_report_page(folder.file("report.html"), reconstruction, report);
  return read_bytes(folder.file("report.html"));
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// What a browser takes as the text of the script element of that id.
std::string script_of(const std::string& page, const std::string& id) {
  const size_t start = page.find('>', page.find("id=\"" + id + "\"")) + 1;
  return page.substr(start, page.find("</script", start) - start);
}

Json data_of(const std::string& page) { return Json::parse(script_of(page, "data")); }

std::vector<uint8_t> decoded(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<uint8_t> bytes;
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(digits.find(c));
    held += 6;
    if (held >= 8) bytes.push_back(static_cast<uint8_t>(bits >> (held -= 8)));
  }
  return bytes;
}

// (x, y, z) in steps, (r, g, b).
using Point = std::array<int, 6>;

std::vector<Point> points_of(const std::string& page) {
  const auto total = data_of(page)["points"]["count"].get<size_t>();
  const std::vector<uint8_t> bytes = decoded(script_of(page, "points"));
  EXPECT_EQ(bytes.size(), 9 * total);
  std::vector<Point> points(total);
  for (size_t i = 0; i < total; ++i) {
    int16_t levels[3];
    std::memcpy(levels, bytes.data() + 6 * i, sizeof(levels));
    const uint8_t* rgb = bytes.data() + 6 * total + 3 * i;
    points[i] = {levels[0], levels[1], levels[2], rgb[0], rgb[1], rgb[2]};
  }
  return points;
}

TEST(Base64, IsAsInItsStandard) {
  const auto encoded = [](const std::string& text) {
    return base64(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  };
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("f"), "Zg==");
  EXPECT_EQ(encoded("fo"), "Zm8=");
  EXPECT_EQ(encoded("foo"), "Zm9v");
  EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encoded("\xFF\xFE\xFD"), "//79");
}

TEST(ReportPage, PointsAndColoursDecodeToTheCloudsWithinAStep) {
  const Reconstruction reconstruction = scene(6);
  const std::string page = page_of(reconstruction);
  const Json box = data_of(page)["points"];
  std::vector<Point> expected;
  const float* xyz = reconstruction.points.position.const_data_ptr<float>();
  const uint8_t* rgb = reconstruction.points.colour.const_data_ptr<uint8_t>();
  for (int64_t i = 0; i < reconstruction.points.size(); ++i) {
    Point point;
    for (size_t k = 0; k < 3; ++k) {
      const double offset = xyz[3 * i + static_cast<int64_t>(k)] - box["centre"][k].get<double>();
      point[k] = static_cast<int>(std::lround(offset / box["step"][k].get<double>()));
      point[3 + k] = rgb[3 * i + static_cast<int64_t>(k)];
    }
    expected.push_back(point);
  }
  std::vector<Point> actual = points_of(page);
  std::sort(actual.begin(), actual.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_TRUE(actual == expected);  // the floor ends at its edges: no point is far out
  for (const Json& step : box["step"]) EXPECT_LT(step.get<double>(), 15.0 / 32767);
}

TEST(ReportPage, FarAndNotFinitePointsAreLeftOutAndTheOthersKeepTheirPrecision) {
  Reconstruction reconstruction = scene(3);
  const int64_t total = reconstruction.points.size();
  const double step = data_of(page_of(reconstruction))["points"]["step"][0].get<double>();
  reconstruction.points.position.slice(0, 0, 20).fill_(kNan);
  reconstruction.points.position.slice(0, 20, 40).fill_(-kInfinity);
  reconstruction.points.position.slice(0, 40, 60).fill_(1e30f);
  const Json points = data_of(page_of(reconstruction))["points"];
  EXPECT_EQ(points["count"], total - 60);
  EXPECT_EQ(points["total"], total);
  EXPECT_LT(points["step"][0].get<double>(), 1.5 * step);
}

TEST(PagePoints, AreDrawnEvenlyFromTheWholeCloudAndFromEachBeginningOfTheDraw) {
  constexpr int64_t kTotal = 2000000;
  PointCloud cloud;
  cloud.position = at::arange(kTotal).to(at::kFloat).div(kTotal).unsqueeze(1).repeat({1, 3});
  cloud.colour = at::zeros({kTotal, 3}, at::kByte);
  const PagePoints points = draw_page_points(cloud, 30000);
  EXPECT_EQ(points.count, 30000);
  for (const int64_t beginning : {points.count, int64_t{1000}}) {
    std::array<int, 10> tenths = {};
    for (int64_t i = 0; i < beginning; ++i) {
      int16_t level;
      std::memcpy(&level, points.bytes.data() + 6 * i, sizeof(level));
      const double x = points.centre[0] + points.step[0] * level;
      ++tenths[static_cast<size_t>(std::clamp(10 * x, 0.0, 9.99))];
    }
    for (const int tenth : tenths) EXPECT_NEAR(tenth, static_cast<double>(beginning) / 10, 4);
  }
  EXPECT_EQ(draw_page_points(cloud, 30000).bytes, points.bytes);
}

// A flat scene, a single point and none have no box of their own.
TEST(PagePoints, FewAndFlatPointsAreKept) {
  PointCloud cloud;
  EXPECT_EQ(draw_page_points(cloud, 10).count, 0);
  cloud.position = at::full({1, 3}, 5.0f);
  cloud.colour = at::zeros({1, 3}, at::kByte);
  EXPECT_EQ(draw_page_points(cloud, 10).count, 1);
  EXPECT_EQ(draw_page_points(cloud, 10).centre[2], 5);
  cloud.position = at::rand({1000, 3});
  cloud.position.select(1, 1).fill_(2);
  cloud.position[7][1] = 2.01f;
  cloud.colour = at::zeros({1000, 3}, at::kByte);
  EXPECT_EQ(draw_page_points(cloud, 1000).count, 1000);
}

TEST(ReportPage, StaysBelow8MBWith400ViewsOfNoiseAnd2MillionPoints) {
  const Reconstruction reconstruction = noise(400, 2000000, 154, 112);
  Json report;
  for (int64_t s = 0; s < 400; ++s) {
    report["photos"].push_back({{"name", "x"}, {"values", std::vector<double>(100, 1.0 / 3)}});
  }
  const std::string page = page_of(reconstruction, report);
  EXPECT_LE(page.size(), size_t{8000000});
  EXPECT_GT(page.size(), size_t{7000000});  // the room is used
  const Json data = data_of(page);
  EXPECT_EQ(data["points"]["count"], 300000);
  EXPECT_EQ(data["photos"].size(), 400U);
  int64_t pictures = 0;
  for (const Json& photo : data["photos"]) pictures += photo.contains("pictures");
  EXPECT_EQ(data["picture_count"], pictures);
  EXPECT_GT(pictures, 50);
  EXPECT_LT(pictures, 400);
  EXPECT_TRUE(data["photos"].front().contains("pictures"));
  EXPECT_TRUE(data["photos"].back().contains("pictures"));
}

TEST(ReportPage, ListsAnEvenChoiceOfVeryManyPhotos) {
  const Json data = data_of(page_of(noise(1500, 100, 14, 14)));
  EXPECT_EQ(data["photo_count"], 1500);
  ASSERT_EQ(data["photos"].size(), 1000U);
  EXPECT_EQ(data["photos"].front()["index"], 0);
  EXPECT_EQ(data["photos"].back()["name"], "photo1499.jpg");
}

TEST(ReportPage, PicturesAreThePhotosTheirDepthAndConfidence) {
  Reconstruction reconstruction = scene(2);
  reconstruction.images[0][0].fill_(1);
  reconstruction.images[0][1].fill_(0.5);
  reconstruction.images[0][2].fill_(0);
  reconstruction.depth.slice(2, 0, 49).fill_(1);
  reconstruction.depth.slice(2, 49, 98).fill_(10);
  const Json pictures = data_of(page_of(reconstruction))["photos"][0]["pictures"];
  ASSERT_EQ(pictures.size(), 3U);
  const cv::Mat photo = cv::imdecode(decoded(pictures[0]), cv::IMREAD_COLOR);
  ASSERT_EQ(photo.size(), cv::Size(98, 70));
  const auto orange = photo.at<cv::Vec3b>(35, 49);
  EXPECT_NEAR(orange[2], 255, 5);
  EXPECT_NEAR(orange[1], 128, 5);
  EXPECT_NEAR(orange[0], 0, 5);
  const cv::Mat depth = cv::imdecode(decoded(pictures[1]), cv::IMREAD_COLOR);
  const auto near = depth.at<cv::Vec3b>(35, 20);
  const auto far = depth.at<cv::Vec3b>(35, 80);
  EXPECT_GT(near[2], near[0] + 50);  // red over blue
  EXPECT_GT(far[0], far[2]);         // blue over red
}

// Padding is no part of a photo: neither of its picture nor of its frustum.
TEST(ReportPage, PaddingIsCutOff) {
  Reconstruction reconstruction = scene(1, 100, 100);
  PixelMap& map = reconstruction.views[0].map;
  map.stored_width_px = 200;
  map.stored_height_px = 100;
  map.scale_x = map.scale_y = 0.5;
  map.offset_y_px = 25;
  const Json photo = data_of(page_of(reconstruction))["photos"][0];
  const cv::Mat picture = cv::imdecode(decoded(photo["pictures"][0]), cv::IMREAD_COLOR);
  EXPECT_EQ(picture.size(), cv::Size(100, 50));
  const Camera& camera = reconstruction.views[0].camera;
  EXPECT_NEAR(photo["camera"]["slopes"][0].get<double>(), -50 / camera.fx_px, 1e-5);
  EXPECT_NEAR(photo["camera"]["slopes"][1].get<double>(), -25 / camera.fy_px, 1e-5);
  EXPECT_NEAR(photo["camera"]["slopes"][3].get<double>(), 25 / camera.fy_px, 1e-5);
}

TEST(ReportPage, NoTextCanBecomeMarkup) {
  const std::string evil = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>\"'&";
  Reconstruction reconstruction = scene(2);
  const std::string plain = page_of(reconstruction);
  reconstruction.views[0].name = evil;
  reconstruction.views[1].name = "\xC3\xA4\xE6\x97\xA5\xFF\n%s{{points}}{{data}}.jpg";
  reconstruction.note = evil;
  const Json report = {
      {evil, evil}, {"warnings", {evil}}, {"photos", {{{"name", evil}}, {{evil, 1}}}}};
  const std::string page = page_of(reconstruction, report);
  for (const char* mark : {"<script", "</script", "<!--", "<img"}) {
    EXPECT_EQ(count(page, mark), count(plain, mark)) << mark;
  }
  const Json data = data_of(page);
  EXPECT_EQ(data["photos"][0]["name"], evil);
  EXPECT_THAT(data["photos"][1]["name"].get<std::string>(),
              HasSubstr("\n%s{{points}}{{data}}.jpg"));
  EXPECT_EQ(data["note"], evil);
  EXPECT_EQ(data["report"][evil], evil);
  EXPECT_EQ(data["photos"][1]["facts"][evil], 1);
  EXPECT_EQ(points_of(page).size(), static_cast<size_t>(reconstruction.points.size()));
}

TEST(ReportPage, LoadsNothingFromAnywhere) {
  const std::string page = page_of(scene(2));
  for (const char* way :
       {"http:", "https:", "src=\"//", "href=\"//", "@import", "url(", "fetch("}) {
    EXPECT_THAT(page, Not(HasSubstr(way)));
  }
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_EQ(count(page, "{{"), 0U);
}

TEST(ReportPage, ShowsFieldsThatItDoesNotKnowAndMissesNone) {
  const Reconstruction reconstruction = scene(2);
  for (const Json& report : {Json(), Json::object(), Json::array({1}), Json("text")}) {
    EXPECT_EQ(data_of(page_of(reconstruction, report))["photos"].size(), 2U);
  }
  Json report = {{"photos", Json::array({1, "x", nullptr})},  // of three photos, not of these
                 {"skipped", {{"count", 3}, {"files", std::vector<std::string>(5000, "a.jpg")}}},
                 {"not_a_number", kNan}};
  const Json data = data_of(page_of(reconstruction, report));
  EXPECT_FALSE(data["report"].contains("photos"));
  EXPECT_EQ(data["report"]["skipped"]["count"], 3);
  EXPECT_EQ(data["report"]["skipped"]["files"].size(), 101U);
  EXPECT_THAT(data["report"]["skipped"]["files"].back().get<std::string>(), HasSubstr("4900 more"));
  EXPECT_TRUE(data["report"]["not_a_number"].is_null());
  EXPECT_FALSE(data["photos"][0].contains("facts"));
}

TEST(ReportPage, ALongReportDoesNotTakeThePage) {
  Json report;
  for (int i = 0; i < 100; ++i) {
    for (int k = 0; k < 100; ++k) {
      report["x" + std::to_string(i)].push_back(std::string(10000, 'x'));
    }
  }
  report["photos"] = {{{"points", 7}, {"big", report}}, {{"points", 8}}};
  const std::string page = page_of(scene(2), report);
  EXPECT_LT(page.size(), size_t{1000000});
  EXPECT_THAT(data_of(page)["report"]["note"].get<std::string>(), HasSubstr("report.json"));
  EXPECT_EQ(data_of(page)["photos"][0]["facts"]["points"], 7);
}

TEST(ReportPage, ValuesThatAreNotFiniteDoNoHarm) {
  Reconstruction reconstruction = scene(4);
  reconstruction.views[1].camera.translation[0] = kNan;
  reconstruction.views[2].camera.fx_px = 0;
  reconstruction.views[3].camera.fy_px = kInfinity;
  Json data = data_of(page_of(reconstruction));
  EXPECT_TRUE(data["photos"][0]["camera"].is_object());
  EXPECT_TRUE(data["photos"][1]["camera"].is_null());
  EXPECT_TRUE(data["photos"][2]["camera"].is_null());
  reconstruction.images.fill_(kNan);
  reconstruction.depth.fill_(kNan);
  reconstruction.confidence.fill_(kInfinity);
  reconstruction.points.position.fill_(kNan);
  for (View& view : reconstruction.views) view.camera.rotation.fill(kNan);
  data = data_of(page_of(reconstruction));
  EXPECT_EQ(data["points"]["count"], 0);
  EXPECT_EQ(data["picture_count"], 4);
  reconstruction.points = {};
  EXPECT_EQ(data_of(page_of(reconstruction))["points"]["total"], 0);
}

TEST(ReportPage, AFileThatCannotBeWrittenIsAnIoError) {
  TemporaryFolder folder;
  EXPECT_THROW(write_report_page(folder.file("none/report.html"), scene(1), {}), IoError);
}

}  // namespace
}  // namespace vggt
