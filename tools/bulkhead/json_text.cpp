#include "json_text.hpp"

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

namespace bulkhead::cli {

namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Bytes of the UTF-8 sequence that starts at text[at]; 0 when there is none (also for surrogates, overlong forms and
// what is above U+10FFFF).
std::size_t sequence_length(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length == 0 || length > text.size() - at) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool is_outside = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
                          (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f);
  return is_outside ? 0 : length;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  for (const char c : text) {
    const auto digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> count & 0xff);
    }
  }
  return bytes;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const std::size_t length = sequence_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

bool is_json(std::string_view text) noexcept { return nlohmann::json::accept(text); }

void append_text(std::string& json, std::string_view text) {
  if (!is_utf8(text)) return append_base64(json, text);
  json += '"';
  std::size_t from = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    json.append(text, from, at - from);
    from = at + 1;
    json += '\\';
    switch (c) {
      case '"':
      case '\\':
        json += static_cast<char>(c);
        break;
      case '\b':
        json += 'b';
        break;
      case '\f':
        json += 'f';
        break;
      case '\n':
        json += 'n';
        break;
      case '\r':
        json += 'r';
        break;
      case '\t':
        json += 't';
        break;
      default:
        json += "u00";
        json += "0123456789abcdef"[c >> 4];
        json += "0123456789abcdef"[c & 15];
    }
  }
  json.append(text, from);
  json += '"';
}

void append_base64(std::string& json, std::string_view bytes) {
  json += R"({"base64":")";
  json.reserve(json.size() + bytes.size() / 3 * 4 + 8);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t left = bytes.size() - at;
    const auto byte = [&](std::size_t i) {
      return i < left ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) : 0;
    };
    const std::uint32_t bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    json += kDigits[bits >> 18];
    json += kDigits[bits >> 12 & 63];
    json += left > 1 ? kDigits[bits >> 6 & 63] : '=';
    json += left > 2 ? kDigits[bits & 63] : '=';
  }
  json += "\"}";
}

std::string text_to_json(std::string_view text) {
  std::string json;
  append_text(json, text);
  return json;
}

bool text_of_json(std::string_view json, std::string& text) {
  const auto value = nlohmann::json::parse(json, nullptr, false);
  if (value.is_string()) {
    text = value.get<std::string>();
    return true;
  }
  if (!value.is_object() || value.size() != 1) return false;
  const auto base64 = value.find("base64");
  if (base64 == value.end() || !base64->is_string()) return false;
  auto bytes = from_base64(base64->get_ref<const std::string&>());
  if (bytes) text = std::move(*bytes);
  return bytes.has_value();
}

std::string on_one_line(std::string json) {
  // Each of them is quick to find, the set is not.
  if (json.find('\n') == std::string::npos && json.find('\r') == std::string::npos) return json;
  const auto value = nlohmann::ordered_json::parse(json, nullptr, false);
  // Not JSON after all: shown as text, so that a line stays a line and stays JSON.
  if (value.is_discarded()) return text_to_json(json);
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace bulkhead::cli
