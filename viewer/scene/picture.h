// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "viewer/scene/scene.h"

namespace vggt::viewer {

/// Reads a photo as its file stores it, without its EXIF orientation, and turns it. Throws IoError
/// naming the file: missing, or no picture that OpenCV reads.
Picture read_picture(const std::string& path, int clockwise_quarter_turns = 0);

/// Writes a PNG or JPEG, as the path ends. Throws IoError; ConfigError for another ending.
void write_picture(const std::string& path, const Picture& picture);

/// By area where it shrinks, else bilinear.
Picture resized(const Picture& picture, int width, int height);

/// At most `most` pixels wide and high, never larger than it is.
Picture thumbnail(const Picture& picture, int most);

/// `opacity` of `over` on `under`, which have one size.
Picture blended(const Picture& under, const Picture& over, double opacity);

/// Draws a line of text, about 12 px high, its lower left corner at (x, y).
void write_text(Picture& picture, int x, int y, const std::string& text, const Rgb& colour);

/// A video of pictures of one size, 30 a second: .mp4, .avi or .mkv.
class VideoFile {
 public:
  /// Throws IoError: no encoder, or the file cannot be written; ConfigError for another ending.
  VideoFile(const std::string& path, int width, int height);
  ~VideoFile();
  VideoFile(const VideoFile&) = delete;
  VideoFile& operator=(const VideoFile&) = delete;

  void add(const Picture& picture);

 private:
  struct Writer;
  std::unique_ptr<Writer> writer_;
};

bool is_video(const std::string& path);

/// A depth or confidence map.
struct Map {
  int width = 0;
  int height = 0;
  std::vector<float> values;

  float at(int x, int y) const { return values[static_cast<size_t>(y) * width + x]; }
};

/// Reads a two-dimensional float32 .npy, C order. Throws IoError naming the file: damaged, cut off,
/// another type or shape.
Map read_map(const std::string& path);

/// A map in colours between its 2nd and 98th percentile, near or sure = warm; black where it is not
/// finite or not positive.
Picture coloured(const Map& map, bool high_is_warm);

}  // namespace vggt::viewer
