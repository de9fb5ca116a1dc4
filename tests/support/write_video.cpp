// SPDX-License-Identifier: Apache-2.0
// Makes a video of a folder's photos, scaled to 320 x 240, in the order of their names, two frames
//   each, ten a second: write_video <folder> <video.avi>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <vector>

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: write_video <folder> <video.avi>\n";
    return 2;
  }
  std::vector<std::filesystem::path> photos;
  for (const auto& entry : std::filesystem::directory_iterator(arguments[1])) {
    photos.push_back(entry.path());
  }
  std::sort(photos.begin(), photos.end());
  const cv::Size size(320, 240);
  cv::VideoWriter video(arguments[2], cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 10, size);
  for (const auto& photo : photos) {
    cv::Mat frame = cv::imread(photo.string());
    if (frame.empty() || !video.isOpened()) {
      std::cerr << "write_video: " << photo << " or " << arguments[2] << " cannot be used\n";
      return 1;
    }
    cv::resize(frame, frame, size, 0, 0, cv::INTER_AREA);
    for (int i = 0; i < 2; ++i) video.write(frame);
  }
  return 0;
}
