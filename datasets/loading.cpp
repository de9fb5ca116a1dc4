// SPDX-License-Identifier: Apache-2.0
#include "datasets/loading.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "src/base/error.h"
#include "src/geometry/rotation.h"
#include "src/image/natural_order.h"

namespace vggt::datasets {
namespace {

namespace fs = std::filesystem;

template <class Keep>
std::vector<std::string> names_in(const std::string& folder, const Keep& keep) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (name.front() != '.' && keep(*entry)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end(), natural_less);
  return names;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), ascii_lower);
  return text;
}

}  // namespace

std::vector<std::string> folders_in(const std::string& folder) {
  return names_in(folder, [](const fs::directory_entry& entry) {
    std::error_code error;
    return entry.is_directory(error);
  });
}

std::vector<std::string> files_in(const std::string& folder,
                                  const std::vector<std::string>& extensions) {
  return names_in(folder, [&](const fs::directory_entry& entry) {
    std::error_code error;
    const std::string extension = lower(entry.path().extension().string());
    return entry.is_regular_file(error) &&
           std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
  });
}

bool is_file(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

void check_root(const std::string& root) {
  if (!is_folder(root)) throw ConfigError("root", root + " is no folder");
}

std::vector<std::string> sequence_folders(const std::string& root,
                                          const std::string& what,
                                          const std::function<bool(const std::string&)>& holds) {
  check_root(root);
  if (holds(root)) return {"."};
  std::vector<std::string> names;
  for (const std::string& name : folders_in(root)) {
    if (holds(root + "/" + name)) names.push_back(name);
  }
  if (names.empty()) {
    throw ConfigError("root",
                      root + " and the folders in it hold no " + what +
                          "; datasets/README.md says which folders are expected");
  }
  return names;
}

std::string sequence_name(const std::string& root, const std::string& folder) {
  if (folder != ".") return folder;
  const fs::path path = fs::absolute(root).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

Sequence read_sequence(Sequence sequence, const std::function<void(Sequence&)>& fill) {
  try {
    fill(sequence);
  } catch (const IoError& error) {
    sequence.problem = error.what();
    return sequence;
  }
  if (sequence.problem.empty() && sequence.frames.empty()) {
    sequence.problem = "holds no frame with a pose";
  }
  return sequence;
}

std::vector<double> read_numbers(const std::string& path, size_t multiple_of) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw IoError(path, "cannot be opened");
  std::vector<double> numbers;
  std::string word;
  while (file >> word) {
    char* end = nullptr;
    const double value = std::strtod(word.c_str(), &end);
    if (*end != '\0') throw IoError(path, "holds '" + word.substr(0, 40) + "', no number");
    numbers.push_back(value);
  }
  if (numbers.empty() || numbers.size() % multiple_of != 0) {
    throw IoError(path,
                  "holds " + std::to_string(numbers.size()) + " numbers, no multiple of " +
                      std::to_string(multiple_of));
  }
  return numbers;
}

Rigid rigid_from(const double* matrix, size_t row_length) {
  Rigid pose;
  for (size_t row = 0; row < 3; ++row) {
    for (size_t column = 0; column < 3; ++column) {
      pose.rotation[3 * row + column] = matrix[row_length * row + column];
    }
    pose.translation[row] = matrix[row_length * row + 3];
  }
  return pose;
}

bool is_pose(const Rigid& pose) {
  constexpr double kTolerance = 1e-2;
  return is_rotation(pose.rotation, kTolerance) && std::isfinite(pose.translation[0]) &&
         std::isfinite(pose.translation[1]) && std::isfinite(pose.translation[2]);
}

Rigid opengl_turned(Rigid world_from_cam) {
  for (int row = 0; row < 3; ++row) {
    world_from_cam.rotation[3 * row + 1] *= -1;
    world_from_cam.rotation[3 * row + 2] *= -1;
  }
  return world_from_cam;
}

}  // namespace vggt::datasets
