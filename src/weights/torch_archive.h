// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "src/weights/weight_file.h"

namespace vggt {

/// Reads the state dict of a torch.save file (.pt, .pth; the zip archives that PyTorch writes
/// since 1.6), plain or nested under "model" or "state_dict". Tensors are views of the mapped file
/// unless an entry is compressed. Other leaves of the dict (epoch, optimizer state) are skipped.
/// Nothing in the file is executed: a pickle that wants more than tensors, dicts, lists, numbers
/// and strings is refused. Checksums of the archive are not verified, that would read all of it.
/// Throws IoError naming the file, the tensor and the reason.
WeightFile read_torch_archive(const std::string& path);

}  // namespace vggt
