// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace vggt::apps {

/// The candidate that `word` was probably meant to be: one that begins with it, or that a few
/// inserted, left out, changed or swapped letters make of it. Empty if none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

/// What is wrong with the command line that `app` refused, and where the help is: names what is
/// unknown with the nearest known name, or all that is missing.
std::string usage_message(const CLI::App& app, const CLI::ParseError& error);

}  // namespace vggt::apps
