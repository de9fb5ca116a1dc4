// SPDX-License-Identifier: Apache-2.0
#include "src/image/inputs.h"

#include "src/base/error.h"
#include "src/image/natural_order.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

namespace vggt {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kVideoExtensions = {".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v"};

bool ends_like(const std::string& path, const std::vector<std::string>& extensions) {
  std::string extension = fs::path(path).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), ascii_lower);
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

std::string counted(int64_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

/// What one input gave: `relative` to its folder; for a file its name.
struct Found {
  std::string path;
  std::string relative;
};

struct FolderContent {
  std::vector<Found> pictures;  ///< in natural order
  int64_t videos = 0;
  int64_t others = 0;
};

/// Walks `top` and, on request, what is below. Links to folders wait until the true ones are read,
/// so that a photo is found under its true name.
class FolderWalk {
 public:
  FolderWalk(const std::string& top, bool recursive) : top_(top), recursive_(recursive) {
    read(top_, "");
    while (!links_.empty()) {
      std::vector<std::string> links;
      links.swap(links_);
      std::sort(links.begin(), links.end(), natural_less);
      for (const std::string& relative : links) read(top_ / relative, relative + "/");
    }
    std::sort(content_.pictures.begin(),
              content_.pictures.end(),
              [](const Found& a, const Found& b) { return natural_less(a.relative, b.relative); });
  }

  const FolderContent& content() const { return content_; }

 private:
  void read(const fs::path& folder, const std::string& prefix) {
    std::error_code error;
    const fs::path canonical = fs::canonical(folder, error);
    if (!error && !seen_.insert(canonical.string()).second) return;
    std::vector<std::string> folders;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      std::error_code gone;  // a file that vanishes is simply not one of them
      if (name.front() == '.') continue;
      if (entry->is_directory(gone)) {
        // Results of earlier runs hold pictures, but no photos.
        if (fs::exists(entry->path() / "report.json", gone)) continue;
        (entry->is_symlink(gone) ? links_ : folders).push_back(prefix + name);
      } else if (entry->is_regular_file(gone) || entry->is_symlink(gone)) {
        // A link that leads nowhere stays: whoever reads it says so.
        if (is_picture(name)) {
          content_.pictures.push_back({entry->path().string(), prefix + name});
        } else {
          ++(is_video(name) ? content_.videos : content_.others);
        }
      }
    }
    if (error) throw IoError(folder.string(), "cannot be read: " + error.message());
    if (!recursive_) {
      links_.clear();
      return;
    }
    for (const std::string& relative : folders) read(top_ / relative, relative + "/");
  }

  fs::path top_;
  bool recursive_;
  std::set<std::string> seen_;
  std::vector<std::string> links_;  ///< to folders, not read yet
  FolderContent content_;
};

/// Whether there are pictures somewhere below: only a hint, so it gives up where it cannot read and
/// after many files.
bool pictures_below(const std::string& folder) {
  int64_t looked_at = 0;
  std::error_code error;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator entry(folder, options, error), end;
       !error && entry != end && ++looked_at < 20000;
       entry.increment(error)) {
    std::error_code gone;
    if (entry->path().filename().string().front() == '.') {
      entry.disable_recursion_pending();
    } else if (is_picture(entry->path().string()) && entry->is_regular_file(gone)) {
      return true;
    }
  }
  return false;
}

[[noreturn]] void throw_no_picture(const std::string& folder,
                                   const FolderContent& content,
                                   bool recursive) {
  std::string endings;
  for (const std::string& extension : picture_extensions()) endings += " " + extension;
  std::string reason = "holds no picture";
  if (content.others > 0) reason += " among its " + counted(content.others, "file");
  reason += "; these are read:" + endings;
  if (content.videos > 0) {
    reason += "; to take frames of its " + counted(content.videos, "video") + ", name the file";
  }
  if (!recursive && pictures_below(folder)) {
    reason += "; there are pictures in its subfolders, which --recursive reads";
  }
  throw IoError(folder, reason);
}

/// The files of a folder, or the file itself; nothing if there is neither.
std::vector<Found> find_at(const std::string& path, bool recursive) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return {};
  if (status.type() == fs::file_type::none) {
    throw IoError(path, "cannot be read: " + error.message());
  }
  if (!fs::is_directory(status)) return {{path, fs::path(path).filename().string()}};
  const FolderContent content = FolderWalk(path, recursive).content();
  if (content.pictures.empty()) throw_no_picture(path, content, recursive);
  return content.pictures;
}

std::vector<std::string> expand(const std::string& pattern) {
  glob_t found = {};
  const int status = glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> paths;
  for (size_t i = 0; status == 0 && i < found.gl_pathc; ++i) paths.emplace_back(found.gl_pathv[i]);
  globfree(&found);
  if (status != 0 && status != GLOB_NOMATCH) throw IoError(pattern, "cannot be searched for");
  std::sort(paths.begin(), paths.end(), natural_less);
  return paths;
}

