// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace vggt {

/// What the exception of type E says that `action` throws; empty if it throws none. Others pass
/// through.
template <typename E, typename Action>
std::string message_of(const Action& action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  return {};
}

}  // namespace vggt
