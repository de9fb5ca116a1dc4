// SPDX-License-Identifier: Apache-2.0
#include "src/io/gltf.h"

#include "src/base/error.h"
#include "src/base/percentile.h"
#include "src/io/utf8.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>

#define TINYGLTF_IMPLEMENTATION
#define TINYGLTF_NO_STB_IMAGE
#define TINYGLTF_NO_STB_IMAGE_WRITE
#define TINYGLTF_NO_EXTERNAL_IMAGE
#define TINYGLTF_NO_INCLUDE_JSON
#include <tiny_gltf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

namespace vggt {
namespace {

using Vector = std::array<float, 3>;
using Rgba = std::array<uint8_t, 4>;

constexpr size_t kPointBytes = sizeof(Vector) + sizeof(Rgba);
// A GLB counts its bytes in 32 bits; what is left is for all else.
constexpr size_t kMostPoints = ((size_t{1} << 32) - (size_t{1} << 26)) / kPointBytes;

// glTF from OpenCV axes, column by column; turns by half a circle about x.
const std::vector<double> kTurn = {1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1};

std::array<uint8_t, 256> linear_from_srgb() {
  std::array<uint8_t, 256> table{};
  for (size_t i = 0; i < table.size(); ++i) {
    const double s = static_cast<double>(i) / 255;
    const double linear = s <= 0.04045 ? s / 12.92 : std::pow((s + 0.055) / 1.055, 2.4);
    table[i] = static_cast<uint8_t>(std::lround(255 * linear));
  }
  return table;
}

struct Vertices {
  std::vector<Vector> position;
  std::vector<Rgba> colour;
};

Vertices vertices_of(const PointCloud& cloud) {
  Vertices vertices;
  if (cloud.size() == 0) return vertices;
  const std::array<uint8_t, 256> linear = linear_from_srgb();
  const at::Tensor position = cloud.position.contiguous();
  const at::Tensor colour = cloud.colour.contiguous();
  const float* xyz = position.const_data_ptr<float>();
  const uint8_t* rgb = colour.const_data_ptr<uint8_t>();
  TORCH_CHECK(colour.sizes() == position.sizes(), "write_glb: one colour per point is needed");
  vertices.position.reserve(static_cast<size_t>(cloud.size()));
  vertices.colour.reserve(static_cast<size_t>(cloud.size()));
  for (int64_t i = 0; i < cloud.size(); ++i, xyz += 3, rgb += 3) {
    if (!std::isfinite(xyz[0]) || !std::isfinite(xyz[1]) || !std::isfinite(xyz[2])) continue;
    vertices.position.push_back({xyz[0], xyz[1], xyz[2]});
    vertices.colour.push_back({linear[rgb[0]], linear[rgb[1]], linear[rgb[2]], 255});
  }
  return vertices;
}

// The longest side of a box around most of the points, or around the cameras where none are: what
// sizes are measured by. Far points fly about and must not count.
double extent_of(const std::vector<Vector>& points, const std::vector<GltfCamera>& cameras) {
  double extent = 0;
  for (size_t k = 0; k < 3; ++k) {
    std::vector<double> values;
    const size_t step = points.size() / 100000 + 1;
    for (size_t i = 0; i < points.size(); i += step) values.push_back(points[i][k]);
    if (points.empty()) {
      for (const auto& camera : cameras) values.push_back(camera.camera.centre_in_world()[k]);
    }
    if (values.empty()) continue;
    const double cut = points.empty() ? 0 : 5;
    extent = std::max(extent, percentile(values, 100 - cut) - percentile(values, cut));
  }
  return extent > 0 ? extent : 1;
}

// Four lines from the centre to the picture's corners, and the picture's edge.
void append_frustum(const Camera& camera,
                    double depth,
                    std::vector<Vector>& positions,
                    std::vector<uint32_t>& indices) {
  const auto first = static_cast<uint32_t>(positions.size());
  const auto width = static_cast<double>(camera.width_px);
  const auto height = static_cast<double>(camera.height_px);
  const double corners[5][3] = {{camera.cx_px, camera.cy_px, 0},
                                {0, 0, depth},
                                {width, 0, depth},
                                {width, height, depth},
                                {0, height, depth}};
  for (const auto& [u, v, z] : corners) {
    const std::array<double, 3> in_cam = {
        (u - camera.cx_px) / camera.fx_px * z, (v - camera.cy_px) / camera.fy_px * z, z};
    std::array<double, 3> in_world{};
    for (size_t column = 0; column < 3; ++column) {
      for (size_t row = 0; row < 3; ++row) {
        in_world[column] +=
            camera.rotation[3 * row + column] * (in_cam[row] - camera.translation[row]);
      }
    }
    positions.push_back({static_cast<float>(in_world[0]),
                         static_cast<float>(in_world[1]),
                         static_cast<float>(in_world[2])});
  }
  for (const uint32_t index : {0, 1, 0, 2, 0, 3, 0, 4, 1, 2, 2, 3, 3, 4, 4, 1}) {
    indices.push_back(first + index);
  }
}

// Puts a model together; data goes into its one buffer, which becomes the binary chunk.
class Scene {
 public:
  Scene() {
    model_.asset.version = "2.0";
    model_.asset.generator = "vggt";
    model_.buffers.emplace_back();
    model_.scenes.emplace_back();
    model_.defaultScene = 0;
    // Neither points nor lines have a surface to be lit.
    model_.materials.emplace_back();
    model_.materials[0].name = "unlit";
    model_.materials[0].pbrMetallicRoughness.metallicFactor = 0;
    model_.materials[0].extensions["KHR_materials_unlit"] =
        tinygltf::Value(tinygltf::Value::Object());
    model_.extensionsUsed = {"KHR_materials_unlit"};
  }

