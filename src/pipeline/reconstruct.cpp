// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/reconstruct.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <cmath>

#include "src/base/error.h"
#include "src/geometry/pose_encoding.h"
#include "src/geometry/unproject.h"

namespace vggt {
namespace {

// The value below which `percent` of `values` lie. By selection, because quantile() is limited to
// 16 M elements.
float percentile(const at::Tensor& values, double percent) {
  const auto rank = static_cast<int64_t>(static_cast<double>(values.numel() - 1) * percent / 100);
  return std::get<0>(values.kthvalue(rank + 1)).item<float>();
}

at::Tensor picture_mask(const std::vector<PixelMap>& maps, int64_t height, int64_t width) {
  at::Tensor mask = at::empty({static_cast<int64_t>(maps.size()), height, width}, at::kBool);
  bool* out = mask.mutable_data_ptr<bool>();
  for (const PixelMap& map : maps) {
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) *out++ = map.shows_picture(x, y);
    }
  }
  return mask;
}

PointCloud make_cloud(const Reconstruction& result,
                      const CameraMatrices& cameras,
                      const std::vector<PixelMap>& maps,
                      double drop_percent) {
  const int64_t height = result.depth.size(1);
  const int64_t width = result.depth.size(2);
  const at::Tensor world =
      unproject(result.depth, cameras.extrinsics, cameras.intrinsics).to(at::kFloat);
  at::Tensor keep = at::isfinite(world).all(3) & at::isfinite(result.confidence) &
                    (result.depth > 0) & picture_mask(maps, height, width);
  const at::Tensor candidates = result.confidence.masked_select(keep);
  if (candidates.numel() > 0)
    keep = keep & (result.confidence >= percentile(candidates, drop_percent));

  const at::Tensor index = keep.nonzero();  // [N, 3]: frame, row, column
  const at::Tensor colours = (result.images.permute({0, 2, 3, 1}) * 255).round().to(at::kByte);
  PointCloud cloud;
  cloud.position = at::index(world, {keep}).contiguous();
  cloud.colour = at::index(colours, {keep}).contiguous();
  cloud.confidence = result.confidence.masked_select(keep);
  cloud.frame = index.select(1, 0).to(at::kInt).contiguous();
  cloud.pixel = at::stack({index.select(1, 2), index.select(1, 1)}, 1).to(at::kInt).contiguous();
  return cloud;
}

}  // namespace

Reconstruction reconstruct(const Vggt& model,
                           const NetworkInput& input,
                           const std::vector<std::string>& names,
                           const ReconstructOptions& options) {
  if (!model.camera_head || !model.depth_head) {
    throw ConfigError("weights", "a reconstruction needs a model with a camera and a depth head");
  }
  if (!(options.drop_percent >= 0 && options.drop_percent < 100)) {
    throw ConfigError("drop-percent", "must be at least 0 and below 100");
  }
  TORCH_CHECK(names.size() == input.maps.size(), "reconstruct: one name per photo is needed");
  const c10::InferenceMode inference;
  const Predictions predictions =
      model.forward(input.images.unsqueeze(0).to(model.aggregator->camera_token.device()),
                    {.progress = options.progress, .seconds = options.seconds});

  StageProgress stage("points", 1, options.progress, options.seconds);
  const int64_t height = input.images.size(2);
  const int64_t width = input.images.size(3);
  Reconstruction result;
  result.images = input.images;
  result.depth = predictions.depth.squeeze(0).squeeze(3).to(at::kCPU, at::kFloat).contiguous();
  result.confidence = predictions.depth_confidence.squeeze(0).to(at::kCPU, at::kFloat).contiguous();
  const at::Tensor encoding = predictions.pose_encodings.back().squeeze(0).to(at::kCPU);
  const std::vector<Camera> cameras = cameras_from_pose(encoding, height, width);
  for (size_t i = 0; i < names.size(); ++i) {
    result.views.push_back({names[i], input.maps[i], cameras[i]});
  }
  result.points =
      make_cloud(result, decode_pose(encoding, height, width), input.maps, options.drop_percent);
  stage.advance();
  return result;
}

}  // namespace vggt
