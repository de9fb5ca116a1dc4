// SPDX-License-Identifier: Apache-2.0
#include "datasets/mat_file.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

namespace vggt::datasets {
namespace {

using ::testing::HasSubstr;

constexpr size_t kHeader = 128;

std::string header() { return read_bytes("tests/golden/dtu/Plane24.mat").substr(0, kHeader); }

// What follows the header.
std::string body(const std::string& file) {
  return read_bytes("tests/golden/dtu/" + file).substr(kHeader);
}

class MatFile : public ::testing::Test {
 protected:
  std::map<std::string, at::Tensor> read(const std::string& bytes) {
    return read_mat(folder_.write("a.mat", bytes));
  }
  std::string message(const std::string& bytes) {
    return message_of<IoError>([&] { read(bytes); });
  }

  TemporaryFolder folder_;
};

// See tests/golden/README.md: compressed and not, small elements and large, of three types.
TEST_F(MatFile, HoldsWhatSciPyWrote) {
  const auto arrays = read(header() + body("ObsMask24_10.mat") + body("Plane24.mat"));
  ASSERT_EQ(arrays.size(), 4u);
  at::Tensor mask = at::zeros({2, 3, 4}, at::kDouble);
  mask[1][0][2] = 1;
  mask[0][2][3] = 1;
  EXPECT_TRUE(arrays.at("ObsMask").equal(mask));
  EXPECT_TRUE(arrays.at("BB").equal(
      at::tensor({0.0, 10.0, 20.0, 20.0, 40.0, 60.0}, at::kDouble).view({2, 3})));
  EXPECT_TRUE(arrays.at("Res").equal(at::full({1, 1}, 10.0, at::kDouble)));
  EXPECT_TRUE(arrays.at("P").equal(at::tensor({0.25, 0.5, -1.5, 3.0}, at::kDouble).view({4, 1})));
}

TEST_F(MatFile, WhatIsNoArrayOfNumbersIsPassedOver) {
  std::string text = body("Plane24.mat");
  text[16] = 4;  // the class of text
  std::string complex = body("Plane24.mat");
  complex[17] = 8;
  EXPECT_TRUE(read(header() + text + complex).empty());
  EXPECT_EQ(read(header() + text + body("Plane24.mat")).size(), 1u);
}

TEST_F(MatFile, BrokenFilesAreNamed) {
  EXPECT_THAT(message("MATLAB"), HasSubstr("a.mat: is no MATLAB file"));
  std::string other = header();
  other[125] = 2;  // HDF5
  EXPECT_THAT(message(other), HasSubstr("version 5 to 7"));
  const std::string plain = body("Plane24.mat");
  EXPECT_THAT(message(header() + plain.substr(0, plain.size() - 1)), HasSubstr("cut off"));
  EXPECT_THAT(message(header() + body("ObsMask24_10.mat").substr(0, 40)), HasSubstr("cut off"));
  std::string damaged = body("ObsMask24_10.mat");
  damaged[30] = static_cast<char>(damaged[30] ^ 0x55);
  EXPECT_THAT(message(header() + damaged), HasSubstr("a.mat: "));
  std::string shape = plain;
  shape[32] = 5;  // rows, of which four follow
  EXPECT_THAT(message(header() + shape), HasSubstr("P does not hold as many numbers"));
  shape[35] = static_cast<char>(0x80);
  EXPECT_THAT(message(header() + shape), HasSubstr("P does not hold as many numbers"));
}

}  // namespace
}  // namespace vggt::datasets
