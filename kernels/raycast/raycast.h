// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "kernels/raycast/raycast_scene.h"

namespace vggt::kernels {

/// Pictures of a scene, and what is exactly known of each pixel's centre. On the device of the
/// atlas.
struct RaycastPictures {
  at::Tensor colour;     ///< [S, 3, H, W] float, linear light, not limited
  at::Tensor depth;      ///< [S, H, W] float, along the optical axis; 0: the sky
  at::Tensor normal;     ///< [S, 3, H, W] float, in the world, unit, towards the camera; 0: the sky
  at::Tensor primitive;  ///< [S, H, W] int32, index in the scene; -1: the sky
};

struct RaycastOptions {
  /// Pixels at outlines take the mean colour of four rays; depth, normal and primitive stay those
  /// of the centre.
  bool smooth_outlines = true;
};

/// Draws a scene of convex solids: textures with mipmaps and anisotropic filtering, one sun with
/// soft-rimmed shadows, light from the sky and from lamps, darkening where things are near. Per
/// tile of pixels only the solids that may be seen there are tried; on the CPU LibTorch's threads
/// share the tiles. The result does not depend on their number.
///
/// atlas     [layers, T] int32: per layer a square texture of 2^n pixels and its levels down to 1 x
///           1 one after the other, row by row; red, green, blue from the lowest byte, square roots
///           of linear light. See raycast_atlas().
/// Throws c10::Error if a shape, dtype, index or size does not fit. Does not synchronise on CUDA.
RaycastPictures raycast(const RaycastScene& scene,
                        const at::Tensor& atlas,
                        const std::vector<RaycastCamera>& cameras,
                        int64_t height_px,
                        int64_t width_px,
                        const RaycastOptions& options = {});

/// The atlas of square textures: [layers, 3, N, N] uint8 on the CPU, N a power of two up to 2048,
/// as [layers, T] int32.
at::Tensor raycast_atlas(const at::Tensor& textures);

/// Depth of the first solid along each ray, on the CPU: at pixels [N, 2] double, (x, y), of one
/// camera. [N] float, 0: the sky.
at::Tensor raycast_depth(const RaycastScene& scene,
                         const RaycastCamera& camera,
                         const at::Tensor& pixels);

/// About how far the nearest surface is from a point of the world, (x, y, z); negative within a
/// solid and outside a room. Within flat or long ellipsoids and beside them it can be some times
/// too small.
double raycast_clearance(const RaycastScene& scene, const double* point);

/// What raycast() finds in each pixel, in float64, trying every solid with textbook formulas:
/// depth, normal (both double) and primitive; no colour. For tests.
RaycastPictures raycast_reference(const RaycastScene& scene,
                                  const std::vector<RaycastCamera>& cameras,
                                  int64_t height_px,
                                  int64_t width_px);

}  // namespace vggt::kernels
