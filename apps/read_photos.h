// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "src/base/progress.h"
#include "src/image/inputs.h"
#include "src/pipeline/preprocess.h"

namespace vggt::apps {

struct ReadOptions {
  bool like_original = false;
  bool strict = false;  ///< an unreadable photo is an error instead of being left out
  std::string masks;    ///< folder of masks, or empty
  PreprocessOptions preprocess;
};

/// A photo that could not be read, and why.
struct SkippedPhoto {
  Photo photo;
  std::string reason;
};

/// The photos that could be read, as the network takes them, in their order.
struct ReadPhotos {
  std::vector<Photo> photos;
  std::vector<std::string> hashes;    ///< file_hash() of each
  NetworkInput input;                 ///< its mask is undefined without masks
  std::vector<SkippedPhoto> skipped;  ///< in their order
  int64_t without_mask = 0;           ///< photos that have none, where masks are asked for
};

/// Decodes and fits on all cores; of the originals only as many as there are cores are in memory at
/// a time. A photo that changes while it is read counts as unreadable, as does one whose mask
/// cannot be read: without it the photo would give points that nobody wants. `progress` counts the
/// photos and then their masks. Throws IoError if none can be read, or under `strict` at the first
/// that cannot; Cancelled.
ReadPhotos read_photos(const std::vector<Photo>& photos,
                       const ReadOptions& options,
                       const ProgressCallback& progress = {},
                       StageProgress::Seconds* seconds = nullptr);

/// A hash of a file's bytes (XXH3, 128 bits, hexadecimal): tells a changed photo, not a forged one.
/// Throws IoError.
std::string file_hash(const std::string& path);

}  // namespace vggt::apps
