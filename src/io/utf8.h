// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace vggt {

/// Code points of `bytes`, read as UTF-8. A byte that is no UTF-8 becomes U+DC00 + byte, as Python
/// has it for file names (surrogateescape), so that any file name survives the way there and back.
std::u32string code_points(std::string_view bytes);

/// The way back. Throws std::invalid_argument for a code point that code_points() does not give.
std::string bytes_of(std::u32string_view code_points);

/// `bytes` with U+FFFD for what is no UTF-8: for formats that hold nothing else, as JSON.
std::string valid_utf8(std::string_view bytes);

}  // namespace vggt
