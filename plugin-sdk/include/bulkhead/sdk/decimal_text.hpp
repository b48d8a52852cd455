// A double in decimal, written at compile time, when nothing in the standard library can.
//
// Compile time only. Every digit is written, so that whoever reads it gets the same double: 0.1 has 55.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <bulkhead/sdk/note_text.hpp>

namespace bulkhead::sdk {

// A natural number that is large enough for any double: nine decimal digits each, the last ones first.
class LargeNumber {
 public:
  constexpr explicit LargeNumber(std::uint64_t value) {
    for (; value != 0; value /= kBase) parts_[count_++] = static_cast<std::uint32_t>(value % kBase);
  }
  // Requires: factor < 2^31, and the product below 10^774.
  constexpr void multiply(std::uint64_t factor) {
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      carry += parts_[i] * factor;
      parts_[i] = static_cast<std::uint32_t>(carry % kBase);
      carry /= kBase;
    }
    for (; carry != 0; carry /= kBase) parts_[count_++] = static_cast<std::uint32_t>(carry % kBase);
  }
  // The digit that stands for 10^place.
  [[nodiscard]] constexpr char digit(std::size_t place) const {
    std::uint32_t part = place / 9 < count_ ? parts_[place / 9] : 0;
    for (std::size_t i = place % 9; i > 0; --i) part /= 10;
    return static_cast<char>('0' + part % 10);
  }
  // Places beyond are 0.
  [[nodiscard]] constexpr std::size_t places() const { return count_ * 9; }

 private:
  static constexpr std::uint64_t kBase = 1'000'000'000;
  std::array<std::uint32_t, 88> parts_ = {};  // the smallest double has 767 digits that are not 0 in front
  std::size_t count_ = 0;
};

// `value` as JSON; not a number and infinities as the texts that stand for them.
constexpr void write_decimal(NoteText& out, double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const auto biased = static_cast<int>(bits >> 52 & 0x7ff);
  std::uint64_t mantissa = bits & ((std::uint64_t{1} << 52) - 1);
  const bool is_negative = bits >> 63 != 0;
  if (biased == 0x7ff) return out.escaped(mantissa != 0 ? "\"NaN\"" : is_negative ? "\"-Infinity\"" : "\"Infinity\"");
  if (is_negative) out.escaped("-");
  if (biased == 0 && mantissa == 0) return out.escaped("0.0");
  // value = mantissa * 2^exponent
  int exponent = (biased == 0 ? 1 : biased) - 1075;
  if (biased != 0) mantissa |= std::uint64_t{1} << 52;
  for (; exponent < 0 && mantissa % 2 == 0; ++exponent) mantissa /= 2;

  // m / 2^k = m * 5^k / 10^k
  const auto fraction_digits = static_cast<std::size_t>(exponent < 0 ? -exponent : 0);
  LargeNumber number(mantissa);
  for (int left = exponent; left > 0; left -= 30) number.multiply(std::uint64_t{1} << (left < 30 ? left : 30));
  for (std::size_t left = fraction_digits; left > 0; --left) number.multiply(5);

  std::size_t place = number.places() > fraction_digits ? number.places() : fraction_digits + 1;
  while (place > fraction_digits + 1 && number.digit(place - 1) == '0') --place;
  for (; place > 0; --place) {
    if (place == fraction_digits) out.escaped(".");
    const char digit = number.digit(place - 1);
    out.escaped({&digit, 1});
  }
  if (fraction_digits == 0) out.escaped(".0");
}

}  // namespace bulkhead::sdk
