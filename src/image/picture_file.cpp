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

// Of a contact sheet.
constexpr int kSheetGap = 4;
constexpr int kSheetGrey = 28;

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

at::Tensor contact_rows(const at::Tensor& pictures, const at::Tensor& depth) {
  constexpr int kMostWidth = 1600;
  constexpr int kLeastCell = 60;
  constexpr int kMostCell = 200;
  TORCH_CHECK(pictures.dim() == 4 && pictures.size(1) == 3 && pictures.numel() > 0 &&
                  depth.dim() == 3 && depth.size(0) == pictures.size(0),
              "contact_rows: pictures must be [S, 3, H, W] and depth [S, H, W], got ",
              pictures.sizes(),
              " and ",
              depth.sizes());
  const int64_t count = pictures.size(0);
  const auto height_px = static_cast<int>(pictures.size(2));
  const auto width_px = static_cast<int>(pictures.size(3));
  const auto columns = static_cast<int>(std::min<int64_t>(count, kMostWidth / kLeastCell));
  const int cell_width = std::max(
      1, std::min(kMostWidth / columns - kSheetGap, std::max(1, kMostCell * width_px / height_px)));
  const int cell_height = std::max(1, cell_width * height_px / width_px);
  const int height = 2 * (cell_height + kSheetGap);
  const int width = columns * (cell_width + kSheetGap);
  at::Tensor rows = at::full({height, width, 3}, kSheetGrey, at::kByte);
  cv::Mat sheet(height, width, CV_8UC3, rows.mutable_data_ptr<uint8_t>());
  const auto put = [&](const cv::Mat& bgr, int row, int column) {
    const cv::Rect place(column * (cell_width + kSheetGap),
                         row * (cell_height + kSheetGap),
                         cell_width,
                         cell_height);
    cv::Mat cell;
    cv::resize(bgr, cell, place.size(), 0, 0, cv::INTER_AREA);
    cv::cvtColor(cell, sheet(place), cv::COLOR_BGR2RGB);
  };
  const ValueRange range = robust_range(depth, ColourScale::kDepth);
  for (int column = 0; column < columns; ++column) {
    const int64_t i = column * count / columns;
    put(bgr_picture(pictures[i]), 0, column);
    put(coloured(depth[i], range, ColourScale::kDepth), 1, column);
  }
  return rows;
}

void write_contact_sheet(const std::string& path, const std::vector<at::Tensor>& rows) {
  int64_t height = 0;
  int64_t width = 0;
  for (const at::Tensor& row : rows) {
    height += row.size(0);
    width = std::max(width, row.size(1));
  }
  TORCH_CHECK(height > 0 && width > 0, "write_contact_sheet: there is nothing to show");
  at::Tensor sheet = at::full({height, width, 3}, kSheetGrey, at::kByte);
  int64_t top = 0;
  for (const at::Tensor& row : rows) {
    sheet.slice(0, top, top + row.size(0)).slice(1, 0, row.size(1)).copy_(row);
    top += row.size(0);
  }
  const at::Tensor bgr = sheet.flip(2).contiguous();
  write_bytes(path,
              png_of(cv::Mat(static_cast<int>(height),
                             static_cast<int>(width),
                             CV_8UC3,
                             bgr.mutable_data_ptr<uint8_t>())));
}

}  // namespace vggt
