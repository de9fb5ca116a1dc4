// SPDX-License-Identifier: Apache-2.0
#include "src/base/error.h"
#include "src/image/decode.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

namespace vggt {
namespace {

namespace fs = std::filesystem;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Not std::tolower: the order of a scene must not depend on the locale.
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Takes the run of digits at `at`, without leading zeros.
std::string_view take_number(std::string_view text, size_t& at) {
  while (at < text.size() && text[at] == '0') ++at;
  const size_t begin = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  return text.substr(begin, at - begin);
}

/// Runs of digits compare as numbers, other characters without case; equal names compare byte by
/// byte, so that the order is total ("a1" and "a01", "A" and "a").
bool natural_less(std::string_view a, std::string_view b) {
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const std::string_view number_a = take_number(a, i);
      const std::string_view number_b = take_number(b, j);
      if (number_a.size() != number_b.size()) return number_a.size() < number_b.size();
      if (number_a != number_b) return number_a < number_b;
    } else {
      const auto char_a = static_cast<unsigned char>(lower(a[i++]));
      const auto char_b = static_cast<unsigned char>(lower(b[j++]));
      if (char_a != char_b) return char_a < char_b;
    }
  }
  const size_t rest_a = a.size() - i;
  const size_t rest_b = b.size() - j;
  return rest_a != rest_b ? rest_a < rest_b : a < b;
}

bool has_image_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), lower);
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

}  // namespace

std::vector<std::string> list_images(const std::string& folder) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (status.type() == fs::file_type::not_found) throw IoError(folder, "no such folder");
  if (!fs::is_directory(status)) throw IoError(folder, "is not a folder");
  std::vector<std::string> names;
  int64_t others = 0;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code gone;  // a file that vanishes or a dead link is simply not one of them
    if (name.front() == '.' || !entry->is_regular_file(gone)) continue;
    if (has_image_extension(entry->path())) {
      names.push_back(name);
    } else {
      ++others;
    }
  }
  if (error) throw IoError(folder, "cannot be read: " + error.message());
  if (names.empty()) {
    throw IoError(folder,
                  "holds no picture among its " + std::to_string(others) +
                      " files; .jpg, .jpeg and .png are read, not those in subfolders");
  }
  std::sort(names.begin(), names.end(), natural_less);
  std::vector<std::string> paths;
  for (const std::string& name : names) paths.push_back((fs::path(folder) / name).string());
  return paths;
}

}  // namespace vggt
