// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/unproject/unproject_params.h"

namespace vggt::kernels {

/// All pointers are the device's.
cudaError_t launch_unproject(const UnprojectParams& params, cudaStream_t stream);

}  // namespace vggt::kernels
