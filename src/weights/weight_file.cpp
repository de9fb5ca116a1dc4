// SPDX-License-Identifier: Apache-2.0
#include "src/weights/weight_file.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "src/base/error.h"
#include "src/weights/mapped_file.h"
#include "src/weights/quantized_file.h"
#include "src/weights/safetensors.h"
#include "src/weights/torch_archive.h"

namespace vggt {
namespace {

namespace fs = std::filesystem;

enum class Format { kSafetensors, kIndex, kTorch };

// A safetensors file begins with the length of its header, which may look like text or zip by
// chance, but then it does not fit into the file.
bool has_fitting_header(const MappedFile& file) {
  uint64_t header_size = 0;
  if (file.size() < sizeof(header_size) + 1) return false;
  std::memcpy(&header_size, file.data(), sizeof(header_size));
  return header_size <= file.size() - sizeof(header_size) && file.data()[8] == '{';
}

// Files that lie where weights were expected, by how they begin; null: not known.
const char* what_instead(std::string_view bytes) {
  static const std::pair<std::string_view, const char*> known[] = {
      {"\xff\xd8\xff", "is a JPEG picture, not weights"},
      {"\x89PNG", "is a PNG picture, not weights"},
      {"GIF8", "is a GIF picture, not weights"},
      {"%PDF", "is a PDF document, not weights"},
      {"ply\n", "is a point cloud (PLY), not weights"},
      {"\x93NUMPY", "is a NumPy array, not weights"},
      {"\x1f\x8b", "is compressed with gzip; unpack it first"},
      {"\x28\xb5\x2f\xfd", "is compressed with zstd; unpack it first"},
      {"version https://git-lfs", "is a Git LFS pointer, not the weights: run 'git lfs pull'"}};
  for (const auto& [beginning, message] : known) {
    if (bytes.starts_with(beginning)) return message;
  }
  const size_t first = bytes.substr(0, 64).find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return nullptr;
  std::string tag(bytes.substr(first, 9));
  for (char& c : tag) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (tag == "<!doctype" || tag.starts_with("<html") || tag.starts_with("<?xml")) {
    return "is a web page, not weights: the download failed or needs a login; open the file to see";
  }
  return nullptr;
}

Format recognize(const std::string& path) {
  const MappedFile file(path);
  if (has_fitting_header(file)) return Format::kSafetensors;
  const std::string_view bytes = file.bytes();
  // A zip archive, or the pickle of torch.save before PyTorch 1.6.
  if (bytes.starts_with("PK") || bytes.starts_with("\x80\x02")) return Format::kTorch;
  if (const char* instead = what_instead(bytes)) throw IoError(path, instead);
  const size_t first = bytes.substr(0, 64).find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && bytes[first] == '{') return Format::kIndex;
  return Format::kSafetensors;  // its reader says what is wrong
}

std::string choose_in_folder(const fs::path& folder) {
  std::vector<std::string> names;
  std::vector<fs::path> candidates;
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error) throw IoError(folder.string(), "cannot be listed: " + error.message());
  for (; entries != fs::directory_iterator(); entries.increment(error)) {
    if (error) break;
    names.push_back(entries->path().filename().string());
    if (entries->path().extension() == ".safetensors") candidates.push_back(entries->path());
  }
  if (error) throw IoError(folder.string(), "cannot be listed: " + error.message());
  for (const char* name : {"model.safetensors.index.json", "model.safetensors"}) {
    if (std::find(names.begin(), names.end(), name) != names.end()) return (folder / name).string();
  }
  if (candidates.size() == 1) return candidates.front().string();

  constexpr size_t kMaxShown = 20;
  std::sort(names.begin(), names.end());
  std::string list = names.empty() ? "nothing" : "";
  for (size_t i = 0; i < std::min(names.size(), kMaxShown); ++i) {
    list += (i == 0 ? "" : ", ") + quote(names[i]);
  }
  if (names.size() > kMaxShown) list += ", ...";
  throw IoError(folder.string(),
                "the folder needs model.safetensors.index.json, model.safetensors or exactly one "
                "*.safetensors; it holds " +
                    list);
}

}  // namespace

void WeightFile::drop_pages(const at::Tensor& tensor) const {
  // A tensor that had to be copied out of its file lies in no mapping and keeps its memory.
  for (const auto& mapping : mappings) {
    if (mapping->drop_pages(tensor.const_data_ptr(), tensor.nbytes())) return;
  }
}

WeightFile open_weight_file(const std::string& path) {
  std::error_code not_there;  // MappedFile says what is wrong
  const bool is_folder = fs::is_directory(path, not_there);
  const std::string file = is_folder ? choose_in_folder(path) : path;
  WeightFile result;
  switch (recognize(file)) {
    case Format::kTorch:
      result = read_torch_archive(file);
      break;
    case Format::kIndex:
      result = read_sharded_safetensors(file);
      break;
    case Format::kSafetensors:
      result = read_safetensors(file);
      break;
  }
  result.path = path;
  find_quantized(result);
  return result;
}

}  // namespace vggt
