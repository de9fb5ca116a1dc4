// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>

namespace vggt {

/// How many tensors were copied each way, and their bytes together.
struct CopyCount {
  int64_t to_host = 0;
  int64_t to_device = 0;
  int64_t bytes = 0;
};

/// Copies tensors between a device and the host's memory beside what the device computes: through
/// pinned memory, on a stream of its own each way. For a CPU copies are plain ones, made at once, so
/// that what uses them is the same code everywhere.
class HostCopies {
 public:
  /// count   added to; null: not counted
  explicit HostCopies(c10::Device device, CopyCount* count = nullptr);

  /// Memory of the host for download(). For a GPU it is pinned, which takes the next power of two.
  at::Tensor empty(at::IntArrayRef sizes, at::ScalarType dtype) const;

  /// Begins to copy `from`, of the device, over `to`, of empty(). `to` may be read after finish();
  /// `from` may be let go of, but not be written to.
  void download(at::Tensor to, const at::Tensor& from);
  at::Tensor download(const at::Tensor& from);

  /// Waits until all downloads are there.
  void finish() const;

  /// Tensors on their way to the device.
  struct Upload {
    std::vector<at::Tensor> tensors;
    std::optional<c10::Event> arrival;
  };

  /// Begins to copy `from`, of the host. Memory that is not pinned is copied to such memory first.
  Upload upload(const std::vector<at::Tensor>& from);

  /// The tensors for the current stream, which waits for them; the calling thread does not.
  std::vector<at::Tensor> arrived(Upload upload) const;

 private:
  void note(int64_t& copies, const at::Tensor& tensor);

  c10::Device device_;
  CopyCount* count_;
  std::optional<c10::Stream> up_, down_;  // of a GPU
};

/// Hands out tensors a chunk of their first dimension at a time, the next one being copied to the
/// device while the one at hand is worked on.
class ChunkFeed {
 public:
  /// tensors   of equal first dimensions
  /// step      length of a chunk, above zero
  /// copies    how they come to the device; null: they are there, and chunks are views of them
  ChunkFeed(std::vector<at::Tensor> tensors, int64_t step, HostCopies* copies);

  /// The next chunk of each tensor; empty after the last.
  std::vector<at::Tensor> next();

  /// Begins to copy the next chunk. To be called once the work on this one is queued: where memory
  /// is not pinned, the calling thread is busy meanwhile.
  void prefetch();

 private:
  std::vector<at::Tensor> slice();

  std::vector<at::Tensor> tensors_;
  int64_t step_;
  int64_t begin_ = 0;
  HostCopies* copies_;
  std::optional<HostCopies::Upload> coming_;
};

}  // namespace vggt
