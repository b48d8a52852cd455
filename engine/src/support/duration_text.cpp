#include "support/duration_text.hpp"

#include <array>
#include <cstdint>
#include <limits>

#include "support/in_quotes.hpp"
#include "support/quantity.hpp"

namespace bulkhead::support {

namespace {

constexpr std::array<Unit, 6> kTimeUnits{{
    {"h", 3'600'000'000'000},
    {"m", 60'000'000'000},
    {"s", 1'000'000'000},
    {"ms", 1'000'000},
    {"us", 1'000},
    {"ns", 1},
}};

struct Alias {
  std::string_view written;
  std::string_view meant;
};
constexpr std::array<Alias, 17> kAliases{{{"sec", "s"},
                                          {"secs", "s"},
                                          {"second", "s"},
                                          {"seconds", "s"},
                                          {"S", "s"},
                                          {"min", "m"},
                                          {"mins", "m"},
                                          {"minute", "m"},
                                          {"minutes", "m"},
                                          {"M", "m"},
                                          {"hour", "h"},
                                          {"hours", "h"},
                                          {"hr", "h"},
                                          {"H", "h"},
                                          {"msec", "ms"},
                                          {"millis", "ms"},
                                          {"µs", "us"}}};

}  // namespace

Parsed<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const auto parts = split_quantity(text);
  if (!parts) {
    return {std::nullopt, in_quotes(text) + " is not a duration",
            "write a number and a unit: \"250ms\", \"5s\", \"10m\""};
  }
  const std::string number(parts->number);
  if (parts->unit.empty()) {
    return {std::nullopt, in_quotes(text) + " has no unit",
            "add one: " + in_quotes(number + "ms") + ", " + in_quotes(number + "s") + " or " + in_quotes(number + "m")};
  }
  for (const Unit& unit : kTimeUnits) {
    if (unit.name != parts->unit) continue;
    const Scaled scaled = scale(parts->number, unit.factor);
    if (scaled.problem == ScaleProblem::kNotWhole) {
      return {std::nullopt, in_quotes(text) + " is not a whole number of nanoseconds", ""};
    }
    constexpr auto kLongest = std::numeric_limits<std::int64_t>::max();
    if (scaled.problem == ScaleProblem::kTooLarge || scaled.value > static_cast<std::uint64_t>(kLongest)) {
      return {std::chrono::nanoseconds::max(), "", ""};
    }
    return {std::chrono::nanoseconds(static_cast<std::int64_t>(scaled.value)), "", ""};
  }
  std::string help = "units are ns, us, ms, s, m, h";
  for (const Alias& alias : kAliases) {
    if (alias.written == parts->unit) help = "write " + in_quotes(number + std::string(alias.meant));
  }
  return {std::nullopt, "unknown unit " + in_quotes(parts->unit) + " in " + in_quotes(text), std::move(help)};
}

std::string duration_text(std::chrono::nanoseconds duration) {
  if (duration == std::chrono::nanoseconds::max()) return "for ever";
  const std::int64_t count = duration.count();
  // Negated as unsigned: the least 64-bit integer has no positive counterpart.
  const auto size = count < 0 ? 0 - static_cast<std::uint64_t>(count) : static_cast<std::uint64_t>(count);
  if (size == 0) return "0s";
  const Unit& unit = largest_whole_unit(size, kTimeUnits);
  return (count < 0 ? "-" : "") + std::to_string(size / unit.factor) + std::string(unit.name);
}

}  // namespace bulkhead::support
