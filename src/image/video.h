// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/base/progress.h"
#include "src/image/inputs.h"

namespace vggt {

struct VideoOptions {
  double fps = 2;                ///< pictures per second of the video
  int64_t every = 0;             ///< every so many frames instead; 0: by fps
  int64_t max_frames = 0;        ///< at most so many, evenly over the video; 0: all
  bool drop_duplicates = false;  ///< leaves out pictures that hardly differ from the one before
};

/// Takes pictures out of a video, evenly, at each place the sharpest of the frames that begin there
/// (half the way to the next place, five at most), upright as phones note it. Writes them as JPEG
/// of quality 95 into <folder>/frames and returns them in order:
///   path  <folder>/frames/<name>
///   name  <video.name without extension>_<frame number, six digits, from 0>.jpg
/// Reads the video once from start to end and holds no more than two of its frames. `progress`
/// counts the frames read. A video whose rate is not known is taken to have 30 frames a second.
/// Throws IoError if the video cannot be opened or holds no frame, if a picture cannot be written
/// or is there already; Cancelled; ConfigError for options that make no sense.
std::vector<Photo> extract_frames(const Photo& video,
                                  const std::string& folder,
                                  const VideoOptions& options,
                                  const ProgressCallback& progress = {},
                                  StageProgress::Seconds* seconds = nullptr);

}  // namespace vggt
