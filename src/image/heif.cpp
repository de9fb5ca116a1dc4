// SPDX-License-Identifier: Apache-2.0
#include "src/image/heif.h"

#include "src/base/error.h"

#ifdef VGGT_WITH_HEIF
#include <libheif/heif.h>
#include <opencv2/imgproc.hpp>

#include <memory>
#endif

namespace vggt {

#ifdef VGGT_WITH_HEIF

namespace {

struct Free {
  void operator()(heif_context* context) const { heif_context_free(context); }
  void operator()(heif_image_handle* handle) const { heif_image_handle_release(handle); }
  void operator()(heif_image* image) const { heif_image_release(image); }
  void operator()(heif_decoding_options* options) const { heif_decoding_options_free(options); }
};

void check(const std::string& path, const heif_error& error) {
  if (error.code == heif_error_Ok) return;
  std::string reason = std::string("cannot be decoded: ") + error.message;
  if (error.code == heif_error_Unsupported_filetype ||
      error.subcode == heif_suberror_Unsupported_codec) {
    reason +=
        "; libheif's decoders are packages of their own on some systems: libheif-plugin-libde265 "
        "for HEIC, libheif-plugin-dav1d for AVIF";
  }
  throw IoError(path, reason);
}

}  // namespace

bool has_heif() { return true; }

cv::Mat decode_heif(const std::string& path, std::span<const uint8_t> file) {
  const std::unique_ptr<heif_context, Free> context(heif_context_alloc());
  check(
      path,
      heif_context_read_from_memory_without_copy(context.get(), file.data(), file.size(), nullptr));
  heif_image_handle* new_handle = nullptr;
  check(path, heif_context_get_primary_image_handle(context.get(), &new_handle));
  const std::unique_ptr<heif_image_handle, Free> handle(new_handle);

  const std::unique_ptr<heif_decoding_options, Free> options(heif_decoding_options_alloc());
  options->convert_hdr_to_8bit = 1;
  const bool has_alpha = heif_image_handle_has_alpha_channel(handle.get()) != 0;
  heif_image* new_image = nullptr;
  check(path,
        heif_decode_image(handle.get(),
                          &new_image,
                          heif_colorspace_RGB,
                          has_alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB,
                          options.get()));
  const std::unique_ptr<heif_image, Free> image(new_image);

  int row_bytes = 0;
  const uint8_t* plane =
      heif_image_get_plane_readonly(image.get(), heif_channel_interleaved, &row_bytes);
  const int width = heif_image_get_width(image.get(), heif_channel_interleaved);
  const int height = heif_image_get_height(image.get(), heif_channel_interleaved);
  if (!plane || width <= 0 || height <= 0) {
    throw IoError(path, "cannot be decoded: the file is damaged");
  }
  // OpenCV has no matrix of const data; this one is only read.
  const cv::Mat rgb(height,
                    width,
                    has_alpha ? CV_8UC4 : CV_8UC3,
                    const_cast<uint8_t*>(plane),
                    static_cast<size_t>(row_bytes));
  cv::Mat bgr;
  cv::cvtColor(rgb, bgr, has_alpha ? cv::COLOR_RGBA2BGRA : cv::COLOR_RGB2BGR);
  return bgr;
}

#else

bool has_heif() { return false; }

cv::Mat decode_heif(const std::string& path, std::span<const uint8_t>) {
  throw IoError(path,
                "is HEIC or AVIF, and this program was built without libheif: install libheif-dev "
                "and build again, or convert the photos to JPEG");
}

#endif

}  // namespace vggt
