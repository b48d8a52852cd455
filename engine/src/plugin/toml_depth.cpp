#include "plugin/toml_depth.hpp"

#include <algorithm>

namespace bulkhead::plugin {

namespace {

// Behind the string that starts at `begin`, or the text's end when it is never closed. A text that
// is not TOML may be cut wrongly: then the parser stops at that place too.
std::size_t end_of_string(std::string_view toml, std::size_t begin) {
  const char quote = toml[begin];
  const std::string_view three = quote == '"' ? R"(""")" : "'''";
  const bool is_long = toml.substr(begin).starts_with(three);
  std::size_t at = begin + (is_long ? 3 : 1);
  while (at < toml.size()) {
    if (toml[at] == '\\' && quote == '"') {
      at += 2;
    } else if (is_long && toml.substr(at).starts_with(three)) {
      at += 3;
      while (at < toml.size() && toml[at] == quote) ++at;  // up to two more belong to the string
      return at;
    } else if (!is_long && (toml[at] == quote || toml[at] == '\n')) {
      return at + 1;
    } else {
      ++at;
    }
  }
  return toml.size();
}

}  // namespace

std::optional<SourcePlace> find_long_key(std::string_view toml, std::size_t max_parts) {
  SourcePlace place{1, 1};
  std::size_t line_begin = 0;
  std::size_t parts = 1;
  for (std::size_t at = 0; at < toml.size();) {
    const char c = toml[at];
    const std::size_t begin = at;
    if (c == '"' || c == '\'') {
      at = end_of_string(toml, at);
    } else if (c == '#') {
      at = std::min(toml.find('\n', at), toml.size());
    } else {
      ++at;
    }
    if (c == '.' && ++parts > max_parts) {
      place.column = static_cast<int>(begin - line_begin) + 1;
      return place;
    }
    // A key goes on over dots, blanks and quoted parts only.
    if (c == '\n' || c == '=' || c == ',' || c == '[' || c == ']' || c == '{' || c == '}') parts = 1;
    for (std::size_t i = begin; i < at && i < toml.size(); ++i) {
      if (toml[i] != '\n') continue;
      ++place.line;
      line_begin = i + 1;
    }
  }
  return std::nullopt;
}

}  // namespace bulkhead::plugin
