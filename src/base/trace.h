// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace at {
class Tensor;
}

namespace vggt {

/// Hands the intermediate tensors of a forward pass, by name, to whoever listens on this thread:
/// for comparison with other implementations. Without a listener a trace costs one test of a
/// thread-local pointer.
using TraceSink = std::function<void(const std::string& name, const at::Tensor& value)>;

enum class TraceDepth {
  kUnmuted,
  kAll,  ///< what TraceMute drops, too: for a sink that keeps little of it
};

/// While it lives, this thread's traces go to `sink`. One at a time.
class TraceListener {
 public:
  explicit TraceListener(TraceSink sink, TraceDepth depth = TraceDepth::kUnmuted);
  ~TraceListener();
  TraceListener(const TraceListener&) = delete;
  TraceListener& operator=(const TraceListener&) = delete;

 private:
  TraceSink sink_;
};

/// While it lives, names begin with `part` and a dot (after the parts of enclosing scopes).
class TraceScope {
 public:
  explicit TraceScope(std::string_view part);
  TraceScope(std::string_view part, int64_t index);  ///< the part is followed by the index
  ~TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  size_t outer_length_;
};

/// While it lives and `silent` is true, this thread's traces are dropped, unless the listener wants
/// all: the inside of a block is traced for the first block only, 48 of them would not fit into memory.
class TraceMute {
 public:
  explicit TraceMute(bool silent);
  ~TraceMute();
  TraceMute(const TraceMute&) = delete;
  TraceMute& operator=(const TraceMute&) = delete;

 private:
  bool silent_;
};

/// Whether this thread has a listener.
bool tracing();

void trace(std::string_view name, const at::Tensor& value);
void trace(std::string_view name, int64_t index, const at::Tensor& value);

}  // namespace vggt
