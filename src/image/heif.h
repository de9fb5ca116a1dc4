// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <opencv2/core.hpp>

namespace vggt {

/// Whether this build reads HEIC and AVIF. libheif may still lack a decoder for one of the two:
/// distributions pack them apart.
bool has_heif();

/// The main picture of a HEIC or AVIF file, upright: 8 bits, blue first, with a fourth channel if
/// it has transparency. More than 8 bits keep their high ones. Throws IoError naming `path`.
cv::Mat decode_heif(const std::string& path, std::span<const uint8_t> file);

}  // namespace vggt
