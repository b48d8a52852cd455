#include "made_up_arguments.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string_view>
#include <vector>

namespace bulkhead::cli {

namespace {

// An array<T,n> larger than this is no argument that somebody would write by hand, nor one that should be made up.
constexpr std::size_t kLongestArray = 4096;

// What stands between commas that are not within <>.
std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> parts;
  int depth = 0;
  std::size_t from = 0;
  for (std::size_t at = 0; at < list.size(); ++at) {
    if (list[at] == '<') ++depth;
    if (list[at] == '>') --depth;
    if (list[at] != ',' || depth != 0) continue;
    parts.push_back(list.substr(from, at - from));
    from = at + 1;
  }
  if (!list.empty()) parts.push_back(list.substr(from));
  return parts;
}

bool is_number(std::string_view type) {
  constexpr std::string_view kNumbers[] = {"i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f32", "f64"};
  return std::ranges::find(kNumbers, type) != std::end(kNumbers);
}

std::optional<std::string> value_of(std::string_view type, MadeUp which);

// Values one after the other, as a JSON array.
std::optional<std::string> array_of(const std::vector<std::string_view>& types, MadeUp which) {
  std::string json = "[";
  for (const auto type : types) {
    const auto value = value_of(type, which);
    if (!value) return std::nullopt;
    if (json.size() > 1) json += ',';
    json += *value;
  }
  return json + "]";
}

std::optional<std::string> fixed_array(const std::vector<std::string_view>& parts, MadeUp which) {
  std::size_t count = 0;
  if (parts.size() != 2) return std::nullopt;
  const auto [end, error] = std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), count);
  if (error != std::errc() || end != parts[1].data() + parts[1].size() || count > kLongestArray) return std::nullopt;
  return array_of(std::vector<std::string_view>(count, parts[0]), which);
}

std::optional<std::string> variant_value(const std::vector<std::string_view>& parts, MadeUp which) {
  if (parts.empty()) return std::nullopt;
  const auto value = value_of(parts[0], which);
  if (!value) return std::nullopt;
  // Where several alternatives have one signature their index tells them apart.
  const bool is_ambiguous = std::ranges::count(parts, parts[0]) > 1;
  return "{\"" + std::string(parts[0]) + (is_ambiguous ? "#0" : "") + "\":" + *value + "}";
}

std::optional<std::string> value_of(std::string_view type, MadeUp which) {
  const bool is_one = which == MadeUp::kOne;
  if (is_number(type)) return is_one ? "1" : "0";
  if (type == "bool") return is_one ? "true" : "false";
  if (type == "char") return is_one ? "\"1\"" : "\"0\"";
  if (type == "str" || type == "bytes") return "\"\"";
  if (type == "path") return "\"/dev/null\"";
  if (type == "duration") return is_one ? "\"1ms\"" : "\"0s\"";
  if (type == "null") return "null";
  const std::size_t open = type.find('<');
  if (open == std::string_view::npos || !type.ends_with('>')) return std::nullopt;
  const std::string_view kind = type.substr(0, open);
  const auto parts = split(type.substr(open + 1, type.size() - open - 2));
  if (kind == "list" || kind == "set" || kind == "map") return "[]";
  if (kind == "optional") return "null";
  if (kind == "tuple") return array_of(parts, which);
  if (kind == "array") return fixed_array(parts, which);
  if (kind == "variant") return variant_value(parts, which);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> made_up_arguments(const Signature& signature, MadeUp which) {
  std::vector<std::string_view> types;
  for (std::size_t i = 0; i < signature.required; ++i) types.push_back(signature.parameters[i].type);
  return array_of(types, which);
}

}  // namespace bulkhead::cli
