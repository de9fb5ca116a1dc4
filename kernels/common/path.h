// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

namespace vggt::kernels {

/// What computes where both can.
enum class Path {
  kFast,   ///< our kernels
  kPlain,  ///< LibTorch's calls: what ours are measured against
};

namespace detail {
inline std::atomic<Path> current_path = Path::kFast;
}

/// Asked wherever an operation chooses between a kernel of ours and LibTorch.
inline Path path() { return detail::current_path.load(std::memory_order_relaxed); }

/// While it lives, the whole process takes `chosen`. For benchmarks and tests: models that run at
/// the same time take it, too.
class PathScope {
 public:
  explicit PathScope(Path chosen) : outer_(detail::current_path.exchange(chosen)) {}
  ~PathScope() { detail::current_path = outer_; }
  PathScope(const PathScope&) = delete;
  PathScope& operator=(const PathScope&) = delete;

 private:
  Path outer_;
};

inline const char* to_string(Path path) { return path == Path::kFast ? "fast" : "plain"; }

}  // namespace vggt::kernels
