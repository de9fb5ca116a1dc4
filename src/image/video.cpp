// SPDX-License-Identifier: Apache-2.0
#include "src/image/video.h"

#include "src/base/error.h"
#include "src/image/opencv_silence.h"
#include "src/io/binary_file.h"
#include "src/io/output_files.h"

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <utility>

namespace vggt {
namespace {

namespace fs = std::filesystem;

cv::Mat small_grey(const cv::Mat& frame, cv::Size size) {
  cv::Mat grey;
  cv::resize(frame, grey, size, 0, 0, cv::INTER_AREA);
  if (grey.channels() > 1) cv::cvtColor(grey, grey, cv::COLOR_BGR2GRAY);
  return grey;
}

/// The variance of the Laplacian. On a small copy: fast, and noise counts for less.
double sharpness(const cv::Mat& frame) {
  constexpr int kLongSide_px = 480;
  const double scale =
      std::min(1.0, kLongSide_px / static_cast<double>(std::max(frame.cols, frame.rows)));
  const cv::Size size(std::max(1, static_cast<int>(frame.cols * scale)),
                      std::max(1, static_cast<int>(frame.rows * scale)));
  cv::Mat laplacian;
  cv::Laplacian(small_grey(frame, size), laplacian, CV_32F);
  cv::Scalar mean;
  cv::Scalar deviation;
  cv::meanStdDev(laplacian, mean, deviation);
  return deviation[0] * deviation[0];
}

/// Writes the pictures that are chosen and remembers them.
class FrameWriter {
 public:
  FrameWriter(const Photo& video, const std::string& folder, int turns, bool drop_duplicates)
      : turns_(turns),
        folder_(fs::path(folder) / "frames"),
        stem_(fs::path(video.name).replace_extension().string()),
        drop_duplicates_(drop_duplicates) {}

  void write(const cv::Mat& frame, int64_t number) {
    if (drop_duplicates_) {
      cv::Mat thumbnail = small_grey(frame, {32, 32});
      if (!last_.empty() && difference(thumbnail, last_) < kSame) return;
      last_ = thumbnail;
    }
    char suffix[32];
    std::snprintf(suffix, sizeof(suffix), "_%06lld.jpg", static_cast<long long>(number));
    const std::string name = stem_ + suffix;
    const fs::path path = folder_ / name;
    make_folder(path.parent_path().string());
    std::error_code error;
    if (fs::exists(path, error)) {
      throw IoError(path.string(), "is there already; two videos may differ only in their ending");
    }
    constexpr int kRotation[] = {
        -1, cv::ROTATE_90_CLOCKWISE, cv::ROTATE_180, cv::ROTATE_90_COUNTERCLOCKWISE};
    cv::Mat upright;
    if (turns_ == 0) {
      upright = frame;
    } else {
      cv::rotate(frame, upright, kRotation[turns_]);
    }
    std::vector<uint8_t> jpeg;
    if (!cv::imencode(".jpg", upright, jpeg, {cv::IMWRITE_JPEG_QUALITY, 95})) {
      throw IoError(path.string(), "cannot be encoded");
    }
    BinaryWriter writer(path.string());
    writer.bytes(jpeg.data(), jpeg.size());
    writer.close();
    photos_.push_back({path.string(), name});
  }

  /// Removes what is too much: a video's own count of its frames may be wrong.
  std::vector<Photo> at_most(int64_t most) {
    const std::vector<Photo> chosen = even_spread(photos_, most);
    auto next = chosen.begin();
    for (const Photo& photo : photos_) {
      if (next != chosen.end() && next->path == photo.path) {
        ++next;
      } else {
        std::error_code error;
        fs::remove(photo.path, error);
      }
    }
    return chosen;
  }

 private:
  static double difference(const cv::Mat& a, const cv::Mat& b) {
    cv::Mat absolute;
    cv::absdiff(a, b, absolute);
    return cv::mean(absolute)[0];
  }

  // Of 255. A camera on a tripod gives less by its noise, a hand that holds still about as much.
  static constexpr double kSame = 2;

