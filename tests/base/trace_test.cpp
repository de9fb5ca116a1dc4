// SPDX-License-Identifier: Apache-2.0
#include "src/base/trace.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace vggt {
namespace {

using ::testing::ElementsAre;

// Collects the names that are traced while it lives.
struct Names {
  std::vector<std::string> names;
  TraceListener listener{
      [this](const std::string& name, const at::Tensor&) { names.push_back(name); }};
};

TEST(Trace, HandsOverNameAndTensor) {
  const at::Tensor value = at::arange(3);
  at::Tensor received;
  std::string received_name;
  const TraceListener listener([&](const std::string& name, const at::Tensor& tensor) {
    received_name = name;
    received = tensor;
  });
  trace("tokens", value);
  EXPECT_EQ(received_name, "tokens");
  EXPECT_TRUE(received.is_same(value));
}

TEST(Trace, PutsScopesBeforeTheName) {
  const at::Tensor value = at::zeros({1});
  const Names heard;
  {
    const TraceScope camera("camera");
    trace("token_normed", value);
    {
      const TraceScope iteration("iter", 2);
      trace("delta", value);
      trace("block_", 7, value);
    }
    trace("end", value);
  }
  trace("plain", value);
  EXPECT_THAT(heard.names,
              ElementsAre("camera.token_normed",
                          "camera.iter2.delta",
                          "camera.iter2.block_7",
                          "camera.end",
                          "plain"));
}

TEST(Trace, LeavesOutWhatIsMuted) {
  const at::Tensor value = at::zeros({1});
  const Names heard;
  {
    const TraceMute outer(true);
    trace("a", value);
    {
      const TraceMute inner(true);
      trace("b", 0, value);
    }
    trace("c", value);
  }
  {
    const TraceMute not_silent(false);
    trace("d", value);
  }
  trace("e", value);
  EXPECT_THAT(heard.names, ElementsAre("d", "e"));
}

TEST(Trace, ComesToAnEndWithItsListener) {
  const at::Tensor value = at::zeros({1});
  std::vector<std::string> names;
  {
    const TraceListener listener(
        [&](const std::string& name, const at::Tensor&) { names.push_back(name); });
    trace("heard", value);
  }
  const TraceScope scope("unheard");
  trace("after", value);
  trace("after", 1, value);
  EXPECT_THAT(names, ElementsAre("heard"));
}

TEST(Trace, LeavesNoScopeBehindThatBeganWithoutAListener) {
  const at::Tensor value = at::zeros({1});
  { const TraceScope scope("before"); }
  const Names heard;
  trace("name", value);
  EXPECT_THAT(heard.names, ElementsAre("name"));
}

TEST(Trace, GoesToTheListenerOfItsOwnThreadOnly) {
  const Names heard;
  std::thread([] { trace("elsewhere", at::zeros({1})); }).join();
  EXPECT_TRUE(heard.names.empty());
}

TEST(Trace, AllowsOneListenerAtATime) {
  const Names heard;
  EXPECT_THROW(TraceListener([](const std::string&, const at::Tensor&) {}), c10::Error);
  trace("still", at::zeros({1}));
  EXPECT_THAT(heard.names, ElementsAre("still"));
}

}  // namespace
}  // namespace vggt
