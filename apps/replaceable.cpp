// SPDX-License-Identifier: Apache-2.0
#include "apps/replaceable.h"

#include <filesystem>

#include "src/base/error.h"

namespace vggt::apps {

void check_only_ours(const std::string& folder,
                     const std::set<std::string>& ours,
                     const std::string& kind) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string path = entry->path().lexically_relative(folder).generic_string();
    bool known = ours.count(path) > 0;
    if (fs::is_directory(entry->symlink_status())) {
      const auto inside = ours.lower_bound(path + "/");
      known = inside != ours.end() && inside->starts_with(path + "/");
    }
    if (known) continue;
    throw ConfigError("output",
                      entry->path().string() + " is none of the files of " + kind +
                          " and would be lost with --overwrite; move it, or name another folder");
  }
  if (error) throw IoError(folder, "cannot be read: " + error.message());
}

}  // namespace vggt::apps
