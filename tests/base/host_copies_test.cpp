// SPDX-License-Identifier: Apache-2.0
#include "src/base/host_copies.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "src/base/device.h"
#include "src/base/error.h"

namespace vggt {
namespace {

const c10::Device kCpu(c10::kCPU);

// Chunks of all tensors, put together again.
std::vector<at::Tensor> fed(std::vector<at::Tensor> tensors, int64_t step, HostCopies* copies) {
  const size_t count = tensors.size();
  ChunkFeed feed(std::move(tensors), step, copies);
  std::vector<std::vector<at::Tensor>> parts(count);
  for (auto chunk = feed.next(); !chunk.empty(); chunk = feed.next()) {
    feed.prefetch();
    feed.prefetch();  // a second one waits for the first to be taken
    for (size_t i = 0; i < count; ++i) {
      EXPECT_LE(chunk[i].size(0), step);
      parts[i].push_back(chunk[i]);
    }
  }
  std::vector<at::Tensor> whole;
  for (const auto& of_tensor : parts) whole.push_back(at::cat(of_tensor));
  return whole;
}

TEST(ChunkFeed, HandsOutEveryRowOnceInOrder) {
  const at::Tensor a = at::arange(7 * 2).view({7, 2});
  const at::Tensor b = at::arange(7) * 10;
  for (const int64_t step : {1, 2, 3, 7, 100}) {
    CopyCount count;
    HostCopies copies(kCpu, &count);
    for (HostCopies* const through : {static_cast<HostCopies*>(nullptr), &copies}) {
      const auto whole = fed({a, b}, step, through);
      EXPECT_TRUE(at::equal(whole[0], a)) << step;
      EXPECT_TRUE(at::equal(whole[1], b)) << step;
    }
    EXPECT_EQ(count.to_device, 2 * ((7 + step - 1) / step)) << step;
    EXPECT_EQ(count.bytes, static_cast<int64_t>(a.nbytes() + b.nbytes())) << step;
    EXPECT_EQ(count.to_host, 0);
  }
}

TEST(ChunkFeed, GivesNothingOfEmptyTensors) {
  HostCopies copies(kCpu);
  for (HostCopies* const through : {static_cast<HostCopies*>(nullptr), &copies}) {
    ChunkFeed feed({at::empty({0, 3})}, 2, through);
    feed.prefetch();
    EXPECT_TRUE(feed.next().empty());
    EXPECT_TRUE(feed.next().empty());
  }
}

TEST(ChunkFeed, CopiesWhatItIsToCopyAndViewsTheRest) {
  const at::Tensor x = at::zeros({4});
  HostCopies copies(kCpu);
  EXPECT_NE(ChunkFeed({x}, 2, &copies).next().front().data_ptr(), x.data_ptr());
  EXPECT_EQ(ChunkFeed({x}, 2, nullptr).next().front().data_ptr(), x.data_ptr());
}

TEST(HostCopies, DownloadsViewsIntoPartsOfATensor) {
  CopyCount count;
  HostCopies copies(kCpu, &count);
  const at::Tensor x = at::arange(24, at::kFloat).view({2, 3, 4});
  const at::Tensor turned = x.transpose(1, 2);
  at::Tensor to = copies.empty({3, 4, 3}, at::kFloat);
  to.zero_();
  copies.download(to.slice(0, 1, 3), turned);
  const at::Tensor other = copies.download(turned);
  copies.finish();
  EXPECT_TRUE(at::equal(to.slice(0, 1, 3), turned));
  EXPECT_EQ(to[0].abs().max().item<float>(), 0);
  EXPECT_TRUE(at::equal(other, turned));
  EXPECT_NE(other.data_ptr(), x.data_ptr());
  EXPECT_EQ(count.to_host, 2);
  EXPECT_EQ(count.bytes, 2 * 24 * 4);
}

// Each copy is begun while the device is busy with what comes before it.
TEST(HostCopiesGpu, ComeAfterTheWorkBeforeThem) {
  c10::Device device = kCpu;
  try {
    device = select_device("cuda");
  } catch (const ConfigError& error) {
    GTEST_SKIP() << error.what();
  }
  HostCopies copies(device);
  const at::Tensor input = at::rand({6, 1 << 20});
  at::Tensor result = copies.empty(input.sizes(), at::kFloat);
  ChunkFeed feed({input}, 2, &copies);
  int64_t begin = 0;
  for (auto chunk = feed.next(); !chunk.empty(); chunk = feed.next()) {
    at::Tensor x = chunk.front();
    for (int i = 0; i < 100; ++i) x = x + 1;
    feed.prefetch();
    copies.download(result.slice(0, begin, begin + 2), x);
    begin += 2;
  }
  copies.finish();
  EXPECT_TRUE(result.is_pinned());
  at::Tensor expected = input;
  for (int i = 0; i < 100; ++i) expected = expected + 1;
  EXPECT_TRUE(at::equal(result, expected));
  EXPECT_TRUE(at::equal(fed({result}, 4, &copies).front().cpu(), expected));
}

}  // namespace
}  // namespace vggt
