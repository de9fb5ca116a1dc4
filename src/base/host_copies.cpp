// SPDX-License-Identifier: Apache-2.0
#include "src/base/host_copies.h"

#include <ATen/ATen.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <map>
#include <mutex>

namespace vggt {
namespace {

struct Streams {
  c10::Stream up;
  c10::Stream down;
};

// The same ones at all times: LibTorch keeps the memory of each stream apart.
Streams streams_of(c10::Device device) {
  static std::mutex mutex;  // guards all
  static std::map<c10::DeviceIndex, Streams> all;
  const std::lock_guard lock(mutex);
  auto found = all.find(device.index());
  if (found == all.end()) {
    const c10::impl::VirtualGuardImpl guard(device.type());
    const c10::Stream up = guard.getStreamFromGlobalPool(device);
    found = all.emplace(device.index(), Streams{up, guard.getStreamFromGlobalPool(device)}).first;
  }
  return found->second;
}

c10::Stream current_stream(c10::Device device) {
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device);
}

}  // namespace

HostCopies::HostCopies(c10::Device device, CopyCount* count) : device_(device), count_(count) {
  if (device.is_cpu()) return;
  const Streams streams = streams_of(device);
  up_ = streams.up;
  down_ = streams.down;
}

at::Tensor HostCopies::empty(at::IntArrayRef sizes, at::ScalarType dtype) const {
  return at::empty(sizes, at::TensorOptions().dtype(dtype).pinned_memory(down_.has_value()));
}

void HostCopies::download(at::Tensor to, const at::Tensor& from) {
  if (count_) note(count_->to_host, from);
  if (!down_) {
    to.copy_(from);
    return;
  }
  // Gathered by the stream that computes, so that the copy is one transfer.
  const at::Tensor dense = from.contiguous();
  c10::Event made(device_.type());
  made.record(current_stream(device_));
  made.block(*down_);
  const c10::StreamGuard on(*down_);
  to.copy_(dense, /*non_blocking=*/true);
  dense.record_stream(*down_);
}

at::Tensor HostCopies::download(const at::Tensor& from) {
  at::Tensor to = empty(from.sizes(), from.scalar_type());
  download(to, from);
  return to;
}

void HostCopies::finish() const {
  if (down_) down_->synchronize();
}

HostCopies::Upload HostCopies::upload(const std::vector<at::Tensor>& from) {
  Upload upload;
  if (count_) {
    for (const at::Tensor& tensor : from) note(count_->to_device, tensor);
  }
  if (!up_) {
    for (const at::Tensor& tensor : from) upload.tensors.push_back(tensor.clone());
    return upload;
  }
  // Memory of this stream: other memory could still be in use by what is queued, and the copy would
  // have to wait for that.
  const c10::StreamGuard on(*up_);
  for (const at::Tensor& tensor : from) {
    const at::Tensor pinned = tensor.is_pinned() ? tensor : tensor.pin_memory();
    upload.tensors.push_back(pinned.to(device_, /*non_blocking=*/true));
  }
  upload.arrival.emplace(device_.type());
  upload.arrival->record(*up_);
  return upload;
}

std::vector<at::Tensor> HostCopies::arrived(Upload upload) const {
  if (upload.arrival) {
    const c10::Stream current = current_stream(device_);
    upload.arrival->block(current);
    for (const at::Tensor& tensor : upload.tensors) tensor.record_stream(current);
  }
  return std::move(upload.tensors);
}

void HostCopies::note(int64_t& copies, const at::Tensor& tensor) {
  ++copies;
  count_->bytes += static_cast<int64_t>(tensor.nbytes());
}

ChunkFeed::ChunkFeed(std::vector<at::Tensor> tensors, int64_t step, HostCopies* copies)
    : tensors_(std::move(tensors)), step_(step), copies_(copies) {}

std::vector<at::Tensor> ChunkFeed::next() {
  if (!copies_) return slice();
  prefetch();
  if (!coming_) return {};
  std::vector<at::Tensor> chunk = copies_->arrived(std::move(*coming_));
  coming_.reset();
  return chunk;
}

void ChunkFeed::prefetch() {
  if (!copies_ || coming_) return;
  const std::vector<at::Tensor> chunk = slice();
  if (!chunk.empty()) coming_ = copies_->upload(chunk);
}

// Of where the tensors lie; empty after the last.
std::vector<at::Tensor> ChunkFeed::slice() {
  std::vector<at::Tensor> chunk;
  if (begin_ >= tensors_.front().size(0)) return chunk;
  for (const at::Tensor& tensor : tensors_) {
    chunk.push_back(tensor.slice(0, begin_, begin_ + step_));
  }
  begin_ += step_;
  return chunk;
}

}  // namespace vggt
