// SPDX-License-Identifier: Apache-2.0
#include "src/image/video.h"

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

namespace vggt {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kWidth = 96;
constexpr int kHeight = 64;

/// Squares of a brightness that grows with the frame's number, which the picture can be told by.
cv::Mat frame(int number, bool sharp = true) {
  const int brightness = 60 + 3 * number;
  cv::Mat picture(kHeight, kWidth, CV_8UC3, cv::Scalar::all(brightness));
  for (int y = 0; y < kHeight; y += 16) {
    for (int x = (y / 16 % 2) * 16; x < kWidth; x += 32) {
      picture(cv::Rect(x, y, 16, 16)).setTo(cv::Scalar::all(brightness - 50));
    }
  }
  if (!sharp) cv::GaussianBlur(picture, picture, {}, 4);
  return picture;
}

/// A video of ten frames a second.
Photo write_video(
    const TemporaryFolder& folder, int frames, const std::function<cv::Mat(int)>& make = [](int i) {
      return frame(i);
    }) {
  const std::string path = folder.file("clip.avi");
  cv::VideoWriter writer(path, cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 10, {kWidth, kHeight});
  EXPECT_TRUE(writer.isOpened());
  for (int i = 0; i < frames; ++i) writer.write(make(i));
  return {path, "clip.avi"};
}

/// The numbers of the frames that were taken, after a look at what was written.
std::vector<int> taken(const Photo& video, const TemporaryFolder& folder, VideoOptions options) {
  std::vector<int> numbers;
  const std::string begin = "clip_";
  for (const Photo& photo : extract_frames(video, folder.path(), options)) {
    EXPECT_EQ(photo.path, folder.path() + "/frames/" + photo.name);
    EXPECT_EQ(photo.name.size(), begin.size() + 6 + 4) << photo.name;
    const int number = std::stoi(photo.name.substr(begin.size()));
    const cv::Mat picture = cv::imread(photo.path);
    EXPECT_EQ(picture.size(), cv::Size(kWidth, kHeight));
    numbers.push_back(number);
  }
  int64_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.file("frames"))) {
    files += entry.is_regular_file();
  }
  EXPECT_EQ(files, static_cast<int64_t>(numbers.size()));
  return numbers;
}

TEST(Video, TakesTheSharpestFrameNearEachPlace) {
  const TemporaryFolder folder;
  const std::set<int> sharp = {1, 5, 11, 12, 15, 38};
  const Photo video = write_video(folder, 40, [&](int i) { return frame(i, sharp.count(i) > 0); });
  // Two pictures a second: places 0, 5, 10, ...; two frames of each are compared. Where none is
  // sharp, the brighter one has no more contrast: either may be taken.
  const std::vector<int> numbers = taken(video, folder, {.fps = 2});
  ASSERT_EQ(numbers.size(), 8u);
  EXPECT_EQ(numbers[0], 1);
  EXPECT_EQ(numbers[1], 5);
  EXPECT_EQ(numbers[2], 11);
  EXPECT_EQ(numbers[3], 15);
  const cv::Mat first = cv::imread(folder.file("frames/clip_000005.jpg"));
  EXPECT_NEAR(cv::mean(first)[0], cv::mean(frame(5))[0], 1);
  for (int k = 4; k < 8; ++k) EXPECT_EQ(numbers[static_cast<size_t>(k)] / 5, k);
}

TEST(Video, WritesTheFrameWhoseNumberItNames) {
  const TemporaryFolder folder;
  const Photo video = write_video(folder, 30);
  for (const Photo& photo : extract_frames(video, folder.path(), {.every = 1})) {
    const int number = std::stoi(photo.name.substr(5));
    const cv::Mat difference = cv::abs(cv::imread(photo.path) - frame(number));
    EXPECT_LT(cv::mean(difference)[0], 1.4) << photo.name;  // neighbours differ by 3
  }
}

TEST(Video, TakesEveryNthFrame) {
  const TemporaryFolder folder;
  EXPECT_THAT(taken(write_video(folder, 5), folder, {.every = 1}), ElementsAre(0, 1, 2, 3, 4));
  const TemporaryFolder other;
  EXPECT_THAT(taken(write_video(other, 7), other, {.fps = 100, .every = 2}),
              ElementsAre(0, 2, 4, 6));
}

TEST(Video, NeverTakesAFrameTwice) {
  const TemporaryFolder folder;
  EXPECT_THAT(taken(write_video(folder, 4), folder, {.fps = 100}), ElementsAre(0, 1, 2, 3));
}

TEST(Video, SpreadsAtMostSoManyOverTheWhole) {
  const TemporaryFolder folder;
  const Photo video = write_video(folder, 40, [](int i) { return frame(i, i % 10 == 2); });
  EXPECT_THAT(taken(video, folder, {.every = 1, .max_frames = 4}), ElementsAre(2, 12, 22, 32));
  const TemporaryFolder other;
  EXPECT_EQ(taken(video, other, {.every = 1, .max_frames = 7}).size(), 7u);
  const TemporaryFolder third;
  EXPECT_EQ(taken(video, third, {.every = 20, .max_frames = 7}).size(), 2u);
}

