// SPDX-License-Identifier: Apache-2.0
#include "apps/interrupt.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <csignal>

#include "apps/messages.h"

namespace vggt::apps {
namespace {

volatile std::sig_atomic_t received = 0;
volatile std::sig_atomic_t announce = 0;
timespec received_at = {};

// `timeout` and terminals send a signal to the program and to its group: twice within moments.
constexpr double kSameSignal_s = 0.3;

void receive(int signal) {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (received) {
    const double since = static_cast<double>(now.tv_sec - received_at.tv_sec) +
                         1e-9 * static_cast<double>(now.tv_nsec - received_at.tv_nsec);
    if (since < kSameSignal_s) return;
    std::signal(signal, SIG_DFL);
    raise(signal);
    return;
  }
  received = signal;
  received_at = now;
  constexpr char kText[] = "\r\033[Kstopping after this step; once more ends at once\n";
  if (announce) (void)!write(STDERR_FILENO, kText, sizeof(kText) - 1);
}

}  // namespace

ProgressCallback interruptible_progress() {
  std::signal(SIGPIPE, SIG_IGN);
  const MessageOptions& options = messages().options;
  announce = !options.quiet && options.progress != "json" && isatty(STDERR_FILENO) == 1;
  struct sigaction action = {};
  action.sa_handler = receive;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGHUP, &action, nullptr);  // the terminal was closed
  return [](const Progress& progress) {
    messages().show(progress);
    return received == 0;
  };
}

int interrupted_by() { return received; }

}  // namespace vggt::apps
