// JSON text taken apart: every value a node in one flat array, numbers still as they were written.
//
// Ownership: the document owns its text; views into it live as long.
// Threads:   immutable once parsed.
// Throws DecodeError for what is not JSON, for duplicate keys, integers beyond 64 bits, nesting
// deeper than 256. Memory is bounded by a small multiple of the text.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <bulkhead/sdk/errors.hpp>

namespace bulkhead::sdk {

enum class JsonKind : std::uint8_t { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };

// Where a node is in its document. A container's first child follows it; an object's children are
// key, value, key...
using JsonIndex = std::uint32_t;

class JsonDocument {
 public:
  // Parses all of `text`.
  explicit JsonDocument(std::string_view text);

  [[nodiscard]] JsonKind kind(JsonIndex node) const { return nodes_[node].kind; }
  // A number as written, or a string's characters.
  [[nodiscard]] std::string_view text(JsonIndex node) const {
    return std::string_view(characters_).substr(nodes_[node].begin, nodes_[node].size);
  }
  // An array's elements, an object's members.
  [[nodiscard]] std::uint32_t count(JsonIndex node) const { return nodes_[node].size; }
  // The node after this one and all that is in it.
  [[nodiscard]] JsonIndex next(JsonIndex node) const { return nodes_[node].next; }
  // The value of `name` in an object; 0 (the root, never a member) when it has none.
  [[nodiscard]] JsonIndex find(JsonIndex object, std::string_view name) const {
    JsonIndex key = object + 1;
    for (std::uint32_t i = 0; i < count(object); ++i, key = next(key + 1)) {
      if (text(key) == name) return key + 1;
    }
    return 0;
  }

 private:
  struct Node {
    JsonKind kind;
    std::uint32_t begin;  // of the characters
    std::uint32_t size;   // characters, or children
    JsonIndex next;
  };
  class Builder;

  std::vector<Node> nodes_;
  std::string characters_;
};

// What RapidJSON calls back.
class JsonDocument::Builder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Builder> {
 public:
  explicit Builder(JsonDocument& document) : document_(document) {}

  bool Null() { return leaf(JsonKind::kNull, {}); }
  bool Bool(bool value) { return leaf(value ? JsonKind::kTrue : JsonKind::kFalse, {}); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    const std::string_view number(text, size);
    if (number.find_first_of(".eE") == std::string_view::npos && !fits_64_bits(number)) {
      error_ = "the integer " + std::string(number) + " does not fit 64 bits";
      return false;
    }
    return leaf(JsonKind::kNumber, number);
  }
  bool String(const char* text, rapidjson::SizeType size, bool) { return leaf(JsonKind::kString, {text, size}); }
  bool Key(const char* text, rapidjson::SizeType size, bool) { return leaf(JsonKind::kString, {text, size}); }
  bool StartArray() { return open(JsonKind::kArray); }
  bool EndArray(rapidjson::SizeType count) { return close(count); }
  bool StartObject() { return open(JsonKind::kObject); }
  bool EndObject(rapidjson::SizeType count) { return close(count) && has_unique_keys(); }

  // Why a callback returned false.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  static bool fits_64_bits(std::string_view number) {
    const char* const end = number.data() + number.size();
    std::int64_t with_sign = 0;
    std::uint64_t without = 0;
    return std::from_chars(number.data(), end, with_sign).ec == std::errc{} ||
           std::from_chars(number.data(), end, without).ec == std::errc{};
  }
  bool leaf(JsonKind kind, std::string_view text) {
    auto& nodes = document_.nodes_;
    nodes.push_back({kind, static_cast<std::uint32_t>(document_.characters_.size()),
                     static_cast<std::uint32_t>(text.size()), static_cast<JsonIndex>(nodes.size() + 1)});
    document_.characters_ += text;
    return true;
  }
  bool open(JsonKind kind) {
    if (open_.size() >= kMaxDepth) {
      error_ = "nested deeper than " + std::to_string(kMaxDepth) + " levels";
      return false;
    }
    open_.push_back(static_cast<JsonIndex>(document_.nodes_.size()));
    return leaf(kind, {});
  }
  bool close(std::uint32_t count) {
    closed_ = open_.back();
    open_.pop_back();
    document_.nodes_[closed_].size = count;
    document_.nodes_[closed_].next = static_cast<JsonIndex>(document_.nodes_.size());
    return true;
  }
  bool has_unique_keys() {
    std::vector<std::string_view> keys;
    keys.reserve(document_.count(closed_));
    JsonIndex key = closed_ + 1;
    for (std::uint32_t i = 0; i < document_.count(closed_); ++i, key = document_.next(key + 1)) {
      keys.push_back(document_.text(key));
    }
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice == keys.end()) return true;
    error_ = "the key \"" + std::string(*twice) + "\" occurs twice";
    return false;
  }

  JsonDocument& document_;
  std::vector<JsonIndex> open_;
  JsonIndex closed_ = 0;
  std::string error_;
};

inline JsonDocument::JsonDocument(std::string_view text) {
  if (text.size() >= std::numeric_limits<std::uint32_t>::max()) {
    throw DecodeError("invalid JSON: " + std::to_string(text.size()) + " bytes are more than 4 GiB");
  }
  // Arguments are few mostly.
  nodes_.reserve(std::min<std::size_t>(text.size() / 2 + 1, 16));
  characters_.reserve(text.size());
  Builder builder(*this);
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::CrtAllocator allocator;  // else it would be allocated
  rapidjson::Reader reader(&allocator);
  // Iterative: depth costs no stack. Numbers as text: nothing is rounded before the type is known.
  constexpr unsigned kFlags =
      rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseValidateEncodingFlag;
  const auto result = reader.Parse<kFlags>(stream, builder);
  const auto refuse = [&stream](std::string_view why) {
    throw DecodeError("invalid JSON at byte " + std::to_string(stream.Tell()) + ": " + std::string(why));
  };
  if (!builder.error().empty()) refuse(builder.error());
  if (result.IsError()) refuse(rapidjson::GetParseError_En(result.Code()));
  // RapidJSON takes a zero byte for the end.
  if (stream.Tell() != text.size()) refuse("a zero byte");
}

}  // namespace bulkhead::sdk
