// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "apps/model_options.h"
#include "apps/read_photos.h"

namespace vggt::apps {

/// What decides the network's output, as report.json keeps it: the photos' bytes, how they were
/// fitted, the weights, the precision, merging and the engine. Point filters, masks and exports are not
/// among it: they change without the network.
nlohmann::ordered_json made_from(const ReadPhotos& photos,
                                 const ReadOptions& read,
                                 const ModelOptions& model);

/// The first difference between what a result was made from and what is there now, in words; empty
/// if there is none.
std::string first_difference(const nlohmann::ordered_json& then, const nlohmann::ordered_json& now);

}  // namespace vggt::apps
