// SPDX-License-Identifier: Apache-2.0
#include "src/image/page_points.h"

#include "src/base/mixed.h"
#include "src/base/percentile.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace vggt {
namespace {

constexpr double kLevels = 32767;  // of an int16 to each side of 0

bool finite(const float* p) {
  return std::isfinite(p[0]) && std::isfinite(p[1]) && std::isfinite(p[2]);
}

// Sets centre and step to the box that the points have to lie in.
void find_box(const float* position, int64_t total, PagePoints& points) {
  constexpr int64_t kSamples = 200000;  // enough for a percentile
  const int64_t stride = std::max<int64_t>(1, total / kSamples);
  std::array<double, 3> half = {0, 0, 0};
  for (size_t axis = 0; axis < 3; ++axis) {
    std::vector<float> values;
    for (int64_t i = 0; i < total; i += stride) {
      if (finite(position + 3 * i)) values.push_back(position[3 * i + static_cast<int64_t>(axis)]);
    }
    if (values.empty()) continue;
    const double low = percentile(values, 1);
    const double high = percentile(values, 99);
    points.centre[axis] = (low + high) / 2;
    half[axis] = high - low;  // half of it is the slack
  }
  // A flat scene keeps some room across, and a single point a box.
  const double widest = *std::max_element(half.begin(), half.end());
  for (size_t axis = 0; axis < 3; ++axis) {
    points.step[axis] = std::max({half[axis], 0.05 * widest, 1e-6}) / kLevels;
  }
}

// Quantised into `levels`; false where it lies outside the box.
bool quantised(const float* position, const PagePoints& points, int16_t* levels) {
  for (size_t axis = 0; axis < 3; ++axis) {
    const double level =
        std::round((static_cast<double>(position[axis]) - points.centre[axis]) / points.step[axis]);
    if (!(std::abs(level) <= kLevels)) return false;  // nor NaN
    levels[axis] = static_cast<int16_t>(level);
  }
  return true;
}

}  // namespace

PagePoints draw_page_points(const PointCloud& cloud, int64_t most) {
  PagePoints points;
  const int64_t total = cloud.size();
  const int64_t stretches = std::min(total, most);
  if (stretches <= 0) return points;
  const at::Tensor position = cloud.position.contiguous();
  const at::Tensor colour = cloud.colour.contiguous();
  const float* xyz = position.const_data_ptr<float>();
  const uint8_t* rgb = colour.const_data_ptr<uint8_t>();
  find_box(xyz, total, points);

  // Steps of about the golden ratio, without a common divisor, visit all stretches, evenly from the
  // start.
  auto stride = std::max<int64_t>(1, static_cast<int64_t>(0.6180339887 * double(stretches)));
  while (std::gcd(stride, stretches) != 1) ++stride;

  std::vector<uint8_t> colours;
  for (int64_t k = 0; k < stretches; ++k) {
    const int64_t stretch = k * stride % stretches;
    const int64_t first = stretch * total / stretches;
    const int64_t size = (stretch + 1) * total / stretches - first;
    constexpr int kDraws = 4;  // a stretch may have points that are left out, and others
    for (int draw = 0; draw < (size > 1 ? kDraws : 1); ++draw) {
      const auto key = static_cast<uint64_t>(kDraws * stretch + draw);
      const int64_t i = first + static_cast<int64_t>(mixed(key) % static_cast<uint64_t>(size));
      int16_t levels[3];
      if (!quantised(xyz + 3 * i, points, levels)) continue;
      const auto* bytes = reinterpret_cast<const uint8_t*>(levels);
      points.bytes.insert(points.bytes.end(), bytes, bytes + sizeof(levels));
      colours.insert(colours.end(), rgb + 3 * i, rgb + 3 * i + 3);
      ++points.count;
      break;
    }
  }
  points.bytes.insert(points.bytes.end(), colours.begin(), colours.end());
  return points;
}

std::string base64(const uint8_t* bytes, size_t size) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((size + 2) / 3 * 4);
  for (size_t i = 0; i < size; i += 3) {
    const size_t left = std::min<size_t>(3, size - i);
    uint32_t group = static_cast<uint32_t>(bytes[i]) << 16;
    if (left > 1) group |= static_cast<uint32_t>(bytes[i + 1]) << 8;
    if (left > 2) group |= bytes[i + 2];
    for (size_t digit = 0; digit < 4; ++digit) {
      text += digit <= left ? kDigits[(group >> (18 - 6 * digit)) & 63] : '=';
    }
  }
  return text;
}

}  // namespace vggt
