// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/predictions_file.h"

#include "src/base/error.h"
#include "src/geometry/pose_encoding.h"
#include "src/io/utf8.h"
#include "src/weights/safetensors.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>

#include <sstream>
#include <vector>

namespace vggt {
namespace {

// Reads the tensors of one file and checks each against what it must be.
class Fields {
 public:
  explicit Fields(const std::string& path) : file_(read_safetensors(path)) {}

  [[noreturn]] void fail(const std::string& field, const std::string& reason) const {
    throw IoError(file_.path, field + " " + reason);
  }

  bool has(const std::string& name) const { return file_.tensors.contains(name); }

  // A copy, so that the file may go. An extent of -1 is free.
  at::Tensor take(const std::string& name,
                  at::ScalarType type,
                  const std::vector<int64_t>& shape) const {
    const auto found = file_.tensors.find(name);
    if (found == file_.tensors.end()) {
      fail("tensor " + name, "is missing; the file is not one of ours");
    }
    const at::Tensor& tensor = found->second;
    bool fits = tensor.scalar_type() == type && tensor.dim() == static_cast<int64_t>(shape.size());
    for (size_t i = 0; fits && i < shape.size(); ++i) {
      const int64_t extent = tensor.size(static_cast<int64_t>(i));
      fits = shape[i] < 0 ? extent > 0 : extent == shape[i];
    }
    if (!fits) {
      std::ostringstream is;
      is << "is " << tensor.sizes() << " " << tensor.scalar_type() << ", expected "
         << at::IntArrayRef(shape) << " " << type;
      fail("tensor " + name, is.str());
    }
    return tensor.clone();
  }

  std::vector<std::string> names(int64_t count) const {
    const auto found = file_.metadata.find("names");
    if (found == file_.metadata.end()) fail("metadata names", "is missing");
    const auto list = nlohmann::json::parse(found->second, nullptr, false);
    if (!list.is_array() || static_cast<int64_t>(list.size()) != count) {
      fail("metadata names", "is no list of one name per photo");
    }
    std::vector<std::string> names;
    for (const auto& name : list) {
      if (!name.is_string()) fail("metadata names", "holds something that is no text");
      names.push_back(name.get<std::string>());
    }
    return names;
  }

  std::string note() const {
    const auto found = file_.metadata.find("note");
    return found == file_.metadata.end() ? "" : found->second;
  }