/// The non-comment lines of a list.
std::vector<std::string> read_list(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::error_code error;
  if (!file) throw IoError(path, "cannot be opened for reading");
  if (fs::is_directory(path, error)) throw IoError(path, "is a folder, not a list of photos");
  std::vector<std::string> lines;
  std::string line;
  for (bool is_first = true; std::getline(file, line); is_first = false) {
    if (is_first && line.rfind("\xef\xbb\xbf", 0) == 0) line.erase(0, 3);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const size_t first = line.find_first_not_of(" \t");
    if (first != std::string::npos && line[first] != '#') lines.push_back(line);
  }
  if (file.bad()) throw IoError(path, "cannot be read to its end");
  if (lines.empty()) throw IoError(path, "lists no photo");
  return lines;
}

/// One photo on its way to its name: the last `parts` parts of its absolute path.
struct Naming {
  Photo photo;
  std::vector<std::string> whole;  ///< the parts of its absolute path
  size_t parts = 1;
  size_t input = 0;  ///< photos of one folder are named alike
};

std::string name_of(const Naming& photo) {
  std::string name;
  for (size_t i = photo.whole.size() - photo.parts; i < photo.whole.size(); ++i) {
    name += (name.empty() ? "" : "/") + photo.whole[i];
  }
  return name;
}

/// Puts folders in front of names that occur twice. Ends because the whole paths differ.
void make_unique(std::vector<Naming>& photos) {
  for (bool collided = true; collided;) {
    std::map<std::string, std::set<size_t>> inputs_by_name;
    for (const Naming& photo : photos) inputs_by_name[name_of(photo)].insert(photo.input);
    std::set<size_t> colliding;
    for (const auto& [name, inputs] : inputs_by_name) {
      if (inputs.size() > 1) colliding.insert(inputs.begin(), inputs.end());
    }
    collided = false;
    for (Naming& photo : photos) {
      if (photo.parts < photo.whole.size() && colliding.count(photo.input) > 0) {
        ++photo.parts;
        collided = true;
      }
    }
  }
  for (Naming& photo : photos) photo.photo.name = name_of(photo);
}

/// Collects what the inputs give, each path once.
class Collection {
 public:
  void add(const std::vector<Found>& found) {
    for (const Found& file : found) {
      const fs::path whole = fs::absolute(file.path).lexically_normal();
      if (!paths_.insert(whole.string()).second) continue;
      Naming photo;
      photo.photo.path = file.path;
      for (const fs::path& part : whole.relative_path()) photo.whole.push_back(part.string());
      photo.parts = 1 + std::count(file.relative.begin(), file.relative.end(), '/');
      photo.input = inputs_;
      photos_.push_back(std::move(photo));
    }
    ++inputs_;
  }

  std::vector<Photo> named() {
    make_unique(photos_);
    std::vector<Photo> result;
    for (Naming& photo : photos_) result.push_back(std::move(photo.photo));
    return result;
  }

 private:
  std::vector<Naming> photos_;
  std::set<std::string> paths_;
  size_t inputs_ = 0;
};

}  // namespace

std::vector<Photo> list_photos(const InputOptions& options) {
  if (options.inputs.empty() && options.list_file.empty()) {
    throw ConfigError("photos", "none given; name a folder, files or a --list");
  }
  Collection collection;
  for (const std::string& input : options.inputs) {
    std::vector<Found> found = find_at(input, options.recursive);
    if (!found.empty()) {
      collection.add(found);
      continue;
    }
    if (input.find_first_of("*?[") == std::string::npos) {
      throw IoError(input, "no such file or folder");
    }
    const std::vector<std::string> paths = expand(input);
    if (paths.empty()) throw IoError(input, "no file is called like this");
    for (const std::string& path : paths) collection.add(find_at(path, options.recursive));
  }
  if (!options.list_file.empty()) {
    const fs::path folder = fs::path(options.list_file).parent_path();
    for (const std::string& line : read_list(options.list_file)) {
      const std::string path = (folder / line).string();
      std::vector<Found> found = find_at(path, options.recursive);
      // A file that is gone is one that cannot be read: whoever reads it says so.
      if (found.empty()) found = {{path, fs::path(path).filename().string()}};
      collection.add(found);
    }
  }
  return collection.named();
}

std::vector<Photo> even_spread(const std::vector<Photo>& photos, int64_t most) {
  const auto count = static_cast<int64_t>(photos.size());
  if (most <= 0 || count <= most) return photos;
  std::vector<Photo> chosen;
  for (int64_t i = 0; i < most; ++i) {
    chosen.push_back(photos[static_cast<size_t>(i * count / most)]);
  }
  return chosen;
}

bool is_video(const std::string& path) { return ends_like(path, kVideoExtensions); }

bool is_picture(const std::string& path) { return ends_like(path, picture_extensions()); }

const std::vector<std::string>& picture_extensions() {
  static const std::vector<std::string> extensions = {
      ".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".heic", ".heif", ".avif"};
  return extensions;
}

}  // namespace vggt
