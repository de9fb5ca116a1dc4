// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vggt {

/// From now on the process keeps memory that it frees, for what it allocates next. Work that makes
/// tensors of the same sizes again and again otherwise takes each from the system anew, whose
/// cleared pages cost a training step on a CPU a tenth of its time. With other C libraries than
/// glibc it does nothing.
void keep_freed_memory();

}  // namespace vggt