  int turns_;  ///< by 90 degrees clockwise, until upright
  fs::path folder_;
  std::string stem_;
  bool drop_duplicates_;
  cv::Mat last_;  ///< small copy of the last that was kept
  std::vector<Photo> photos_;
};

cv::VideoCapture open(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) throw IoError(path, "no such file");
  if (!fs::is_regular_file(path, error)) throw IoError(path, "is not a video's file");
  silence_opencv();
  cv::VideoCapture capture;
  // An absolute path: "a:b.mp4" would be taken for an address, "clip%03d.avi" is seen to exist.
  const std::string absolute = fs::absolute(path).string();
  if (!capture.open(absolute, cv::CAP_FFMPEG) && !capture.open(absolute, cv::CAP_ANY)) {
    throw IoError(path,
                  "cannot be opened as a video: damaged, or a format that OpenCV cannot read here");
  }
  return capture;
}

/// How often frames are to be turned by 90 degrees clockwise until they are upright. From here on
/// `capture` does not turn them itself: OpenCV 4.6.0 does so the wrong way round (its issue 22088).
int take_over_turning(cv::VideoCapture& capture) {
  capture.set(cv::CAP_PROP_ORIENTATION_AUTO, 0);
  const int turns = static_cast<int>(capture.get(cv::CAP_PROP_ORIENTATION_META)) / 90 % 4;
  const bool wrong_way = cv::getVersionMajor() == 4 && cv::getVersionMinor() == 6;
  return (wrong_way ? 4 - turns : turns + 4) % 4;
}

void check(const VideoOptions& options) {
  if (!(options.fps > 0)) throw ConfigError("fps", "must be above 0");
  if (options.every < 0) throw ConfigError("every", "must not be negative");
  if (options.max_frames < 0) throw ConfigError("max-frames", "must not be negative");
}

/// How many frames one picture stands for, 1 or more.
double frames_per_picture(double rate, double count, const VideoOptions& options) {
  constexpr double kUsualRate = 30;
  if (!(rate > 0) || !std::isfinite(rate)) rate = kUsualRate;
  double interval =
      options.every > 0 ? static_cast<double>(options.every) : std::max(1.0, rate / options.fps);
  if (options.max_frames > 0) {
    interval = std::max(interval, count / static_cast<double>(options.max_frames));
  }
  return interval;
}

}  // namespace

std::vector<Photo> extract_frames(const Photo& video,
                                  const std::string& folder,
                                  const VideoOptions& options,
                                  const ProgressCallback& progress,
                                  StageProgress::Seconds* seconds) {
  check(options);
  cv::VideoCapture capture = open(video.path);
  // Not every container knows its number of frames, and some are wrong about it.
  const double known_count = capture.get(cv::CAP_PROP_FRAME_COUNT);
  const double count = known_count > 0 && known_count < 1e9 ? known_count : 0;
  const double interval = frames_per_picture(capture.get(cv::CAP_PROP_FPS), count, options);
  // A picture is the sharpest of these frames, from its place on.
  constexpr int64_t kMostCompared = 5;
  const int64_t compared =
      std::clamp(static_cast<int64_t>(interval / 2), int64_t{1}, kMostCompared);

  const int turns = take_over_turning(capture);
  FrameWriter writer(video, folder, turns, options.drop_duplicates);
  const auto total = static_cast<int64_t>(count);
  StageProgress stage("video", total, progress, seconds);
  struct {
    cv::Mat frame;
    int64_t number = 0;
    double sharpness = -1;
  } best;
  const auto write_best = [&] {
    if (best.sharpness >= 0) writer.write(best.frame, best.number);
    best.sharpness = -1;
  };
  cv::Mat frame;
  int64_t pictures = 0;
  int64_t place = 0;  // of the next picture
  int64_t number = 0;
  for (; capture.grab(); ++number) {
    if (number >= place && capture.retrieve(frame) && !frame.empty()) {
      const double value = compared > 1 ? sharpness(frame) : 0;
      if (value > best.sharpness) {
        std::swap(frame, best.frame);
        best.number = number;
        best.sharpness = value;
      }
    }
    if (number == place + compared - 1) {
      write_best();
      place = std::llround(static_cast<double>(++pictures) * interval);
    }
    stage.advance(number < total ? 1 : 0);
  }
  write_best();
  stage.advance(std::max<int64_t>(0, total - number));
  std::vector<Photo> photos = writer.at_most(options.max_frames);
  if (photos.empty()) throw IoError(video.path, "holds no frame that can be read");
  return photos;
}

}  // namespace vggt
