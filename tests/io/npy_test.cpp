// SPDX-License-Identifier: Apache-2.0
#include "src/io/npy.h"

#include "src/base/error.h"
#include "tests/support/temporary_folder.h"

#include <ATen/ATen.h>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vggt {
namespace {

// What numpy.save wrote for numpy.arange(6, dtype=float32).reshape(2, 3), NumPy 2.4.
std::string saved_by_numpy() {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  header.resize(117, ' ');
  std::string bytes("\x93NUMPY\x01\x00\x76\x00", 10);
  bytes += header + "\n";
  for (int i = 0; i < 6; ++i) {
    const auto value = static_cast<float>(i);
    bytes.append(reinterpret_cast<const char*>(&value), 4);
  }
  return bytes;
}

TEST(Npy, ReadsWhatNumpySaved) {
  TemporaryFolder folder;
  folder.write("a.npy", saved_by_numpy());
  EXPECT_TRUE(at::equal(read_npy(folder.file("a.npy")), at::arange(6, at::kFloat).view({2, 3})));
}

TEST(Npy, EveryTypeAndShapeSurvives) {
  TemporaryFolder folder;
  const std::vector<std::vector<int64_t>> shapes = {
      {}, {0}, {1}, {7}, {2, 3}, {2, 0, 3}, {1, 2, 3, 4}};
  for (const auto type : {at::kHalf,
                          at::kFloat,
                          at::kDouble,
                          at::kByte,
                          at::kChar,
                          at::kShort,
                          at::kInt,
                          at::kLong}) {
    for (const auto& shape : shapes) {
      int64_t count = 1;
      for (const int64_t extent : shape) count *= extent;
      const at::Tensor tensor = at::arange(count).to(type).view(shape);
      write_npy(folder.file("a.npy"), tensor);
      const at::Tensor read = read_npy(folder.file("a.npy"));
      EXPECT_EQ(read.scalar_type(), type);
      EXPECT_EQ(read.sizes(), tensor.sizes());
      EXPECT_TRUE(at::equal(read, tensor)) << type << " " << tensor.sizes();
    }
  }
}

TEST(Npy, DataStartsAtAMultipleOf64) {
  TemporaryFolder folder;
  for (const int64_t size : {1, 10, 100000}) {
    write_npy(folder.file("a.npy"), at::zeros({size, 1, size == 1 ? 1234567 : 1}, at::kByte));
    const std::string bytes = read_bytes(folder.file("a.npy"));
    EXPECT_EQ((bytes.find('\n') + 1) % 64, 0u);
  }
}

TEST(Npy, AViewIsWrittenInItsOwnOrder) {
  TemporaryFolder folder;
  const at::Tensor view = at::arange(6, at::kFloat).view({2, 3}).t();
  write_npy(folder.file("a.npy"), view);
  EXPECT_TRUE(at::equal(read_npy(folder.file("a.npy")), view));
}

TEST(Npy, EveryTruncationIsAnIoError) {
  TemporaryFolder folder;
  const std::string bytes = saved_by_numpy();
  for (size_t size = 0; size < bytes.size(); ++size) {
    folder.write("a.npy", bytes.substr(0, size));
    EXPECT_THROW(read_npy(folder.file("a.npy")), IoError) << size << " bytes";
  }
}

TEST(Npy, HostileHeadersAreIoErrors) {
  TemporaryFolder folder;
  const std::vector<std::pair<std::string, std::string>> changes = {
      {"(2, 3), }", "(2, 4), }"},
      {"(2, 3), }", "(2, 2), }"},
      {"(2, 3), }             ", "(9223372036854775807, 9223372036854775807), }"},
      {"(2, 3), }             ", "(0, 9223372036854775807, 9223372036854775807), }"},
      {"(2, 3), }", "(-2, 3), "},
      {"(2, 3), }", "(2; 3), }"},
      {"(2, 3), }", "(2, 3    "},
      {"False", "True "},
      {"<f4", ">f4"},
      {"<f4", "|O8"},
      {"\x93NUMPY\x01", "\x93NUMPY\x02"},
  };
  for (const auto& [from, to] : changes) {
    std::string bytes = saved_by_numpy();
    bytes.replace(bytes.find(from), to.size(), to);
    folder.write("a.npy", bytes);
    EXPECT_THROW(read_npy(folder.file("a.npy")), IoError) << to;
  }
}

TEST(Npy, ATypeThatNumpyLacksIsRefused) {
  TemporaryFolder folder;
  EXPECT_THROW(write_npy(folder.file("a.npy"), at::zeros({1}, at::kBFloat16)), c10::Error);
}

}  // namespace
}  // namespace vggt
