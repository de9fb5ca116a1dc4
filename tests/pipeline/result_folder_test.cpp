// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/result_folder.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "src/base/error.h"
#include "src/io/npy.h"
#include "src/pipeline/export.h"
#include "tests/support/message_of.h"
#include "tests/support/plane_and_box.h"
#include "tests/support/temporary_folder.h"

namespace vggt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

// A result as `vggt reconstruct` writes it, as far as it is read back.
class ResultFolder : public ::testing::Test {
 protected:
  ResultFolder() {
    PixelMap map;
    map.stored_width_px = 196;
    map.stored_height_px = 140;
    map.network_width_px = 98;
    map.network_height_px = 70;
    map.scale_x = map.scale_y = 0.5;
    scene_ = PlaneAndBox(2).reconstruct({map, map}, {"a.jpg", "below/b.jpg"});
    scene_.note = "synthetic weights";
    write_files(result_files(scene_, folder_.path()));
    report_["network_input"] = {{"width_px", 98}, {"height_px", 70}};
    report_["note"] = scene_.note;
    report_["photos"] = {view_to_json(scene_.views[0], "a"),
                         view_to_json(scene_.views[1], "below/b")};
    write_report();
  }

  void write_report() { folder_.write("report.json", report_.dump()); }

  // What reading says once the report is changed.
  std::string complaint() {
    write_report();
    return message_of<IoError>([&] { read_result(folder_.path()); });
  }

  TemporaryFolder folder_;
  Reconstruction scene_;
  Json report_;
};

TEST_F(ResultFolder, IsReadBackAsItWas) {
  const Reconstruction read = read_result(folder_.path());
  EXPECT_TRUE(at::equal(read.depth, scene_.depth));
  EXPECT_TRUE(at::equal(read.confidence, scene_.confidence));
  EXPECT_TRUE(at::equal(read.points.position, scene_.points.position));
  EXPECT_EQ(read.note, scene_.note);
  ASSERT_EQ(read.views.size(), 2u);
  EXPECT_EQ(read.views[1].name, "below/b.jpg");
  EXPECT_EQ(read.views[1].camera.translation, scene_.views[1].camera.translation);
  EXPECT_EQ(read.views[1].camera.rotation, scene_.views[1].camera.rotation);
  EXPECT_EQ(read.views[0].map.scale_x, 0.5);
  EXPECT_EQ(read.views[0].map.network_width_px, 98);
}

TEST_F(ResultFolder, CanBeLeftHalfRead) {
  int64_t photos = 0;
  const ProgressCallback stop = [&](const Progress& progress) {
    photos = progress.done;
    return progress.done < 1;
  };
  EXPECT_THROW(read_result(folder_.path(), stop), Cancelled);
  EXPECT_EQ(photos, 1);
}

TEST_F(ResultFolder, SaysWhichFieldOfTheReportIsMissingOrWrong) {
  const Json whole = report_;
  const auto expect = [&](const std::string& field) {
    EXPECT_THAT(complaint(), AllOf(HasSubstr("report.json"), HasSubstr(field)));
    report_ = whole;
  };
  report_["photos"][1].erase("network_camera");
  expect("network_camera");
  report_["photos"][0]["network_camera"]["rotation_cam_from_world"] = {1, 2};
  expect("array index 2");
  report_["photos"][0]["width_px"] = "wide";
  expect("type must be number");
  report_["network_input"].erase("height_px");
  expect("height_px");
  report_["photos"] = Json::array();
  expect("names no photo");
  report_.erase("photos");
  expect("photos");
  report_ = Json::array();
  expect("cannot use at() with array");
}

TEST_F(ResultFolder, ValuesThatCannotBeTrueAreRefused) {
  const Json whole = report_;
  const auto expect = [&](const char* field, auto change) {
    change(report_["photos"][1]);
    EXPECT_THAT(complaint(), AllOf(HasSubstr("report.json"), HasSubstr(field), HasSubstr("b.jpg")));
    report_ = whole;
  };
  expect("width_px", [](Json& photo) { photo["width_px"] = -5; });
  expect("height_px", [](Json& photo) { photo["height_px"] = 1e30; });
  expect("exif_orientation", [](Json& photo) { photo["exif_orientation_applied"] = 99; });
  expect("scale", [](Json& photo) { photo["network_from_upright"]["scale"] = {0, 1}; });
  expect("network_camera", [](Json& photo) { photo["network_camera"]["fx_px"] = 0; });
  expect("rotation", [](Json& photo) {
    photo["network_camera"]["rotation_cam_from_world"] = std::vector<double>(9, 0);
  });
}

TEST_F(ResultFolder, ADeepReportIsRefusedBeforeItIsBuilt) {
  const std::string deep =
      R"({"model": )" + std::string(200000, '[') + std::string(200000, ']') + "}";
  folder_.write("report.json", deep);
  EXPECT_THAT(message_of<IoError>([&] { read_report(folder_.path()); }), HasSubstr("too deep"));
}

TEST_F(ResultFolder, ReadsNothingOutsideItself) {
  TemporaryFolder other;
  write_npy(other.file("secret.npy"), scene_.depth[0]);
  const std::filesystem::path outside =
      std::filesystem::path(other.path()).lexically_relative(folder_.path() + "/depth") / "secret";
  const std::string absolute = other.file("secret");
  for (const std::string& file : {outside.string(), absolute, "a/../../" + outside.string()}) {
    report_["photos"][0]["file"] = file;
    EXPECT_THAT(complaint(), HasSubstr("lies outside the result")) << file;
  }
}

TEST_F(ResultFolder, MapsMustFitTheReport) {
  write_npy(folder_.file("confidence/below/b.npy"), at::ones({70, 97}));
  EXPECT_THAT(complaint(), AllOf(HasSubstr("confidence/below/b.npy"), HasSubstr("70 x 98")));
  write_npy(folder_.file("confidence/below/b.npy"), at::ones({70, 98}, at::kDouble));
  EXPECT_THAT(complaint(), HasSubstr("float32"));
  std::filesystem::remove(folder_.file("confidence/below/b.npy"));
  EXPECT_THAT(complaint(), HasSubstr("confidence/below/b.npy"));
}

TEST_F(ResultFolder, ADamagedReportIsNamedWithTheWayOut) {
  const std::string text = report_.dump();
  for (const size_t size : {size_t{0}, size_t{1}, text.size() / 2, text.size() - 1}) {
    folder_.write("report.json", text.substr(0, size));
    EXPECT_THAT(message_of<IoError>([&] { read_report(folder_.path()); }),
                AllOf(HasSubstr("report.json"), HasSubstr("damaged"), HasSubstr("anew")))
        << size << " bytes";
  }
  std::filesystem::remove(folder_.file("report.json"));
  EXPECT_THAT(message_of<IoError>([&] { read_report(folder_.path()); }),
              HasSubstr("is no result of 'vggt reconstruct'"));
}

}  // namespace
}  // namespace vggt
