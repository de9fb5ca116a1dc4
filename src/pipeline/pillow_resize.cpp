// SPDX-License-Identifier: Apache-2.0
#include "src/pipeline/pillow_resize.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace vggt {
namespace {

constexpr int64_t kChannels = 3;
constexpr int kFractionBits = 22;
constexpr int32_t kOneHalf = 1 << (kFractionBits - 1);

/// The weights of one axis: output i is the sum of weights[i * taps + j] * input[first[i] + j].
struct Axis {
  int64_t taps = 0;  ///< the same for all outputs, so that the inner loop has a fixed length
  std::vector<int64_t> first;
  std::vector<int32_t> weights;
};

double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/// Outputs [begin, end) of n_out. The order of the operations on doubles is Pillow's: it decides
/// bytes.
Axis make_axis(int64_t n_in, int64_t n_out, int64_t begin, int64_t end) {
  const double scale = static_cast<double>(n_in) / static_cast<double>(n_out);
  const double filter_scale = std::max(scale, 1.0);
  const double support = 2 * filter_scale;
  Axis axis;
  // A multiple of 8 leaves the vectorised inner loop no remainder; the weights there are 0.
  axis.taps = (2 * static_cast<int64_t>(std::ceil(support)) + 1 + 7) / 8 * 8;
  axis.first.resize(end - begin);
  axis.weights.assign((end - begin) * axis.taps, 0);
  std::vector<double> exact(axis.taps);
  for (int64_t i = begin; i < end; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto low = std::max<int64_t>(static_cast<int64_t>(centre - support + 0.5), 0);
    const auto high = std::min(static_cast<int64_t>(centre + support + 0.5), n_in);
    double sum = 0;
    for (int64_t j = low; j < high; ++j) {
      exact[j - low] = bicubic((static_cast<double>(j) - centre + 0.5) * (1 / filter_scale));
      sum += exact[j - low];
    }
    axis.first[i - begin] = low;
    int32_t* weights = &axis.weights[(i - begin) * axis.taps];
    for (int64_t j = 0; j < high - low; ++j) {
      const double weight = (sum != 0 ? exact[j] / sum : exact[j]) * (1 << kFractionBits);
      weights[j] = static_cast<int32_t>(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
  }
  return axis;
}

uint8_t to_byte(int32_t fixed_point) {
  return static_cast<uint8_t>(std::clamp(fixed_point >> kFractionBits, 0, 255));
}

/// rows [n, width, 3] -> [n, outputs, 3]
std::vector<uint8_t> resize_width(const uint8_t* rows, int64_t n, int64_t width, const Axis& axis) {
  const auto outputs = static_cast<int64_t>(axis.first.size());
  std::vector<uint8_t> result(n * outputs * kChannels);
  // Channels apart, so that the taps lie side by side; the padding is what the zero weights meet.
  const int64_t plane = width + axis.taps;
  std::vector<uint8_t> planes(kChannels * plane, 0);
  for (int64_t row = 0; row < n; ++row) {
    const uint8_t* in = rows + row * width * kChannels;
    for (int64_t x = 0; x < width; ++x) {
      for (int64_t c = 0; c < kChannels; ++c) planes[c * plane + x] = in[x * kChannels + c];
    }
    uint8_t* out = &result[row * outputs * kChannels];
    for (int64_t i = 0; i < outputs; ++i) {
      const int32_t* weights = &axis.weights[i * axis.taps];
      for (int64_t c = 0; c < kChannels; ++c) {
        const uint8_t* values = &planes[c * plane + axis.first[i]];
        int32_t sum = kOneHalf;
        for (int64_t j = 0; j < axis.taps; ++j) sum += weights[j] * values[j];
        out[i * kChannels + c] = to_byte(sum);
      }
    }
  }
  return result;
}

/// rows [n, row_bytes] -> [outputs, row_bytes]; `rows` begins at input row `first_input`.
std::vector<uint8_t> resize_height(
    const uint8_t* rows, int64_t first_input, int64_t n, int64_t row_bytes, const Axis& axis) {
  std::vector<uint8_t> result(axis.first.size() * row_bytes);
  std::vector<int32_t> sums(row_bytes);
  for (size_t i = 0; i < axis.first.size(); ++i) {
    std::fill(sums.begin(), sums.end(), kOneHalf);
    const int64_t first = axis.first[i] - first_input;
    const int64_t taps = std::min(axis.taps, n - first);
    for (int64_t j = 0; j < taps; ++j) {
      const int32_t weight = axis.weights[i * axis.taps + j];
      const uint8_t* in = rows + (first + j) * row_bytes;
      for (int64_t x = 0; x < row_bytes; ++x) sums[x] += weight * in[x];
    }
    for (int64_t x = 0; x < row_bytes; ++x) result[i * row_bytes + x] = to_byte(sums[x]);
  }
  return result;
}

}  // namespace

at::Tensor pillow_bicubic(const at::Tensor& image, int64_t new_height_px, int64_t new_width_px) {
  return pillow_bicubic_rows(image, new_height_px, new_width_px, 0, new_height_px);
}

at::Tensor pillow_bicubic_rows(const at::Tensor& image,
                               int64_t new_height_px,
                               int64_t new_width_px,
                               int64_t first_row,
                               int64_t row_count) {
  TORCH_CHECK(image.dim() == 3 && image.size(2) == kChannels && image.numel() > 0 &&
                  image.scalar_type() == at::kByte && image.device().is_cpu(),
              "pillow_bicubic: image must be [H, W, 3] uint8 on the CPU and not empty, got ",
              image.sizes(),
              " ",
              image.scalar_type(),
              " on ",
              image.device());
  TORCH_CHECK(new_height_px > 0 && new_width_px > 0,
              "pillow_bicubic: the new size must be positive, got ",
              new_width_px,
              " x ",
              new_height_px);
  TORCH_CHECK(first_row >= 0 && row_count > 0 && first_row + row_count <= new_height_px,
              "pillow_bicubic: rows ",
              first_row,
              " to ",
              first_row + row_count,
              " of ",
              new_height_px);
  const int64_t height = image.size(0);
  const int64_t width = image.size(1);
  const at::Tensor source = image.contiguous();

  const bool change_height = new_height_px != height;
  const bool change_width = new_width_px != width;
  // Pillow 13 goes down the columns first where the height loses more than twice what the width
  // loses.
  const int64_t lost_rows = height - new_height_px;
  const bool height_first = lost_rows > 0 && lost_rows > 2 * (width - new_width_px);

  // Only the input rows that the wanted output rows read are looked at.
  Axis vertical;
  int64_t begin = first_row;
  int64_t end = first_row + row_count;
  if (change_height) {
    vertical = make_axis(height, new_height_px, first_row, first_row + row_count);
    begin = vertical.first.front();
    end = std::min(vertical.first.back() + vertical.taps, height);
  }

  const uint8_t* rows = source.const_data_ptr<uint8_t>() + begin * width * kChannels;
  std::vector<uint8_t> buffer;
  if (height_first) {
    buffer = resize_height(rows, begin, end - begin, width * kChannels, vertical);
    rows = buffer.data();
  }
  if (change_width) {
    const int64_t n = height_first ? row_count : end - begin;
    buffer = resize_width(rows, n, width, make_axis(width, new_width_px, 0, new_width_px));
    rows = buffer.data();
  }
  if (change_height && !height_first) {
    buffer = resize_height(rows, begin, end - begin, new_width_px * kChannels, vertical);
    rows = buffer.data();
  }
  at::Tensor result = at::empty({row_count, new_width_px, kChannels}, at::kByte);
  std::copy_n(rows, result.numel(), result.mutable_data_ptr<uint8_t>());
  return result;
}

}  // namespace vggt
