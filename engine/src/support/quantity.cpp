#include "support/quantity.hpp"

#include <limits>

namespace bulkhead::support {

namespace {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

}  // namespace

std::optional<Quantity> split_quantity(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  if (end == 0) return std::nullopt;
  if (end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1])) {
    ++end;
    while (end < text.size() && is_digit(text[end])) ++end;
  }
  Quantity parts{text.substr(0, end), text.substr(end)};
  if (!parts.unit.empty() && parts.unit.front() == ' ') parts.unit.remove_prefix(1);
  return parts;
}

Scaled scale(std::string_view number, std::uint64_t factor) {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  const auto dot = number.find('.');
  std::uint64_t whole = 0;
  for (const char c : number.substr(0, dot)) {
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (whole > (kMax - digit) / 10) return {0, ScaleProblem::kTooLarge};
    whole = whole * 10 + digit;
  }
  if (factor != 0 && whole > kMax / factor) return {0, ScaleProblem::kTooLarge};
  std::uint64_t total = whole * factor;
  if (dot == std::string_view::npos) return {total, ScaleProblem::kNone};

  // Numerator and denominator are kept apart: 1.5KiB is 1536 bytes exactly, though a tenth of 1024
  // is not a whole number.
  std::string_view fraction = number.substr(dot + 1);
  while (!fraction.empty() && fraction.back() == '0') fraction.remove_suffix(1);
  if (fraction.size() > 18) return {0, ScaleProblem::kNotWhole};  // 10^18 is the last in 64 bits
  std::uint64_t numerator = 0;
  std::uint64_t denominator = 1;
  for (const char c : fraction) {
    numerator = numerator * 10 + static_cast<std::uint64_t>(c - '0');
    denominator *= 10;
  }
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(numerator) * factor;
  if (product % denominator != 0) return {0, ScaleProblem::kNotWhole};
  const auto part = static_cast<std::uint64_t>(product / denominator);  // < factor
  if (part > kMax - total) return {0, ScaleProblem::kTooLarge};
  total += part;
  return {total, ScaleProblem::kNone};
}

const Unit& largest_whole_unit(std::uint64_t value, std::span<const Unit> largest_first) {
  if (value != 0) {
    for (const Unit& unit : largest_first) {
      if (value % unit.factor == 0) return unit;
    }
  }
  return largest_first.back();
}

}  // namespace bulkhead::support
