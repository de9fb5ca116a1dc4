// SPDX-License-Identifier: Apache-2.0
#include "src/tracks/grey_photo.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "src/base/error.h"
#include "src/image/decode.h"
#include "src/image/mask.h"

namespace vggt::tracks {
namespace {

std::vector<uint8_t> bytes_of(const cv::Mat& picture) {
  const cv::Mat whole = picture.isContinuous() ? picture : picture.clone();
  return {whole.data, whole.data + whole.total()};
}

}  // namespace

GreyPicture grey_photo(const std::string& path,
                       const PixelMap& map,
                       const GreyPhotoOptions& options) {
  const DecodedImage decoded = decode_image(path, {.like_original = options.like_original});
  const at::Tensor rgb = decoded.rgb.contiguous();
  const auto height = static_cast<int>(rgb.size(0));
  const auto width = static_cast<int>(rgb.size(1));
  if (width != map.upright_width_px() || height != map.upright_height_px()) {
    throw IoError(path, "has another size than when it was first read; do not change it meanwhile");
  }
  cv::Mat grey;
  cv::cvtColor(cv::Mat(height, width, CV_8UC3, rgb.data_ptr<uint8_t>()), grey, cv::COLOR_RGB2GRAY);
  const double scale = std::min(
      1.0, static_cast<double>(options.longest_px) / static_cast<double>(std::max(width, height)));
  const cv::Size size(std::max(1, static_cast<int>(std::lround(scale * width))),
                      std::max(1, static_cast<int>(std::lround(scale * height))));
  if (size != grey.size()) cv::resize(grey, grey, size, 0, 0, cv::INTER_AREA);
  GreyPicture picture{size.width, size.height, bytes_of(grey), {}};
  if (!options.mask.empty()) {
    // The way to a network of the picture's own size.
    PixelMap own = map;
    own.scale_x = static_cast<double>(size.width) / width;
    own.scale_y = static_cast<double>(size.height) / height;
    own.offset_x_px = own.offset_y_px = 0;
    own.network_width_px = size.width;
    own.network_height_px = size.height;
    const at::Tensor mask = read_mask(options.mask, own).to(at::kByte).contiguous();
    const uint8_t* const values = mask.const_data_ptr<uint8_t>();
    picture.mask.assign(values, values + mask.numel());
  }
  return picture;
}

}  // namespace vggt::tracks
