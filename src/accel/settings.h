// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace vggt::accel {

/// One setting of a method, as text both ways.
struct Setting {
  std::string name;
  std::string what;
  std::function<std::string()> get;             ///< empty: only sets others
  std::function<void(const std::string&)> set;  ///< throws ConfigError(name, what is allowed)
};

/// Settings that write to `value`, which must outlive them; numbers in [least, most].
Setting number(std::string name, std::string what, double& value, double least, double most);
Setting number(std::string name, std::string what, int64_t& value, int64_t least, int64_t most);
/// Whole numbers, ascending, with + between them: 0+6+15+20.
Setting numbers(std::string name, std::string what, std::vector<int64_t>& value);
/// A number that decides other settings.
Setting number_for(
    std::string name, std::string what, double least, double most, std::function<void(double)> use);
Setting choice_of(std::string name,
                  std::string what,
                  std::vector<std::string> names,
                  std::function<size_t()> get,
                  std::function<void(size_t)> set);

// What several methods have.

inline constexpr const char* kBiasMeaning =
    "times the logarithm of a merged key's tokens, added to its score";
inline constexpr int64_t kMostCell = 64;
inline constexpr int64_t kMostSeed = 1000000000;

/// "ratio": about this share of the tokens is kept, which decides the method's own settings; those
/// that are given as well come after it.
Setting ratio_setting(std::function<void(double)> use);

/// For cells that become a slot each.
Setting ratio_as_cell(int64_t& cell);

/// For cells of an anchor each beside protected patches: the largest share of anchors that leaves
/// some protected.
struct CellsAndProtected {
  int64_t cell = 1;
  double protected_share = 0;
};
CellsAndProtected cells_and_protected(double ratio);

/// One of `values`, by its name.
template <class T>
Setting choice(std::string name,
               std::string what,
               T& value,
               std::vector<std::pair<std::string, T>> values) {
  std::vector<std::string> names;
  for (const auto& entry : values) names.push_back(entry.first);
  return choice_of(
      std::move(name),
      std::move(what),
      std::move(names),
      [&value, values] {
        size_t i = 0;
        while (i + 1 < values.size() && values[i].second != value) ++i;
        return i;
      },
      [&value, values](size_t i) { value = values[i].second; });
}

/// Sets what `values` names, in the order of `settings`. Throws ConfigError("accel") that names
/// `method` and what is wrong.
void apply(const std::string& method,
           const std::vector<Setting>& settings,
           const std::map<std::string, std::string>& values);

}  // namespace vggt::accel
