// SPDX-License-Identifier: Apache-2.0
#include "apps/interrupt.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

namespace vggt::apps {
namespace {

// Signals are a matter of the whole process, so each case is one of its own.

TEST(InterruptDeathTest, ASignalCancelsAtTheNextStep) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    EXPECT_EXIT(
        {
          const ProgressCallback progress = interruptible_progress();
          const bool went_on = progress({.stage = "x", .done = 0, .total = 2});
          std::raise(signal);
          const bool goes_on = progress({.stage = "x", .done = 1, .total = 2});
          std::_Exit(went_on && !goes_on ? interrupted_by() : 0);
        },
        testing::ExitedWithCode(signal),
        "");
  }
}

TEST(InterruptDeathTest, ASecondSignalEndsAtOnce) {
  EXPECT_EXIT(
      {
        interruptible_progress();
        std::raise(SIGINT);
        std::this_thread::sleep_for(std::chrono::milliseconds(400));
        std::raise(SIGINT);
        std::_Exit(0);
      },
      testing::KilledBySignal(SIGINT),
      "");
}

TEST(InterruptDeathTest, ASignalThatComesTwiceIsOne) {
  EXPECT_EXIT(
      {
        const ProgressCallback progress = interruptible_progress();
        std::raise(SIGTERM);
        std::raise(SIGTERM);
        std::_Exit(progress({.stage = "x", .done = 1, .total = 2}) ? 0 : 7);
      },
      testing::ExitedWithCode(7),
      "");
}

}  // namespace
}  // namespace vggt::apps