  tinygltf::Model& model() { return model_; }

  // Vertices or indices; all of our elements are of a multiple of 4 bytes, and so aligned.
  template <typename Element>
  int add(const std::vector<Element>& elements, int type, int component, int target) {
    static_assert(sizeof(Element) % 4 == 0);
    std::vector<unsigned char>& data = model_.buffers[0].data;
    tinygltf::BufferView view;
    view.buffer = 0;
    view.byteOffset = data.size();
    view.byteLength = elements.size() * sizeof(Element);
    view.target = target;
    const auto* bytes = reinterpret_cast<const unsigned char*>(elements.data());
    data.insert(data.end(), bytes, bytes + view.byteLength);
    tinygltf::Accessor accessor;
    accessor.bufferView = static_cast<int>(model_.bufferViews.size());
    accessor.componentType = component;
    accessor.type = type;
    accessor.count = elements.size();
    model_.bufferViews.push_back(view);
    model_.accessors.push_back(accessor);
    return static_cast<int>(model_.accessors.size()) - 1;
  }

  int add_positions(const std::vector<Vector>& positions) {
    const int index = add(
        positions, TINYGLTF_TYPE_VEC3, TINYGLTF_COMPONENT_TYPE_FLOAT, TINYGLTF_TARGET_ARRAY_BUFFER);
    tinygltf::Accessor& accessor = model_.accessors.back();
    for (size_t k = 0; k < 3; ++k) {
      const auto [low, high] = std::minmax_element(
          positions.begin(), positions.end(), [&](auto& a, auto& b) { return a[k] < b[k]; });
      accessor.minValues.push_back((*low)[k]);
      accessor.maxValues.push_back((*high)[k]);
    }
    return index;
  }

  int add_colours(const std::vector<Rgba>& colours) {
    const int index = add(colours,
                          TINYGLTF_TYPE_VEC4,
                          TINYGLTF_COMPONENT_TYPE_UNSIGNED_BYTE,
                          TINYGLTF_TARGET_ARRAY_BUFFER);
    model_.accessors.back().normalized = true;
    return index;
  }

  void add_mesh(const std::string& name, const tinygltf::Primitive& primitive) {
    tinygltf::Mesh mesh;
    mesh.name = name;
    mesh.primitives.push_back(primitive);
    mesh.primitives[0].material = 0;
    model_.meshes.push_back(mesh);
    tinygltf::Node node;
    node.name = name;
    node.mesh = static_cast<int>(model_.meshes.size()) - 1;
    node.matrix = kTurn;
    add_node(node);
  }

  void add_node(const tinygltf::Node& node) {
    model_.scenes[0].nodes.push_back(static_cast<int>(model_.nodes.size()));
    model_.nodes.push_back(node);
  }

