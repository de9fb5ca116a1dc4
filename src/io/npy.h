// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace vggt {

class BinaryReader;

/// Writes a NumPy array file, version 1.0, C order, of dtype and shape of the tensor: float16,
/// float32, float64, uint8 or a signed integer; numpy.load reads it. Throws IoError, c10::Error for
/// another dtype.
void write_npy(const std::string& path, const at::Tensor& tensor);

/// Reads a file of version 1.0 in C order and of those types. Throws IoError.
at::Tensor read_npy(const std::string& path);

/// What stands before the data of such a file.
struct NpyHeader {
  std::string descr;  ///< NumPy's name of the type, "<f4"
  std::vector<int64_t> shape;
};

std::string npy_header_bytes(const NpyHeader& header);
/// Of a tensor. Throws c10::Error for a dtype that NumPy does not have.
NpyHeader npy_header(const at::Tensor& tensor);
/// Reads a header and checks that the data it promises is what is left to read. Beside the types
/// above it takes text, "<U" and a length in characters of four bytes. Throws IoError.
NpyHeader read_npy_header(BinaryReader& file);
/// The data that follows `header`. Throws IoError if its type is text.
at::Tensor read_npy_data(BinaryReader& file, const NpyHeader& header);

}  // namespace vggt
