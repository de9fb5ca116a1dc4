// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include <ATen/core/Tensor.h>

namespace vggt::datasets {

/// The arrays of real numbers and truth values of a MATLAB file of version 5 to 7, by name, double,
/// indexed as in MATLAB but from 0. Cells, structures, text, sparse and complex arrays are passed
/// over. Throws IoError: no such file, another version (7.3 is HDF5), cut off or damaged.
std::map<std::string, at::Tensor> read_mat(const std::string& path);

}  // namespace vggt::datasets
