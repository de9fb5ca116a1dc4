// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "src/eval/sequence_result.h"

namespace vggt::eval {

/// The results of a run that may be ended at any moment and taken up again: a file of JSON lines,
/// one per sequence, each with the key of what it was made by. A line is written in one go and
/// reaches the disk before append() returns; what a killed run left of a line is cut off by the
/// next.
class ResultLog {
 public:
  /// path  the file; it is made if it is not there. Throws IoError: it cannot be opened, another
  /// run is writing it, or a whole line of it is not a result.
  /// key   of weights and options: only lines with it count
  ResultLog(const std::string& path, std::string key);
  ~ResultLog();
  ResultLog(const ResultLog&) = delete;
  ResultLog& operator=(const ResultLog&) = delete;

  /// The result of a sequence with exactly these frames and this fingerprint, or null.
  const SequenceResult* find(const std::string& sequence,
                             const std::vector<int64_t>& frames,
                             const std::string& fingerprint) const;

  /// How many lines have other keys.
  int64_t others() const { return others_; }

  /// Throws IoError; the file then ends as before.
  void append(const SequenceResult& result);

 private:
  void read();

  std::string path_;
  std::string key_;
  int file_ = -1;
  int64_t others_ = 0;
  std::vector<SequenceResult> results_;
};

/// The results with that key and one of those fingerprints, of a run that is over: a folder may
/// hold those of other sequences and frames as well. Throws IoError.
std::vector<SequenceResult> read_results(const std::string& path,
                                         const std::string& key,
                                         const std::vector<std::string>& fingerprints);

}  // namespace vggt::eval
