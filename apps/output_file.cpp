// SPDX-License-Identifier: Apache-2.0
#include "apps/output_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "src/base/error.h"

namespace vggt::apps {
namespace fs = std::filesystem;

void check_writable(const std::string& path) {
  const fs::path parent =
      fs::path(path).has_parent_path() ? fs::path(path).parent_path() : fs::path(".");
  std::error_code error;
  if (!fs::is_directory(parent, error)) {
    throw IoError(path, "cannot be written: there is no folder " + parent.string());
  }
  if (fs::is_directory(path, error)) throw IoError(path, "cannot be written: it is a folder");
  if (access(parent.c_str(), W_OK | X_OK) != 0) {
    throw IoError(path, std::string("cannot be written: ") + std::strerror(errno));
  }
}

void write_file(const std::string& path,
                const std::function<void(const std::string& pending)>& write) {
  check_writable(path);
  const std::string pending = path + "." + std::to_string(getpid()) + ".partial";
  std::error_code ignored;
  try {
    write(pending);
  } catch (...) {
    fs::remove(pending, ignored);
    throw;
  }
  std::error_code error;
  fs::rename(pending, path, error);
  if (error) {
    fs::remove(pending, ignored);
    throw IoError(path, "cannot be put in place: " + error.message());
  }
}

void write_text_file(const std::string& path, const std::string& text) {
  write_file(path, [&](const std::string& pending) {
    std::ofstream out(pending, std::ios::trunc);
    out << text;
    out.close();
    if (!out) throw IoError(path, "cannot be written completely");
  });
}

std::string printable(std::string text) {
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n') || byte == 0x7f) c = '?';
  }
  return text;
}

}  // namespace vggt::apps
