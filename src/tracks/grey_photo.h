// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "src/pipeline/pixel_map.h"
#include "src/tracks/features.h"

namespace vggt::tracks {

struct GreyPhotoOptions {
  std::string mask;            ///< of read_mask(); empty: all of the photo counts
  bool like_original = false;  ///< see DecodeOptions
  int64_t longest_px = 2048;   ///< larger photos are made smaller
};

/// A photo as detect_sift() wants it: grey, upright as `map` says.
/// Throws IoError as decode_image() and read_mask() do, or if the photo no longer has the size of
/// `map`.
GreyPicture grey_photo(const std::string& path,
                       const PixelMap& map,
                       const GreyPhotoOptions& options = {});

}  // namespace vggt::tracks
