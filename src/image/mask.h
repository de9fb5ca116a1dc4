// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include <ATen/core/Tensor.h>

#include "src/pipeline/pixel_map.h"

namespace vggt {

/// The mask of the photo of that name (Photo::name) in `folder`. For a/b.jpg, the first of
///   a/b.jpg.png, a/b_mask.png, a/b.png
/// that is there, each with any extension of pictures, in lower or upper case; .png first.
std::optional<std::string> find_mask(const std::string& folder, const std::string& photo_name);

/// What of the photo to keep: [H, W] bool at the network's resolution, nearest pixel. True where
/// the mask is nearer to white than to black; transparent counts as white; false beyond the
/// picture.
///
/// The mask may have the photo's size as it is seen or as its file stores it (`map` knows both).
/// Where the two are equal, for squares and pictures turned by 180 degrees, it is taken as seen.
/// Throws IoError if the file cannot be read, has another size, or has grey but nothing near white:
/// a mask of zeros and ones, which would keep nothing.
at::Tensor read_mask(const std::string& path, const PixelMap& map);

}  // namespace vggt
