#include "support/byte_size.hpp"

#include <array>

#include "support/in_quotes.hpp"
#include "support/quantity.hpp"

namespace bulkhead::support {

namespace {

constexpr std::array<Unit, 5> kByteUnits{{
    {"TiB", 1ULL << 40},
    {"GiB", 1ULL << 30},
    {"MiB", 1ULL << 20},
    {"KiB", 1ULL << 10},
    {"B", 1},
}};

// "MB", "mb", "M" and "mib" mean MiB to whoever wrote them, most likely.
const Unit* unit_meant_by(std::string_view text) {
  if (text.empty() || text.size() > 3) return nullptr;
  const char first = static_cast<char>(text[0] & ~0x20);  // upper case of an ASCII letter
  for (const Unit& unit : kByteUnits) {
    if (unit.name[0] == first) return &unit;
  }
  return nullptr;
}

}  // namespace

Parsed<std::uint64_t> parse_byte_size(std::string_view text) {
  const auto parts = split_quantity(text);
  if (!parts) {
    return {std::nullopt, in_quotes(text) + " is not a size", "write a number and a unit: \"512MiB\", \"64KiB\""};
  }
  const std::string number(parts->number);
  if (parts->unit.empty()) {
    return {
        std::nullopt, in_quotes(text) + " has no unit",
        "add one: " + in_quotes(number + "B") + ", " + in_quotes(number + "KiB") + " or " + in_quotes(number + "MiB")};
  }
  for (const Unit& unit : kByteUnits) {
    if (unit.name != parts->unit) continue;
    const Scaled scaled = scale(parts->number, unit.factor);
    if (scaled.problem == ScaleProblem::kNotWhole) {
      return {std::nullopt, in_quotes(text) + " is not a whole number of bytes", ""};
    }
    if (scaled.problem == ScaleProblem::kTooLarge) {
      return {std::nullopt, in_quotes(text) + " is too large", ""};
    }
    return {scaled.value, "", ""};
  }
  const Unit* meant = unit_meant_by(parts->unit);
  return {
      std::nullopt, "unknown unit " + in_quotes(parts->unit) + " in " + in_quotes(text),
      meant != nullptr ? "write " + in_quotes(number + std::string(meant->name)) : "units are B, KiB, MiB, GiB, TiB"};
}

std::string byte_size_text(std::uint64_t bytes) {
  const Unit& unit = largest_whole_unit(bytes, kByteUnits);
  return std::to_string(bytes / unit.factor) + std::string(unit.name);
}

}  // namespace bulkhead::support
