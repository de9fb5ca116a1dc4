// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace vggt {

/// Writes a picture [3, H, W] float in [0, 1], RGB, as the JPEG (of a quality from 1 to 100) or PNG
/// that the path ends in. Throws IoError.
void write_picture(const std::string& path, const at::Tensor& picture, int jpeg_quality = 95);

/// Pictures as they come back from a JPEG file of that quality, from 1 to 100: its blocks and its
/// loss of colour, for training.
/// pictures  [S, 3, H, W] float in [0, 1] on the CPU
at::Tensor through_jpeg(const at::Tensor& pictures, int quality);

/// A scene's part of a contact sheet: a row of its pictures, each scaled to the same height, above a
/// row of their depth, near = warm. Where not all fit in 1600 pixels, an even spread of them.
/// pictures  [S, 3, H, W] float in [0, 1]
/// depth     [S, H, W] float, 0 = none
/// Returns [height, width, 3] uint8, RGB.
at::Tensor contact_rows(const at::Tensor& pictures, const at::Tensor& depth);

/// Writes such parts one below the other as one PNG. Throws IoError.
void write_contact_sheet(const std::string& path, const std::vector<at::Tensor>& rows);

}  // namespace vggt
