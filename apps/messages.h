// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "src/base/progress.h"

namespace vggt::apps {

struct MessageOptions {
  std::string progress = "auto";  ///< auto (a line that is redrawn, or plain lines), json, none
  bool quiet = false;             ///< errors only
  bool verbose = false;
};

/// Everything that the program says while it works goes through here: to standard error, as text or
/// as JSON lines, and into a log file once there is one. Results that were asked for (the tables of
/// inspect and bench) go to standard output, not through here.
///
/// JSON lines, one object each: progress {"stage", "done", "total", "seconds", "rate",
/// "seconds_left"} with units per second, null while unknown; {"message"}; and as the last one
/// {"result", "exit_code", "seconds"}, with "message" if it is an error.
class Messages {
 public:
  /// out       where to, standard error outside tests
  /// terminal  whether `out` is one: then progress is a line that is redrawn
  Messages(std::FILE* out, bool terminal);
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;

  MessageOptions options;

  /// What a user should know. Control characters are replaced: file names may hold any.
  void say(const std::string& message);

  /// What only --verbose and the log show.
  void explain(const std::string& message);

  /// Where the work is. Of quick steps only some are shown, of each stage its start and its end.
  void show(const Progress& progress);

  /// The last word: the error if there is one, and the result's line with --progress json.
  void finish(int exit_code, const std::string& error = {});

  /// Writes all that was said so far, and from now on is said, into a new file, whatever is shown:
  /// with the seconds since the start, and with each stage's time and the peak memory. The file
  /// may be moved meanwhile. Throws IoError.
  void log_to(const std::string& path);

 private:
  void print(const std::string& text);
  void print_json(const std::string& json);
  void log(const std::string& text);
  void show_as_text(const Progress& progress, bool starts, bool ends);
  double seconds() const;

  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  std::FILE* out_;
  bool terminal_;
  std::chrono::steady_clock::time_point start_;
  std::mutex mutex_;
  std::string stage_;         // that is under way
  double shown_seconds_ = 0;  // of the stage, when it was shown last
  bool line_is_drawn_ = false;
  std::vector<std::string> history_;  // until there is a log
  std::unique_ptr<std::FILE, Closer> log_;
};

/// Those of this program, on standard error.
Messages& messages();

/// messages().say(message)
void say(const std::string& message);

/// "12 s", "3 min 05 s", "2 h 10 min".
std::string duration_text(double seconds);

}  // namespace vggt::apps
