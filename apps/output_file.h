// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace vggt::apps {

/// Throws IoError unless a file can be made in the folder of `path`: asked before the work, not after it.
void check_writable(const std::string& path);

/// Writes beside `path` and renames, so that an old file stays until the new one is complete. Throws IoError.
void write_text_file(const std::string& path, const std::string& text);

/// `text` with control characters but newlines replaced: names out of files may hold a terminal's commands.
std::string printable(std::string text);

}  // namespace vggt::apps