 private:
  WeightFile file_;
};

}  // namespace

void write_predictions(const std::string& path, const Reconstruction& reconstruction) {
  const auto views = static_cast<int64_t>(reconstruction.views.size());
  const at::Tensor extrinsics = at::empty({views, 3, 4}, at::kDouble);
  const at::Tensor intrinsics = at::empty({views, 3, 3}, at::kDouble);
  const at::Tensor stored_size = at::empty({views, 2}, at::kLong);
  const at::Tensor orientation = at::empty({views}, at::kLong);
  const at::Tensor network_from_upright = at::empty({views, 4}, at::kDouble);
  auto names = nlohmann::json::array();
  for (int64_t s = 0; s < views; ++s) {
    const View& view = reconstruction.views[static_cast<size_t>(s)];
    const PixelMap& map = view.map;
    const CameraMatrices matrices = matrices_of(view.camera);
    extrinsics[s].copy_(matrices.extrinsics);
    intrinsics[s].copy_(matrices.intrinsics);
    stored_size[s].copy_(at::tensor({map.stored_width_px, map.stored_height_px}, at::kLong));
    orientation[s].fill_(map.orientation);
    network_from_upright[s].copy_(
        at::tensor({map.scale_x, map.scale_y, map.offset_x_px, map.offset_y_px}, at::kDouble));
    names.push_back(valid_utf8(view.name));
  }
  std::map<std::string, at::Tensor> tensors = {
      {"images", (reconstruction.images * 255).round_().clamp_(0, 255).to(at::kByte)},
      {"depth", reconstruction.depth},
      {"confidence", reconstruction.confidence},
      {"extrinsics", extrinsics},
      {"intrinsics", intrinsics},
      {"stored_size", stored_size},
      {"orientation", orientation},
      {"network_from_upright", network_from_upright}};
  if (reconstruction.mask.defined()) tensors["mask"] = reconstruction.mask.to(at::kByte);
  std::map<std::string, std::string> metadata = {{"names", names.dump()}};
  if (!reconstruction.note.empty()) metadata["note"] = valid_utf8(reconstruction.note);
  write_safetensors(path, tensors, metadata);
}

Reconstruction read_predictions(const std::string& path) {
  const Fields fields(path);
  Reconstruction result;
  result.depth = fields.take("depth", at::kFloat, {-1, -1, -1});
  const int64_t views = result.depth.size(0);
  const int64_t height = result.depth.size(1);
  const int64_t width = result.depth.size(2);
  result.confidence = fields.take("confidence", at::kFloat, {views, height, width});
  result.images =
      fields.take("images", at::kByte, {views, 3, height, width}).to(at::kFloat).div_(255);
  if (fields.has("mask")) {
    result.mask = fields.take("mask", at::kByte, {views, height, width}).ne(0);
  }
  const at::Tensor extrinsics = fields.take("extrinsics", at::kDouble, {views, 3, 4});
  const at::Tensor intrinsics = fields.take("intrinsics", at::kDouble, {views, 3, 3});
  const at::Tensor stored_size = fields.take("stored_size", at::kLong, {views, 2});
  const at::Tensor orientation = fields.take("orientation", at::kLong, {views});
  const at::Tensor from_upright = fields.take("network_from_upright", at::kDouble, {views, 4});
  const std::vector<std::string> names = fields.names(views);
  const double* pose = extrinsics.const_data_ptr<double>();
  const double* k = intrinsics.const_data_ptr<double>();
  const int64_t* size = stored_size.const_data_ptr<int64_t>();
  const double* scale = from_upright.const_data_ptr<double>();
  for (int64_t s = 0; s < views; ++s, pose += 12, k += 9, size += 2, scale += 4) {
    const auto must = [&](bool good, const char* field) {
      if (!good) fields.fail(field, "of photo " + std::to_string(s) + " cannot be true");
    };
    View view = {.name = names[static_cast<size_t>(s)]};
    Camera& camera = view.camera;
    camera.width_px = width;
    camera.height_px = height;
    camera.fx_px = k[0];
    camera.fy_px = k[4];
    camera.cx_px = k[2];
    camera.cy_px = k[5];
    must(k[0] > 0 && k[4] > 0 && intrinsics[s].isfinite().all().item<bool>(), "intrinsics");
    must(extrinsics[s].isfinite().all().item<bool>(), "extrinsics");
    for (int row = 0; row < 3; ++row) {
      for (int column = 0; column < 3; ++column) {
        camera.rotation[3 * row + column] = pose[4 * row + column];
      }
      camera.translation[row] = pose[4 * row + 3];
    }
    PixelMap& map = view.map;
    constexpr int64_t kMostPixels = int64_t{1} << 30;
    must(size[0] > 0 && size[0] < kMostPixels && size[1] > 0 && size[1] < kMostPixels,
         "stored_size");
    const int64_t turn = orientation[s].item<int64_t>();
    must(turn >= 1 && turn <= 8, "orientation");
    must(scale[0] > 0 && scale[1] > 0 && from_upright[s].isfinite().all().item<bool>(),
         "network_from_upright");
    map.stored_width_px = size[0];
    map.stored_height_px = size[1];
    map.orientation = static_cast<int>(turn);
    map.scale_x = scale[0];
    map.scale_y = scale[1];
    map.offset_x_px = scale[2];
    map.offset_y_px = scale[3];
    map.network_width_px = width;
    map.network_height_px = height;
    result.views.push_back(std::move(view));
  }
  result.note = fields.note();
  return result;
}

}  // namespace vggt
