// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace vggt {

/// A new folder that is removed, with all it holds, when this goes out of scope.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }

  /// Path of a file in it.
  std::string file(const std::string& name) const;

  /// Writes a file into it and returns its path.
  std::string write(const std::string& name, std::string_view bytes) const;

 private:
  std::string path_;
};

/// The bytes of a file. Throws std::runtime_error.
std::string read_bytes(const std::string& path);

}  // namespace vggt
