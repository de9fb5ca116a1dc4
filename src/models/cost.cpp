// SPDX-License-Identifier: Apache-2.0
#include "src/models/cost.h"

#include <array>

namespace vggt {
namespace {

bool is_half(Precision precision) {
  return precision == Precision::kBFloat16 || precision == Precision::kFloat16;
}

// Of the matrices.
double element_bytes(Precision precision) {
  if (is_half(precision)) return 2;
  return precision == Precision::kFloat32 ? 4 : 8;
}

// What the residual stream and the heads are in.
Precision wide(Precision precision) {
  return precision == Precision::kFloat64 ? precision : Precision::kFloat32;
}

Cost products(double flop, Precision precision, double bytes) {
  return is_half(precision) ? Cost{.half_flop = flop, .bytes = bytes}
                            : Cost{.float_flop = flop, .bytes = bytes};
}

// Layer by layer: what goes into the stream or comes from it is as wide as the stream.
Cost block_cost(
    int64_t groups, int64_t tokens, int64_t channels, double mlp_ratio, Precision precision) {
  const double rows = static_cast<double>(groups * tokens);
  const auto c = static_cast<double>(channels);
  const double hidden = mlp_ratio * c;
  const double weights = 4 * c * c + 2 * c * hidden;
  const double m = element_bytes(precision);
  const double stream = element_bytes(wide(precision));
  Cost cost = attention_cost(groups, tokens, channels, precision);
  // Read by qkv and fc1, read and written by the sums after proj and fc2; beside them q, k and v
  // are written, proj's input is read, the hidden layer is written and read.
  cost += products(2 * rows * weights,
                   precision,
                   weights * m + rows * (6 * c * stream + (3 * c + c + 2 * hidden) * m));
  return cost;
}

int64_t patches(const ModelConfig& config, const InputSize& size) {
  return size.height_px / config.patch_size * (size.width_px / config.patch_size);
}

struct Map {
  int64_t rows;
  int64_t columns;
  double pixels() const { return static_cast<double>(rows * columns); }
};

// The layers of a dense head, summed up.
class MapLayers {
 public:
  explicit MapLayers(double frames, Precision precision)
      : frames_(frames), precision_(precision), bytes_(element_bytes(precision)) {}

  // `taps` weights go to each pixel of `to` and pair of channels.
  void convolve(Map from, int64_t in, Map to, int64_t out, double taps, double weights) {
    const double pairs = static_cast<double>(in) * static_cast<double>(out);
    cost_ +=
        products(frames_ * 2 * to.pixels() * pairs * taps, precision_, weights * pairs * bytes_);
    pass(from, in, to, out);
  }
  void convolve(Map map, int64_t in, int64_t out, int64_t kernel) {
    const auto taps = static_cast<double>(kernel * kernel);
    convolve(map, in, map, out, taps, taps);
  }
  void pass(Map from, int64_t in, Map to, int64_t out) {
    cost_.bytes +=
        frames_ * bytes_ *
        (from.pixels() * static_cast<double>(in) + to.pixels() * static_cast<double>(out));
  }
  Cost& cost() { return cost_; }

