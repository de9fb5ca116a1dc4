// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

namespace vggt {

/// A file that cannot be read, written or understood. The message names the file and the reason.
class IoError : public std::runtime_error {
 public:
  IoError(const std::string& path, const std::string& reason)
      : std::runtime_error(path + ": " + reason) {}
};

/// An option or a field of a configuration that cannot be used. The message names the field and
/// why.
class ConfigError : public std::runtime_error {
 public:
  ConfigError(const std::string& field, const std::string& reason)
      : std::runtime_error(field + ": " + reason) {}
};

/// What a network computed cannot be used. The message names the frame and why.
class ModelError : public std::runtime_error {
 public:
  ModelError(const std::string& where, const std::string& reason)
      : std::runtime_error(where + ": " + reason) {}
};

/// The progress callback asked to stop.
class Cancelled : public std::runtime_error {
 public:
  Cancelled() : std::runtime_error("cancelled") {}
};

}  // namespace vggt
