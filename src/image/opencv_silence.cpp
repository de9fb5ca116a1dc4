// SPDX-License-Identifier: Apache-2.0
#include "src/image/opencv_silence.h"

#include <opencv2/core/utils/logger.hpp>

#include <cstdlib>
#include <mutex>

namespace vggt {

void silence_opencv() {
  static std::once_flag done;
  std::call_once(done, [] {
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    setenv("OPENCV_FFMPEG_LOGLEVEL", "-8", 0);  // AV_LOG_QUIET; a user's own setting stays
  });
}

}  // namespace vggt
