// SPDX-License-Identifier: Apache-2.0
#include "kernels/token_merge/token_merge.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <vector>

#ifdef VGGT_WITH_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels/token_merge/token_merge_launch.h"
#endif

namespace vggt::kernels {
namespace {

constexpr int64_t kSlotsPerTask = 16;

template <class T>
void merge_cpu(const at::Tensor& x, const TokenGroups& groups, at::Tensor& y) {
  using Sum = std::conditional_t<std::is_same_v<T, double>, double, float>;
  const int64_t maps = groups.map_offsets.size(0) - 1;
  const int64_t width = y.size(1);
  const int64_t stride = x.stride(0);
  const T* from = x.const_data_ptr<T>();
  T* to = y.mutable_data_ptr<T>();
  const auto* map_offsets = groups.map_offsets.const_data_ptr<int32_t>();
  const auto* offsets = groups.member_offsets.const_data_ptr<int32_t>();
  const auto* members = groups.members.const_data_ptr<int32_t>();
  const float* weight = groups.weight.defined() ? groups.weight.const_data_ptr<float>() : nullptr;
  at::parallel_for(0, y.size(0), kSlotsPerTask, [&](int64_t first, int64_t last) {
    std::vector<Sum> sum(static_cast<size_t>(width));
    int64_t map = std::upper_bound(map_offsets + 1, map_offsets + maps, first) - map_offsets - 1;
    for (int64_t slot = first; slot < last; ++slot) {
      while (map + 1 < maps && slot >= map_offsets[map + 1]) ++map;
      T* out = to + slot * width;
      const T* columns = from + map * width;
      const int32_t begin = offsets[slot];
      const int32_t end = offsets[slot + 1];
      if (end - begin == 1 && !weight) {
        std::memcpy(out, columns + members[begin] * stride, sizeof(T) * static_cast<size_t>(width));
        continue;
      }
      std::fill(sum.begin(), sum.end(), Sum(0));
      const Sum share = end > begin ? Sum(1) / static_cast<Sum>(end - begin) : Sum(0);
      for (int32_t i = begin; i < end; ++i) {
        const T* row = columns + members[i] * stride;
        const Sum factor = weight ? static_cast<Sum>(weight[i]) : share;
        for (int64_t c = 0; c < width; ++c) {
          sum[static_cast<size_t>(c)] += factor * static_cast<Sum>(row[c]);
        }
      }
      for (int64_t c = 0; c < width; ++c) out[c] = static_cast<T>(sum[static_cast<size_t>(c)]);
    }
  });
}

// Rows are copied as bytes: the dtype does not matter.
at::Tensor unmerge_cpu(const at::Tensor& y, const at::Tensor& slot_of) {
  const int64_t maps = slot_of.size(0);
  const int64_t rows = slot_of.size(1);
  at::Tensor z = at::empty({rows, maps * y.size(1)}, y.options());
  const auto bytes = static_cast<size_t>(y.size(1)) * y.element_size();
  const size_t stride = static_cast<size_t>(y.stride(0)) * y.element_size();
  const auto* from = static_cast<const char*>(y.const_data_ptr());
  auto* to = static_cast<char*>(z.mutable_data_ptr());
  const auto* slots = slot_of.const_data_ptr<int32_t>();
  at::parallel_for(0, rows, kSlotsPerTask, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      for (int64_t map = 0; map < maps; ++map) {
        char* piece = to + static_cast<size_t>(row * maps + map) * bytes;
        const int32_t slot = slots[map * rows + row];
        if (slot < 0) {
          std::memset(piece, 0, bytes);
        } else {
          std::memcpy(piece, from + static_cast<size_t>(slot) * stride, bytes);
        }
      }
    }
  });
  return z;
}

#ifdef VGGT_WITH_CUDA
bool has_cuda_type(const at::Tensor& x) {
  return x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16 ||
         x.scalar_type() == at::kHalf;
}

TokenType type_of(const at::Tensor& x) {
  return x.scalar_type() == at::kFloat      ? TokenType::kFloat
         : x.scalar_type() == at::kBFloat16 ? TokenType::kBFloat16
                                            : TokenType::kHalf;
}

