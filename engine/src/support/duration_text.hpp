// Durations as people write them: "250ms", "5s", "1.5s", "10m", "1h", "20us", "7ns".
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "support/parsed.hpp"

namespace bulkhead::support {

// What is too long for 64-bit nanoseconds (292 years) becomes nanoseconds::max(): for ever.
[[nodiscard]] Parsed<std::chrono::nanoseconds> parse_duration(std::string_view text);

// What parse_duration() reads back as the same duration, in the largest unit that is exact. Not for
// negative durations ("-5s" is only for messages); nanoseconds::max() is "for ever".
[[nodiscard]] std::string duration_text(std::chrono::nanoseconds duration);

}  // namespace bulkhead::support