TEST(Video, KeepsToTheMostIfTheVideoMiscountsItsFrames) {
  const TemporaryFolder folder;
  const Photo video = write_video(folder, 40);
  std::string bytes = read_bytes(video.path);
  const std::string ten("\12\0\0\0", 4);
  bytes.replace(bytes.find("avih") + 8 + 16, 4, ten);
  bytes.replace(bytes.find("strh") + 8 + 32, 4, ten);
  folder.write("clip.avi", bytes);
  int64_t total = 0;
  extract_frames(video, folder.file("other"), {}, [&](const Progress& progress) {
    EXPECT_LE(progress.done, progress.total);
    total = progress.total;
    return true;
  });
  if (total != 10) GTEST_SKIP() << "OpenCV counts by itself here: " << total;
  EXPECT_EQ(taken(video, folder, {.every = 1, .max_frames = 5}).size(), 5u);
}

TEST(Video, LeavesOutWhatHardlyDiffersOnRequest) {
  const auto still_then_moving = [](int i) { return frame(std::max(0, i - 10)); };
  const TemporaryFolder folder;
  const Photo video = write_video(folder, 14, still_then_moving);
  EXPECT_THAT(taken(video, folder, {.every = 1, .drop_duplicates = true}),
              ElementsAre(0, 11, 12, 13));
  const TemporaryFolder other;
  EXPECT_EQ(taken(video, other, {.every = 1}).size(), 14u);
}

TEST(Video, CountsItsFramesAndCanBeCancelled) {
  const TemporaryFolder folder;
  const Photo video = write_video(folder, 12);
  std::vector<int64_t> done;
  extract_frames(video, folder.path(), {}, [&](const Progress& progress) {
    EXPECT_EQ(progress.total, 12);
    done.push_back(progress.done);
    return true;
  });
  EXPECT_EQ(done.back(), 12);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  const TemporaryFolder other;
  EXPECT_THROW(
      extract_frames(
          video, other.path(), {}, [](const Progress& progress) { return progress.done < 3; }),
      Cancelled);
}

TEST(Video, KeepsTheFoldersOfItsName) {
  const TemporaryFolder folder;
  Photo video = write_video(folder, 3);
  video.name = "day.1/clip.avi";
  const std::vector<Photo> photos = extract_frames(video, folder.path(), {});
  ASSERT_EQ(photos.size(), 1u);
  EXPECT_EQ(photos[0].name.rfind("day.1/clip_00000", 0), 0u) << photos[0].name;
  EXPECT_TRUE(std::filesystem::exists(folder.file("frames/" + photos[0].name)));
  // Not over what is there.
  EXPECT_THAT(message_of<IoError>([&] { extract_frames(video, folder.path(), {}); }),
              AllOf(HasSubstr("day.1/clip_00000"), HasSubstr("is there already")));
}

TEST(Video, TurnsWhatPhonesHoldUpright) {
  const TemporaryFolder folder;
  const std::string path = folder.file("phone.mp4");
  {
    cv::VideoWriter writer(
        path, cv::CAP_FFMPEG, cv::VideoWriter::fourcc('m', 'p', '4', 'v'), 10, {kWidth, kHeight});
    if (!writer.isOpened()) GTEST_SKIP() << "OpenCV without FFmpeg";
    for (int i = 0; i < 3; ++i) {
      cv::Mat picture(kHeight, kWidth, CV_8UC3, cv::Scalar(0, 0, 0));
      picture.colRange(0, kWidth / 2).setTo(cv::Scalar(255, 255, 255));
      writer.write(picture);
    }
  }
  // The track's matrix: from the identity to a quarter clockwise.
  std::string bytes = read_bytes(path);
  const size_t matrix = bytes.find("tkhd") + 4 + 40;
  ASSERT_EQ(bytes.substr(matrix, 4), std::string("\0\1\0\0", 4));
  const std::string turned("\0\0\0\0\0\1\0\0\0\0\0\0\xff\xff\0\0\0\0\0\0", 20);
  bytes.replace(matrix, turned.size(), turned);
  folder.write("phone.mp4", bytes);
  const std::vector<Photo> photos = extract_frames({path, "phone.mp4"}, folder.path(), {});
  const cv::Mat picture = cv::imread(photos.at(0).path);
  EXPECT_EQ(picture.size(), cv::Size(kHeight, kWidth));
  // The white left half is above.
  EXPECT_GT(cv::mean(picture.rowRange(0, kWidth / 4))[0], 200);
  EXPECT_LT(cv::mean(picture.rowRange(3 * kWidth / 4, kWidth))[0], 50);
}

TEST(Video, SaysWhatCannotBeRead) {
  const TemporaryFolder folder;
  const auto failure = [&](const std::string& path, const VideoOptions& options = {}) {
    return message_of<IoError>([&] { extract_frames({path, "a.mp4"}, folder.path(), options); });
  };
  ::testing::internal::CaptureStderr();
  EXPECT_THAT(failure(folder.file("none.mp4")), HasSubstr("none.mp4: no such file"));
  EXPECT_THAT(failure(folder.path()), HasSubstr("is not a video's file"));
  EXPECT_THAT(failure(folder.write("text01.mp4", "not a film")), HasSubstr("cannot be opened"));
  EXPECT_THAT(failure(folder.write("empty.mp4", "")), HasSubstr("cannot be opened"));
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  const Photo video = write_video(folder, 2);
  for (const VideoOptions& options :
       {VideoOptions{.fps = 0}, VideoOptions{.every = -1}, VideoOptions{.max_frames = -1}}) {
    EXPECT_THROW(extract_frames(video, folder.path(), options), ConfigError);
  }
}

}  // namespace
}  // namespace vggt
