// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace vggt {

/// Without std::tolower: the order of a scene must not depend on the locale.
char ascii_lower(char c);

/// The order in which people count: runs of digits compare as numbers, other characters without
/// case, '/' before all, so that the files of a folder stay together. Names that are equal so far
/// compare byte by byte, so that the order is total ("a1" and "a01", "A" and "a").
bool natural_less(std::string_view a, std::string_view b);

}  // namespace vggt
