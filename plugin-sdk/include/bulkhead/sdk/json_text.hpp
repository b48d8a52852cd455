// The small pieces of our JSON: quoting, base64, UTF-8, durations, numbers.
//
// Stateless functions. Those that read return false or nullopt for text that is not what they read.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include <bulkhead/sdk/duration.hpp>

namespace bulkhead::sdk {

// Whether `text` is well-formed UTF-8 (no overlong forms, no surrogates).
inline bool is_utf8(std::string_view text) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = at + text.size();
  while (at < end) {
    const unsigned char first = *at++;
    if (first < 0x80) continue;
    const int more = first >= 0xC2 && first <= 0xDF   ? 1
                     : first >= 0xE0 && first <= 0xEF ? 2
                     : first >= 0xF0 && first <= 0xF4 ? 3
                                                      : 0;
    if (more == 0 || end - at < more) return false;
    // The second byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF.
    const unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (*at < low || *at > high) return false;
    for (int i = 1; i < more; ++i) {
      if ((at[i] & 0xC0) != 0x80) return false;
    }
    at += more;
  }
  return true;
}

// Appends `text` as a JSON string. Requires: is_utf8(text).
inline void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.reserve(out.size() + text.size() + 2);
  out += '"';
  // What needs no escape is taken in one piece.
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && c != '"' && c != '\\') continue;
    out += text.substr(begin, at - begin);
    begin = at + 1;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  out += text.substr(begin);
  out += '"';
}

inline constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Appends the base64 form (RFC 4648, padded) of `bytes`.
inline void append_base64(std::string& out, std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t present = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < present ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += j <= present ? kBase64Digits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
}

// The bytes of padded base64, strictly: no spaces, no missing padding, no stray bits.
inline std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t group = 0;
    std::size_t padding = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const char c = text[i + j];
      const auto digit = kBase64Digits.find(c);
      const bool is_padding = c == '=' && j >= 2 && i + 4 == text.size();
      if (is_padding) {
        ++padding;
      } else if (padding != 0 || digit == std::string_view::npos) {
        return std::nullopt;
      }
      group = group << 6 | (is_padding ? 0U : static_cast<std::uint32_t>(digit));
    }
    if ((padding == 1 && (group & 0xFF) != 0) || (padding == 2 && (group & 0xFFFF) != 0)) {
      return std::nullopt;
    }
    for (std::size_t j = 0; j + padding < 3; ++j) {
      out += static_cast<char>(group >> (16 - 8 * j) & 0xFF);
    }
  }
  return out;
}

// Appends seconds with as many decimals as it takes: "1.5s", "-0.000000001s".
inline void append_duration(std::string& out, std::int64_t nanoseconds) {
  // Not negated as a signed number: the lowest has no positive counterpart.
  const auto magnitude =
      nanoseconds < 0 ? 0 - static_cast<std::uint64_t>(nanoseconds) : static_cast<std::uint64_t>(nanoseconds);
  if (nanoseconds < 0) out += '-';
  out += std::to_string(magnitude / 1'000'000'000);
  std::string fraction = std::to_string(magnitude % 1'000'000'000);
  fraction.insert(0, 9 - fraction.size(), '0');
  fraction.erase(fraction.find_last_not_of('0') + 1);
  if (!fraction.empty()) out += '.' + fraction;
  out += 's';
}

// Nanoseconds of "250ms", "1.5s", "-2h" (units ns, us, ms, s, m, h); nothing is rounded.
inline std::optional<std::int64_t> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::int64_t nanoseconds;
  };
  static constexpr std::array<Unit, 6> kUnits = {{{"ns", 1},
                                                  {"us", 1'000},
                                                  {"ms", 1'000'000},
                                                  {"s", 1'000'000'000},
                                                  {"m", 60'000'000'000},
                                                  {"h", 3'600'000'000'000}}};
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  const auto number_end = text.find_first_not_of("0123456789.");
  if (number_end == std::string_view::npos || number_end == 0) return std::nullopt;
  const std::string_view number = text.substr(0, number_end);
  Int128 scale = 0;
  for (const Unit& unit : kUnits) {
    if (unit.name == text.substr(number_end)) scale = unit.nanoseconds;
  }
  if (scale == 0 || number.front() == '.' || number.back() == '.') return std::nullopt;
  Int128 total = 0;
  bool in_fraction = false;
  for (const char c : number) {
    if (c == '.') {
      if (in_fraction) return std::nullopt;
      in_fraction = true;
      continue;
    }
    const Int128 digit = c - '0';
    if (in_fraction) {
      if (scale % 10 != 0 && digit != 0) return std::nullopt;
      scale /= 10;
      total += digit * scale;
    } else {
      total = total * 10 + digit * scale;
    }
    // Far beyond what fits, far below what 128 bits hold.
    if (total > static_cast<Int128>(1) << 70) return std::nullopt;
  }
  if (is_negative) total = -total;
  if (total > std::numeric_limits<std::int64_t>::max() || total < std::numeric_limits<std::int64_t>::min()) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(total);
}

// Appends a number so that reading it gives the same value; a float always looks like one.
template <class Number>
void append_number(std::string& out, Number number) {
  if constexpr (std::is_floating_point_v<Number>) {
    if (std::isnan(number)) {
      out += "\"NaN\"";
      return;
    }
    if (std::isinf(number)) {
      out += number < 0 ? "\"-Infinity\"" : "\"Infinity\"";
      return;
    }
  }
  std::array<char, 40> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  const std::string_view digits(text.data(), static_cast<std::size_t>(end - text.data()));
  out += digits;
  if constexpr (std::is_floating_point_v<Number>) {
    if (digits.find_first_of(".e") == std::string_view::npos) out += ".0";
  }
}

}  // namespace bulkhead::sdk
