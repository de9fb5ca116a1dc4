// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace vggt {

/// The arrays of a NumPy .npz file by name: tensors of write_npy's types, and lists of texts.
struct NpzFile {
  std::map<std::string, at::Tensor> tensors;
  /// NumPy's str; bytes that are no UTF-8 as Python's os.fsdecode gives them, and so for the names
  /// of files. A text's closing zeros are lost, as always in NumPy.
  std::map<std::string, std::vector<std::string>> texts;
};

/// Writes what numpy.savez would, uncompressed; numpy.load reads it. Throws IoError, c10::Error for
/// a dtype that NumPy lacks, a name twice, or no array at all.
void write_npz(const std::string& path, const NpzFile& npz);

/// Reads a file whose arrays are of those types, compressed or not. Throws IoError naming file and
/// array: no zip archive, damaged (checksum), or an array that read_npy would refuse.
NpzFile read_npz(const std::string& path);

}  // namespace vggt
