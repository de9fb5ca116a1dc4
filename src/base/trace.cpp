// SPDX-License-Identifier: Apache-2.0
#include "src/base/trace.h"

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

namespace vggt {
namespace {

struct State {
  const TraceSink* sink = nullptr;
  bool hears_all = false;
  int muted = 0;
  std::string prefix;
};
thread_local State state;

}  // namespace

TraceListener::TraceListener(TraceSink sink, TraceDepth depth) : sink_(std::move(sink)) {
  TORCH_CHECK(!state.sink, "a trace listener is active on this thread already");
  state.sink = &sink_;
  state.hears_all = depth == TraceDepth::kAll;
}

TraceListener::~TraceListener() { state.sink = nullptr; }

TraceScope::TraceScope(std::string_view part) : outer_length_(state.prefix.size()) {
  if (state.sink) state.prefix.append(part).append(".");
}

TraceScope::TraceScope(std::string_view part, int64_t index) : outer_length_(state.prefix.size()) {
  if (state.sink) state.prefix.append(part).append(std::to_string(index)).append(".");
}

TraceScope::~TraceScope() { state.prefix.resize(outer_length_); }

TraceMute::TraceMute(bool silent) : silent_(silent) { state.muted += silent_; }

TraceMute::~TraceMute() { state.muted -= silent_; }

bool tracing() { return state.sink != nullptr; }

void trace(std::string_view name, const at::Tensor& value) {
  if (!state.sink || (state.muted && !state.hears_all)) return;
  (*state.sink)(state.prefix + std::string(name), value);
}

void trace(std::string_view name, int64_t index, const at::Tensor& value) {
  if (!state.sink || (state.muted && !state.hears_all)) return;
  (*state.sink)(state.prefix + std::string(name) + std::to_string(index), value);
}

}  // namespace vggt
