// SPDX-License-Identifier: Apache-2.0
// unproject() against the LibTorch calls that it replaces, at one, eight and 64 frames of
// 392 x 518 px. Memory sets the limit, so the rate is in GB/s of what must move.
#include "kernels/unproject/unproject.h"

#include <c10/core/InferenceMode.h>

#include "kernels/common/bench.h"

int main() {
  using namespace vggt::kernels;
  const c10::InferenceMode inference;
  print_header("GB");
  for (const int64_t frames : {1, 8, 64}) {
    const at::Tensor depth = at::rand({frames, 392, 518}) + 1;
    const at::Tensor extrinsics = at::randn({frames, 3, 4}, at::kDouble);
    const at::Tensor intrinsics = at::rand({frames, 3, 3}, at::kDouble) + 300;
    const auto ours = [&] { return unproject(depth, extrinsics, intrinsics, at::kFloat); };
    const auto plain = [&] {
      return unproject_reference(depth, extrinsics, intrinsics, at::kFloat);
    };
    const at::Tensor truth = unproject_reference(depth, extrinsics, intrinsics, at::kDouble);
    print_row((std::to_string(frames) + " frames").c_str(),
              16.0 * static_cast<double>(depth.numel()),
              time_pair(ours, plain),
              relative_error(ours(), truth),
              relative_error(plain(), truth));
  }
}
