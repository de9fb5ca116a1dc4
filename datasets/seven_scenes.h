// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datasets/dataset.h"

namespace vggt::datasets {

/// 7-Scenes: <scene>/{TestSplit.txt, TrainSplit.txt} and <scene>/seq-01/frame-000000.{color.png,
/// pose.txt, depth.proj.png or depth.png}; split is "test", "train" or "all". Depth counts from 1 mm
/// to 10 m. Without depth.proj.png, the map projected into the colour camera, the sensor's own is
/// scaled to the colour camera's focal length, which leaves out the 2.5 cm between the two. The
/// poses are those of the depth sensor: too noisy for strict AUC thresholds.
/// Shotton et al., "Scene Coordinate Regression Forests", CVPR 2013.
Dataset load_seven_scenes(const LoadOptions& options);

}  // namespace vggt::datasets
