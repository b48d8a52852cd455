// Text of fixed length that exists at compile time: what signatures and the catalogue note are
// built from.
//
// Ownership: a value; copies freely.
// Threads:   immutable once built.
// Everything is constexpr; nothing fails.
#pragma once

#include <cstddef>
#include <string_view>

namespace bulkhead::sdk {

// `N` characters and a closing zero, so that data() is a C string.
template <std::size_t N>
struct Text {
  char chars[N + 1] = {};

  constexpr Text() = default;
  // From a literal of N characters.
  constexpr Text(const char (&literal)[N + 1]) {  // NOLINT: a literal *is* a Text
    for (std::size_t i = 0; i < N; ++i) chars[i] = literal[i];
  }
  // The first N characters of `source`. Requires: source.size() >= N.
  constexpr explicit Text(std::string_view source) {
    for (std::size_t i = 0; i < N; ++i) chars[i] = source[i];
  }

  [[nodiscard]] static constexpr std::size_t size() { return N; }
  [[nodiscard]] constexpr std::string_view view() const { return {chars, N}; }
  [[nodiscard]] constexpr const char* data() const { return chars; }
};

template <std::size_t N>
Text(const char (&)[N]) -> Text<N - 1>;

// Both, one after the other.
template <std::size_t A, std::size_t B>
constexpr Text<A + B> operator+(const Text<A>& a, const Text<B>& b) {
  Text<A + B> out;
  for (std::size_t i = 0; i < A; ++i) out.chars[i] = a.chars[i];
  for (std::size_t i = 0; i < B; ++i) out.chars[A + i] = b.chars[i];
  return out;
}

// How many decimal digits `value` has.
constexpr std::size_t digits_of(std::size_t value) {
  std::size_t digits = 1;
  while (value >= 10) {
    value /= 10;
    ++digits;
  }
  return digits;
}

// `Value` in decimal.
template <std::size_t Value>
constexpr auto decimal() {
  Text<digits_of(Value)> out;
  std::size_t rest = Value;
  for (std::size_t i = digits_of(Value); i-- > 0; rest /= 10) {
    out.chars[i] = static_cast<char>('0' + rest % 10);
  }
  return out;
}

}  // namespace bulkhead::sdk
