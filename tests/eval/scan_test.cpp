// SPDX-License-Identifier: Apache-2.0
#include "src/eval/scan.h"

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

namespace vggt::eval {
namespace {

using ::testing::HasSubstr;

template <class... Values>
std::string bytes_of(Values... values) {
  std::string bytes;
  (bytes.append(reinterpret_cast<const char*>(&values), sizeof(values)), ...);
  return bytes;
}

// As ScanNet's meshes are: colours after the coordinates, faces after the vertices.
const std::string kMeshHeader =
    "ply\nformat binary_little_endian 1.0\ncomment MLIB generated\nelement vertex 2\n"
    "property float x\nproperty float y\nproperty float z\nproperty uchar red\n"
    "property uchar green\nproperty uchar blue\nproperty uchar alpha\nelement face 1\n"
    "property list uchar int vertex_indices\nend_header\n";

std::string mesh_vertices() {
  const uint8_t grey = 128;
  return bytes_of(1.5F, -2.0F, 3.0F, grey, grey, grey, grey) +
         bytes_of(4.0F, 5.0F, 6.25F, grey, grey, grey, grey);
}

TEST(PlyVertices, OfAMeshAndOfACloudOfDoubles) {
  TemporaryFolder folder;
  const std::string mesh = folder.write(
      "mesh.ply", kMeshHeader + mesh_vertices() + std::string("\3") + bytes_of(0, 1, 0));
  const at::Tensor expected =
      at::tensor({1.5, -2.0, 3.0, 4.0, 5.0, 6.25}, at::kDouble).view({2, 3});
  EXPECT_TRUE(read_ply_vertices(mesh).equal(expected));
  const std::string cloud = folder.write(
      "cloud.ply",
      "ply\r\nformat binary_little_endian 1.0\r\nelement vertex 1\r\nproperty int16 label\r\n"
      "property double x\r\nproperty double y\r\nproperty double z\r\nend_header\r\n" +
          bytes_of(int16_t{7}, 0.1, 0.2, 0.3));
  EXPECT_TRUE(
      read_ply_vertices(cloud).equal(at::tensor({0.1, 0.2, 0.3}, at::kDouble).view({1, 3})));
}

TEST(PlyVertices, BrokenFilesAreNamed) {
  TemporaryFolder folder;
  const auto message = [&](const std::string& bytes) {
    const std::string path = folder.write("mesh.ply", bytes);
    return message_of<IoError>([&] { read_ply_vertices(path); });
  };
  EXPECT_THAT(message("solid\n"), HasSubstr("mesh.ply: is no PLY"));
  EXPECT_THAT(message("ply\nformat ascii 1.0\n"), HasSubstr("ascii"));
  EXPECT_THAT(message(kMeshHeader + mesh_vertices().substr(1)), HasSubstr("cut off"));
  EXPECT_THAT(message(kMeshHeader.substr(0, 60)), HasSubstr("mesh.ply"));
  EXPECT_THAT(message("ply\nformat binary_little_endian 1.0\nelement vertex 1\n"
                      "property float x\nproperty float y\nend_header\n12345678"),
              HasSubstr("no vertices x, y, z"));
  EXPECT_THAT(message("ply\nformat binary_little_endian 1.0\nelement vertex 1\n"
                      "property list uchar int x\nend_header\n"),
              HasSubstr("'list'"));
}

TEST(CropVolumes, KeepWhatThePolygonHolds) {
  TemporaryFolder folder;
  // An L in x and z, from y = -1 to 1.
  const std::string path = folder.write("Barn.json", R"({
    "axis_max" : 1.0, "axis_min" : -1.0, "orthogonal_axis" : "Y", "class_name" : "SelectionPolygonVolume",
    "bounding_polygon" : [[0,0,0],[4,0,0],[4,0,1],[1,0,1],[1,0,3],[0,0,3]],
    "version_major" : 1, "version_minor" : 0 })");
  const CropVolume volume = read_crop_volume(path);
  const at::Tensor points = at::tensor({0.5,
                                        0.0,
                                        2.0,  // in the upright
                                        3.0,
                                        0.5,
                                        0.5,  // in the foot
                                        3.0,
                                        0.0,
                                        2.0,  // between the two
                                        0.5,
                                        1.5,
                                        2.0,  // above
                                        -0.5,
                                        0.0,
                                        0.5},  // beside
                                       at::kDouble)
                                .view({5, 3});
  EXPECT_TRUE(cropped(points, volume).equal(points.slice(0, 0, 2)));
  folder.write("Barn.json", R"({"axis_max": 1, "axis_min": 0, "orthogonal_axis": "W"})");
  EXPECT_THAT(message_of<IoError>([&] { read_crop_volume(path); }), HasSubstr("orthogonal_axis"));
}

TEST(Similarities, AreReadFromAMatrix) {
  TemporaryFolder folder;
  const std::string path = folder.write("Barn_trans.txt", "0 -2 0 1\n2 0 0 2\n0 0 2 3\n0 0 0 1\n");
  const Similarity similarity = read_similarity(path);
  EXPECT_EQ(similarity.scale, 2);
  EXPECT_TRUE(similarity.apply(at::tensor({1.0, 0.0, 1.0}, at::kDouble).view({1, 3}))
                  .equal(at::tensor({1.0, 4.0, 5.0}, at::kDouble).view({1, 3})));
  folder.write("Barn_trans.txt", "1 0.5 0 1\n0 1 0 2\n0 0 1 3\n0 0 0 1\n");
  EXPECT_THAT(message_of<IoError>([&] { read_similarity(path); }), HasSubstr("is no similarity"));
}

}  // namespace
}  // namespace vggt::eval
