// SPDX-License-Identifier: Apache-2.0
#include "datasets/dtu.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>

#include "datasets/loading.h"
#include "datasets/mat_file.h"
#include "src/base/error.h"
#include "src/image/decode.h"
#include "src/io/npz.h"

namespace vggt::datasets {
namespace {

constexpr double kUnitsPerMetre = 1000;
constexpr const char* kProjections = "cameras_sphere.npz";

const std::set<int64_t> kTestScans = {1,  4,  9,  10, 11, 12, 13, 15, 23,  24,  29,
                                      32, 33, 34, 48, 49, 62, 75, 77, 110, 114, 118};

// "extrinsic", 4 x 4, "intrinsic", 3 x 3, and the range of depth, which is not read.
Camera read_cam_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw IoError(path, "cannot be opened");
  std::string word;
  double extrinsic[16];
  double k[9];
  bool good = file >> word && word == "extrinsic";
  for (double& value : extrinsic) good = good && file >> value;
  good = good && file >> word && word == "intrinsic";
  for (double& value : k) good = good && file >> value;
  const Rigid cam_from_world = good ? rigid_from(extrinsic) : Rigid{};
  if (!good || !is_pose(cam_from_world) || !(k[0] > 0 && k[4] > 0)) {
    throw IoError(path, "is no camera of MVSNet: extrinsic, 4 x 4, intrinsic, 3 x 3");
  }
  return placed({.fx_px = k[0], .fy_px = k[4], .cx_px = k[2], .cy_px = k[5]}, cam_from_world);
}

// Some sets of cameras are those of pictures four times smaller: the principal point tells.
void fit_to_picture(Camera& camera, int64_t width_px, int64_t height_px) {
  const double ratio = static_cast<double>(width_px) / (2 * camera.cx_px);
  const double factor = std::exp2(std::round(std::log2(ratio)));
  camera.width_px = width_px;
  camera.height_px = height_px;
  camera.fx_px *= factor;
  camera.fy_px *= factor;
  camera.cx_px *= factor;
  camera.cy_px *= factor;
}

DepthFile depth_of(const std::string& path, DepthFormat format, const std::string& mask = "") {
  constexpr int64_t kEroded_px = 10;
  if (!is_file(path)) return {};
  DepthFile depth{.path = path, .format = format, .nearest = 1e-4};
  if (is_file(mask)) {
    depth.then = [mask](const at::Tensor& map) { return masked_depth(map, mask, kEroded_px); };
  }
  return depth;
}

std::string numbered(const char* pattern, int64_t number) {
  char text[64];
  std::snprintf(text, sizeof(text), pattern, static_cast<long long>(number));
  return text;
}

// scanN/images, cams, depths
void read_own_cameras(const std::string& folder, Sequence& sequence) {
  for (const std::string& name : files_in(folder + "/images", {".jpg", ".png"})) {
    const std::string stem = name.substr(0, name.rfind('.'));
    sequence.frames.push_back({.image = folder + "/images/" + name,
                               .camera = read_cam_file(folder + "/cams/" + stem + "_cam.txt"),
                               .depth = depth_of(folder + "/depths/" + stem + ".npy",
                                                 DepthFormat::kNumpy,
                                                 folder + "/binary_masks/" + stem + ".png")});
  }
}

// Rectified/scanN with the cameras of all scans in Cameras/
void read_common_cameras(const std::string& root, const std::string& scan, Sequence& sequence) {
  const std::string folder = root + "/Rectified/" + scan;
  for (int64_t i = 0;; ++i) {
    const std::string photo =
        folder + "/" + numbered("rect_%03lld_3_r5000.png", i + 1);  // evenly lit
    if (!is_file(photo)) break;
    sequence.frames.push_back(
        {.image = photo,
         .camera = read_cam_file(root + "/Cameras/" + numbered("%08lld_cam.txt", i)),
         .depth = depth_of(root + "/Depths/" + scan + "/" + numbered("depth_map_%04lld.pfm", i),
                           DepthFormat::kPfm)});
  }
}

// NeuS's and IDR's form: a projection, to millimetres, for each photo of image/ in its order.
void read_projections(const std::string& folder, Sequence& sequence) {
  const std::string path = folder + "/" + kProjections;
  const NpzFile file = read_npz(path);
  const std::vector<std::string> photos = files_in(folder + "/image", {".png", ".jpg"});
  for (size_t i = 0; i < photos.size(); ++i) {
    const std::string name = "world_mat_" + std::to_string(i);
    const auto found = file.tensors.find(name);
    if (found == file.tensors.end() || found->second.sizes() != at::IntArrayRef({4, 4})) {
      throw IoError(path, "holds no 4 x 4 matrix " + name + " for image/" + photos[i]);
    }
    const at::Tensor matrix = found->second.to(at::kDouble).contiguous();
    std::array<double, 12> rows;
    std::copy_n(matrix.const_data_ptr<double>(), rows.size(), rows.begin());
    const Camera camera = camera_from_projection(rows);
    if (!(camera.fx_px > 0) || !is_pose(cam_from_world(camera))) {
      throw IoError(path, name + " is no projection");
    }
    sequence.frames.push_back({.image = folder + "/image/" + photos[i], .camera = camera});
  }
}

// The structured-light scan of a scan's number with what it is compared by, if all of it is there.
ScanFile find_scan(const std::string& root, int64_t number) {
  const ScanFile scan{.path = root + "/Points/stl/" + numbered("stl%03lld_total.ply", number),
                      .observed = root + "/ObsMask/" + numbered("ObsMask%lld_10.mat", number),
                      .ground = root + "/ObsMask/" + numbered("Plane%lld.mat", number)};
  const bool whole = is_file(scan.path) && is_file(scan.observed) && is_file(scan.ground);
  return whole ? scan : ScanFile{};
}

// Of "scan24" and "dtu_scan24"; 0 of another name.
int64_t scan_number(const std::string& name) {
  const size_t at = name.find("scan");
  return at == std::string::npos ? 0 : std::atoll(name.c_str() + at + 4);
}

}  // namespace