 private:
  tinygltf::Model model_;
};

void add_camera(const GltfCamera& from, double near, Scene& scene) {
  const Camera& camera = from.camera;
  tinygltf::Camera to;
  to.name = valid_utf8(from.name);
  to.type = "perspective";
  to.perspective.yfov = 2 * std::atan(static_cast<double>(camera.height_px) / (2 * camera.fy_px));
  to.perspective.aspectRatio = static_cast<double>(camera.width_px) / camera.fx_px * camera.fy_px /
                               static_cast<double>(camera.height_px);
  to.perspective.znear = near;
  tinygltf::Node node;
  node.name = to.name;
  node.camera = static_cast<int>(scene.model().cameras.size());
  // turn * world_from_cam * turn, column by column: glTF's cameras too look along -z with y up. The
  // node stands beside the others, not below a turned one, for trimesh takes its matrix as it is.
  const std::array<double, 3> centre = camera.centre_in_world();
  for (size_t column = 0; column < 4; ++column) {
    for (size_t row = 0; row < 3; ++row) {
      const double entry = column == 3 ? centre[row] : camera.rotation[3 * column + row];
      node.matrix.push_back(kTurn[5 * row] * entry * kTurn[5 * column]);
    }
    node.matrix.push_back(column == 3 ? 1 : 0);
  }
  scene.model().cameras.push_back(to);
  scene.add_node(node);
}

void add_points(const Vertices& vertices, Scene& scene) {
  if (vertices.position.empty()) return;
  tinygltf::Primitive points;
  points.mode = TINYGLTF_MODE_POINTS;
  points.attributes["POSITION"] = scene.add_positions(vertices.position);
  points.attributes["COLOR_0"] = scene.add_colours(vertices.colour);
  scene.add_mesh("points", points);
}

void add_cameras(const std::vector<GltfCamera>& cameras, double extent, Scene& scene) {
  if (cameras.empty()) return;
  constexpr double kFrustum = 0.05;  // of the scene: seen, but not in the way
  constexpr double kNear = 1e-4;     // of the scene: in front of any point
  constexpr Rgba kOrange = {255, 74, 5, 255};
  std::vector<Vector> positions;
  std::vector<uint32_t> indices;
  for (const auto& camera : cameras) {
    append_frustum(camera.camera, kFrustum * extent, positions, indices);
  }
  tinygltf::Primitive lines;
  lines.mode = TINYGLTF_MODE_LINE;
  lines.attributes["POSITION"] = scene.add_positions(positions);
  lines.attributes["COLOR_0"] = scene.add_colours(std::vector<Rgba>(positions.size(), kOrange));
  lines.indices = scene.add(indices,
                            TINYGLTF_TYPE_SCALAR,
                            TINYGLTF_COMPONENT_TYPE_UNSIGNED_INT,
                            TINYGLTF_TARGET_ELEMENT_ARRAY_BUFFER);
  scene.add_mesh("cameras", lines);
  for (const auto& camera : cameras) add_camera(camera, kNear * extent, scene);
}

}  // namespace

void write_glb(const std::string& path,
               const PointCloud& cloud,
               const std::vector<GltfCamera>& cameras,
               const std::string& note) {
  Scene scene;
  {
    const Vertices vertices = vertices_of(cloud);
    if (vertices.position.size() > kMostPoints) {
      throw IoError(path,
                    std::to_string(vertices.position.size()) + " points are more than the " +
                        std::to_string(kMostPoints) + " that a glTF file can hold; keep fewer");
    }
    scene.model().buffers[0].data.reserve(kPointBytes * vertices.position.size());
    add_points(vertices, scene);
    add_cameras(cameras, extent_of(vertices.position, cameras), scene);
  }
  if (scene.model().buffers[0].data.empty()) {
    // glTF knows no empty buffers and no empty scenes.
    scene.model().buffers.clear();
    scene.model().scenes.clear();
    scene.model().defaultScene = -1;
  }
  scene.model().asset.copyright = valid_utf8(note);
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  if (!file) throw IoError(path, std::string("cannot be created: ") + std::strerror(errno));
  tinygltf::TinyGLTF().WriteGltfSceneToStream(&scene.model(), file, false, true);
  file.close();
  if (!file) throw IoError(path, std::string("cannot be written: ") + std::strerror(errno));
}

}  // namespace vggt
