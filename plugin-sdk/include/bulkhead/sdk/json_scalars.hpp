// The parts of a JsonReader that do not depend on the type being read: errors, numbers, strings.
//
// Ownership: borrows the document.
// Threads:   one at a time.
// Throws DecodeError, which says where.
#pragma once

#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include <bulkhead/sdk/json_document.hpp>
#include <bulkhead/sdk/json_path.hpp>
#include <bulkhead/sdk/json_text.hpp>
#include <bulkhead/sdk/signature.hpp>

namespace bulkhead::sdk {

class JsonScalars {
 protected:
  // `what` names the value in errors ("argument 2"); it may be empty.
  JsonScalars(const JsonDocument& document, std::string what) : document_(document), what_(std::move(what)) {}

  [[noreturn]] void fail(const std::string& text) const {
    const std::string path = path_.text();
    std::string where = what_;
    if (!where.empty() && !path.empty()) where += ", ";
    where += path;
    throw DecodeError(where.empty() ? text : where + ": " + text);
  }
  // The node as errors call it.
  [[nodiscard]] std::string described(JsonIndex node) const {
    switch (document_.kind(node)) {
      case JsonKind::kNull:
        return "null";
      case JsonKind::kFalse:
        return "false";
      case JsonKind::kTrue:
        return "true";
      case JsonKind::kNumber:
        return std::string(document_.text(node));
      case JsonKind::kString:
        return "string";
      case JsonKind::kArray:
        return "array";
      case JsonKind::kObject:
        return "object";
    }
    return "nothing";
  }
  void expect(JsonIndex node, JsonKind kind, const char* expected) const {
    if (document_.kind(node) != kind) {
      fail(std::string("expected ") + expected + ", got " + described(node));
    }
  }
  void expect_count(JsonIndex node, std::size_t count) const {
    expect(node, JsonKind::kArray, "array");
    if (document_.count(node) != count) {
      fail("expected an array of " + std::to_string(count) + ", got one of " + std::to_string(document_.count(node)));
    }
  }
  // A string's characters, or the bytes of {"base64": "..."}.
  std::string byte_text(JsonIndex node, const char* expected) const {
    if (document_.kind(node) == JsonKind::kObject && document_.count(node) == 1 &&
        document_.text(node + 1) == "base64" && document_.kind(node + 2) == JsonKind::kString) {
      auto bytes = decode_base64(document_.text(node + 2));
      if (!bytes) fail("expected padded base64, got \"" + std::string(document_.text(node + 2)) + "\"");
      return *std::move(bytes);
    }
    expect(node, JsonKind::kString, expected);
    return std::string(document_.text(node));
  }

  template <class T>
  T integer(JsonIndex node) const {
    expect(node, JsonKind::kNumber, "integer");
    const std::string_view text = document_.text(node);
    if (text.find_first_of(".eE") != std::string_view::npos) {
      fail("expected integer, got " + std::string(text));
    }
    T number{};
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || stopped != end) {
      fail(std::string(text) + " does not fit " + std::string(type_text<T>().view()));
    }
    return number;
  }

  template <class T>
  T floating(JsonIndex node) const {
    const std::string_view text = document_.text(node);
    if (document_.kind(node) == JsonKind::kString) {
      if (text == "NaN") return std::numeric_limits<T>::quiet_NaN();
      if (text == "Infinity") return std::numeric_limits<T>::infinity();
      if (text == "-Infinity") return -std::numeric_limits<T>::infinity();
    }
    expect(node, JsonKind::kNumber, "number");
    T number{};
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    const bool is_integer = text.find_first_of(".eE") == std::string_view::npos;
    if (error != std::errc{} || stopped != end || (is_integer && !is_exactly(number, text))) {
      fail(std::string(text) + " does not fit " + std::string(type_text<T>().view()));
    }
    return number;
  }
  // Whether an integer of 64 bits became this float without rounding.
  template <class T>
  static bool is_exactly(T number, std::string_view text) {
    if (text.front() == '-') {
      std::int64_t integer = 0;
      std::from_chars(text.data(), text.data() + text.size(), integer);
      return static_cast<Int128>(number) == integer;
    }
    std::uint64_t integer = 0;
    std::from_chars(text.data(), text.data() + text.size(), integer);
    return static_cast<Int128>(number) == integer;
  }

  const JsonDocument& document_;
  const std::string what_;
  JsonPath path_;
};

}  // namespace bulkhead::sdk
