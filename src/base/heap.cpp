// SPDX-License-Identifier: Apache-2.0
#include "src/base/heap.h"

#include <cstdlib>
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace vggt {

void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kAnySize = 1 << 30;
  mallopt(M_MMAP_THRESHOLD, kAnySize);
  mallopt(M_TRIM_THRESHOLD, kAnySize);
  mallopt(M_TOP_PAD, kAnySize / 8);
#endif
}

}  // namespace vggt
