// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention/attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>

#include <limits>

#include "src/weights/synthetic.h"
#include "tests/support/message_of.h"

namespace vggt::kernels {
namespace {

using ::testing::HasSubstr;

struct Case {
  int64_t batch;
  int64_t queries;
  int64_t keys;
  int64_t heads;
  int64_t head_dim;
};

// Around the kernel's blocks: 6 and 96 queries, 2, 64 and 512 keys, 16 lanes; and what it hands on.
const Case kCases[] = {{1, 1, 1, 1, 64},
                       {1, 1, 1, 1, 2},
                       {2, 7, 7, 3, 16},
                       {1, 6, 64, 2, 64},
                       {1, 95, 65, 1, 30},
                       {1, 97, 513, 2, 64},
                       {3, 13, 511, 2, 48},
                       {1, 200, 1041, 4, 64},
                       {2, 5, 1100, 1, 32},
                       {1, 9, 12, 2, 80},
                       {1, 9, 12, 2, 7}};

struct Operands {
  at::Tensor q, k, v;
  Operands to(at::ScalarType dtype) const { return {q.to(dtype), k.to(dtype), v.to(dtype)}; }
};

// Logits of about +-`sharpness`.
Operands operands(const Case& size, double sharpness = 4) {
  const auto values = [&](int64_t tokens, const char* key) {
    return synthetic_parameter(key, {size.batch, tokens, size.heads, size.head_dim}, 5) * 2;
  };
  const double scale = std::sqrt(3 * sharpness);
  return Operands{values(size.queries, "q.pos_embed") * scale,
                  values(size.keys, "k.pos_embed") * scale,
                  values(size.keys, "v.pos_embed")}
      .to(at::kBFloat16);
}

at::Tensor truth(const Operands& of) {
  const Operands wide = of.to(at::kDouble);
  return attention_reference(wide.q, wide.k, wide.v);
}

double relative_error(const at::Tensor& got, const at::Tensor& truth) {
  return ((got.to(at::kDouble) - truth).norm() / truth.norm()).item<double>();
}

TEST(Attention, AgreesWithTheReference) {
  for (const Case& size : kCases) {
    SCOPED_TRACE(testing::Message() << size.batch << " x " << size.queries << " x " << size.keys
                                    << " x " << size.heads << " x " << size.head_dim);
    const Operands of = operands(size);
    const at::Tensor exact = truth(of);
    const at::Tensor got = attention(of.q, of.k, of.v);
    EXPECT_EQ(got.sizes(), at::IntArrayRef({size.batch, size.queries, size.heads * size.head_dim}));
    EXPECT_EQ(got.scalar_type(), at::kBFloat16);
    // Weights and result are rounded to 8 bits, 1.7e-3 root mean square each.
    EXPECT_LT(relative_error(got, exact), 4e-3);
    const Operands wide = of.to(at::kDouble);
    EXPECT_LT(relative_error(attention(wide.q, wide.k, wide.v), exact), 1e-13);
    const Operands single = of.to(at::kFloat);
    EXPECT_LT(relative_error(attention(single.q, single.k, single.v), exact), 2e-6);
  }
}

TEST(Attention, HoldsLargeLogits) {
  // Up to about +-1000: most weights vanish, none may overflow.
  const Operands of = operands({1, 40, 700, 2, 64}, 1000);
  EXPECT_LT(relative_error(attention(of.q, of.k, of.v), truth(of)), 4e-3);
}

TEST(Attention, AveragesWhereAllKeysAreEqual) {
  Operands of = operands({1, 10, 600, 1, 64});
  of.k = of.k.slice(1, 0, 1).expand({1, 600, 1, 64}).contiguous();
  const at::Tensor mean = of.v.to(at::kDouble).mean(1).view({1, 1, 64}).expand({1, 10, 64});
  EXPECT_LT((attention(of.q, of.k, of.v).to(at::kDouble) - mean).abs().max().item<double>(), 1e-3);
}

TEST(Attention, TakesTheStridesOfAPackedLayer) {
  const at::Tensor packed =
      synthetic_parameter("qkv.pos_embed", {2, 150, 3, 4, 64}, 6).to(at::kBFloat16);
  const at::Tensor q = packed.select(2, 0);
  const at::Tensor k = packed.select(2, 1);
  const at::Tensor v = packed.select(2, 2);
  EXPECT_TRUE(
      at::equal(attention(q, k, v), attention(q.contiguous(), k.contiguous(), v.contiguous())));
  // One element further: nothing is aligned any more.
  const at::Tensor shifted = at::empty({packed.numel() + 1}, packed.options()).slice(0, 1);
  shifted.copy_(packed.flatten());
  const at::Tensor again = shifted.view(packed.sizes());
  EXPECT_TRUE(at::equal(attention(q, k, v),
                        attention(again.select(2, 0), again.select(2, 1), again.select(2, 2))));
}

TEST(Attention, DoesNotDependOnThreads) {
  const Operands of = operands({2, 500, 1300, 3, 64});
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor one = attention(of.q, of.k, of.v);
  at::set_num_threads(5);
  const at::Tensor five = attention(of.q, of.k, of.v);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one, five));
}

TEST(Attention, KeepsNotANumberInItsQuery) {
  Operands of = operands({1, 20, 100, 1, 64});
  of.q[0][7][0][3] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor out = attention(of.q, of.k, of.v);
  EXPECT_TRUE(at::isnan(out[0][7]).all().item<bool>());
  EXPECT_EQ(at::isnan(out).sum().item<int64_t>(), 64);
}

TEST(Attention, TakesNoQueries) {
  const Operands of = operands({1, 4, 9, 2, 64});
  EXPECT_EQ(attention(of.q.slice(1, 0, 0), of.k, of.v).sizes(), at::IntArrayRef({1, 0, 128}));
}

TEST(Attention, RefusesWhatDoesNotFit) {
  const at::Tensor q = at::zeros({1, 4, 2, 8});
  const auto message = [](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    return message_of<c10::Error>([&] { attention(q, k, v); });
  };
  EXPECT_THAT(message(q, at::zeros({1, 5, 3, 8}), at::zeros({1, 5, 3, 8})), HasSubstr("must be"));
  EXPECT_THAT(message(q, at::zeros({1, 5, 2, 8}), at::zeros({1, 6, 2, 8})), HasSubstr("must be"));
  EXPECT_THAT(message(q, at::zeros({1, 5, 2, 8}), at::zeros({1, 5, 2, 8}, at::kDouble)),
              HasSubstr("share dtype"));
}

}  // namespace
}  // namespace vggt::kernels
