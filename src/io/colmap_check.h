// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "src/io/colmap.h"

namespace vggt {

/// The name of one of a model's files, of the variant whose extension is given (".bin", ".txt").
std::string colmap_file(const std::string& folder,
                        const std::string& name,
                        const std::string& extension);

/// Throws IoError naming the file if an id occurs twice or refers to something that is not there.
void check_references(const ColmapModel& model,
                      const std::string& folder,
                      const std::string& extension);

}  // namespace vggt