ObservedVolume read_observed(const ScanFile& scan) {
  const auto array = [](const std::string& path, const auto& arrays, const char* name, int64_t n) {
    const auto found = arrays.find(name);
    if (found == arrays.end() || (n > 0 && found->second.numel() != n)) {
      throw IoError(path,
                    std::string("holds no array ") + name +
                        (n > 0 ? " of " + std::to_string(n) + " numbers" : ""));
    }
    return found->second;
  };
  const auto mask = read_mat(scan.observed);
  const at::Tensor cubes = array(scan.observed, mask, "ObsMask", 0);
  const at::Tensor box = array(scan.observed, mask, "BB", 6);
  ObservedVolume volume{.cubes = cubes.ne(0),
                        .cube = array(scan.observed, mask, "Res", 1).item<double>()};
  if (cubes.dim() != 3 || box.size(0) != 2 || !(volume.cube > 0)) {
    throw IoError(scan.observed, "holds no ObsMask of three dimensions, BB of 2 x 3, and Res > 0");
  }
  const at::Tensor plane = array(scan.ground, read_mat(scan.ground), "P", 4);
  std::copy_n(box.const_data_ptr<double>(), 3, volume.low.begin());
  std::copy_n(box.const_data_ptr<double>() + 3, 3, volume.high.begin());
  std::copy_n(plane.const_data_ptr<double>(), 4, volume.plane.begin());
  return volume;
}

Camera camera_from_projection(std::array<double, 12> p) {
  using Row = std::array<double, 3>;
  const auto dot = [](const Row& a, const Row& b) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  };
  // A projection is known up to its sign.
  if (determinant({p[0], p[1], p[2], p[4], p[5], p[6], p[8], p[9], p[10]}) < 0) {
    for (double& value : p) value = -value;
  }
  // K is upper triangular, so from the lowest row on each is a rotation's row and those below it.
  std::array<Row, 3> rotation;
  std::array<Row, 3> k{};
  for (size_t row = 3; row-- > 0;) {
    Row rest = {p[4 * row], p[4 * row + 1], p[4 * row + 2]};
    for (size_t below = row + 1; below < 3; ++below) {
      k[row][below] = dot(rest, rotation[below]);
      for (size_t axis = 0; axis < 3; ++axis) rest[axis] -= k[row][below] * rotation[below][axis];
    }
    k[row][row] = std::sqrt(dot(rest, rest));
    for (size_t axis = 0; axis < 3; ++axis) rotation[row][axis] = rest[axis] / k[row][row];
  }
  Camera camera{.fx_px = k[0][0] / k[2][2],
                .fy_px = k[1][1] / k[2][2],
                .cx_px = k[0][2] / k[2][2],
                .cy_px = k[1][2] / k[2][2]};
  for (size_t i = 0; i < 9; ++i) camera.rotation[i] = rotation[i / 3][i % 3];
  for (size_t row = 3; row-- > 0;) {
    double rest = p[4 * row + 3];
    for (size_t below = row + 1; below < 3; ++below)
      rest -= k[row][below] * camera.translation[below];
    camera.translation[row] = rest / k[row][row];
  }
  return camera;
}

Dataset load_dtu(const LoadOptions& options) {
  check_root(options.root);
  Dataset dataset{.name = "dtu"};
  const bool common = is_folder(options.root + "/Rectified");
  for (const std::string& name : folders_in(options.root + (common ? "/Rectified" : ""))) {
    // Those of NeuS, named dtu_scan24 there, are a choice already.
    const bool has_projections = is_file(options.root + "/" + name + "/" + kProjections);
    if (!has_projections) {
      if (name.rfind("scan", 0) != 0) continue;
      if (options.split != "all" && kTestScans.count(scan_number(name)) == 0) continue;
    }
    dataset.sequences.push_back(read_sequence(
        {.name = name,
         .category = name,
         .trust = "ground truth",
         .units_per_metre = kUnitsPerMetre,
         .scan = find_scan(options.root, scan_number(name))},
        [&](Sequence& sequence) {
          if (has_projections) {
            read_projections(options.root + "/" + name, sequence);
          } else if (common) {
            read_common_cameras(options.root, name, sequence);
          } else {
            read_own_cameras(options.root + "/" + name, sequence);
          }
          if (sequence.frames.empty()) return;
          const DecodedImage first = decode_image(sequence.frames.front().image);
          for (Frame& frame : sequence.frames) {
            fit_to_picture(frame.camera, first.stored_width_px, first.stored_height_px);
          }
        }));
  }
  if (dataset.sequences.empty()) {
    throw ConfigError("root",
                      options.root +
                          " holds none of the scans asked for, neither scan1/ nor "
                          "Rectified/scan1/; see datasets/README.md");
  }
  return dataset;
}

}  // namespace vggt::datasets
