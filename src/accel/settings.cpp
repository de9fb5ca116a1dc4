// SPDX-License-Identifier: Apache-2.0
#include "src/accel/settings.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "src/base/error.h"

namespace vggt::accel {
namespace {

template <class T>
std::string text_of(T value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

// All of `text` as a number; NaN is none.
template <class T>
bool parse(const std::string& text, T& value) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end && value == value;
}

template <class T>
T parse_in(const std::string& name, const std::string& text, T least, T most, const char* kind) {
  T value{};
  if (parse(text, value) && value >= least && value <= most) return value;
  throw ConfigError(
      name, "'" + text + "' must be " + kind + " from " + text_of(least) + " to " + text_of(most));
}

}  // namespace

Setting number(std::string name, std::string what, double& value, double least, double most) {
  return {name,
          std::move(what),
          [&value] { return text_of(value); },
          [=, &value](const auto& text) { value = parse_in(name, text, least, most, "a number"); }};
}

Setting number(std::string name, std::string what, int64_t& value, int64_t least, int64_t most) {
  return {name,
          std::move(what),
          [&value] { return text_of(value); },
          [=, &value](const auto& text) {
            value = parse_in(name, text, least, most, "a whole number");
          }};
}

Setting numbers(std::string name, std::string what, std::vector<int64_t>& value) {
  const auto get = [&value] {
    std::string text;
    for (const int64_t number : value) text += (text.empty() ? "" : "+") + std::to_string(number);
    return text;
  };
  const auto set = [name, &value](const std::string& text) {
    std::vector<int64_t> list;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, '+');) {
      int64_t number = -1;
      if (!parse(part, number) || number < 0 || (!list.empty() && number <= list.back())) {
        throw ConfigError(name, "'" + text + "' must be ascending whole numbers, as 0+6+15");
      }
      list.push_back(number);
    }
    if (list.empty()) throw ConfigError(name, "must not be empty");
    value = list;
  };
  return {name, std::move(what), get, set};
}

Setting number_for(std::string name,
                   std::string what,
                   double least,
                   double most,
                   std::function<void(double)> use) {
  return {name, std::move(what), {}, [=](const std::string& text) {
            use(parse_in(name, text, least, most, "a number"));
          }};
}

Setting choice_of(std::string name,
                  std::string what,
                  std::vector<std::string> names,
                  std::function<size_t()> get,
                  std::function<void(size_t)> set) {
  return {name,
          std::move(what),
          [=] { return names[get()]; },
          [=](const std::string& text) {
            const auto found = std::find(names.begin(), names.end(), text);
            if (found == names.end()) {
              std::string all;
              for (const std::string& one : names) all += (all.empty() ? "" : ", ") + one;
              throw ConfigError(name, "'" + text + "' is none of " + all);
            }
            set(static_cast<size_t>(found - names.begin()));
          }};
}

Setting ratio_setting(std::function<void(double)> use) {
  constexpr double kLeast = 0.001;
  return number_for("ratio", "share of the tokens that is kept", kLeast, 1, std::move(use));
}

Setting ratio_as_cell(int64_t& cell) {
  return ratio_setting([&cell](double ratio) {
    cell = std::clamp<int64_t>(std::lround(1 / std::sqrt(ratio)), 1, kMostCell);
  });
}

CellsAndProtected cells_and_protected(double ratio) {
  CellsAndProtected made;
  const auto share = [&] { return 1 / static_cast<double>(made.cell * made.cell); };
  while (share() > ratio) ++made.cell;
  made.protected_share = ratio - share();
  return made;
}

void apply(const std::string& method,
           const std::vector<Setting>& settings,
           const std::map<std::string, std::string>& values) {
  for (const auto& [name, value] : values) {
    const auto is_it = [&, wanted = name](const Setting& s) { return s.name == wanted; };
    if (std::any_of(settings.begin(), settings.end(), is_it)) continue;
    std::string all;
    for (const Setting& setting : settings) all += (all.empty() ? "" : ", ") + setting.name;
    throw ConfigError(
        "accel",
        method + " has no setting '" + name + "'" + (all.empty() ? "" : "; there are " + all));
  }
  for (const Setting& setting : settings) {
    const auto found = values.find(setting.name);
    if (found == values.end()) continue;
    try {
      setting.set(found->second);
    } catch (const ConfigError& error) {
      throw ConfigError("accel", method + ": " + error.what());
    }
  }
}

}  // namespace vggt::accel
