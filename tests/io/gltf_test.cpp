// SPDX-License-Identifier: Apache-2.0
#include "src/io/gltf.h"

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>

#define TINYGLTF_NO_STB_IMAGE
#define TINYGLTF_NO_STB_IMAGE_WRITE
#define TINYGLTF_NO_EXTERNAL_IMAGE
#define TINYGLTF_NO_INCLUDE_JSON
#include <tiny_gltf.h>

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

namespace vggt {
namespace {

PointCloud three_points() {
  PointCloud cloud;
  cloud.position =
      at::tensor({1.0f, 2.0f, 3.0f, -1.0f, 0.1f, 8.0f, 0.5f, 0.25f, 4.0f}).view({3, 3});
  cloud.colour = at::tensor({255, 0, 10, 128, 127, 1, 64, 200, 30}, at::kByte).view({3, 3});
  return cloud;
}

// Stands at (1, 2, 3) and looks along the world's x axis, with the world's z down.
GltfCamera sideways() {
  GltfCamera camera = {.name = "a/b.jpg"};
  camera.camera = {.width_px = 400,
                   .height_px = 300,
                   .fx_px = 250,
                   .fy_px = 200,
                   .cx_px = 200,
                   .cy_px = 150,
                   .rotation = {0, -1, 0, 0, 0, 1, -1, 0, 0}};
  // Rows are the camera's axes in the world: right = -y, down = z, forward = right x down = -x.
  camera.camera.translation = {2, -3, 1};
  return camera;
}

tinygltf::Model load(const std::string& path) {
  tinygltf::Model model;
  std::string error;
  std::string warning;
  EXPECT_TRUE(tinygltf::TinyGLTF().LoadBinaryFromFile(&model, &error, &warning, path)) << error;
  EXPECT_EQ(error, "");
  EXPECT_EQ(warning, "");
  return model;
}

template <typename Element>
std::vector<Element> elements(const tinygltf::Model& model, int index) {
  const tinygltf::Accessor& accessor = model.accessors.at(static_cast<size_t>(index));
  const auto& view = model.bufferViews.at(static_cast<size_t>(accessor.bufferView));
  const auto& data = model.buffers.at(static_cast<size_t>(view.buffer)).data;
  std::vector<Element> all(accessor.count);
  const size_t begin = view.byteOffset + accessor.byteOffset;
  EXPECT_LE(begin + all.size() * sizeof(Element), data.size());
  std::memcpy(all.data(), data.data() + begin, all.size() * sizeof(Element));
  return all;
}

const tinygltf::Node& node_called(const tinygltf::Model& model, const std::string& name) {
  for (const auto& node : model.nodes) {
    if (node.name == name) return node;
  }
  throw std::runtime_error("no node " + name);
}

const tinygltf::Primitive& primitive_of(const tinygltf::Model& model, const std::string& name) {
  return model.meshes.at(static_cast<size_t>(node_called(model, name).mesh)).primitives.at(0);
}

// Column-major, as in the file.
std::array<double, 3> apply(const std::vector<double>& matrix, const std::array<double, 3>& v) {
  std::array<double, 3> result{};
  for (size_t row = 0; row < 3; ++row) {
    result[row] = matrix[12 + row];
    for (size_t column = 0; column < 3; ++column) {
      result[row] += matrix[4 * column + row] * v[column];
    }
  }
  return result;
}

TEST(Gltf, PointsKeepTheirPositions) {
  TemporaryFolder folder;
  write_glb(folder.file("a.glb"), three_points(), {});
  const tinygltf::Model model = load(folder.file("a.glb"));
  const auto& points = primitive_of(model, "points");
  EXPECT_EQ(points.mode, TINYGLTF_MODE_POINTS);
  const int index = points.attributes.at("POSITION");
  const auto read = elements<std::array<float, 3>>(model, index);
  ASSERT_EQ(read.size(), 3u);
  EXPECT_EQ(0, std::memcmp(read.data(), three_points().position.const_data_ptr(), 36));
  const auto& accessor = model.accessors.at(static_cast<size_t>(index));
  EXPECT_EQ(accessor.minValues, (std::vector<double>{-1, 0.1f, 3}));
  EXPECT_EQ(accessor.maxValues, (std::vector<double>{1, 2, 8}));
}

// Linear in the file; back in sRGB they are the photo's, as well as 8 linear bits can say it.
TEST(Gltf, ColoursAreLinear) {
  TemporaryFolder folder;
  PointCloud cloud;
  cloud.position = at::zeros({256, 3});
  cloud.colour = at::arange(256, at::kByte).view({256, 1}).expand({256, 3});
  write_glb(folder.file("a.glb"), cloud, {});
  const tinygltf::Model model = load(folder.file("a.glb"));
  const int index = primitive_of(model, "points").attributes.at("COLOR_0");
  const auto& accessor = model.accessors.at(static_cast<size_t>(index));
  EXPECT_TRUE(accessor.normalized);
  EXPECT_EQ(accessor.componentType, TINYGLTF_COMPONENT_TYPE_UNSIGNED_BYTE);
  EXPECT_EQ(accessor.type, TINYGLTF_TYPE_VEC4);
  const auto read = elements<std::array<uint8_t, 4>>(model, index);
  for (size_t i = 0; i < 256; ++i) {
    EXPECT_EQ(read[i][3], 255);
    EXPECT_EQ(read[i][0], read[i][2]);
    const double linear = read[i][1] / 255.0;
    const double srgb =
        255 * (linear <= 0.0031308 ? 12.92 * linear : 1.055 * std::pow(linear, 1 / 2.4) - 0.055);
    EXPECT_NEAR(srgb, static_cast<double>(i), i < 64 ? 7 : 1.6) << i;
  }
  EXPECT_EQ(read[0][0], 0);
  EXPECT_EQ(read[255][0], 255);
}

TEST(Gltf, TheWorldIsTurnedToYUp) {
  TemporaryFolder folder;
  write_glb(folder.file("a.glb"), three_points(), {sideways()});
  const tinygltf::Model model = load(folder.file("a.glb"));
  EXPECT_EQ(model.scenes.at(0).nodes.size(), 3u);
  for (const char* name : {"points", "cameras"}) {
    const std::vector<double>& matrix = node_called(model, name).matrix;
    EXPECT_EQ(apply(matrix, {1, 2, 3}), (std::array<double, 3>{1, -2, -3}));
  }
}

TEST(Gltf, CamerasStandAndLookAsInOurWorld) {
  TemporaryFolder folder;
  write_glb(folder.file("a.glb"), three_points(), {sideways()});
  const tinygltf::Model model = load(folder.file("a.glb"));
  const auto& node = node_called(model, "a/b.jpg");
  // glTF's cameras look along -z with y up; our world (x, y, z) is (x, -y, -z) there.
  EXPECT_EQ(apply(node.matrix, {0, 0, 0}), (std::array<double, 3>{1, -2, -3}));
  EXPECT_EQ(apply(node.matrix, {0, 0, -1}), (std::array<double, 3>{0, -2, -3})) << "forward is -x";
  EXPECT_EQ(apply(node.matrix, {0, 1, 0}), (std::array<double, 3>{1, -2, -2})) << "up is -z";
  EXPECT_EQ(apply(node.matrix, {1, 0, 0}), (std::array<double, 3>{1, -1, -3})) << "right is -y";
  const auto& camera = model.cameras.at(static_cast<size_t>(node.camera));
  EXPECT_EQ(camera.type, "perspective");
  EXPECT_DOUBLE_EQ(camera.perspective.yfov, 2 * std::atan(150.0 / 200));
  EXPECT_DOUBLE_EQ(camera.perspective.aspectRatio, (400 / 250.0) / (300 / 200.0));
  EXPECT_GT(camera.perspective.znear, 0);
}

TEST(Gltf, FrustaAreLinesFromTheCentreToTheCorners) {
  TemporaryFolder folder;
  write_glb(folder.file("a.glb"), three_points(), {sideways(), sideways()});
  const tinygltf::Model model = load(folder.file("a.glb"));
  const auto& lines = primitive_of(model, "cameras");
  EXPECT_EQ(lines.mode, TINYGLTF_MODE_LINE);
  const auto positions = elements<std::array<float, 3>>(model, lines.attributes.at("POSITION"));
  const auto indices = elements<uint32_t>(model, lines.indices);
  ASSERT_EQ(positions.size(), 10u);
  ASSERT_EQ(indices.size(), 32u);
  for (const uint32_t index : indices) EXPECT_LT(index, 10u);
  EXPECT_EQ(positions[5], (std::array<float, 3>{1, 2, 3}));
  // The upper left corner at depth z is (-0.8 z, -0.75 z, z) in the camera.
  const float z = 1 - positions[1][0];
  EXPECT_GT(z, 0);
  EXPECT_NEAR(positions[1][1], 2 + 0.8 * z, 1e-5);
  EXPECT_NEAR(positions[1][2], 3 - 0.75 * z, 1e-5);
}

// The rules of glTF 2.0 that viewers trip over: chunks, alignment, bounds.
TEST(Gltf, ChunksAndAccessorsKeepTheRules) {
  TemporaryFolder folder;
  for (const char* name : {"a", "ab", "abc", "abcd"}) {
    GltfCamera camera = sideways();
    camera.name = name;
    write_glb(folder.file("a.glb"), three_points(), {camera});
    const std::string bytes = read_bytes(folder.file("a.glb"));
    const auto word = [&](size_t at) {
      uint32_t value = 0;
      std::memcpy(&value, bytes.data() + at, 4);
      return value;
    };
    EXPECT_EQ(bytes.substr(0, 4), "glTF");
    EXPECT_EQ(word(4), 2u);
    EXPECT_EQ(word(8), bytes.size());
    const uint32_t json_size = word(12);
    EXPECT_EQ(json_size % 4, 0u);
    EXPECT_EQ(word(16), 0x4E4F534Au);
    EXPECT_EQ(word(20 + json_size) % 4, 0u);
    EXPECT_EQ(word(24 + json_size), 0x004E4942u);
    EXPECT_EQ(28 + json_size + word(20 + json_size), bytes.size());
    const tinygltf::Model model = load(folder.file("a.glb"));
    EXPECT_EQ(model.extensionsUsed, std::vector<std::string>{"KHR_materials_unlit"});
    for (const auto& view : model.bufferViews) {
      EXPECT_EQ(view.byteOffset % 4, 0u);
      EXPECT_LE(view.byteOffset + view.byteLength, model.buffers[0].data.size());
    }
    for (const auto& accessor : model.accessors) {
      const auto& view = model.bufferViews.at(static_cast<size_t>(accessor.bufferView));
      const int stride = accessor.ByteStride(view);
      EXPECT_EQ(stride % 4, 0);
      EXPECT_EQ(view.byteLength, accessor.count * static_cast<size_t>(stride));
    }
  }
}

TEST(Gltf, PointsThatAreNotFiniteAreLeftOut) {
  TemporaryFolder folder;
  PointCloud cloud = three_points();
  cloud.position[1][2] = std::numeric_limits<float>::infinity();
  write_glb(folder.file("a.glb"), cloud, {});
  const tinygltf::Model model = load(folder.file("a.glb"));
  const int index = primitive_of(model, "points").attributes.at("POSITION");
  EXPECT_EQ(model.accessors.at(static_cast<size_t>(index)).count, 2u);
}

TEST(Gltf, WithoutPointsOrCamerasItIsStillAScene) {
  TemporaryFolder folder;
  write_glb(folder.file("a.glb"), {}, {});
  EXPECT_TRUE(load(folder.file("a.glb")).meshes.empty());
  write_glb(folder.file("b.glb"), {}, {sideways()});
  EXPECT_EQ(load(folder.file("b.glb")).meshes.size(), 1u);
}

TEST(Gltf, NamesAndNotesMayBeAnyBytes) {
  TemporaryFolder folder;
  GltfCamera camera = sideways();
  camera.name = "a\n\"\xFF\xC3\xA9";
  write_glb(folder.file("a.glb"), three_points(), {camera}, "synthetic \xFF");
  const tinygltf::Model model = load(folder.file("a.glb"));
  EXPECT_NO_THROW(node_called(model, "a\n\"\xEF\xBF\xBD\xC3\xA9"));
  EXPECT_EQ(model.asset.copyright, "synthetic \xEF\xBF\xBD");
}

TEST(Gltf, UnwritableFilesAndAFullDiskAreIoErrors) {
  TemporaryFolder folder;
  EXPECT_THROW(write_glb(folder.file("none/a.glb"), three_points(), {}), IoError);
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  EXPECT_NE(message_of<IoError>([] {
              write_glb("/dev/full", three_points(), {});
            }).find("cannot be written"),
            std::string::npos);
}

}  // namespace
}  // namespace vggt
