// SPDX-License-Identifier: Apache-2.0
#include "src/image/decode.h"

#include "src/base/error.h"
#include "src/image/heif.h"
#include "src/image/image_header.h"
#include "src/image/opencv_silence.h"
#include "src/pipeline/pixel_map.h"

#include <ATen/ATen.h>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <vector>

namespace vggt {
namespace {

std::vector<uint8_t> read_file(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) throw IoError(path, "no such file");
  if (fs::is_directory(status)) throw IoError(path, "is a folder, not a picture");
  if (!fs::is_regular_file(status)) throw IoError(path, "cannot be read");
  const uintmax_t size = fs::file_size(path, error);
  if (error) throw IoError(path, "cannot be read: " + error.message());
  if (size == 0) throw IoError(path, "is empty");
  // OpenCV takes the bytes as one row of a matrix, whose sides are int.
  if (size > std::numeric_limits<int>::max()) throw IoError(path, "is larger than 2 GB");
  std::vector<uint8_t> bytes(size);
  std::ifstream file(path, std::ios::binary);
  if (!file) throw IoError(path, "cannot be opened for reading");
  if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size))) {
    throw IoError(path, "cannot be read to its end");
  }
  return bytes;
}

/// The stored pixels with all their channels (1, 3 or 4, blue first) and their depth (8 or 16 bit).
cv::Mat decode_pixels(const std::string& path, const std::vector<uint8_t>& bytes) {
  silence_opencv();
  cv::Mat pixels;
  try {
    pixels = cv::imdecode(bytes, cv::IMREAD_UNCHANGED);
  } catch (const cv::Exception& error) {
    throw IoError(path, "cannot be decoded: " + error.err);
  }
  if (pixels.empty()) throw IoError(path, "cannot be decoded: the file is damaged");
  const bool known_depth = pixels.depth() == CV_8U || pixels.depth() == CV_16U;
  const int channels = pixels.channels();
  if (!known_depth || (channels != 1 && channels != 3 && channels != 4)) {
    throw IoError(path,
                  "cannot be decoded: " + cv::typeToString(pixels.type()) + " is not supported");
  }
  return pixels;
}

/// Grey pixels of the value that the PNG declares transparent become white.
void blend_transparent_grey(cv::Mat& pixels, int transparent_grey, int bit_depth) {
  const bool is_16_bit = pixels.depth() == CV_16U;
  // OpenCV has widened 1, 2 and 4 bits to 8.
  const int value = bit_depth == 1 || bit_depth == 2 || bit_depth == 4
                        ? transparent_grey * 255 / ((1 << bit_depth) - 1)
                        : transparent_grey;
  pixels.setTo(is_16_bit ? 65535 : 255, pixels == value);
}

uint8_t blend_onto_white(int value, int alpha) {
  // Pillow's alpha_composite with an opaque white below; the shifts are its division by 255.
  const int sum = (value * alpha + 255 * (255 - alpha) + 128) << 7;
  return static_cast<uint8_t>(((sum >> 8) + sum) >> 15);
}

enum class Alpha { kIgnored, kStraight, kPremultiplied };

/// Channels, blue first -> red, green, blue of 8 bits. `to_byte` narrows a channel.
template <typename Value, typename ToByte>
at::Tensor to_tensor(const cv::Mat& pixels, Alpha alpha, ToByte to_byte) {
  at::Tensor rgb = at::empty({pixels.rows, pixels.cols, 3}, at::kByte);
  auto* out = rgb.mutable_data_ptr<uint8_t>();
  const int channels = pixels.channels();
  if (channels != 4) alpha = Alpha::kIgnored;
  for (int row = 0; row < pixels.rows; ++row) {
    const auto* in = pixels.ptr<Value>(row);
    for (int column = 0; column < pixels.cols; ++column, in += channels, out += 3) {
      for (int c = 0; c < 3; ++c) {
        out[c] = to_byte(in[channels == 1 ? 0 : 2 - c]);
        if (alpha == Alpha::kStraight) out[c] = blend_onto_white(out[c], to_byte(in[3]));
        if (alpha == Alpha::kPremultiplied) {
          out[c] = static_cast<uint8_t>(std::min(out[c] + 255 - to_byte(in[3]), 255));
        }
      }
    }
  }
  return rgb;
}