void merge_cuda(const at::Tensor& x, const TokenGroups& groups, at::Tensor& y) {
  const c10::cuda::CUDAGuard guard(x.device());
  TokenMergeParams params;
  params.x = x.const_data_ptr();
  params.map_offsets = groups.map_offsets.const_data_ptr<int32_t>();
  params.member_offsets = groups.member_offsets.const_data_ptr<int32_t>();
  params.members = groups.members.const_data_ptr<int32_t>();
  params.weight = groups.weight.defined() ? groups.weight.const_data_ptr<float>() : nullptr;
  params.y = y.mutable_data_ptr();
  params.x_stride = x.stride(0);
  params.slots = y.size(0);
  params.maps = groups.map_offsets.size(0) - 1;
  params.width = y.size(1);
  params.type = type_of(x);
  const cudaError_t status =
      launch_token_merge(params, c10::cuda::getCurrentCUDAStream(x.device().index()).stream());
  TORCH_CHECK(status == cudaSuccess, "token_merge: ", cudaGetErrorString(status));
}

at::Tensor unmerge_cuda(const at::Tensor& y, const at::Tensor& slot_of) {
  const c10::cuda::CUDAGuard guard(y.device());
  at::Tensor z = at::empty({slot_of.size(1), slot_of.size(0) * y.size(1)}, y.options());
  TokenUnmergeParams params;
  params.y = y.const_data_ptr();
  params.slot_of = slot_of.const_data_ptr<int32_t>();
  params.z = z.mutable_data_ptr();
  params.y_stride = y.stride(0);
  params.rows = slot_of.size(1);
  params.maps = slot_of.size(0);
  params.width = y.size(1);
  params.type = type_of(y);
  const cudaError_t status =
      launch_token_unmerge(params, c10::cuda::getCurrentCUDAStream(y.device().index()).stream());
  TORCH_CHECK(status == cudaSuccess, "token_unmerge: ", cudaGetErrorString(status));
  return z;
}
#endif

bool needs_gradient(const at::Tensor& x) {
  return c10::GradMode::is_enabled() && x.requires_grad();
}

}  // namespace

at::Tensor token_merge(const at::Tensor& x, const TokenGroups& groups) {
  const int64_t maps = groups.map_offsets.size(0) - 1;
  TORCH_CHECK(x.dim() == 2 && maps > 0 && x.size(1) % maps == 0,
              "token_merge: x must be [R, a multiple of ",
              maps,
              "], got ",
              x.sizes());
  TORCH_CHECK(x.size(1) == 0 || x.stride(1) == 1, "token_merge: the last stride of x must be 1");
  for (const at::Tensor& list : {groups.map_offsets, groups.member_offsets, groups.members}) {
    TORCH_CHECK(
        list.scalar_type() == at::kInt && list.is_contiguous() && list.device() == x.device(),
        "token_merge: the lists must be contiguous int32 on the device of x");
  }
  TORCH_CHECK(!groups.weight.defined() || groups.weight.sizes() == groups.members.sizes(),
              "token_merge: there must be a weight per member");
  if (needs_gradient(x)) return token_merge_reference(x, groups);
  at::Tensor y = at::empty({groups.member_offsets.size(0) - 1, x.size(1) / maps}, x.options());
  if (y.numel() == 0) return y;
#ifdef VGGT_WITH_CUDA
  if (x.is_cuda() && has_cuda_type(x)) {
    merge_cuda(x, groups, y);
    return y;
  }
#endif
  if (!x.is_cpu()) return token_merge_reference(x, groups);
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, x.scalar_type(), "token_merge", [&] {
    merge_cpu<scalar_t>(x, groups, y);
  });
  return y;
}

at::Tensor token_unmerge(const at::Tensor& y, const at::Tensor& slot_of) {
  TORCH_CHECK(y.dim() == 2 && slot_of.dim() == 2 && slot_of.scalar_type() == at::kInt &&
                  slot_of.is_contiguous() && slot_of.device() == y.device(),
              "token_unmerge: y must be [T, W] and slot_of [M, R] int32 on its device, got ",
              y.sizes(),
              " and ",
              slot_of.sizes());
  TORCH_CHECK(y.size(1) == 0 || y.stride(1) == 1, "token_unmerge: the last stride of y must be 1");
  if (needs_gradient(y)) return token_unmerge_reference(y, slot_of);
#ifdef VGGT_WITH_CUDA
  if (y.is_cuda() && has_cuda_type(y)) return unmerge_cuda(y, slot_of);
#endif
  return y.is_cpu() ? unmerge_cpu(y, slot_of) : token_unmerge_reference(y, slot_of);
}

}  // namespace vggt::kernels
