// SPDX-License-Identifier: Apache-2.0
#include "viewer/scene/run.h"

#include "src/base/error.h"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace vggt::viewer {

Run::Run(const std::vector<std::string>& command) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw IoError(command[0], std::strerror(errno));
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  const int problem =
      posix_spawnp(&child_, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (problem != 0) {
    close(ends[0]);
    throw IoError(command[0], std::string("cannot be started: ") + std::strerror(problem));
  }
  thread_ = std::thread([this, pipe = ends[0]] { follow(pipe); });
}

Run::~Run() {
  cancel();
  thread_.join();
}

Run::State Run::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void Run::cancel() {
  const std::lock_guard lock(mutex_);
  // Its number may be another's once it was waited for.
  if (!state_.ended && !cancelled_.exchange(true)) kill(child_, SIGTERM);
}

void Run::follow(int pipe) {
  std::string line;
  char buffer[4096];
  for (;;) {
    const ssize_t size = read(pipe, buffer, sizeof(buffer));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    for (ssize_t i = 0; i < size; ++i) {
      if (buffer[i] != '\n') {
        line += buffer[i];
        continue;
      }
      take_line(line);
      line.clear();
    }
  }
  close(pipe);
  // Looked at first and taken only under the lock, so that cancel() never meets another's number.
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOWAIT) != 0 &&
         errno == EINTR) {
  }
  const std::lock_guard lock(mutex_);
  int status = 0;
  waitpid(child_, &status, 0);
  state_.ended = true;
  state_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void Run::take_line(const std::string& line) {
  const nlohmann::json json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  const std::lock_guard lock(mutex_);
  if (!json.is_object()) {
    // Not ours: what a library or the loader has to say.
    if (!line.empty()) state_.message = line;
    return;
  }
  const auto number = [&](const char* name, double fallback) {
    const auto found = json.find(name);
    return found != json.end() && found->is_number() ? found->get<double>() : fallback;
  };
  if (const auto stage = json.find("stage"); stage != json.end() && stage->is_string()) {
    state_.stage = stage->get<std::string>();
    state_.done = number("done", 0);
    state_.total = number("total", 0);
    state_.seconds_left = number("seconds_left", -1);
  }
  if (const auto message = json.find("message"); message != json.end() && message->is_string()) {
    state_.message = message->get<std::string>();
  }
}

}  // namespace vggt::viewer
