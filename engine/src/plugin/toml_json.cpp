#include "plugin/toml_json.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <sstream>

namespace bulkhead::plugin {

namespace {

std::string json_number(double value) {
  if (std::isnan(value)) return "\"NaN\"";
  if (std::isinf(value)) return value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  std::string text(buffer.data(), end);
  // 5.0 stays a float: an integer there would be another type to whoever reads it.
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

template <class T>
std::string text_of(const T& date_or_time) {
  std::ostringstream stream;
  stream << date_or_time;
  return json_string(stream.str());
}

// False: too deep.
bool append(std::string& json, const toml::node& node, int depth_left) {
  if (const auto* table = node.as_table()) {
    if (depth_left == 0) return false;
    json += '{';
    bool is_first = true;
    for (const auto& [key, value] : *table) {
      if (!is_first) json += ',';
      is_first = false;
      json += json_string(key.str()) + ':';
      if (!append(json, value, depth_left - 1)) return false;
    }
    json += '}';
  } else if (const auto* array = node.as_array()) {
    if (depth_left == 0) return false;
    json += '[';
    bool is_first = true;
    for (const toml::node& value : *array) {
      if (!is_first) json += ',';
      is_first = false;
      if (!append(json, value, depth_left - 1)) return false;
    }
    json += ']';
  } else if (const auto* text = node.as_string()) {
    json += json_string(text->get());
  } else if (const auto* integer = node.as_integer()) {
    json += std::to_string(integer->get());
  } else if (const auto* number = node.as_floating_point()) {
    json += json_number(number->get());
  } else if (const auto* truth = node.as_boolean()) {
    json += truth->get() ? "true" : "false";
  } else if (const auto* date = node.as_date()) {
    json += text_of(date->get());
  } else if (const auto* time = node.as_time()) {
    json += text_of(time->get());
  } else if (const auto* date_time = node.as_date_time()) {
    json += text_of(date_time->get());
  }
  return true;
}

}  // namespace

std::string json_string(std::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (c == '\n') {
      json += "\\n";
    } else if (c == '\t') {
      json += "\\t";
    } else if (byte < 0x20) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      json += "\\u00";
      json += kDigits[byte >> 4];
      json += kDigits[byte & 15];
    } else {
      json += c;
    }
  }
  return json + '"';
}

std::optional<std::string> json_of(const toml::node& node, int max_depth) {
  std::string json;
  if (!append(json, node, max_depth)) return std::nullopt;
  return json;
}

}  // namespace bulkhead::plugin
