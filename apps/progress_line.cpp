// SPDX-License-Identifier: Apache-2.0
#include "apps/progress_line.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "apps/output_file.h"

namespace vggt::apps {
namespace {

volatile std::sig_atomic_t interrupted = 0;

bool on_terminal() {
  static const bool terminal = isatty(STDERR_FILENO) == 1;
  return terminal;
}

constexpr const char* kClearLine = "\r\033[K";

}  // namespace

ProgressCallback progress_line() {
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGTERM, [](int) { interrupted = 1; });
  return [](const Progress& progress) {
    const bool finished = progress.done >= progress.total;
    if (on_terminal()) {
      std::fprintf(stderr,
                   "%s%-14s %lld/%lld",
                   kClearLine,
                   progress.stage.c_str(),
                   static_cast<long long>(progress.done),
                   static_cast<long long>(progress.total));
      if (!finished && progress.seconds_left >= 1) {
        std::fprintf(stderr, "  about %.0f s left", progress.seconds_left);
      }
      if (finished) std::fputs(kClearLine, stderr);
    } else if (finished) {
      std::fprintf(stderr, "%s: done\n", progress.stage.c_str());
    }
    std::fflush(stderr);
    return interrupted == 0;
  };
}

void say(const std::string& message) {
  std::fprintf(stderr, "%s%s\n", on_terminal() ? kClearLine : "", printable(message).c_str());
}

}  // namespace vggt::apps
