// SPDX-License-Identifier: Apache-2.0
#include "src/synthetic/jpeg.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <opencv2/imgcodecs.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace vggt::synthetic {
namespace {

// Edges, a ramp and fine texture, grey or tinted by colours that change slowly.
at::Tensor drawing(int64_t height, int64_t width, bool coloured) {
  const at::Tensor y = at::arange(height, at::kFloat).unsqueeze(1);
  const at::Tensor x = at::arange(width, at::kFloat).unsqueeze(0);
  const at::Tensor waves = (x * 0.9).sin() * (y * 0.31).cos();
  const at::Tensor edge = (x + y * 0.5 > static_cast<double>(width) / 2).to(at::kFloat);
  const at::Tensor grey = 0.4 + 0.2 * waves + 0.2 * edge + 0.1 * y / static_cast<double>(height);
  const auto channel = [&](double phase) {
    return coloured ? grey + 0.15 * (x * 0.05 + y * 0.03 + phase).sin() : grey;
  };
  const at::Tensor picture = at::stack({channel(0), channel(2), channel(4)}).clamp(0, 1);
  return (picture * 255).round() / 255;
}

// What libjpeg gives back.
at::Tensor from_file(const at::Tensor& picture, int quality) {
  const at::Tensor bytes = (picture.flip(0).permute({1, 2, 0}) * 255).round().to(at::kByte);
  const at::Tensor rows = bytes.contiguous();
  const cv::Mat image(static_cast<int>(rows.size(0)),
                      static_cast<int>(rows.size(1)),
                      CV_8UC3,
                      rows.mutable_data_ptr<uint8_t>());
  std::vector<uint8_t> file;
  cv::imencode(".jpg", image, file, {cv::IMWRITE_JPEG_QUALITY, quality});
  const cv::Mat read = cv::imdecode(file, cv::IMREAD_COLOR);
  return at::from_blob(read.data, rows.sizes(), at::kByte).permute({2, 0, 1}).flip(0) / 255.0;
}

double mean_levels(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().mean().item<double>() * 255;
}

// Beside a small part of what the file loses, libjpeg rounds to whole levels between its steps, and
// smooths the colours it makes larger.
TEST(Jpeg, LosesWhatAFileLoses) {
  for (const int quality : {10, 40, 50, 75, 92}) {
    for (const bool coloured : {false, true}) {
      const at::Tensor picture = drawing(48, 80, coloured);
      const at::Tensor file = from_file(picture, quality);
      const double lost = mean_levels(file, picture);
      const double apart = mean_levels(stored_as_jpeg(picture, quality), file);
      EXPECT_LT(apart, 0.15 * lost + (coloured ? 1 : 0.3)) << quality << " loses " << lost;
    }
  }
}

TEST(Jpeg, TakesSizesThatAreNoWholeBlocks) {
  for (const auto& [height, width] : {std::pair{1, 1}, {7, 17}, {16, 33}, {98, 140}}) {
    const at::Tensor picture = drawing(height, width, true);
    const at::Tensor stored = stored_as_jpeg(picture, 60);
    EXPECT_EQ(stored.sizes(), picture.sizes());
    EXPECT_LT(mean_levels(stored, from_file(picture, 60)), 4) << height << " x " << width;
  }
  EXPECT_EQ(stored_as_jpeg(at::zeros({3, 0, 5}), 60).sizes(), at::IntArrayRef({3, 0, 5}));
}

TEST(Jpeg, BestQualityKeepsGreysAndRange) {
  const at::Tensor grey = drawing(32, 32, false);
  EXPECT_LT((stored_as_jpeg(grey, 100) - grey).abs().max().item<double>() * 255, 4);
  const at::Tensor harsh = (at::arange(3 * 16 * 16).remainder(2)).to(at::kFloat).view({3, 16, 16});
  const at::Tensor stored = stored_as_jpeg(harsh, 5);
  EXPECT_GE(stored.min().item<double>(), 0);
  EXPECT_LE(stored.max().item<double>(), 1);
  EXPECT_THROW(stored_as_jpeg(grey, 0), c10::Error);
  EXPECT_THROW(stored_as_jpeg(grey[0], 50), c10::Error);
}

}  // namespace
}  // namespace vggt::synthetic
