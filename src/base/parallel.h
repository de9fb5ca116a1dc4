// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

#include "src/base/progress.h"

namespace vggt {

/// Runs work(i) for all i < count, in no certain order, on as many threads as LibTorch is set to
/// use; tensor operations within `work` then use one thread each. The first exception ends what has
/// not begun and is thrown again.
void on_all_cores(size_t count, const std::function<void(size_t)>& work);

/// As above, and advances `stage` by one unit after each, which may cancel.
void on_all_cores(size_t count, StageProgress& stage, const std::function<void(size_t)>& work);

}  // namespace vggt
