// SPDX-License-Identifier: Apache-2.0
#include "src/io/output_folder.h"

#include "src/base/error.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace vggt {
namespace fs = std::filesystem;
namespace {

// rename(2) itself: std::filesystem::rename has the same meaning, yet the standard leaves more
// open.
std::error_code move_folder(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) == 0) return {};
  return {errno, std::generic_category()};
}

// Absolute, without links, dots and trailing slashes. A link as output means the folder it leads
// to.
fs::path resolve(const std::string& path) {
  std::error_code error;
  fs::path resolved = fs::weakly_canonical(fs::absolute(path), error);
  if (error) throw IoError(path, error.message());
  resolved = resolved.lexically_normal();
  return resolved.has_filename() ? resolved : resolved.parent_path();
}

bool holds(const fs::path& folder, const fs::path& other) {
  const fs::path relative = other.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

// A name that nothing has yet: a killed run may have left one with our process id.
std::string unused_name(const std::string& beside, const char* what) {
  const std::string first = beside + what + std::to_string(::getpid());
  std::string name = first;
  std::error_code error;  // what cannot be looked at shows when the name is used
  for (int i = 2; fs::exists(fs::symlink_status(name, error)); ++i) {
    name = first + "-" + std::to_string(i);
  }
  return name;
}

// For an existing folder: whether it may and can be replaced. Renaming it and back asks the system,
// which alone knows of mount points and rights.
void check_replaceable(const std::string& path,
                       const fs::path& target,
                       bool overwrite,
                       const std::vector<std::string>& inputs) {
  std::error_code error;
  const bool empty = fs::is_empty(target, error);
  if (error) throw IoError(path, error.message());
  if (!empty && !overwrite) {
    throw ConfigError("output",
                      path + " exists and is not empty; name another folder or add --overwrite");
  }
  for (const std::string& input : inputs) {
    if (holds(target, resolve(input))) {
      throw ConfigError("output", path + " holds the input " + input + " and is not replaced");
    }
  }
  const std::string instead =
      "; name a folder in it, such as " + (fs::path(path) / "result").string();
  if (holds(target, resolve("."))) {
    throw ConfigError("output",
                      path + " is or holds the current folder and is not replaced" + instead);
  }
  const std::string aside = unused_name(target, ".old-");
  if (const auto failure = move_folder(target, aside)) {
    throw ConfigError("output", path + " cannot be replaced (" + failure.message() + ")" + instead);
  }
  if (const auto failure = move_folder(aside, target)) {
    throw IoError(aside, "cannot be moved back to " + target.string() + ": " + failure.message());
  }
}

}  // namespace

OutputFolder::OutputFolder(const std::string& path,
                           bool overwrite,
                           const std::vector<std::string>& inputs)
    : overwrite_(overwrite) {
  if (path.empty()) throw ConfigError("output", "is empty");
  const fs::path target = resolve(path);
  target_ = target;
  std::error_code error;
  const fs::file_status status = fs::symlink_status(target, error);
  if (fs::is_symlink(status)) throw IoError(path, "is a link that leads nowhere");
  if (fs::is_directory(status)) {
    check_replaceable(path, target, overwrite, inputs);
  } else if (fs::exists(status)) {
    throw IoError(path, "is not a folder");
  }
  fs::create_directories(target.parent_path(), error);
  if (error) throw IoError(path, "its parent folder cannot be created: " + error.message());
  const std::string staging = unused_name(target_, ".partial-");
  fs::create_directory(staging, error);
  if (error) throw IoError(path, "cannot be created: " + error.message());
  staging_ = staging;
}

OutputFolder::~OutputFolder() {
  if (finished_) return;
  std::error_code ignored;  // a destructor has nobody to tell
  fs::remove_all(staging_, ignored);
}

void OutputFolder::commit() {
  // From here on the results are worth more than a clean disk.
  finished_ = true;
  const std::string kept = "; the results are kept in " + staging_;
  std::string aside;
  std::error_code error;
  if (overwrite_ && fs::exists(target_, error)) {
    aside = unused_name(target_, ".old-");
    if (const auto failure = move_folder(target_, aside)) {
      throw IoError(target_, "cannot be moved aside: " + failure.message() + kept);
    }
  }
  if (const auto failure = move_folder(staging_, target_)) {
    const bool lost_place = !aside.empty() && move_folder(aside, target_);
    throw IoError(target_,
                  "cannot be put in place: " + failure.message() + kept +
                      (lost_place ? ", the former ones in " + aside : ""));
  }
  if (aside.empty()) return;
  fs::remove_all(aside, error);
  if (error) {
    throw IoError(aside, "the former results cannot be removed: " + error.message());
  }
}

}  // namespace vggt
