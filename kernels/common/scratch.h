// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace vggt::kernels {

/// A thread's working memory for a kernel, aligned to a cache line, not initialised.
class Scratch {
 public:
  explicit Scratch(int64_t words)
      : memory_(static_cast<uint32_t*>(
                    std::aligned_alloc(64, (static_cast<size_t>(words) * 4 + 63) / 64 * 64)),
                &std::free) {
    if (!memory_) throw std::bad_alloc();
  }
  uint32_t* words() const { return memory_.get(); }

 private:
  std::unique_ptr<uint32_t, void (*)(void*)> memory_;
};

}  // namespace vggt::kernels