at::Tensor to_tensor(const cv::Mat& pixels, Alpha alpha, bool clip) {
  const auto same = [](int value) { return static_cast<uint8_t>(value); };
  const auto clipped = [](int value) { return static_cast<uint8_t>(std::min(value, 255)); };
  const auto high_byte = [](int value) { return static_cast<uint8_t>(value >> 8); };
  if (pixels.depth() == CV_8U) return to_tensor<uint8_t>(pixels, alpha, same);
  if (clip) return to_tensor<uint16_t>(pixels, alpha, clipped);
  return to_tensor<uint16_t>(pixels, alpha, high_byte);
}

/// Makes of the file's bytes what OpenCV decodes as we want it, in silence.
void prepare(const std::string& path, const ImageHeader& header, std::vector<uint8_t>& bytes) {
  if (header.format == ImageFormat::kPng) {
    bytes = without_ancillary_chunks(bytes);
    if (!png_checksums_fit(bytes)) {
      throw IoError(path, "cannot be decoded: the file is damaged, its checksums do not fit");
    }
  } else if (header.webp_is_animated) {
    bytes = first_webp_frame(bytes);
    if (bytes.empty()) throw IoError(path, "cannot be decoded: the file is damaged");
  } else if (header.tiff_orientation_at) {
    // OpenCV's versions apply it differently, mirrors included: to them the picture is upright.
    const bool big_endian = bytes[0] == 'M';
    bytes[*header.tiff_orientation_at] = big_endian ? 0 : 1;
    bytes[*header.tiff_orientation_at + 1] = big_endian ? 1 : 0;
  }
}

}  // namespace

DecodedImage decode_image(const std::string& path, const DecodeOptions& options) {
  std::vector<uint8_t> bytes = read_file(path);
  const ImageHeader header = read_image_header(bytes);
  if (header.format == ImageFormat::kOther) {
    throw IoError(path,
                  "is none of the formats that are read: JPEG, PNG, WebP, TIFF, BMP, HEIC, AVIF");
  }
  if (!header.complete) throw IoError(path, "is truncated: the end of the picture is missing");
  prepare(path, header, bytes);
  cv::Mat pixels =
      header.format == ImageFormat::kHeif ? decode_heif(path, bytes) : decode_pixels(path, bytes);
  const bool like_original = options.like_original && (header.format == ImageFormat::kJpeg ||
                                                       header.format == ImageFormat::kPng);

  DecodedImage image;
  image.stored_width_px = pixels.cols;
  image.stored_height_px = pixels.rows;
  const bool is_grey = pixels.channels() == 1;
  if (!like_original) {
    if (is_grey && header.png_transparent_grey) {
      blend_transparent_grey(pixels, *header.png_transparent_grey, header.png_bit_depth);
    }
    constexpr int kOrientationOfTurns[] = {1, 6, 3, 8};
    constexpr int kRotation[] = {
        -1, cv::ROTATE_90_CLOCKWISE, cv::ROTATE_180, cv::ROTATE_90_COUNTERCLOCKWISE};
    const int turns = clockwise_quarter_turns(header.orientation);
    image.orientation = kOrientationOfTurns[turns];
    if (turns != 0) cv::rotate(pixels, pixels, kRotation[turns]);
  }
  // The original blends what Pillow opens as RGBA (16-bit grey with alpha is among it), and clips
  // only 16-bit grey without alpha.
  const bool opened_as_rgba =
      header.png_has_alpha_channel && (header.png_has_colour || header.png_bit_depth == 16);
  Alpha alpha = !like_original || opened_as_rgba ? Alpha::kStraight : Alpha::kIgnored;
  // What libtiff makes of 8 bits, whatever the file holds.
  if (header.format == ImageFormat::kTiff && pixels.depth() == CV_8U) alpha = Alpha::kPremultiplied;
  image.rgb = to_tensor(pixels, alpha, like_original && is_grey);
  return image;
}

}  // namespace vggt
