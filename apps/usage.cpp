// SPDX-License-Identifier: Apache-2.0
#include "apps/usage.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "apps/option_facts.h"

namespace vggt::apps {
namespace {

// Damerau's edit distance, each part of the text swapped at most once.
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const OptionFacts& option : options_of(app)) {
    if (!option.positional) names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& candidates) {
  const std::string name = nearest(word, candidates);
  return name.empty() ? "" : "; did you mean " + name + "?";
}

std::string about_unknown(const std::string& word, const CLI::App& app, const CLI::App& active) {
  if (word.size() > 1 && word[0] == '-') {
    const std::string name = word.substr(0, word.find('='));
    return "unknown option " + name + suggestion(name, option_names(active));
  }
  if (&active != &app) return "unexpected argument '" + word + "'";
  const std::string hint = suggestion(word, subcommand_names(app));
  return "unknown subcommand '" + word + "'" +
         (hint.empty() ? "; there are " + joined(subcommand_names(app), ", ") : hint);
}

std::string about_missing(const CLI::App& app, const CLI::App& active) {
  if (&active == &app) {
    return "a subcommand is missing: one of " + joined(subcommand_names(app), ", ");
  }
  std::vector<std::string> missing;
  for (const CLI::Option* option : active.get_options()) {
    if (option->get_required() && option->empty()) {
      missing.push_back(joined(facts_of(*option).names, ", "));
    }
  }
  return joined(missing, " and ") + (missing.size() == 1 ? " is missing" : " are missing");
}

}  // namespace

std::string nearest(const std::string& word, const std::vector<std::string>& candidates) {
  constexpr size_t kLettersPerError = 3;
  constexpr size_t kMinBeginning = 4;
  std::string best;
  size_t best_distance = word.size() / kLettersPerError + 1;
  for (const std::string& candidate : candidates) {
    const bool begins = word.size() >= kMinBeginning && candidate.starts_with(word);
    const size_t distance = begins ? 0 : edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string usage_message(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<CLI::App*> parsed = app.get_subcommands();
  const bool unknown_comes_first = !app.remaining(/*recurse=*/false).empty();
  const CLI::App& active = parsed.empty() || unknown_comes_first ? app : *parsed.front();
  const std::vector<std::string> unknown = app.remaining(/*recurse=*/true);
  std::string message = error.what();
  // Something unknown is the likelier mistake than what is missing because of it.
  if (dynamic_cast<const CLI::ExtrasError*>(&error) ||
      dynamic_cast<const CLI::RequiredError*>(&error)) {
    message =
        unknown.empty() ? about_missing(app, active) : about_unknown(unknown.front(), app, active);
  }
  const std::string command = "vggt" + (&active == &app ? "" : " " + active.get_name());
  return message + "\nSee '" + command + " --help'.";
}

}  // namespace vggt::apps
