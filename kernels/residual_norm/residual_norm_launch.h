// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/residual_norm/residual_norm_params.h"

namespace vggt::kernels {

/// Rows of up to 8192 channels.
cudaError_t launch_residual_norm(const ResidualNormParams& params, cudaStream_t stream);

}  // namespace vggt::kernels
