// SPDX-License-Identifier: Apache-2.0
#include "src/image/picture_file.h"

#include "src/base/error.h"
#include "src/image/colouring.h"
#include "src/io/binary_file.h"

#include <ATen/ATen.h>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <filesystem>

namespace vggt {
namespace {

std::vector<uint8_t> jpeg_of(const cv::Mat& picture, int quality) {
  TORCH_CHECK(quality >= 1 && quality <= 100, "JPEG quality must be from 1 to 100, got ", quality);
  std::vector<uint8_t> bytes;
  if (!cv::imencode(".jpg", picture, bytes, {cv::IMWRITE_JPEG_QUALITY, quality})) bytes.clear();
  return bytes;
}

void write_bytes(const std::string& path, const std::vector<uint8_t>& bytes) {
  if (bytes.empty()) throw IoError(path, "cannot be encoded");
  BinaryWriter file(path);
  file.bytes(bytes.data(), bytes.size());
  file.close();
}

std::vector<uint8_t> png_of(const cv::Mat& picture) {
  std::vector<uint8_t> bytes;
  if (!cv::imencode(".png", picture, bytes)) bytes.clear();
  return bytes;
}

}  // namespace

void write_picture(const std::string& path, const at::Tensor& picture, int jpeg_quality) {
  const cv::Mat bgr = bgr_picture(picture);
  const bool png = std::filesystem::path(path).extension() == ".png";
  write_bytes(path, png ? png_of(bgr) : jpeg_of(bgr, jpeg_quality));
}

at::Tensor through_jpeg(const at::Tensor& pictures, int quality) {
  TORCH_CHECK(pictures.dim() == 4 && pictures.size(1) == 3 &&
                  pictures.scalar_type() == at::kFloat && pictures.is_cpu(),
              "through_jpeg: pictures must be [S, 3, H, W] float on the CPU, got ",
              pictures.sizes());
  at::Tensor result = at::empty_like(pictures, at::MemoryFormat::Contiguous);
  for (int64_t i = 0; i < pictures.size(0); ++i) {
    const cv::Mat back = cv::imdecode(jpeg_of(bgr_picture(pictures[i]), quality), cv::IMREAD_COLOR);
    TORCH_CHECK(!back.empty(), "through_jpeg: the picture cannot be encoded");
    const at::Tensor bgr =
        at::from_blob(back.data, {back.rows, back.cols, 3}, at::kByte).permute({2, 0, 1});
    result[i].copy_(bgr.flip(0).to(at::kFloat).div_(255));
  }
  return result;
}

void write_contact_sheet(const std::string& path,
                         const std::vector<at::Tensor>& pictures,
                         const std::vector<at::Tensor>& depth) {
  constexpr int kMostWidth = 1600;
  constexpr int kMostCell = 200;
  constexpr int kGap = 4;
  TORCH_CHECK(!pictures.empty() && pictures.size() == depth.size() && pictures[0].size(0) > 0,
              "write_contact_sheet: there must be pictures, and depth for each row");
  const auto height_px = static_cast<int>(pictures[0].size(2));
  const auto width_px = static_cast<int>(pictures[0].size(3));
  const int columns = std::max(1, std::min(static_cast<int>(pictures[0].size(0)), kMostWidth / 60));
  const int cell_width = std::max(
      1, std::min(kMostWidth / columns - kGap, std::max(1, kMostCell * width_px / height_px)));
  const int cell_height = std::max(1, cell_width * height_px / width_px);
  const auto rows = 2 * static_cast<int>(pictures.size());
  cv::Mat sheet(
      rows * (cell_height + kGap), columns * (cell_width + kGap), CV_8UC3, cv::Scalar::all(28));
  const auto put = [&](const cv::Mat& picture, int row, int column) {
    const cv::Rect cell(
        column * (cell_width + kGap), row * (cell_height + kGap), cell_width, cell_height);
    cv::resize(picture, sheet(cell), cell.size(), 0, 0, cv::INTER_AREA);
  };
  for (size_t row = 0; row < pictures.size(); ++row) {
    const ValueRange range = robust_range(depth[row], ColourScale::kDepth);
    const int64_t count = pictures[row].size(0);
    for (int column = 0; column < std::min(columns, static_cast<int>(count)); ++column) {
      // An even spread where not all fit.
      const int64_t i = column * count / std::min<int64_t>(columns, count);
      put(bgr_picture(pictures[row][i]), 2 * static_cast<int>(row), column);
      put(coloured(depth[row][i], range, ColourScale::kDepth),
          2 * static_cast<int>(row) + 1,
          column);
    }
  }
  write_bytes(path, png_of(sheet));
}

}  // namespace vggt
