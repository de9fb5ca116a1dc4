// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv3x3/conv3x3.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "kernels/common/cpu_features.h"
#include "kernels/common/path.h"
#include "kernels/common/scratch.h"
#ifdef VGGT_WITH_AVX512_BF16
#include "kernels/conv3x3/conv3x3_avx512.h"
#endif

namespace vggt::kernels {
namespace {

// G of F(4, 3): three weights to six coefficients.
at::Tensor weight_transform() {
  return at::tensor({1.0 / 4,
                     0.0,
                     0.0,
                     -1.0 / 6,
                     -1.0 / 6,
                     -1.0 / 6,
                     -1.0 / 6,
                     1.0 / 6,
                     -1.0 / 6,
                     1.0 / 24,
                     1.0 / 12,
                     1.0 / 6,
                     1.0 / 24,
                     -1.0 / 12,
                     1.0 / 6,
                     0.0,
                     0.0,
                     1.0},
                    at::kDouble)
      .view({6, 3});
}

bool is_float_on_cpu(const at::Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kFloat; }

void check(const at::Tensor& x, const Conv3x3Weights& weights, const Conv3x3Options& options) {
  TORCH_CHECK(x.dim() == 4 && is_float_on_cpu(x) && x.size(3) == weights.panels.size(2),
              "conv3x3: x must be [N, H, W, ",
              weights.panels.size(2),
              "] float on the CPU, got ",
              x.sizes(),
              " ",
              x.scalar_type());
  TORCH_CHECK((options.rows > 0) == (options.columns > 0) && options.rows >= 0,
              "conv3x3: cannot resize to ",
              options.rows,
              " x ",
              options.columns);
  const int64_t rows = options.rows > 0 ? options.rows : x.size(1);
  const int64_t columns = options.columns > 0 ? options.columns : x.size(2);
  TORCH_CHECK(options.rows == 0 || (x.size(1) > 0 && x.size(2) > 0),
              "conv3x3: cannot resize an empty map");
  const PixelPosition& position = options.position;
  TORCH_CHECK(position.by_column.defined() == position.by_row.defined() &&
                  (!position.by_column.defined() ||
                   (x.size(3) % 2 == 0 && is_float_on_cpu(position.by_column) &&
                    is_float_on_cpu(position.by_row) &&
                    position.by_column.sizes() == at::IntArrayRef({columns, x.size(3) / 2}) &&
                    position.by_row.sizes() == at::IntArrayRef({rows, x.size(3) / 2}))),
              "conv3x3: the position must be [",
              columns,
              ", ",
              x.size(3) / 2,
              "] and [",
              rows,
              ", ",
              x.size(3) / 2,
              "] float");
  for (const at::Tensor& added : {options.added, options.also_added}) {
    TORCH_CHECK(!added.defined() ||
                    (is_float_on_cpu(added) &&
                     added.sizes() == at::IntArrayRef({x.size(0), rows, columns, weights.out})),
                "conv3x3: what is added must be [",
                x.size(0),
                ", ",
                rows,
                ", ",
                columns,
                ", ",
                weights.out,
                "] float");
  }
}

at::Tensor contiguous(const at::Tensor& x) { return x.defined() ? x.contiguous() : x; }

const float* data_of(const at::Tensor& x) {
  return x.defined() ? x.const_data_ptr<float>() : nullptr;
}

}  // namespace

bool has_conv3x3() { return path() == Path::kFast && prefers_avx512_bf16(); }

Conv3x3Weights transform_conv3x3(const at::Tensor& weight, const at::Tensor& bias) {
  TORCH_CHECK(weight.dim() == 4 && weight.is_cpu() && weight.size(2) == 3 && weight.size(3) == 3 &&
                  weight.size(0) > 0 && weight.size(1) > 0,
              "conv3x3: the weight must be [K, C, 3, 3] on the CPU, got ",
              weight.sizes());
  TORCH_CHECK(!bias.defined() || (bias.dim() == 1 && bias.size(0) == weight.size(0)),
              "conv3x3: the bias must be [",
              weight.size(0),
              "], got ",
              bias.sizes());
  const int64_t out = weight.size(0);
  const int64_t in = weight.size(1);
  const int64_t block = out <= 32 ? 32 : 64;
  const int64_t blocks = (out + block - 1) / block;
  const at::Tensor padded =
      at::constant_pad_nd(weight.to(at::kFloat), {0, 0, 0, 0, 0, 0, 0, blocks * block - out});
  const at::Tensor taps =
      padded.view({blocks, block, in, 9}).permute({3, 0, 2, 1}).contiguous().view({9, -1});
  const at::Tensor both = at::kron(weight_transform(), weight_transform()).to(at::kFloat);
  return {at::mm(both, taps).view({36, blocks, in, block}),
          bias.defined() ? bias.to(at::kFloat).contiguous() : bias,
          out};
}

at::Tensor conv3x3(const at::Tensor& x,
                   const Conv3x3Weights& weights,
                   const Conv3x3Options& options) {
  TORCH_CHECK(has_conv3x3(), "conv3x3: this machine or path takes LibTorch's convolution");
  check(x, weights, options);
#ifdef VGGT_WITH_AVX512_BF16
  const at::Tensor input = x.contiguous();
  const at::Tensor by_column = contiguous(options.position.by_column);
  const at::Tensor by_row = contiguous(options.position.by_row);
  const at::Tensor added = contiguous(options.added);
  const at::Tensor also_added = contiguous(options.also_added);

  Conv3x3Params params;
  params.images = x.size(0);
  params.x_rows = x.size(1);
  params.x_columns = x.size(2);
  params.rows = options.rows > 0 ? options.rows : x.size(1);
  params.columns = options.columns > 0 ? options.columns : x.size(2);
  params.in = x.size(3);
  params.out = weights.out;
  params.block = weights.panels.size(3);
  params.relu = options.relu;
  at::Tensor y = at::empty({params.images, params.rows, params.columns, params.out}, x.options());
  params.x = data_of(input);
  params.panels = data_of(weights.panels);
  params.bias = data_of(weights.bias);
  params.added[0] = data_of(added);
  params.added[1] = data_of(also_added);
  params.by_column = data_of(by_column);
  params.by_row = data_of(by_row);
  params.y = y.mutable_data_ptr<float>();

  const int64_t tiles = conv3x3_tiles(params);
  if (tiles == 0) return y;
  const auto threads = static_cast<int64_t>(at::get_num_threads());
  const int64_t blocks = weights.panels.size(1);
  const TileRange per_call = conv3x3_tiles_per_call(params);
  // Small maps are shared out by output channels, so that each thread reads only its weights.
  const bool by_blocks = tiles < per_call.least * threads;
  const int64_t block_parts = by_blocks ? std::min(blocks, threads) : 1;
  int64_t tile_parts = (tiles + per_call.most - 1) / per_call.most;
  if (!by_blocks) tile_parts = (tile_parts + threads - 1) / threads * threads;
  const int64_t steps = (tiles + per_call.step - 1) / per_call.step;
  const int64_t most_tiles = (steps + tile_parts - 1) / tile_parts * per_call.step;
  const auto tile_at = [&](int64_t part) {
    return std::min(steps * part / tile_parts * per_call.step, tiles);
  };
  at::parallel_for(0, tile_parts * block_parts, 1, [&](int64_t begin, int64_t end) {
    Scratch scratch(conv3x3_scratch_words(params, most_tiles));
    for (int64_t part = begin; part < end; ++part) {
      const int64_t tile_part = part % tile_parts;
      const int64_t block_part = part / tile_parts;
      conv3x3_avx512(params,
                     tile_at(tile_part),
                     tile_at(tile_part + 1),
                     blocks * block_part / block_parts,
                     blocks * (block_part + 1) / block_parts,
                     scratch.words());
    }
  });
  return y;
#else
  return {};
#endif
}

}  // namespace vggt::kernels
