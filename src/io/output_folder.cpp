// SPDX-License-Identifier: Apache-2.0
#include "src/io/output_folder.h"

#include "src/base/error.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

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

// What folders beside the target begin with that a later run may remove: hidden, and called so that
// nobody else's are.
std::string hidden(const fs::path& target, const char* what) {
  return "." + target.filename().string() + ".vggt-" + what + "-";
}
constexpr const char* kPartial = "partial";  // results in the making
constexpr const char* kOld = "old";          // a former result, for a moment

// A name that nothing has yet: a killed run may have left one with our process id.
std::string unused_name(const fs::path& target, const std::string& beginning) {
  const std::string first =
      (target.parent_path() / (beginning + std::to_string(::getpid()))).string();
  std::string name = first;
  std::error_code error;  // what cannot be looked at shows when the name is used
  for (int i = 2; fs::exists(fs::symlink_status(name, error)); ++i) {
    name = first + "-" + std::to_string(i);
  }
  return name;
}

// Two folders change places in one step, so that a program killed at any point leaves one of them
// complete at the name. Not every file system can.
bool exchange_folders(const std::string& a, const std::string& b) {
  return ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
}

// Opens and locks a folder; -1 if it is locked already, or cannot be.
int lock_folder(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0 && ::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return descriptor;
  if (descriptor >= 0) ::close(descriptor);
  return -1;
}

// Whether the open folder is still the one at `path`: somebody may have removed it, and what was
// written later made it anew, without what it held before.
bool is_still(int descriptor, const std::string& path) {
  struct stat open_one = {};
  struct stat at_path = {};
  return ::fstat(descriptor, &open_one) == 0 && ::stat(path.c_str(), &at_path) == 0 &&
         open_one.st_dev == at_path.st_dev && open_one.st_ino == at_path.st_ino;
}

// What runs that were killed left beside the target: staging folders go, and a former result that
// was moved aside comes back if nothing took its place.
void clean_up_after_killed(const fs::path& target) {
  std::error_code error;
  const std::string staging = hidden(target, kPartial);
  const std::string aside = hidden(target, kOld);
  const auto is_one = [](const std::string& name, const std::string& beginning) {
    return name.starts_with(beginning) &&
           name.find_first_not_of("0123456789-", beginning.size()) == std::string::npos;
  };
  std::vector<fs::path> left;
  for (fs::directory_iterator entry(target.parent_path(), error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (is_one(name, staging) || is_one(name, aside)) left.push_back(entry->path());
  }
  for (const fs::path& path : left) {
    const int lock = lock_folder(path);
    if (lock < 0) continue;
    const bool is_former = is_one(path.filename().string(), aside);
    if (is_former && !fs::exists(fs::symlink_status(target, error))) {
      move_folder(path, target);
    } else {
      fs::remove_all(path, error);
    }
    ::close(lock);
  }
}

// A mount point cannot be renamed. Of another part of the same file system only the list of mounts
// tells.
bool is_mount_point(const fs::path& folder) {
  struct stat own = {};
  struct stat parent = {};
  if (::stat(folder.c_str(), &own) == 0 && ::stat(folder.parent_path().c_str(), &parent) == 0 &&
      own.st_dev != parent.st_dev) {
    return true;
  }
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string id, parent_id, device, root, place;
    fields >> id >> parent_id >> device >> root >> place;
    if (place == folder.string()) return true;
  }
  return false;
}

// For an existing folder: whether it may and can be replaced.
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
  if (is_mount_point(target)) {
    throw ConfigError("output", path + " is a mount point and cannot be replaced" + instead);
  }
  if (::access(target.parent_path().c_str(), W_OK | X_OK) != 0) {
    throw ConfigError("output",
                      path + " cannot be replaced: " + std::generic_category().message(errno) +
                          "; name a folder elsewhere");
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
  clean_up_after_killed(target);
  const fs::file_status status = fs::symlink_status(target, error);
  if (fs::is_symlink(status)) throw IoError(path, "is a link that leads nowhere");
  if (fs::is_directory(status)) {
    check_replaceable(path, target, overwrite, inputs);
  } else if (fs::exists(status)) {
    throw IoError(path, "is not a folder");
  }
  fs::create_directories(target.parent_path(), error);
  if (error) throw IoError(path, "its parent folder cannot be created: " + error.message());
  const std::string staging = unused_name(target, hidden(target, kPartial));
  fs::create_directory(staging, error);
  if (error) throw IoError(path, "cannot be created: " + error.message());
  staging_ = staging;
  lock_ = lock_folder(staging_);
}

OutputFolder::~OutputFolder() {
  if (!finished_) {
    std::error_code ignored;  // a destructor has nobody to tell
    fs::remove_all(staging_, ignored);
  }
  if (lock_ >= 0) ::close(lock_);
}

void OutputFolder::commit() {
  if (lock_ >= 0 && !is_still(lock_, staging_)) {
    throw IoError(target_,
                  "what was being written for it, " + staging_ +
                      ", was removed by another program; run again");
  }
  // From here on the results are worth more than a clean disk.
  finished_ = true;
  const fs::path target(target_);
  // Under a name that no later run removes.
  const auto keep = [&] {
    const std::string name = unused_name(target, target.filename().string() + ".kept-");
    return "; the results are kept in " + (move_folder(staging_, name) ? staging_ : name);
  };
  std::string aside;
  std::error_code error;
  if (overwrite_ && fs::exists(target_, error) && exchange_folders(staging_, target_)) {
    aside = staging_;
  } else {
    if (overwrite_ && fs::exists(target_, error)) {
      aside = unused_name(target, hidden(target, kOld));
      if (const auto failure = move_folder(target_, aside)) {
        throw IoError(target_, "cannot be moved aside: " + failure.message() + keep());
      }
    }
    if (const auto failure = move_folder(staging_, target_)) {
      const bool lost_place = !aside.empty() && move_folder(aside, target_);
      throw IoError(target_,
                    "cannot be put in place: " + failure.message() + keep() +
                        (lost_place ? ", the former ones in " + aside : ""));
    }
  }
  if (aside.empty()) return;
  fs::remove_all(aside, error);
  if (error) {
    throw IoError(aside, "the former results cannot be removed: " + error.message());
  }
}

}  // namespace vggt
