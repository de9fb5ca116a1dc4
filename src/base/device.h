// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <c10/core/Device.h>

namespace vggt {

/// "cpu", "cuda" (the first GPU) or "auto" (the GPU if one works, else the CPU).
/// Opens LibTorch's CUDA library the first time a GPU is asked for.
/// Throws ConfigError: unknown name; "cuda" where this build, this machine or its driver has none.
c10::Device select_device(const std::string& name);

/// What computes: the CPU's name and instruction sets that matter here, or the GPU's name and
/// architecture.
std::string describe_device(c10::Device device);

/// Whether `device` multiplies bfloat16 matrices in hardware.
bool has_fast_bfloat16(c10::Device device);

/// Waits until all work that was queued on `device`, on its current stream, is done, so that a clock
/// read next is true. Nothing to do on the CPU.
void synchronize(c10::Device device);

/// The memory that this process may take in all, in bytes: what it holds and what the machine, or
/// the limit of its control group, or the GPU still gives.
int64_t available_memory(c10::Device device);

/// From now on available_memory() says at most this many bytes of the CPU's memory or of a GPU's.
void limit_memory(c10::Device device, int64_t bytes);

/// The most memory since the start or the last reset: on the CPU the largest resident set of this
/// process, on a GPU what LibTorch had given out there.
int64_t peak_memory_bytes(c10::Device device = c10::kCPU);

/// Begins a new measurement of the peak. Where the kernel does not allow it, the peak since the
/// start remains.
void reset_peak_memory(c10::Device device = c10::kCPU);

}  // namespace vggt
