// SPDX-License-Identifier: Apache-2.0
#include "src/base/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <fstream>
#include <limits>

#include "src/base/error.h"
#ifdef VGGT_WITH_CUDA
#include <c10/core/CachingDeviceAllocator.h>
#include <cuda_runtime_api.h>
#endif

namespace vggt {
namespace {

// Empty if CUDA works, else why it does not.
std::string cuda_problem() {
#ifdef VGGT_WITH_CUDA
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) return cudaGetErrorString(status);
  if (count == 0) return "this machine has no CUDA device";
  static const char* const load_error = []() -> const char* {
    return dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) ? nullptr : dlerror();
  }();
  return load_error ? std::string("LibTorch's CUDA library does not load: ") + load_error : "";
#else
  return "this build has no CUDA: configure it where nvcc and a CUDA build of LibTorch are found";
#endif
}

// The first value of a field of /proc/cpuinfo; empty if there is none.
std::string cpuinfo(const std::string& field) {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const size_t colon = line.find(": ");
    if (line.rfind(field, 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "";
}

// A field of a file as /proc/self/status; 0 if it is not there.
int64_t kilobytes_of(const char* path, const std::string& field) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(field, 0) == 0) return std::stoll(line.substr(field.size()));
  }
  return 0;
}

bool cpu_has(const std::string& flag) {
  static const std::string flags = " " + cpuinfo("flags") + " ";
  return flags.find(" " + flag + " ") != std::string::npos;
}

std::atomic<int64_t> host_limit = std::numeric_limits<int64_t>::max();
std::atomic<int64_t> gpu_limit = std::numeric_limits<int64_t>::max();

}  // namespace

c10::Device select_device(const std::string& name) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  if (name != "auto" && name != "cuda") {
    throw ConfigError("device", "'" + name + "' is none of auto, cpu, cuda");
  }
  const std::string problem = cuda_problem();
  if (problem.empty()) {
    // The heads are float32 for their accuracy; cuDNN would round their convolutions to TF32.
    at::globalContext().setAllowTF32CuDNN(false);
    return c10::Device(c10::kCUDA, 0);
  }
  if (name == "auto") return c10::Device(c10::kCPU);
  throw ConfigError("device", "cuda cannot be used: " + problem + ". Use --device cpu");
}

std::string describe_device(c10::Device device) {
#ifdef VGGT_WITH_CUDA
  if (device.is_cuda()) {
    cudaDeviceProp properties{};
    if (cudaGetDeviceProperties(&properties, device.index()) != cudaSuccess) return "CUDA device";
    return std::string(properties.name) + ", sm_" + std::to_string(properties.major) +
           std::to_string(properties.minor);
  }
#endif
  std::string text = cpuinfo("model name");
  if (text.empty()) text = "CPU";
  text += ", " + std::to_string(at::get_num_threads()) + " threads";
  for (const auto& [flag, name] : {std::pair("amx_bf16", "AMX-BF16"),
                                   std::pair("avx512_bf16", "AVX512-BF16"),
                                   std::pair("avx512f", "AVX512"),
                                   std::pair("avx2", "AVX2")}) {
    if (cpu_has(flag)) return text + ", " + name;
  }
  return text;
}

bool has_fast_bfloat16(c10::Device device) {
#ifdef VGGT_WITH_CUDA
  if (device.is_cuda()) {
    int major = 0;
    return cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device.index()) ==
               cudaSuccess &&
           major >= 8;
  }
#endif
  return cpu_has("avx512_bf16") || cpu_has("amx_bf16");
}

void synchronize(c10::Device device) {
  if (device.is_cpu()) return;
  c10::impl::VirtualGuardImpl(device.type()).getStream(device).synchronize();
}

void limit_memory(c10::Device device, int64_t bytes) {
  (device.is_cpu() ? host_limit : gpu_limit) = bytes;
}

int64_t available_memory(c10::Device device) {
#ifdef VGGT_WITH_CUDA
  if (device.is_cuda()) {
    size_t free = 0;
    size_t total = 0;
    if (cudaMemGetInfo(&free, &total) != cudaSuccess) return gpu_limit;
    using c10::CachingAllocator::StatType;
    int64_t held = 0;
    // It knows the device once something lies there.
    c10::DeviceAllocator* const allocator = c10::getDeviceAllocator(device.type());
    if (allocator->initialized()) {
      held = allocator->getDeviceStats(device.index())
                 .reserved_bytes[static_cast<size_t>(StatType::AGGREGATE)]
                 .current;
    }
    return std::min<int64_t>(static_cast<int64_t>(free) + held, gpu_limit);
  }
#endif
  int64_t more = kilobytes_of("/proc/meminfo", "MemAvailable:") * 1024;
  std::ifstream limit("/sys/fs/cgroup/memory.max");
  std::ifstream used("/sys/fs/cgroup/memory.current");
  int64_t of_group = 0;
  int64_t in_use = 0;
  // "max", no number, where there is no limit.
  if (limit >> of_group && used >> in_use) more = std::min(more, of_group - in_use);
  return std::min<int64_t>(more + kilobytes_of("/proc/self/status", "VmRSS:") * 1024, host_limit);
}

int64_t peak_memory_bytes(c10::Device device) {
#ifdef VGGT_WITH_CUDA
  if (device.is_cuda()) {
    using c10::CachingAllocator::StatType;
    return c10::getDeviceAllocator(device.type())
        ->getDeviceStats(device.index())
        .allocated_bytes[static_cast<size_t>(StatType::AGGREGATE)]
        .peak;
  }
#endif
  return kilobytes_of("/proc/self/status", "VmHWM:") * 1024;
}

void reset_peak_memory(c10::Device device) {
#ifdef VGGT_WITH_CUDA
  if (device.is_cuda()) {
    c10::getDeviceAllocator(device.type())->resetPeakStats(device.index());
    return;
  }
#endif
  std::ofstream("/proc/self/clear_refs") << 5;  // 5: the peak becomes the present size
}

}  // namespace vggt
