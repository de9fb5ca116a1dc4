// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace vggt::datasets {

/// Walks through the JSON of a gzip file (or of a plain one) that is a list, without holding more
/// than one element of it: CO3D's are hundreds of megabytes. Throws IoError: it cannot be opened,
/// is cut off, damaged, no JSON or no list; and what `use` throws.
void for_each_element(const std::string& path,
                      const std::function<void(const nlohmann::json& element)>& use);

/// The same for an object of lists, {"key": [element, ...], ...}.
void for_each_element_by_key(
    const std::string& path,
    const std::function<void(const std::string& key, const nlohmann::json& element)>& use);

}  // namespace vggt::datasets
