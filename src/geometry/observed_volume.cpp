// SPDX-License-Identifier: Apache-2.0
#include "src/geometry/observed_volume.h"

#include <ATen/ATen.h>

#include <cmath>

namespace vggt {
namespace {

// Of points as (x, y, z): [N] bool.
template <typename Holds>
at::Tensor where(const at::Tensor& points, const Holds& holds) {
  const at::Tensor all = points.to(at::kDouble).contiguous();
  const double* point = all.const_data_ptr<double>();
  at::Tensor result = at::empty({all.size(0)}, at::kBool);
  bool* to = result.mutable_data_ptr<bool>();
  for (int64_t i = 0; i < all.size(0); ++i) to[i] = holds(point + 3 * i);
  return result;
}

}  // namespace

at::Tensor ObservedVolume::in_box(const at::Tensor& points) const {
  return where(points, [&](const double* x) {
    bool inside = true;
    for (size_t k = 0; k < 3; ++k) inside = inside && x[k] >= low[k] && x[k] < high[k];
    return inside;
  });
}

at::Tensor ObservedVolume::seen(const at::Tensor& points) const {
  const at::Tensor map = cubes.contiguous();
  const bool* is_seen = map.const_data_ptr<bool>();
  return where(points, [&](const double* x) {
    int64_t at = 0;
    for (size_t k = 0; k < 3; ++k) {
      const double place = std::round((x[k] - low[k]) / cube);
      const int64_t size = map.size(static_cast<int64_t>(k));
      if (!(place >= 0 && place < static_cast<double>(size))) return false;
      at = at * size + static_cast<int64_t>(place);
    }
    return is_seen[at];
  });
}

at::Tensor ObservedVolume::above(const at::Tensor& points) const {
  return where(points, [&](const double* x) {
    return plane[0] * x[0] + plane[1] * x[1] + plane[2] * x[2] + plane[3] > 0;
  });
}

}  // namespace vggt
