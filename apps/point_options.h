// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/pipeline/point_filter.h"

namespace CLI {
class App;
}

namespace vggt::apps {

/// The options that choose which pixels become points.
void add_point_options(CLI::App& app, PointFilter& filter);

}  // namespace vggt::apps
