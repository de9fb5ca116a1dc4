// SPDX-License-Identifier: Apache-2.0
#include "src/geometry/observed_volume.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace vggt {
namespace {

// 2 x 3 x 4 cubes of 10, the first one's middle at (0, 10, 20); one is seen.
ObservedVolume volume() {
  ObservedVolume result{.cubes = at::zeros({2, 3, 4}, at::kBool),
                        .low = {0, 10, 20},
                        .high = {20, 40, 60},
                        .cube = 10,
                        .plane = {0.5, 0, -1, 30}};
  result.cubes[1][0][2].fill_(true);
  return result;
}

at::Tensor points(std::initializer_list<double> coordinates) {
  return at::tensor(std::vector<double>(coordinates), at::kDouble).view({-1, 3});
}

void expect(const at::Tensor& found, std::initializer_list<bool> expected) {
  ASSERT_EQ(found.size(0), static_cast<int64_t>(expected.size()));
  for (int64_t i = 0; i < found.size(0); ++i) {
    EXPECT_EQ(found[i].item<bool>(), expected.begin()[i]) << i;
  }
}

TEST(ObservedVolume, SeesWhatIsNearestToTheMiddleOfASeenCube) {
  // The middle, two of its corners, and beyond each of its faces.
  expect(volume().seen(points({10, 10,   40, 14.9, 5.1, 35.1, 5.1, 14.9, 44.9, 4.9,  10, 40,  //
                               10, 15.1, 40, 10,   10,  34.9, 10,  10,   45.1, 15.1, 10, 40})),
         {true, true, true, false, false, false, false, false});
  expect(volume().seen(points({-1000, 10, 40, 10, 1e9, 40, 10, 4.9, 40})), {false, false, false});
}

TEST(ObservedVolume, ItsBoxHasItsLowerSides) {
  expect(volume().in_box(points({0,  10, 20, -0.1, 10, 20, 0,    9.9,  20, 0,    10,   19.9,  //
                                 20, 10, 20, 19.9, 40, 20, 19.9, 39.9, 60, 19.9, 39.9, 59.9})),
         {true, false, false, false, false, false, false, true});
}

TEST(ObservedVolume, IsAboveWhereThePlaneIsPositive) {
  expect(volume().above(points({0, 5, 29, 0, 5, 31, 4, -9, 31, 0, 0, 30})),
         {true, false, true, false});
}

}  // namespace
}  // namespace vggt
