// SPDX-License-Identifier: Apache-2.0
// attention() against LibTorch's scaled_dot_product_attention on the CPU, 16 heads of 64: the frame
// and the global blocks of VGGT-1B at 392 x 518 px, with and without a bias per key, and heads of
// different lengths as head-wise merging leaves them. Beside each speed the peak of the
// machine, measured after it.
//   attention_bench [ROUNDS]
#include "kernels/attention/attention.h"

#include <c10/core/InferenceMode.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "kernels/common/bench.h"
#include "src/base/peaks.h"

namespace vggt::kernels {
namespace {

constexpr int64_t kHeads = 16;
constexpr int64_t kHeadDim = 64;

struct Speeds {
  double ours;
  double plain;
  double peak;  ///< GFLOP/s all
};

double peak_gflops(at::ScalarType dtype) {
  const MachinePeaks peaks = measure_peaks(at::kCPU);
  return (dtype == at::kFloat ? peaks.single : peaks.half).per_second * 1e-9;
}

// The fastest of `rounds` in turns: others may use the machine, too.
Speeds measure(const auto& ours, const auto& plain, double flop, at::ScalarType dtype, int rounds) {
  ours();
  plain();
  Speeds best{0, 0, 0};
  for (int i = 0; i < rounds; ++i) {
    best.ours = std::max(best.ours, flop * 1e-9 / seconds_of(ours));
    best.plain = std::max(best.plain, flop * 1e-9 / seconds_of(plain));
  }
  best.peak = peak_gflops(dtype);
  return best;
}

void print(const std::string& name, const Speeds& speeds, double our_error, double plain_error) {
  std::printf("%-34s %9.1f %9.1f %7.2f %9.1f %7.2f %10.1e %10.1e\n",
              name.c_str(),
              speeds.ours,
              speeds.plain,
              speeds.ours / speeds.plain,
              speeds.peak,
              speeds.ours / speeds.peak,
              our_error,
              plain_error);
  std::fflush(stdout);
}

at::Tensor sdpa(const at::Tensor& q,
                const at::Tensor& k,
                const at::Tensor& v,
                const std::optional<at::Tensor>& mask = std::nullopt) {
  return at::scaled_dot_product_attention(
             q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), mask)
      .transpose(1, 2)
      .flatten(2);
}

// As a qkv layer leaves them: [batch, tokens, 3, heads, head_dim].
void measure_dense(int64_t batch, int64_t tokens, bool biased, at::ScalarType dtype, int rounds) {
  const at::Tensor packed = at::randn({batch, tokens, 3, kHeads, kHeadDim}, at::kFloat).to(dtype);
  const at::Tensor q = packed.select(2, 0);
  const at::Tensor k = packed.select(2, 1);
  const at::Tensor v = packed.select(2, 2);
  AttentionOptions options;
  std::optional<at::Tensor> mask;
  if (biased) {
    options.key_bias = at::rand({1, 1, tokens}, at::kFloat) * 3;
    mask = options.key_bias.unsqueeze(2).to(dtype);
  }
  const auto ours = [&] { return attention(q, k, v, options); };
  const auto plain = [&] { return sdpa(q, k, v, mask); };
  const auto some = [](const at::Tensor& x) {
    return x.slice(0, 0, 1).slice(2, 0, 1).to(at::kDouble);
  };
  const at::Tensor truth = attention_reference(some(q).slice(1, 0, 500), some(k), some(v), options);
  const auto error = [&](const at::Tensor& x) {
    return relative_error(x.slice(0, 0, 1).slice(1, 0, 500).slice(2, 0, kHeadDim), truth);
  };
  const double n = static_cast<double>(tokens);
  const double flop = 4.0 * static_cast<double>(batch * kHeads * kHeadDim) * n * n;
  const std::string name = std::to_string(batch) + " x " + std::to_string(tokens) +
                           (dtype == at::kFloat ? ", float32" : ", bfloat16") +
                           (biased ? ", bias" : "");
  print(name, measure(ours, plain, flop, dtype, rounds), error(ours()), error(plain()));
}

// A fifth of the queries, more in some heads and fewer in others, and three tenths of the keys.
void measure_ragged(int64_t tokens, at::ScalarType dtype, int rounds) {
  std::vector<int32_t> of_q = {0};
  std::vector<int32_t> of_k = {0};
  double flop = 0;
  for (int64_t head = 0; head < kHeads; ++head) {
    const int64_t queries = tokens * (head + 2) / 48;  // 0.04 to 0.35 of all, 0.2 on average
    const int64_t keys = tokens * 3 / 10;
    of_q.push_back(of_q.back() + static_cast<int32_t>(queries));
    of_k.push_back(of_k.back() + static_cast<int32_t>(keys));
    flop += 4.0 * static_cast<double>(kHeadDim * queries * keys);
  }
  const auto rows = [&](int64_t count) {
    return at::randn({1, count, 1, kHeadDim}, at::kFloat).to(dtype);
  };
  const at::Tensor q = rows(of_q.back());
  const at::Tensor k = rows(of_k.back());
  const at::Tensor v = rows(of_k.back());
  AttentionOptions options;
  options.key_bias = at::rand({1, 1, of_k.back()}, at::kFloat) * 3;
  options.q_offsets = at::tensor(of_q, at::kInt);
  options.k_offsets = at::tensor(of_k, at::kInt);
  const at::Tensor mask = options.key_bias.unsqueeze(2).to(dtype);
  const auto ours = [&] { return attention(q, k, v, options); };
  const auto plain = [&] {
    std::vector<at::Tensor> parts;
    for (size_t g = 0; g < static_cast<size_t>(kHeads); ++g) {
      const auto keys = [&](const at::Tensor& x) { return x.slice(1, of_k[g], of_k[g + 1]); };
      parts.push_back(sdpa(
          q.slice(1, of_q[g], of_q[g + 1]), keys(k), keys(v), mask.slice(3, of_k[g], of_k[g + 1])));
    }
    return at::cat(parts, 1);
  };
  const at::Tensor truth =
      attention_reference(q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble), options);
  print("ragged of " + std::to_string(tokens) + (dtype == at::kFloat ? ", float32" : ", bfloat16") +
            ", bias",
        measure(ours, plain, flop, dtype, rounds),
        relative_error(ours(), truth),
        relative_error(plain(), truth));
}

}  // namespace
}  // namespace vggt::kernels

int main(int argc, char** argv) {
  using namespace vggt::kernels;
  const c10::InferenceMode inference;
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
  std::printf("%d threads, GFLOP/s\n%-34s %9s %9s %7s %9s %7s %10s %10s\n",
              at::get_num_threads(),
              "case",
              "ours",
              "plain",
              "ratio",
              "peak",
              "share",
              "our error",
              "plain's");
  for (const at::ScalarType dtype : {at::kBFloat16, at::kFloat}) {
    for (const bool biased : {false, true}) {
      measure_dense(1, 1041, biased, dtype, rounds);
      measure_dense(8, 1041, biased, dtype, rounds);
      measure_dense(1, 4164, biased, dtype, rounds);
      measure_dense(1, 8328, biased, dtype, rounds);
    }
    measure_ragged(8328, dtype, rounds);
  }
}
