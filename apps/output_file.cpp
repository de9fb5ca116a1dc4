// SPDX-License-Identifier: Apache-2.0
#include "apps/output_file.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

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

void check_is_no_input(const std::string& path, const std::vector<std::string>& inputs) {
  for (const std::string& input : inputs) {
    std::error_code missing;
    if (fs::equivalent(path, input, missing)) {
      throw ConfigError("output", path + " is read, too, and would be lost; name another file");
    }
  }
}

namespace {

// Hidden, and called so that nobody else's files are.
std::string beginning_of_pending(const std::string& path) {
  const fs::path file(path);
  return (file.parent_path() / ("." + file.filename().string() + ".vggt-partial-")).string();
}

// Files of programs that are no longer there.
void remove_left_by_killed(const std::string& path) {
  const std::string beginning = fs::path(beginning_of_pending(path)).filename().string();
  const fs::path parent =
      fs::path(path).has_parent_path() ? fs::path(path).parent_path() : fs::path(".");
  std::error_code error;
  std::vector<fs::path> left;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(beginning)) continue;
    pid_t process = 0;
    const char* const digits = name.data() + beginning.size();
    const char* const name_end = name.data() + name.size();
    const auto [rest, problem] = std::from_chars(digits, name_end, process);
    // A library that writes the file may add a name of its own.
    if (problem != std::errc() || (rest != name_end && *rest != '.')) continue;
    if (kill(process, 0) != 0 && errno == ESRCH) left.push_back(entry->path());
  }
  for (const fs::path& file : left) fs::remove(file, error);
}

}  // namespace

void write_file(const std::string& path,
                const std::function<void(const std::string& pending)>& write) {
  check_writable(path);
  remove_left_by_killed(path);
  const std::string pending = beginning_of_pending(path) + std::to_string(getpid());
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
