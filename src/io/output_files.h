// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "src/base/progress.h"

namespace vggt {

/// A file, or a few that belong together, and what writes it.
struct OutputFile {
  std::string path;
  std::function<void()> write;
};

/// Writes the files on all cores, in folders that are made where they are missing. One unit of
/// `stage` per file. Throws IoError, Cancelled.
void write_files(const std::vector<OutputFile>& files, StageProgress& stage);
void write_files(const std::vector<OutputFile>& files);

/// Makes a folder and its parents; one that exists stays. Throws IoError.
void make_folder(const std::string& path);

}  // namespace vggt
