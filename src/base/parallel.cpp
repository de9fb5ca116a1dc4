// SPDX-License-Identifier: Apache-2.0
#include "src/base/parallel.h"

#include <ATen/Parallel.h>

#include <atomic>
#include <exception>
#include <mutex>

namespace vggt {

// LibTorch's threads, not new ones: each new thread that calls a tensor operation would start a
// team of its own.
void on_all_cores(size_t count, const std::function<void(size_t)>& work) {
  std::atomic<size_t> next = 0;
  std::mutex mutex;  // guards failure
  std::exception_ptr failure;
  const auto loop = [&](int64_t, int64_t) {
    for (size_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next = count;
      }
    }
  };
  at::parallel_for(0, at::get_num_threads(), 1, loop);
  if (failure) std::rethrow_exception(failure);
}

void on_all_cores(size_t count, StageProgress& stage, const std::function<void(size_t)>& work) {
  std::mutex mutex;  // guards stage
  on_all_cores(count, [&](size_t i) {
    work(i);
    const std::lock_guard lock(mutex);
    stage.advance();
  });
}

}  // namespace vggt
