// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace vggt::datasets {

/// How the frames of a data set are chosen, and what is excluded, unless the user says otherwise.
struct Protocol {
  int64_t frames = 10;
  int64_t least_frames = 2;     ///< sequences with fewer are left out, and draw nothing
  bool one_stream = false;      ///< all sequences draw from one stream of NumPy's generator
  bool find_degenerate = true;  ///< pairs without a true baseline do not count
  std::vector<std::string> splits = {};  ///< its parts, the first by default; empty: it has none
};

/// A kind of data set that can be read.
struct Loader {
  const char* name;         ///< on the command line
  const char* description;  ///< what it is, a few words
  Protocol protocol;
  /// Reads annotations and poses, but no photo. Throws ConfigError("root") if this is no such data
  /// set at all; anything smaller is a problem of a sequence or of the data set.
  Dataset (*load)(const LoadOptions& options);
};

/// All of them, by name.
const std::vector<Loader>& loaders();

/// Throws ConfigError("dataset") naming those there are.
const Loader& loader(const std::string& name);

/// What LoadOptions::split has to be. Throws ConfigError("split") naming those there are.
/// asked  empty: the protocol's
std::string split_of(const Loader& loader, const std::string& asked);

}  // namespace vggt::datasets
