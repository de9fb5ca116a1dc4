// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/predictions_file.h"

#include "src/base/error.h"
#include "src/pipeline/point_filter.h"
#include "src/weights/safetensors.h"
#include "tests/support/message_of.h"
#include "tests/support/plane_and_box.h"
#include "tests/support/temporary_folder.h"

#include <ATen/ATen.h>

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace vggt {
namespace {

Reconstruction scene() {
  PixelMap map;
  map.stored_width_px = 480;
  map.stored_height_px = 640;
  map.orientation = 6;
  map.scale_x = 98.0 / 640;
  map.scale_y = 70.0 / 480;
  map.offset_x_px = 0.1;
  map.offset_y_px = -14;
  map.network_width_px = 98;
  map.network_height_px = 70;
  Reconstruction result = PlaneAndBox(2).reconstruct({map, map}, {"a/\xC3\xA9\".jpg", "b\n.jpg"});
  result.note = "a note";
  return result;
}

TEST(PredictionsFile, ReadsBackWhatItWrote) {
  TemporaryFolder folder;
  Reconstruction written = scene();
  written.mask = written.depth < 5;
  write_predictions(folder.file("p.safetensors"), written);
  const Reconstruction read = read_predictions(folder.file("p.safetensors"));
  EXPECT_TRUE(at::equal(read.images, written.images));
  EXPECT_TRUE(at::equal(read.depth, written.depth));
  EXPECT_TRUE(at::equal(read.confidence, written.confidence));
  EXPECT_TRUE(at::equal(read.mask, written.mask));
  EXPECT_EQ(read.note, "a note");
  ASSERT_EQ(read.views.size(), 2u);
  for (size_t s = 0; s < 2; ++s) {
    const View& a = read.views[s];
    const View& b = written.views[s];
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.camera.width_px, 98);
    EXPECT_EQ(a.camera.height_px, 70);
    EXPECT_EQ(a.camera.fx_px, b.camera.fx_px);
    EXPECT_EQ(a.camera.fy_px, b.camera.fy_px);
    EXPECT_EQ(a.camera.cx_px, b.camera.cx_px);
    EXPECT_EQ(a.camera.cy_px, b.camera.cy_px);
    EXPECT_EQ(a.camera.rotation, b.camera.rotation);
    EXPECT_EQ(a.camera.translation, b.camera.translation);
    EXPECT_EQ(a.map.stored_width_px, 480);
    EXPECT_EQ(a.map.stored_height_px, 640);
    EXPECT_EQ(a.map.orientation, 6);
    EXPECT_EQ(a.map.scale_x, b.map.scale_x);
    EXPECT_EQ(a.map.scale_y, b.map.scale_y);
    EXPECT_EQ(a.map.offset_x_px, b.map.offset_x_px);
    EXPECT_EQ(a.map.offset_y_px, b.map.offset_y_px);
    EXPECT_EQ(a.map.network_width_px, 98);
    EXPECT_EQ(a.map.network_height_px, 70);
  }
}

TEST(PredictionsFile, GivesTheSamePoints) {
  TemporaryFolder folder;
  const Reconstruction written = scene();
  write_predictions(folder.file("p.safetensors"), written);
  const PointCloud expected = make_points(written, {});
  const PointCloud points = make_points(read_predictions(folder.file("p.safetensors")), {});
  EXPECT_TRUE(at::equal(points.position, expected.position));
  EXPECT_TRUE(at::equal(points.colour, expected.colour));
}

// What a program that knows the documented names finds.
TEST(PredictionsFile, HoldsTheDocumentedTensors) {
  TemporaryFolder folder;
  write_predictions(folder.file("p.safetensors"), scene());
  const WeightFile file = read_safetensors(folder.file("p.safetensors"));
  const auto expect = [&](const char* name, at::ScalarType type, std::vector<int64_t> shape) {
    ASSERT_TRUE(file.tensors.contains(name)) << name;
    EXPECT_EQ(file.tensors.at(name).scalar_type(), type) << name;
    EXPECT_EQ(file.tensors.at(name).sizes(), at::IntArrayRef(shape)) << name;
  };
  expect("images", at::kByte, {2, 3, 70, 98});
  expect("depth", at::kFloat, {2, 70, 98});
  expect("confidence", at::kFloat, {2, 70, 98});
  expect("extrinsics", at::kDouble, {2, 3, 4});
  expect("intrinsics", at::kDouble, {2, 3, 3});
  EXPECT_FALSE(file.tensors.contains("mask"));
  EXPECT_EQ(file.metadata.at("names"), "[\"a/\xC3\xA9\\\".jpg\",\"b\\n.jpg\"]");
  EXPECT_EQ(file.tensors.at("intrinsics")[0][2][2].item<double>(), 1);
}

TEST(PredictionsFile, ANameThatIsNoUtf8IsReplaced) {
  TemporaryFolder folder;
  Reconstruction written = scene();
  written.views[0].name = "a\xFF.jpg";
  write_predictions(folder.file("p.safetensors"), written);
  EXPECT_EQ(read_predictions(folder.file("p.safetensors")).views[0].name, "a\xEF\xBF\xBD.jpg");
}

TEST(PredictionsFile, TruncationsAreIoErrors) {
  TemporaryFolder folder;
  write_predictions(folder.file("p.safetensors"), scene());
  const std::string bytes = read_bytes(folder.file("p.safetensors"));
  for (size_t size = 0; size < bytes.size(); size = size < 2000 ? size + 7 : size + 10007) {
    folder.write("q.safetensors", std::string_view(bytes).substr(0, size));
    EXPECT_THROW(read_predictions(folder.file("q.safetensors")), IoError) << size << " bytes";
  }
}

TEST(PredictionsFile, HostileFilesAreNamedWithTheField) {
  TemporaryFolder folder;
  write_predictions(folder.file("p.safetensors"), scene());
  const WeightFile good = read_safetensors(folder.file("p.safetensors"));
  const auto error_of = [&](const auto& tensors, const auto& metadata) {
    write_safetensors(folder.file("q.safetensors"), tensors, metadata);
    return message_of<IoError>([&] { read_predictions(folder.file("q.safetensors")); });
  };
  const auto error_with = [&](const char* name, const at::Tensor& tensor) {
    auto tensors = good.tensors;
    tensors[name] = tensor;
    return error_of(tensors, good.metadata);
  };
  const auto expect = [](const std::string& message, const char* part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  for (const auto& [name, tensor] : good.tensors) {
    auto tensors = good.tensors;
    tensors.erase(name);
    expect(error_of(tensors, good.metadata), ("tensor " + name + " is missing").c_str());
    if (name != "depth") expect(error_with(name.c_str(), tensor.slice(0, 0, 1)), name.c_str());
    expect(error_with(name.c_str(), at::zeros_like(tensor, at::kHalf)), name.c_str());
  }
  expect(error_with("depth", at::zeros({0, 70, 98})), "depth");
  expect(error_with("orientation", at::tensor({1, 9}, at::kLong)), "orientation of photo 1");
  expect(error_with("stored_size", at::zeros({2, 2}, at::kLong)), "stored_size of photo 0");
  expect(error_with("intrinsics", at::zeros({2, 3, 3}, at::kDouble)), "intrinsics of photo 0");
  expect(error_with("network_from_upright", at::zeros({2, 4}, at::kDouble)),
         "network_from_upright of photo 0");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  expect(error_with("extrinsics", at::full({2, 3, 4}, nan, at::kDouble)), "extrinsics of photo 0");
  using Metadata = std::map<std::string, std::string>;
  expect(error_of(good.tensors, Metadata{}), "metadata names is missing");
  for (const char* names : {"", "[", "{}", "[\"a\"]", "[\"a\", 3]"}) {
    expect(error_of(good.tensors, Metadata{{"names", names}}), "metadata names");
  }
}

}  // namespace
}  // namespace vggt
