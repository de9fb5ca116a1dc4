// SPDX-License-Identifier: Apache-2.0
#include "apps/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <csignal>

#include "apps/messages.h"

namespace vggt::apps {
namespace {

volatile std::sig_atomic_t received = 0;
volatile std::sig_atomic_t announce = 0;

void receive(int signal) {
  received = signal;
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
  // Reset: the second signal finds the default again, which ends the program.
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
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
