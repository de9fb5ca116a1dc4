// SPDX-License-Identifier: Apache-2.0
#include "src/image/mask.h"

#include "src/base/error.h"
#include "src/image/decode.h"
#include "src/image/inputs.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <vector>

namespace vggt {
namespace {

std::string size_text(int64_t width, int64_t height) {
  return std::to_string(width) + " x " + std::to_string(height);
}

/// The endings to look for: most masks are PNG.
std::vector<std::string> mask_extensions() {
  std::vector<std::string> extensions = picture_extensions();
  std::stable_partition(extensions.begin(), extensions.end(), [](const std::string& extension) {
    return extension == ".png";
  });
  const size_t count = extensions.size();
  for (size_t i = 0; i < count; ++i) {
    std::string upper = extensions[i];
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    extensions.push_back(upper);
  }
  return extensions;
}

}  // namespace

std::optional<std::string> find_mask(const std::string& folder, const std::string& photo_name) {
  namespace fs = std::filesystem;
  static const std::vector<std::string> extensions = mask_extensions();
  const fs::path photo = fs::path(folder) / photo_name;
  const std::string stem = (photo.parent_path() / photo.stem()).string();
  for (const std::string& begin : {photo.string(), stem + "_mask", stem}) {
    for (const std::string& extension : extensions) {
      std::error_code error;
      if (fs::is_regular_file(begin + extension, error)) return begin + extension;
    }
  }
  return std::nullopt;
}

at::Tensor read_mask(const std::string& path, const PixelMap& map) {
  const DecodedImage image = decode_image(path);
  const int64_t width = image.rgb.size(1);
  const int64_t height = image.rgb.size(0);
  const bool as_seen = width == map.upright_width_px() && height == map.upright_height_px();
  if (!as_seen && (width != map.stored_width_px || height != map.stored_height_px)) {
    std::string reason = "the mask has " + size_text(width, height) + " pixels, its photo has " +
                         size_text(map.stored_width_px, map.stored_height_px);
    if (map.upright_width_px() != map.stored_width_px) {
      reason += " (upright " + size_text(map.upright_width_px(), map.upright_height_px()) + ")";
    }
    throw IoError(path, reason + "; masks must have the size of their photo");
  }
  constexpr int kNearWhite = 128;
  const uint8_t* rgb = image.rgb.const_data_ptr<uint8_t>();
  const uint8_t brightest = *std::max_element(rgb, rgb + image.rgb.numel());
  if (brightest > 0 && brightest < kNearWhite) {
    throw IoError(path,
                  "the mask's brightest value is " + std::to_string(brightest) +
                      " of 255, so it would keep nothing; white is what to keep");
  }

  at::Tensor keep = at::empty({map.network_height_px, map.network_width_px}, at::kBool);
  bool* out = keep.mutable_data_ptr<bool>();
  for (int64_t y = 0; y < map.network_height_px; ++y) {
    for (int64_t x = 0; x < map.network_width_px; ++x, ++out) {
      *out = false;
      if (!map.shows_picture(x, y)) continue;
      const double centre_x = static_cast<double>(x) + 0.5;
      const double centre_y = static_cast<double>(y) + 0.5;
      std::array<double, 2> at = {(centre_x - map.offset_x_px) / map.scale_x,
                                  (centre_y - map.offset_y_px) / map.scale_y};
      if (!as_seen) at = map.stored_from_network(centre_x, centre_y);
      const int64_t column = std::clamp<int64_t>(static_cast<int64_t>(at[0]), 0, width - 1);
      const int64_t row = std::clamp<int64_t>(static_cast<int64_t>(at[1]), 0, height - 1);
      const uint8_t* pixel = rgb + 3 * (row * width + column);
      *out = pixel[0] + pixel[1] + pixel[2] >= 3 * kNearWhite;
    }
  }
  return keep;
}

}  // namespace vggt
