// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace vggt::apps {

/// Throws IoError unless a file can be made in the folder of `path`: asked before the work, not
/// after it.
void check_writable(const std::string& path);

/// Throws ConfigError("output") if `path` is one of the files that are read.
void check_is_no_input(const std::string& path, const std::vector<std::string>& inputs);

/// Has `write` make a file beside `path` and renames it, so that an old file stays until the new
/// one is complete. Throws IoError, and what `write` throws.
void write_file(const std::string& path,
                const std::function<void(const std::string& pending)>& write);

/// write_file() of a text.
void write_text_file(const std::string& path, const std::string& text);

/// `text` with control characters but newlines replaced: names out of files may hold a terminal's
/// commands.
std::string printable(std::string text);

}  // namespace vggt::apps
