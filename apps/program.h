// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace vggt::apps {

/// "0.1.0"
const char* version();

/// The commit that the program was built from, with "-dirty" if the tree was changed; "unknown"
/// outside a git repository.
const char* commit();

/// How the program was called, quoted for a shell.
std::string command_line();

/// `word` as a shell reads it back.
std::string shell_quoted(const std::string& word);

}  // namespace vggt::apps
