// SPDX-License-Identifier: Apache-2.0
#include "src/image/natural_order.h"

namespace vggt {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes the run of digits at `at`, without leading zeros.
std::string_view take_number(std::string_view text, size_t& at) {
  while (at < text.size() && text[at] == '0') ++at;
  const size_t begin = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  return text.substr(begin, at - begin);
}

unsigned char rank(char c) { return c == '/' ? 0 : static_cast<unsigned char>(ascii_lower(c)); }

}  // namespace

char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool natural_less(std::string_view a, std::string_view b) {
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const std::string_view number_a = take_number(a, i);
      const std::string_view number_b = take_number(b, j);
      if (number_a.size() != number_b.size()) return number_a.size() < number_b.size();
      if (number_a != number_b) return number_a < number_b;
    } else {
      const unsigned char rank_a = rank(a[i++]);
      const unsigned char rank_b = rank(b[j++]);
      if (rank_a != rank_b) return rank_a < rank_b;
    }
  }
  const size_t rest_a = a.size() - i;
  const size_t rest_b = b.size() - j;
  return rest_a != rest_b ? rest_a < rest_b : a < b;
}

}  // namespace vggt
