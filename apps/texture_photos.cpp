// SPDX-License-Identifier: Apache-2.0
#include "apps/texture_photos.h"

#include <algorithm>
#include <cmath>

#include "src/image/decode.h"
#include "src/image/inputs.h"
#include "src/pipeline/pillow_resize.h"

namespace vggt::apps {
namespace {

constexpr int64_t kMostPhotos = 400;
// A crop is 256 pixels of a texture; what is larger would only fill memory.
constexpr int64_t kShortSide = 1024;

at::Tensor shrunk(const at::Tensor& photo) {
  const double scale =
      static_cast<double>(kShortSide) / static_cast<double>(std::min(photo.size(0), photo.size(1)));
  if (scale >= 1) return photo;
  const auto scaled = [&](int64_t px) { return std::llround(static_cast<double>(px) * scale); };
  return pillow_bicubic(photo, scaled(photo.size(0)), scaled(photo.size(1)));
}

}  // namespace

std::vector<at::Tensor> texture_photos(const std::string& folder,
                                       const ProgressCallback& progress) {
  const auto files = even_spread(list_photos({.inputs = {folder}, .recursive = true}), kMostPhotos);
  StageProgress stage("photos", static_cast<int64_t>(files.size()), progress);
  std::vector<at::Tensor> photos;
  for (const Photo& file : files) {
    photos.push_back(shrunk(decode_image(file.path).rgb));
    stage.advance();
  }
  return photos;
}

}  // namespace vggt::apps
