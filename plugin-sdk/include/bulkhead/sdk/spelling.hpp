// Cuts the arguments of BULKHEAD_PLUGIN from their spelling: the name of a task is the last part of
// how it is written.
//
// A macro that walks its arguments would break at the commas of templates; constexpr code does not.
#pragma once

#include <array>
#include <string_view>

namespace bulkhead::sdk {

template <std::size_t N>
struct Spellings {
  std::array<std::string_view, N + 1> items = {};
  std::size_t found = 0;  // other than N: the text could not be cut
};

constexpr std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '&')) text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// The index just after the literal that begins at `begin`.
constexpr std::size_t literal_end(std::string_view text, std::size_t begin) {
  std::size_t i = begin + 1;
  while (i < text.size() && text[i] != text[begin]) i += text[i] == '\\' ? 2 : 1;
  return i + 1;
}

// Cuts at commas outside of brackets and literals. Angle brackets count only outside of the others,
// where they cannot be comparisons.
template <std::size_t N>
constexpr Spellings<N> cut(std::string_view text) {
  Spellings<N> out;
  const auto add = [&out](std::string_view item) {
    if (out.found < N) out.items[out.found] = trimmed(item);
    ++out.found;
  };
  if (trimmed(text).empty()) return out;
  int brackets = 0;
  int angles = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char before = i == 0 ? ' ' : text[i - 1];
    const bool is_digit_separator = c == '\'' && before >= '0' && before <= '9';
    if ((c == '"' || c == '\'') && !is_digit_separator) {
      i = literal_end(text, i) - 1;
    } else if (c == '(' || c == '[' || c == '{') {
      ++brackets;
    } else if (c == ')' || c == ']' || c == '}') {
      --brackets;
    } else if (c == '<' && brackets == 0) {
      ++angles;
    } else if (c == '>' && brackets == 0 && before != '-') {
      --angles;
    } else if (c == ',' && brackets == 0 && angles == 0) {
      add(text.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  add(text.substr(begin));
  return out;
}

// "f" of "ns::f".
constexpr std::string_view last_part(std::string_view spelled) {
  const auto colons = spelled.rfind("::");
  return colons == std::string_view::npos ? spelled : spelled.substr(colons + 2);
}

}  // namespace bulkhead::sdk
