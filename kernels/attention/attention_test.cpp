// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention/attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>

#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "src/base/device.h"
#include "src/base/error.h"
#include "src/weights/synthetic.h"
#include "tests/support/message_of.h"

namespace vggt::kernels {
namespace {

using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Case {
  int64_t batch;
  int64_t queries;
  int64_t keys;
  int64_t heads;
  int64_t head_dim;
};

std::ostream& operator<<(std::ostream& out, const Case& size) {
  return out << size.batch << " x " << size.queries << " x " << size.keys << " x " << size.heads
             << " x " << size.head_dim;
}

// Around the kernels' blocks: 6, 64 and 1056 queries; 2, 16, 32, 64, 256 and 512 keys; 8, 16 and 64
// columns; and what they hand on.
const Case kCases[] = {{1, 1, 1, 1, 64},
                       {1, 1, 1, 1, 2},
                       {2, 7, 7, 3, 16},
                       {1, 6, 64, 2, 64},
                       {1, 95, 65, 1, 30},
                       {1, 97, 513, 2, 64},
                       {3, 13, 511, 2, 48},
                       {1, 200, 1041, 4, 64},
                       {2, 5, 1100, 1, 32},
                       {1, 1060, 257, 1, 8},
                       {1, 9, 12, 2, 80},
                       {2, 33, 543, 2, 128},
                       {1, 9, 12, 2, 7},
                       {1, 9, 12, 2, 136}};

struct Operands {
  at::Tensor q, k, v;
  AttentionOptions options;
  Operands to(at::ScalarType dtype) const {
    return {q.to(dtype), k.to(dtype), v.to(dtype), options};
  }
  Operands to(c10::Device device) const {
    const auto there = [&](const at::Tensor& x) { return x.defined() ? x.to(device) : x; };
    return {there(q),
            there(k),
            there(v),
            {there(options.key_bias), there(options.q_offsets), there(options.k_offsets)}};
  }
};

at::Tensor attention(const Operands& of) {
  return kernels::attention(of.q, of.k, of.v, of.options);
}

at::Tensor truth(const Operands& of) {
  const Operands wide = of.to(at::kDouble);
  return attention_reference(wide.q, wide.k, wide.v, wide.options);
}

// Logits of about +-`sharpness`.
Operands operands(const Case& size, double sharpness = 4) {
  const auto values = [&](int64_t tokens, const char* key) {
    return synthetic_parameter(key, {size.batch, tokens, size.heads, size.head_dim}, 5) * 2;
  };
  const double scale = std::sqrt(3 * sharpness);
  return Operands{values(size.queries, "q.pos_embed") * scale,
                  values(size.keys, "k.pos_embed") * scale,
                  values(size.keys, "v.pos_embed"),
                  {}}
      .to(at::kBFloat16);
}

// Between 0 and `range`, as the logarithms of masses are; every fifth key is left out.
at::Tensor key_bias(at::IntArrayRef shape, double range = 3) {
  at::Tensor bias = (synthetic_parameter("bias.pos_embed", shape, 9) + 0.5) * range;
  bias.slice(2, 3, std::nullopt, 5).fill_(-kInfinity);
  return bias;
}

double relative_error(const at::Tensor& got, const at::Tensor& truth) {
  const double size = truth.norm().item<double>();
  const double off = (got.to(at::kDouble).cpu() - truth).norm().item<double>();
  return size == 0 ? off : off / size;
}

// Every dtype against float64.
void expect_close(const Operands& of) {
  const at::Tensor exact = truth(of);
  const at::Tensor got = attention(of);
  EXPECT_EQ(got.sizes(), exact.sizes());
  EXPECT_TRUE(got.is_contiguous());
  EXPECT_EQ(got.scalar_type(), at::kBFloat16);
  // Weights and result are rounded to 8 bits, 1.7e-3 root mean square each.
  EXPECT_LT(relative_error(got, exact), 4e-3);
  EXPECT_LT(relative_error(attention(of.to(at::kDouble)), exact), 1e-13);
  EXPECT_LT(relative_error(attention(of.to(at::kFloat)), exact), 2e-6);
}

TEST(Attention, AgreesWithTheReference) {
  for (const Case& size : kCases) {
    SCOPED_TRACE(testing::Message() << size);
    const Operands of = operands(size);
    EXPECT_EQ(attention(of).sizes(),
              at::IntArrayRef({size.batch, size.queries, size.heads * size.head_dim}));
    expect_close(of);
  }
}

TEST(Attention, AddsABiasToEachKey) {
  for (const Case& size : kCases) {
    const int64_t shapes[][2] = {
        {1, 1}, {size.batch, 1}, {1, size.heads}, {size.batch, size.heads}};
    for (const auto& shape : shapes) {
      SCOPED_TRACE(testing::Message() << size << ", bias " << shape[0] << " x " << shape[1]);
      Operands of = operands(size);
      of.options.key_bias = key_bias({shape[0], shape[1], size.keys});
      expect_close(of);
      // A view: whatever lies between the keys' numbers is not read.
      const at::Tensor wide = at::full({shape[0], shape[1], size.keys, 2}, 1e9, at::kFloat);
      wide.select(3, 1).copy_(of.options.key_bias);
      Operands strided = of;
      strided.options.key_bias = wide.select(3, 1);
      EXPECT_TRUE(at::equal(attention(of), attention(strided)));
    }
  }
}

TEST(Attention, CountsAKeyByItsMass) {
  // One key that stands for three is the three.
  Operands of = operands({1, 20, 90, 2, 64});
  of.k.slice(1, 30, 90).copy_(of.k.slice(1, 0, 30).repeat({1, 2, 1, 1}));
  of.v.slice(1, 30, 90).copy_(of.v.slice(1, 0, 30).repeat({1, 2, 1, 1}));
  Operands merged = of;
  merged.k = of.k.slice(1, 0, 30);
  merged.v = of.v.slice(1, 0, 30);
  merged.options.key_bias = at::full({1, 1, 30}, std::log(3.0), at::kFloat);
  // Of the size of a weight's rounding: both round.
  EXPECT_LT(relative_error(attention(merged), truth(of)), 4e-3);
  EXPECT_LT(relative_error(truth(merged), truth(of)), 1e-7);  // float32 log 3
}

TEST(Attention, LeavesOutKeysOfNoWeight) {
  Operands of = operands({2, 70, 1100, 2, 64});
  of.options.key_bias = at::zeros({1, 2, 1100});
  of.options.key_bias.slice(2, 0, 600).fill_(-kInfinity);  // a whole block of keys and more
  expect_close(of);
  Operands rest = of;
  rest.k = of.k.slice(1, 600);
  rest.v = of.v.slice(1, 600);
  rest.options = {};
  EXPECT_LT(relative_error(attention(of), truth(rest)), 4e-3);
}

TEST(Attention, IsZeroWhereNoKeyIsLeft) {
  Operands of = operands({2, 10, 700, 2, 64});
  of.options.key_bias = at::zeros({2, 1, 700});
  of.options.key_bias[1].fill_(-kInfinity);
  expect_close(of);
  for (const at::ScalarType dtype : {at::kBFloat16, at::kFloat, at::kDouble}) {
    EXPECT_EQ(attention(of.to(dtype))[1].abs().max().item<double>(), 0) << dtype;
  }
}

TEST(Attention, HoldsLargeLogits) {
  // Up to about +-1000: most weights vanish, none may overflow.
  expect_close(operands({1, 40, 700, 2, 64}, 1000));
}

TEST(Attention, HoldsABiasOfLargeRange) {
  for (const double range : {50.0, 1e4, 1e30}) {
    SCOPED_TRACE(range);
    Operands of = operands({1, 40, 1100, 2, 64});
    of.options.key_bias = key_bias({1, 2, 1100}, range);
    // In float32 a sum with 1e4 keeps 5e-4 of a logit; with float64 only that is left to see.
    const at::Tensor exact = truth(of);
    EXPECT_LT(relative_error(attention(of), exact), 4e-3);
    EXPECT_LT(relative_error(attention(of.to(at::kFloat)), exact), range > 1e3 ? 2e-3 : 2e-5);
    // Far below all others is as good as left out.
    of.options.key_bias = at::zeros({1, 1, 1100});
    of.options.key_bias.slice(2, 0, 530).fill_(-range);
    expect_close(of);
  }
}

TEST(Attention, AveragesWhereAllKeysAreEqual) {
  Operands of = operands({1, 10, 600, 1, 64});
  of.k = of.k.slice(1, 0, 1).expand({1, 600, 1, 64}).contiguous();
  const at::Tensor mean = of.v.to(at::kDouble).mean(1).view({1, 1, 64}).expand({1, 10, 64});
  EXPECT_LT((attention(of).to(at::kDouble) - mean).abs().max().item<double>(), 1e-3);
}

at::Tensor offsets(const std::vector<int32_t>& values) { return at::tensor(values, at::kInt); }

// Three heads of two scenes, each with its own number of queries and of keys, packed; some of one
// row, some of none; rows of no group at both ends.
Operands ragged(int64_t head_dim) {
  Operands of = operands({1, 330, 1400, 1, head_dim});
  of.options.q_offsets = offsets({3, 104, 104, 105, 201, 265, 320});
  of.options.k_offsets = offsets({1, 600, 700, 1212, 1213, 1213, 1390});
  return of;
}

TEST(Attention, KeepsRaggedGroupsApart) {
  for (const int64_t head_dim : {64, 30, 128, 7}) {
    for (const bool biased : {false, true}) {
      SCOPED_TRACE(testing::Message() << head_dim << (biased ? ", bias" : ""));
      Operands of = ragged(head_dim);
      if (biased) of.options.key_bias = key_bias({1, 1, 1400});
      expect_close(of);
      // Each by itself, by hand.
      const at::Tensor got = truth(of);
      const auto* of_q = of.options.q_offsets.const_data_ptr<int32_t>();
      const auto* of_k = of.options.k_offsets.const_data_ptr<int32_t>();
      for (const int64_t g : {0, 2, 3, 5}) {
        Operands one{of.q.slice(1, of_q[g], of_q[g + 1]),
                     of.k.slice(1, of_k[g], of_k[g + 1]),
                     of.v.slice(1, of_k[g], of_k[g + 1]),
                     {}};
        if (biased) one.options.key_bias = of.options.key_bias.slice(2, of_k[g], of_k[g + 1]);
        EXPECT_LT(relative_error(got.slice(1, of_q[g], of_q[g + 1]), truth(one)), 1e-13) << g;
      }
    }
  }
}

TEST(Attention, IsZeroForQueriesOfNoGroupAndGroupsOfNoKey) {
  for (const at::ScalarType dtype : {at::kBFloat16, at::kFloat, at::kDouble}) {
    const at::Tensor out = attention(ragged(64).to(dtype));
    const auto largest = [&](int64_t first, int64_t end) {
      return out.slice(1, first, end).abs().amax(2).min().item<double>();
    };
    for (const auto& [first, end] : {std::pair{0, 3}, {201, 265}, {320, 330}}) {
      EXPECT_EQ(out.slice(1, first, end).abs().max().item<double>(), 0) << first;
    }
    EXPECT_GT(largest(3, 201), 0);
    EXPECT_GT(largest(265, 320), 0);
  }
}

TEST(Attention, TakesFramesOfDifferentLengthsWithAllHeads) {
  Operands of = operands({1, 300, 300, 3, 64});
  of.options.q_offsets = offsets({0, 100, 117, 300});
  of.options.k_offsets = of.options.q_offsets;
  of.options.key_bias = key_bias({1, 3, 300});
  expect_close(of);
}

TEST(Attention, IsDenseForGroupsOfOneLength) {
  const Operands batch = operands({3, 50, 600, 2, 64});
  Operands packed{batch.q.reshape({1, 150, 2, 64}),
                  batch.k.reshape({1, 1800, 2, 64}),
                  batch.v.reshape({1, 1800, 2, 64}),
                  {}};
  packed.options.q_offsets = offsets({0, 50, 100, 150});
  packed.options.k_offsets = offsets({0, 600, 1200, 1800});
  for (const at::ScalarType dtype : {at::kBFloat16, at::kFloat}) {
    EXPECT_TRUE(
        at::equal(attention(packed.to(dtype)).view({3, 50, 128}), attention(batch.to(dtype))));
  }
}

TEST(Attention, TakesTheStridesOfAPackedLayer) {
  const at::Tensor wide = synthetic_parameter("qkv.pos_embed", {2, 150, 3, 4, 64}, 6);
  const at::Tensor bias = key_bias({2, 4, 150});
  for (const at::ScalarType dtype : {at::kBFloat16, at::kFloat}) {
    const at::Tensor packed = wide.to(dtype);
    const auto run = [&](const at::Tensor& from) {
      return kernels::attention(
          from.select(2, 0), from.select(2, 1), from.select(2, 2), {.key_bias = bias});
    };
    const at::Tensor got = run(packed);
    EXPECT_TRUE(at::equal(got,
                          kernels::attention(packed.select(2, 0).contiguous(),
                                             packed.select(2, 1).contiguous(),
                                             packed.select(2, 2).contiguous(),
                                             {.key_bias = bias})));
    // One element further: nothing is aligned any more.
    const at::Tensor shifted = at::empty({packed.numel() + 1}, packed.options()).slice(0, 1);
    shifted.copy_(packed.flatten());
    EXPECT_TRUE(at::equal(got, run(shifted.view(packed.sizes()))));
  }
}

TEST(Attention, DoesNotDependOnThreads) {
  Operands ragged_heads = ragged(64);
  ragged_heads.options.key_bias = key_bias({1, 1, 1400});
  for (const Operands& of : {operands({2, 500, 1300, 3, 64}), ragged_heads}) {
    for (const at::ScalarType dtype : {at::kBFloat16, at::kFloat}) {
      const int threads = at::get_num_threads();
      at::set_num_threads(1);
      const at::Tensor one = attention(of.to(dtype));
      at::set_num_threads(5);
      const at::Tensor five = attention(of.to(dtype));
      at::set_num_threads(threads);
      EXPECT_TRUE(at::equal(one, five));
    }
  }
}

TEST(Attention, KeepsNotANumberInItsQuery) {
  for (const at::ScalarType dtype : {at::kBFloat16, at::kFloat}) {
    Operands of = operands({1, 20, 600, 1, 64}).to(dtype);
    of.q[0][7][0][3] = std::numeric_limits<float>::quiet_NaN();
    of.options.key_bias = key_bias({1, 1, 600});
    const at::Tensor out = attention(of);
    EXPECT_TRUE(at::isnan(out[0][7]).all().item<bool>());
    EXPECT_EQ(at::isnan(out).sum().item<int64_t>(), 64);
  }
}

TEST(Attention, TakesNoQueriesAndNoKeys) {
  const Operands of = operands({1, 4, 9, 2, 64});
  EXPECT_EQ(kernels::attention(of.q.slice(1, 0, 0), of.k, of.v).sizes(),
            at::IntArrayRef({1, 0, 128}));
  const at::Tensor out = kernels::attention(of.q, of.k.slice(1, 0, 0), of.v.slice(1, 0, 0));
  EXPECT_TRUE(at::equal(out, at::zeros({1, 4, 128}, at::kBFloat16)));
  const AttentionOptions no_groups{.q_offsets = offsets({0}), .k_offsets = offsets({0})};
  EXPECT_TRUE(at::equal(kernels::attention(of.q, of.k, of.v, no_groups), out));
}

// Gradients against the reference's in float64; `queries` above and below the size that is written
// out.
void expect_gradients(Operands of, double tolerance) {
  const auto gradients = [&](at::ScalarType dtype, bool reference) {
    Operands leaf = of.to(dtype);
    for (at::Tensor* x : {&leaf.q, &leaf.k, &leaf.v}) *x = x->detach().requires_grad_();
    const at::Tensor out =
        reference ? attention_reference(leaf.q, leaf.k, leaf.v, leaf.options) : attention(leaf);
    const at::Tensor towards = synthetic_parameter("out.pos_embed", out.sizes(), 8).to(dtype);
    (out * towards).sum().backward();
    return std::array{leaf.q.grad(), leaf.k.grad(), leaf.v.grad()};
  };
  const auto exact = gradients(at::kDouble, true);
  const auto got = gradients(at::kFloat, false);
  for (size_t i = 0; i < exact.size(); ++i) {
    EXPECT_LT(relative_error(got[i], exact[i]), tolerance) << i;
  }
}

TEST(Attention, LearnsUnderABiasAndInGroups) {
  Operands of = operands({2, 40, 60, 3, 16});
  expect_gradients(of, 1e-5);
  of.options.key_bias = key_bias({2, 3, 60});
  expect_gradients(of, 1e-5);
  of.options.key_bias[1].fill_(-kInfinity);  // no key left: a gradient of zero, not NaN
  expect_gradients(of, 1e-5);
  Operands groups = ragged(16);
  groups.options.key_bias = key_bias({1, 1, 1400});
  expect_gradients(groups, 1e-5);
  // More weights than are written out.
  Operands large = operands({1, 2100, 2050, 1, 16});
  large.options.key_bias = key_bias({1, 1, 2050});
  expect_gradients(large, 1e-5);
}

TEST(AttentionOnGpu, AgreesWithTheReference) {
  c10::Device device(c10::kCPU);
  try {
    device = select_device("cuda");
  } catch (const ConfigError& error) {
    GTEST_SKIP() << error.what();
  }
  const c10::InferenceMode inference;
  const auto check = [device](const Operands& of) {
    EXPECT_LT(relative_error(attention(of.to(device)), truth(of)), 4e-3);
  };
  for (const Case& size : kCases) {
    SCOPED_TRACE(testing::Message() << size);
    Operands of = operands(size);
    check(of);
    of.options.key_bias = key_bias({1, size.heads, size.keys});
    check(of);
    of.options.key_bias = key_bias({size.batch, 1, size.keys}, 1e4);
    check(of);
  }
  for (const int64_t head_dim : {64, 128, 40, 30}) {
    SCOPED_TRACE(testing::Message() << "ragged " << head_dim);
    Operands of = ragged(head_dim);
    check(of);
    of.options.key_bias = key_bias({1, 1, 1400});
    check(of);
  }
}

TEST(AttentionOnGpu, TakesMisalignedViewsAndGroupsOfNoKey) {
  c10::Device device(c10::kCPU);
  try {
    device = select_device("cuda");
  } catch (const ConfigError& error) {
    GTEST_SKIP() << error.what();
  }
  const c10::InferenceMode inference;
  const Operands of = ragged(64).to(device);
  const at::Tensor got = attention(of);
  Operands shifted = of;
  for (at::Tensor* x : {&shifted.q, &shifted.k, &shifted.v}) {
    const at::Tensor memory = at::empty({x->numel() + 1}, x->options()).slice(0, 1);
    memory.copy_(x->flatten());
    *x = memory.view(x->sizes());
  }
  EXPECT_TRUE(at::equal(got, attention(shifted)));
  for (const auto& [first, end] : {std::pair{0, 3}, {201, 265}, {320, 330}}) {
    EXPECT_EQ(got.slice(1, first, end).abs().max().item<double>(), 0) << first;
  }
}

TEST(Attention, RefusesWhatDoesNotFit) {
  const at::Tensor q = at::zeros({1, 4, 2, 8});
  const at::Tensor k = at::zeros({1, 5, 2, 8});
  const auto message =
      [](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, AttentionOptions options) {
        return message_of<c10::Error>([&] { kernels::attention(q, k, v, options); });
      };
  EXPECT_THAT(message(q, at::zeros({1, 5, 3, 8}), at::zeros({1, 5, 3, 8}), {}),
              HasSubstr("must be"));
  EXPECT_THAT(message(q, k, at::zeros({1, 6, 2, 8}), {}), HasSubstr("must be"));
  EXPECT_THAT(message(q, k, k.to(at::kDouble), {}), HasSubstr("share dtype"));

  const auto biased = [&](const at::Tensor& bias) { return message(q, k, k, {.key_bias = bias}); };
  EXPECT_THAT(biased(at::zeros({1, 1, 4})), HasSubstr("key_bias must be"));
  EXPECT_THAT(biased(at::zeros({1, 3, 5})), HasSubstr("key_bias must be"));
  EXPECT_THAT(biased(at::zeros({5})), HasSubstr("key_bias must be"));
  EXPECT_THAT(biased(at::zeros({1, 1, 5}, at::kDouble)), HasSubstr("key_bias must be"));

  const auto grouped = [&](const at::Tensor& of_q, const at::Tensor& of_k) {
    return message(q, k, k, {.q_offsets = of_q, .k_offsets = of_k});
  };
  EXPECT_THAT(grouped(offsets({0, 4}), {}), HasSubstr("both"));
  EXPECT_THAT(grouped(offsets({0, 4}), offsets({0, 2, 5})), HasSubstr("[G + 1]"));
  EXPECT_THAT(grouped(at::tensor({0L, 4L}), at::tensor({0L, 5L})), HasSubstr("int32"));
  EXPECT_THAT(grouped(offsets({0, 5}), offsets({0, 5})), HasSubstr("q_offsets must ascend"));
  EXPECT_THAT(grouped(offsets({0, 3, 2}), offsets({0, 2, 5})), HasSubstr("q_offsets must ascend"));
  EXPECT_THAT(grouped(offsets({0, 4}), offsets({-1, 5})), HasSubstr("k_offsets must ascend"));
  const at::Tensor two = at::zeros({2, 4, 2, 8});
  EXPECT_THAT(message(two, two, two, {.q_offsets = offsets({0, 4}), .k_offsets = offsets({0, 4})}),
              HasSubstr("B must be 1"));
}

}  // namespace
}  // namespace vggt::kernels
