// SPDX-License-Identifier: Apache-2.0
#include "src/base/mixed.h"

#include <gtest/gtest.h>

namespace vggt {
namespace {

// The published program's first numbers from the seed 1234567.
TEST(Mixed, IsSplitMix64) {
  constexpr uint64_t kSeed = 1234567;
  EXPECT_EQ(mixed(kSeed), 6457827717110365317U);
  EXPECT_EQ(mixed(kSeed + kMixStep), 3203168211198807973U);
  EXPECT_EQ(mixed(kSeed + 2 * kMixStep), 9817491932198370423U);
}

// The algorithm's published values.
TEST(HashOf, IsFnv1a) {
  EXPECT_EQ(hash_of(""), 0xcbf29ce484222325U);
  EXPECT_EQ(hash_of("a"), 0xaf63dc4c8601ec8cU);
  EXPECT_EQ(hash_of("foobar"), 0x85944171f73967e8U);
}

}  // namespace
}  // namespace vggt
