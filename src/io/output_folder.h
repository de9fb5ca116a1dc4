// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace vggt {

/// A result folder that appears complete or not at all: files are written into a staging folder
/// beside it, ".<name>.vggt-partial-<process>", which commit() renames. Without commit() the
/// destructor removes the staging folder.
/// A run that is killed leaves its staging folder behind, and the result as it was; the next one
/// with the same target removes it. Staging folders of running programs are locked and stay.
class OutputFolder {
 public:
  /// path       the folder to make, with its parents; an empty one may exist
  /// overwrite  a folder that exists with something in it is replaced by commit(); it stays as it
  ///            is until then, and if commit() fails
  /// inputs     files and folders that are being read: a folder that holds one is never replaced
  /// Whatever would make commit() fail is found here, before hours of work:
  /// Throws ConfigError("output") if the folder is not empty and may not be replaced, or is the
  /// current folder or a mount point; IoError if it cannot be created.
  OutputFolder(const std::string& path,
               bool overwrite,
               const std::vector<std::string>& inputs = {});
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  /// The staging folder: write here.
  const std::string& path() const { return staging_; }

  /// Moves the results to their place. Throws IoError; the results are then kept beside it as
  /// "<name>.kept-<process>", as the message says, unless they vanished meanwhile, or part of them.
  void commit();

 private:
  std::string target_;
  std::string staging_;
  int lock_ = -1;  ///< an open, locked descriptor of the staging folder
  bool overwrite_;
  bool finished_ = false;
};

}  // namespace vggt
