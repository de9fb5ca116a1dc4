// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include <sstream>
#include <string>

namespace vggt::apps {

/// A check of an option: a number from `low` to `high`. CLI::Range would let "nan" pass.
inline CLI::Validator number_in(double low, double high) {
  std::ostringstream range;
  range << low << " to " << high;
  return CLI::Validator(
      [low, high, range = range.str()](const std::string& text) {
        double value = 0;
        const bool fits = CLI::detail::lexical_cast(text, value) && value >= low && value <= high;
        return fits ? std::string() : "Value " + text + " not in range " + range;
      },
      "");
}

}  // namespace vggt::apps
