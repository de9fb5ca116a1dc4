// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <c10/core/Device.h>

namespace vggt {

/// The most of something per second that was reached here, and by what.
struct Peak {
  double per_second = 0;  ///< 0: the machine has no such instruction
  std::string by;         ///< "AVX512-BF16 dot product", "copying 256 MiB"
};

struct MachinePeaks {
  Peak half;    ///< operations on bfloat16, two per product
  Peak single;  ///< operations on float32
  Peak memory;  ///< bytes read and written
};

/// Measures them in about a second: on a CPU by instructions on registers and by passes over memory
/// that no cache holds, on as many threads as LibTorch is set to use; on a GPU by LibTorch's matrix
/// products and copies. Another program that runs meanwhile makes them too small.
MachinePeaks measure_peaks(c10::Device device);

/// The larger of each: of measurements at different times.
MachinePeaks larger(const MachinePeaks& a, const MachinePeaks& b);

}  // namespace vggt
