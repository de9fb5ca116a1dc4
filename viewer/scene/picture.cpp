// SPDX-License-Identifier: Apache-2.0
#include "viewer/scene/picture.h"

#include "src/base/error.h"
#include "src/base/percentile.h"
#include "src/io/binary_file.h"
#include "viewer/scene/colours.h"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <regex>

namespace vggt::viewer {
namespace {

// Headers that share the picture's memory.
cv::Mat mat_of(Picture& picture) {
  return {picture.height, picture.width, CV_8UC3, picture.rgb.data()};
}

cv::Mat mat_of(const Picture& picture) { return mat_of(const_cast<Picture&>(picture)); }

Picture picture_of(const cv::Mat& rgb) {
  Picture picture{.width = rgb.cols, .height = rgb.rows};
  picture.rgb.resize(static_cast<size_t>(3) * rgb.cols * rgb.rows);
  rgb.copyTo(mat_of(picture));
  return picture;
}

std::string ending(const std::string& path) {
  std::string text = std::filesystem::path(path).extension().string();
  for (char& letter : text) letter = static_cast<char>(std::tolower(letter));
  return text;
}

}  // namespace

Picture read_picture(const std::string& path, int clockwise_quarter_turns) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) throw IoError(path, "no such photo");
  cv::Mat bgr;
  try {
    bgr = cv::imread(path, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
  } catch (const cv::Exception& problem) {
    throw IoError(path, "cannot be read as a picture: " + problem.err);
  }
  if (bgr.empty()) throw IoError(path, "is no picture that the viewer reads (JPEG, PNG, WebP...)");
  if (clockwise_quarter_turns % 4 != 0) {
    const int turns[] = {
        0, cv::ROTATE_90_CLOCKWISE, cv::ROTATE_180, cv::ROTATE_90_COUNTERCLOCKWISE};
    cv::rotate(bgr, bgr, turns[clockwise_quarter_turns % 4]);
  }
  cv::Mat rgb;
  cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
  return picture_of(rgb);
}

void write_picture(const std::string& path, const Picture& picture) {
  const std::string end = ending(path);
  if (end != ".png" && end != ".jpg" && end != ".jpeg") {
    throw ConfigError(path, "a picture's name ends in .png or .jpg");
  }
  if (picture.empty()) throw IoError(path, "there is nothing to write: the picture has no pixels");
  cv::Mat bgr;
  cv::cvtColor(mat_of(picture), bgr, cv::COLOR_RGB2BGR);
  bool written = false;
  try {
    written = cv::imwrite(path, bgr);
  } catch (const cv::Exception&) {
    // said below
  }
  if (!written) throw IoError(path, "cannot be written");
}

Picture resized(const Picture& picture, int width, int height) {
  if (picture.empty() || width < 1 || height < 1) return {};
  cv::Mat out;
  const bool shrinks = width < picture.width || height < picture.height;
  cv::resize(
      mat_of(picture), out, {width, height}, 0, 0, shrinks ? cv::INTER_AREA : cv::INTER_LINEAR);
  return picture_of(out);
}

Picture thumbnail(const Picture& picture, int most) {
  const int longest = std::max(picture.width, picture.height);
  if (longest <= most) return picture;
  const double scale = static_cast<double>(most) / longest;
  return resized(picture,
                 std::max(1, static_cast<int>(std::lround(picture.width * scale))),
                 std::max(1, static_cast<int>(std::lround(picture.height * scale))));
}

Picture blended(const Picture& under, const Picture& over, double opacity) {
  Picture out = under;
  cv::addWeighted(mat_of(over), opacity, mat_of(under), 1 - opacity, 0, mat_of(out));
  return out;
}

void write_text(Picture& picture, int x, int y, const std::string& text, const Rgb& colour) {
  cv::Mat mat = mat_of(picture);
  cv::putText(mat,
              text,
              {x, y},
              cv::FONT_HERSHEY_SIMPLEX,
              0.45,
              cv::Scalar(colour[0], colour[1], colour[2]),
              1,
              cv::LINE_AA);
}

struct VideoFile::Writer {
  cv::VideoWriter video;
};

bool is_video(const std::string& path) {
  const std::string end = ending(path);
  return end == ".mp4" || end == ".avi" || end == ".mkv";
}

VideoFile::VideoFile(const std::string& path, int width, int height)
    : writer_(std::make_unique<Writer>()) {
  if (!is_video(path)) throw ConfigError(path, "a video's name ends in .mp4, .avi or .mkv");
  constexpr double kFramesPerSecond = 30;
  // Encoders that OpenCV's packages bring everywhere.
  const int code = ending(path) == ".mp4" ? cv::VideoWriter::fourcc('m', 'p', '4', 'v')
                                          : cv::VideoWriter::fourcc('M', 'J', 'P', 'G');
  if (!writer_->video.open(path, code, kFramesPerSecond, {width, height})) {
    throw IoError(path,
                  "cannot be written as a video; is OpenCV's ffmpeg there? .png always works");
  }
}

VideoFile::~VideoFile() = default;

void VideoFile::add(const Picture& picture) {
  cv::Mat bgr;
  cv::cvtColor(mat_of(picture), bgr, cv::COLOR_RGB2BGR);
  writer_->video.write(bgr);
}

Map read_map(const std::string& path) {
  BinaryReader file(path);
  char magic[8];
  file.bytes(magic, sizeof(magic), "magic");
  if (std::string(magic, 6) != "\x93NUMPY" || magic[6] != 1) {
    throw IoError(path, "is no NumPy file of version 1");
  }
  std::string header(file.value<uint16_t>("header length"), ' ');
  file.bytes(header.data(), header.size(), "header");
  static const std::regex wanted(
      R"(.*'descr': *'<f4'.*'fortran_order': *False.*'shape': *\((\d{1,6}), *(\d{1,6}),?\).*\s*)");
  std::smatch shape;
  if (!std::regex_match(header, shape, wanted)) {
    throw IoError(path, "must be a float32 array [height, width] in C order");
  }
  Map map{.width = std::stoi(shape[2]), .height = std::stoi(shape[1])};
  const uint64_t count = static_cast<uint64_t>(map.width) * static_cast<uint64_t>(map.height);
  if (file.remaining() != count * sizeof(float)) throw IoError(path, "is cut off, or has a tail");
  map.values.resize(count);
  file.bytes(map.values.data(), count * sizeof(float), "values");
  return map;
}

Picture coloured(const Map& map, bool high_is_warm) {
  std::vector<float> usable;
  for (float value : map.values) {
    if (std::isfinite(value) && value > 0) usable.push_back(value);
  }
  Picture picture{.width = map.width, .height = map.height};
  picture.rgb.assign(3 * map.values.size(), 0);
  if (usable.empty()) return picture;
  const float low = percentile(usable, 2);
  const float high = percentile(usable, 98);
  for (size_t i = 0; i < map.values.size(); ++i) {
    const float value = map.values[i];
    if (!std::isfinite(value) || value <= 0) continue;
    const double share = high > low ? (value - low) / (high - low) : 0.5;
    const Rgb colour = ramp(high_is_warm ? share : 1 - share);
    std::copy(colour.begin(), colour.end(), picture.rgb.begin() + static_cast<ptrdiff_t>(3 * i));
  }
  return picture;
}

}  // namespace vggt::viewer
