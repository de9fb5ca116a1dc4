// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/reconstruct.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "src/base/error.h"
#include "src/geometry/pose_encoding.h"

namespace vggt {

Reconstruction predict(const Vggt& model,
                       const NetworkInput& input,
                       const std::vector<std::string>& names,
                       const ReconstructOptions& options) {
  if (!model.camera_head || !model.depth_head) {
    throw ConfigError("weights", "a reconstruction needs a model with a camera and a depth head");
  }
  TORCH_CHECK(names.size() == input.maps.size(), "predict: one name per photo is needed");
  const c10::InferenceMode inference;
  const Predictions predictions = model.forward(input.images.unsqueeze(0),
                                                {.head_frames = options.head_frames,
                                                 .merge = options.merge,
                                                 .merge_report = options.merge_report,
                                                 .layers_on_host = options.layers_on_host,
                                                 .maps_on_host = true,
                                                 .progress = options.progress,
                                                 .seconds = options.seconds});
  const int64_t height = input.images.size(2);
  const int64_t width = input.images.size(3);
  Reconstruction result;
  result.images = input.images;
  result.mask = input.mask;
  result.depth = predictions.depth.squeeze(0).squeeze(3).to(at::kCPU, at::kFloat).contiguous();
  result.confidence = predictions.depth_confidence.squeeze(0).to(at::kCPU, at::kFloat).contiguous();
  const at::Tensor encoding = predictions.pose_encodings.back().squeeze(0).to(at::kCPU);
  const std::vector<Camera> cameras = cameras_from_pose(encoding, height, width);
  for (size_t i = 0; i < names.size(); ++i) {
    result.views.push_back({names[i], input.maps[i], cameras[i]});
  }
  return result;
}

Reconstruction reconstruct(const Vggt& model,
                           const NetworkInput& input,
                           const std::vector<std::string>& names,
                           const ReconstructOptions& options) {
  check(options.points);
  Reconstruction result = predict(model, input, names, options);
  result.points = make_points(result, options.points, options.progress, options.seconds);
  return result;
}

}  // namespace vggt
