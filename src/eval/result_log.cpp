// SPDX-License-Identifier: Apache-2.0
#include "src/eval/result_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <system_error>

#include "src/base/error.h"

namespace vggt::eval {
namespace {

using Json = nlohmann::ordered_json;

struct Lines {
  std::vector<SequenceResult> results;
  int64_t others = 0;
  int64_t whole_bytes = 0;  // up to the end of the last whole line
};

Lines read_lines(const std::string& path, const std::string& key) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) throw IoError(path, "is no file");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw IoError(path, "cannot be opened");
  std::stringstream all;
  all << file.rdbuf();
  const std::string text = all.str();
  Lines lines;
  int64_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;
    ++number;
    try {
      const Json json = Json::parse(text.begin() + static_cast<int64_t>(begin),
                                    text.begin() + static_cast<int64_t>(end));
      if (json.at("key").get<std::string>() == key) {
        lines.results.push_back(sequence_result_from(json));
      } else {
        ++lines.others;
      }
    } catch (const std::exception& error) {
      throw IoError(path,
                    "line " + std::to_string(number) + " is no result (" + error.what() +
                        "); remove it, or name another folder");
    }
    begin = end + 1;
    lines.whole_bytes = static_cast<int64_t>(begin);
  }
  return lines;
}

}  // namespace

std::vector<SequenceResult> read_results(const std::string& path,
                                         const std::string& key,
                                         const std::vector<std::string>& fingerprints) {
  std::vector<SequenceResult> results = read_lines(path, key).results;
  std::erase_if(results, [&](const SequenceResult& result) {
    return std::find(fingerprints.begin(), fingerprints.end(), result.fingerprint) ==
           fingerprints.end();
  });
  return results;
}

ResultLog::ResultLog(const std::string& path, std::string key) : path_(path), key_(std::move(key)) {
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0) throw IoError(path, std::string("cannot be opened: ") + std::strerror(errno));
  try {
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
      throw IoError(path, "another run is writing it; wait for it, or name another folder");
    }
    read();
  } catch (...) {
    ::close(file_);
    throw;
  }
}

ResultLog::~ResultLog() { ::close(file_); }

void ResultLog::read() {
  Lines lines = read_lines(path_, key_);
  if (::ftruncate(file_, lines.whole_bytes) != 0) {
    throw IoError(path_, std::string("cannot be put right: ") + std::strerror(errno));
  }
  results_ = std::move(lines.results);
  others_ = lines.others;
}

const SequenceResult* ResultLog::find(const std::string& sequence,
                                      const std::vector<int64_t>& frames,
                                      const std::string& fingerprint) const {
  for (const SequenceResult& result : results_) {
    if (result.sequence == sequence && result.frames == frames &&
        result.fingerprint == fingerprint) {
      return &result;
    }
  }
  return nullptr;
}

void ResultLog::append(const SequenceResult& result) {
  Json json = {{"key", key_}};
  json.update(to_json(result));
  const std::string line = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  struct stat before {};
  ::fstat(file_, &before);
  if (::write(file_, line.data(), line.size()) != static_cast<ssize_t>(line.size()) ||
      ::fdatasync(file_) != 0) {
    const std::string reason = std::strerror(errno);
    // Without the half line; should that fail too, the next run cuts it off.
    if (::ftruncate(file_, before.st_size) != 0) {
      throw IoError(path_, "cannot be written, and ends in half a line: " + reason);
    }
    throw IoError(path_, "cannot be written: " + reason);
  }
  results_.push_back(result);
}

}  // namespace vggt::eval
