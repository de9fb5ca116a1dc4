// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace vggt::eval {

/// Where a figure would probably lie if other sequences of the same kind had been scored.
struct Interval {
  double low = 0;
  double high = 0;
};

struct BootstrapOptions {
  int64_t replicates = 1000;
  uint64_t seed = 0;
  double confidence = 0.95;
};

/// A figure of some of the sequences, of which one may come several times.
using Statistic = std::function<double(std::span<const int64_t> sequences)>;

/// The percentile interval of `statistic` over redrawn sequences: whole sequences are drawn, since
/// the pairs of one are alike. Within each category as many as it has, so that the mean over
/// categories keeps its meaning; where no category has two, the categories themselves are drawn.
/// Efron and Tibshirani, "An Introduction to the Bootstrap", 1993.
///
/// category_of  one per sequence
/// Both ends are NaN where fewer than two sequences are there. Draws depend on the seed, the
/// replicate and the place alone, so two calls with the same categories draw the same: the
/// difference of two results on the same sequences is a paired one.
Interval bootstrap(std::span<const std::string> category_of,
                   const Statistic& statistic,
                   const BootstrapOptions& options = {});

}  // namespace vggt::eval
