// SPDX-License-Identifier: Apache-2.0
#include "apps/messages.h"

#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/output_file.h"
#include "src/base/device.h"
#include "src/base/error.h"

namespace vggt::apps {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kClearLine = "\r\033[K";
// A line that is redrawn, and a program that reads, may have more than a person who scrolls.
constexpr double kRedrawSeconds = 0.1;
constexpr double kPlainSeconds = 5;

std::string fixed(double value, int digits) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << value;
  return text.str();
}

std::string rate_text(double rate) {
  return fixed(rate, rate < 10 ? 2 : rate < 100 ? 1 : 0) + "/s";
}

std::string count_text(const Progress& progress) {
  return std::to_string(progress.done) + "/" + std::to_string(progress.total);
}

// Rate and time left, each after `separator`; empty while they are not known.
std::string pace_text(const Progress& progress, const std::string& separator) {
  if (progress.rate <= 0) return "";
  return separator + rate_text(progress.rate) + separator + "about " +
         duration_text(progress.seconds_left) + " left";
}

const char* result_text(int exit_code) {
  if (exit_code == 0) return "success";
  if (exit_code == 1) return "failure";
  return exit_code == 2 ? "wrong usage" : "interrupted";
}

}  // namespace

Messages::Messages(std::FILE* out, bool terminal)
    : out_(out), terminal_(terminal), start_(std::chrono::steady_clock::now()) {}

double Messages::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void Messages::print(const std::string& text) {
  std::fprintf(out_, "%s%s\n", line_is_drawn_ ? kClearLine : "", text.c_str());
  std::fflush(out_);
  line_is_drawn_ = false;
}

void Messages::print_json(const std::string& json) {
  std::fprintf(out_, "%s\n", json.c_str());
  std::fflush(out_);
}

void Messages::log(const std::string& text) {
  std::ostringstream line;
  line << std::fixed << std::setprecision(2) << std::setw(9) << seconds() << " s  " << text;
  if (!log_) {
    history_.push_back(line.str());
    return;
  }
  if (std::fprintf(log_.get(), "%s\n", line.str().c_str()) >= 0 && std::fflush(log_.get()) == 0) {
    return;
  }
  const std::string reason = std::strerror(errno);
  log_.reset();
  if (!options.quiet && options.progress != "json") print("the log ends here: " + reason);
}

void Messages::say(const std::string& message) {
  const std::lock_guard lock(mutex_);
  if (!options.quiet) {
    if (options.progress == "json") {
      print_json(Json{{"message", message}}.dump(-1, ' ', false, Json::error_handler_t::replace));
    } else {
      print(printable(message));
    }
  }
  log(printable(message));
}

void Messages::explain(const std::string& message) {
  if (options.verbose) return say(message);
  const std::lock_guard lock(mutex_);
  log(printable(message));
}

void Messages::show(const Progress& progress) {
  const std::lock_guard lock(mutex_);
  const bool starts = stage_ != progress.stage;
  const bool ends = progress.done >= progress.total;
  stage_ = ends ? "" : progress.stage;
  const bool json = options.progress == "json";
  const double pause = json || terminal_ ? kRedrawSeconds : kPlainSeconds;
  if (starts) shown_seconds_ = progress.seconds;
  if (!starts && !ends && progress.seconds - shown_seconds_ < pause) return;
  shown_seconds_ = progress.seconds;

  if (!options.quiet && json) {
    Json line = {{"stage", progress.stage}, {"done", progress.done}, {"total", progress.total}};
    line["seconds"] = progress.seconds;
    line["rate"] = progress.rate > 0 ? Json(progress.rate) : Json();
    line["seconds_left"] = progress.seconds_left >= 0 ? Json(progress.seconds_left) : Json();
    print_json(line.dump());
  } else if (!options.quiet && options.progress == "auto") {
    show_as_text(progress, starts, ends);
  }
  if (!ends) return;
  const std::string summary =
      progress.stage + ": " + count_text(progress) + " in " + fixed(progress.seconds, 1) + " s" +
      (progress.rate > 0 ? ", " + rate_text(progress.rate) : "") + ", peak memory " +
      fixed(static_cast<double>(peak_memory_bytes()) * 1e-9, 2) + " GB";
  if (options.verbose && !options.quiet && !json) print(summary);
  log(summary);
}

void Messages::show_as_text(const Progress& progress, bool starts, bool ends) {
  if (terminal_) {
    std::ostringstream line;
    if (!ends) {
      line << std::left << std::setw(14) << progress.stage << " " << count_text(progress)
           << pace_text(progress, "  ");
    }
    std::fprintf(out_, "%s%s", kClearLine, line.str().c_str());
    std::fflush(out_);
    line_is_drawn_ = !ends;
  } else if (ends) {
    // --verbose says it with more.
    if (!options.verbose) {
      print(progress.stage + ": " + count_text(progress) + " in " + fixed(progress.seconds, 1) +
            " s");
    }
  } else {
    print(progress.stage + ": " + count_text(progress) + pace_text(progress, ", "));
  }
}

void Messages::finish(int exit_code, const std::string& error) {
  const std::lock_guard lock(mutex_);
  if (options.progress == "json") {
    Json line = {
        {"result", result_text(exit_code)}, {"exit_code", exit_code}, {"seconds", seconds()}};
    if (!error.empty()) line["message"] = error;
    print_json(line.dump(-1, ' ', false, Json::error_handler_t::replace));
  } else if (!error.empty()) {
    print("vggt: " + printable(error));
  }
  if (!error.empty()) log("error: " + printable(error));
}

void Messages::log_to(const std::string& path) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<std::FILE, Closer> file(std::fopen(path.c_str(), "we"));
  if (!file) throw IoError(path, std::string("cannot be written: ") + std::strerror(errno));
  log_ = std::move(file);
  for (const std::string& line : history_) std::fprintf(log_.get(), "%s\n", line.c_str());
  history_.clear();
}

Messages& messages() {
  static Messages instance(stderr, isatty(STDERR_FILENO) == 1);
  return instance;
}

void say(const std::string& message) { messages().say(message); }

std::string duration_text(double seconds) {
  const auto whole = std::llround(seconds);
  const auto two = [](long long value) { return (value < 10 ? "0" : "") + std::to_string(value); };
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + two(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + two(whole / 60 % 60) + " min";
}

}  // namespace vggt::apps
