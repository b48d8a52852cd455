// A number and its unit, as byte sizes and durations share them: "1.5s", "64KiB".
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace bulkhead::support {

struct Unit {
  std::string_view name;
  std::uint64_t factor;  // of the smallest unit
};

// The text's number and its unit, not yet multiplied.
struct Quantity {
  std::string_view number;  // digits, at most one '.'
  std::string_view unit;    // what follows; empty for a bare number
};

// Empty when the text does not start with a number.
[[nodiscard]] std::optional<Quantity> split_quantity(std::string_view text);

enum class ScaleProblem : std::uint8_t { kNone, kNotWhole, kTooLarge };

struct Scaled {
  std::uint64_t value = 0;
  ScaleProblem problem = ScaleProblem::kNone;
};

// number × factor, exact: "0.5" × 1 is kNotWhole, never rounded.
[[nodiscard]] Scaled scale(std::string_view number, std::uint64_t factor);

// The largest unit of which `value` is a whole multiple. Requires: the last unit has factor 1.
[[nodiscard]] const Unit& largest_whole_unit(std::uint64_t value, std::span<const Unit> largest_first);

}  // namespace bulkhead::support
