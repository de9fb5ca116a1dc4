// SPDX-License-Identifier: Apache-2.0
#include "src/io/output_files.h"

#include <filesystem>
#include <set>

#include "src/base/error.h"
#include "src/base/parallel.h"

namespace vggt {
namespace fs = std::filesystem;

void write_files(const std::vector<OutputFile>& files, StageProgress& stage) {
  std::set<std::string> folders;
  for (const OutputFile& file : files) {
    const std::string folder = fs::path(file.path).parent_path().string();
    if (!folder.empty() && folders.insert(folder).second) make_folder(folder);
  }
  on_all_cores(files.size(), stage, [&](size_t i) { files[i].write(); });
}

void write_files(const std::vector<OutputFile>& files) {
  StageProgress stage("writing", static_cast<int64_t>(files.size()), {});
  write_files(files, stage);
}

void make_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw IoError(path, "cannot be created: " + error.message());
}

}  // namespace vggt
