// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/split_heads/split_heads_params.h"

namespace vggt::kernels {

/// Heads of up to 128 channels, divisible by 4.
cudaError_t launch_split_heads(const SplitHeadsParams& params, cudaStream_t stream);

}  // namespace vggt::kernels
