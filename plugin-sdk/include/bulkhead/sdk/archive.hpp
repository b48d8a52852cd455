// The binary archives, and the two calls that most callers need: write() and read().
//
// Ownership: write() borrows the sink, read() the bytes.
// Failure:   EncodeError and DecodeError. Numbers alone cost a check and a copy.
#pragma once

#include <cstring>
#include <span>

#include <bulkhead/sdk/binary_reader.hpp>
#include <bulkhead/sdk/binary_writer.hpp>

CEREAL_SETUP_ARCHIVE_TRAITS(bulkhead::sdk::BinaryReader, bulkhead::sdk::BinaryWriter)

namespace bulkhead::sdk {

// `value` as one of the types the archives know: character pointers and literals become
// string_views.
template <class T>
decltype(auto) as_encodable(const T& value) {
  if constexpr (std::is_same_v<std::decay_t<T>, const char*> || std::is_same_v<std::decay_t<T>, char*>) {
    return std::string_view(value);
  } else {
    return (value);
  }
}

// Several values that are large: the first would be copied to make room for the next.
template <class... T>
constexpr bool may_be_large_together() {
  return (0 + ... + static_cast<int>(has_length<std::remove_cvref_t<T>>())) > 1 || (is_tuple<T> || ...);
}
inline constexpr std::size_t kLargeTogether = 4096;

// Appends the values back to back: what the arguments of a call and a result are made of.
// Throws EncodeError for what has no form, or when `sink` has no room.
template <class... T>
void write(ByteSink& sink, const T&... values) {
  if constexpr ((is_plain_number<T> && ...)) {
    (sink.put(&values, sizeof values), ...);
  } else {
    if constexpr (may_be_large_together<T...>()) {
      const std::size_t bytes = (std::size_t{0} + ... + known_size_at_once(as_encodable(values)));
      if (bytes >= kLargeTogether) sink.expect(bytes);
    }
    BinaryWriter writer(sink);
    (writer(as_encodable(values)), ...);
  }
}

// Fills the values from exactly `bytes`. Throws DecodeError when they are not that, or some are
// left.
template <class... T>
void read_with([[maybe_unused]] SharedSource shared, std::span<const std::byte> bytes, T&... values) {
  if constexpr ((is_plain_number<T> && ...)) {
    constexpr std::size_t kSize = (std::size_t{0} + ... + sizeof(T));
    if (bytes.size() == kSize) [[likely]] {
      [[maybe_unused]] const std::byte* from = bytes.data();
      ((std::memcpy(&values, from, sizeof values), from += sizeof values), ...);
      return;
    }
  }
  BinaryReader reader(bytes, shared);
  (reader(values), ...);
  reader.finish();
}
template <class... T>
void read(std::span<const std::byte> bytes, T&... values) {
  read_with({}, bytes, values...);
}

}  // namespace bulkhead::sdk