 private:
  double frames_;
  Precision precision_;
  double bytes_;
  Cost cost_;
};

}  // namespace

Cost& Cost::operator+=(const Cost& other) {
  half_flop += other.half_flop;
  float_flop += other.float_flop;
  bytes += other.bytes;
  return *this;
}

Cost operator+(Cost a, const Cost& b) { return a += b; }

Cost linear_cost(int64_t rows, int64_t in, int64_t out, Precision precision) {
  const auto m = static_cast<double>(rows);
  const auto k = static_cast<double>(in);
  const auto n = static_cast<double>(out);
  return products(2 * m * k * n, precision, element_bytes(precision) * (m * k + k * n + m * n));
}

Cost attention_cost(int64_t groups, int64_t tokens, int64_t channels, Precision precision) {
  const auto n = static_cast<double>(tokens);
  const double values = static_cast<double>(groups) * n * static_cast<double>(channels);
  return products(4 * values * n, precision, 4 * values * element_bytes(precision));
}

Cost encoder_cost(const ModelConfig& config, const InputSize& size, Precision precision) {
  const int64_t pixels = 3 * config.patch_size * config.patch_size;
  Cost cost =
      linear_cost(size.frames * patches(config, size), pixels, config.embed_dim, wide(precision));
  for (int64_t i = 0; i < config.patch_embed.depth; ++i) {
    cost += block_cost(size.frames,
                       patches(config, size) + config.special_tokens(),
                       config.embed_dim,
                       config.patch_embed.mlp_ratio,
                       precision);
  }
  return cost;
}

Cost aggregator_cost(const ModelConfig& config, const InputSize& size, Precision precision) {
  const int64_t tokens = patches(config, size) + config.special_tokens();
  const double ratio = config.aggregator.mlp_ratio;
  Cost cost;
  for (int64_t i = 0; i < config.aggregator.depth; ++i) {
    cost += block_cost(size.frames, tokens, config.embed_dim, ratio, precision);
    cost += block_cost(1, size.frames * tokens, config.embed_dim, ratio, precision);
  }
  return cost;
}

Cost camera_head_cost(const ModelConfig& config, const InputSize& size, Precision precision) {
  constexpr int64_t kPose = 9;
  const CameraHeadConfig& head = *config.camera_head;
  const int64_t channels = config.head_dim_in();
  const Precision p = wide(precision);
  Cost cost;
  for (int64_t i = 0; i < head.num_iterations; ++i) {
    cost += linear_cost(size.frames, kPose, channels, p);
    cost += linear_cost(size.frames, channels, 3 * channels, p);
    for (int64_t k = 0; k < head.trunk_depth; ++k) {
      cost += block_cost(1, size.frames, channels, head.mlp_ratio, p);
    }
    cost += linear_cost(size.frames, channels, channels / 2, p);
    cost += linear_cost(size.frames, channels / 2, kPose, p);
  }
  return cost;
}

Cost dense_head_cost(const DptConfig& head,
                     const ModelConfig& config,
                     const InputSize& size,
                     Precision precision) {
  const auto frames = static_cast<double>(size.frames);
  const Map grid = {size.height_px / config.patch_size, size.width_px / config.patch_size};
  const auto scaled = [&](int64_t factor) {
    return Map{factor * grid.rows, factor * grid.columns};
  };
  const std::array<Map, 4> levels = {
      scaled(4), scaled(2), grid, Map{(grid.rows + 1) / 2, (grid.columns + 1) / 2}};
  const std::vector<int64_t>& channels = head.out_channels;
  MapLayers layers(frames, wide(precision));
  for (size_t k = 0; k < levels.size(); ++k) {
    layers.convolve(grid, config.head_dim_in(), channels[k], 1);
    // A transposed convolution whose stride is its kernel gives each pixel one weight.
    if (k == 0) layers.convolve(grid, channels[k], levels[k], channels[k], 1, 16);
    if (k == 1) layers.convolve(grid, channels[k], levels[k], channels[k], 1, 4);
    if (k == 3) layers.convolve(grid, channels[k], levels[k], channels[k], 9, 9);
    layers.convolve(levels[k], channels[k], head.features, 3);
  }
  // Tokens are in the type of the matrices, not of the head.
  layers.cost().bytes -= frames * grid.pixels() * 4 * static_cast<double>(config.head_dim_in()) *
                         (element_bytes(wide(precision)) - element_bytes(precision));
  for (size_t k = levels.size(); k-- > 0;) {
    const int units = k + 1 < levels.size() ? 2 : 1;
    for (int i = 0; i < 2 * units; ++i) {
      layers.convolve(levels[k], head.features, head.features, 3);
    }
    layers.convolve(levels[k], head.features, head.features, 1);
    layers.pass(levels[k], head.features, k > 0 ? levels[k - 1] : scaled(8), head.features);
  }
  const int64_t fine = head.feature_only ? head.features : head.features / 2;
  const Map out = {size.height_px / head.down_ratio, size.width_px / head.down_ratio};
  layers.convolve(scaled(8), head.features, fine, 3);
  layers.pass(scaled(8), fine, out, fine);
  if (!head.feature_only) {
    layers.convolve(out, fine, head.hidden_channels, 3);
    layers.convolve(out, head.hidden_channels, head.output_dim, 1);
  }
  return layers.cost();
}

}  // namespace vggt
