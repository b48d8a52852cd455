// Durations as whole nanoseconds, exactly or not at all.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <ratio>
#include <string>
#include <type_traits>

#include <bulkhead/sdk/errors.hpp>

namespace bulkhead::sdk {

__extension__ using Int128 = __int128;

// `duration` in nanoseconds. Throws EncodeError when 64 bits cannot hold it or it has a finer part.
template <class Rep, class Period>
std::int64_t to_nanoseconds(std::chrono::duration<Rep, Period> duration) {
  using Ratio = std::ratio_divide<Period, std::nano>;
  if constexpr (std::is_floating_point_v<Rep>) {
    const double nanoseconds =
        static_cast<double>(duration.count()) * static_cast<double>(Ratio::num) / static_cast<double>(Ratio::den);
    // 2^63 as a double; NaN fails the comparison too.
    if (!(std::abs(nanoseconds) < 9223372036854775808.0)) {
      throw EncodeError("a duration is not a number of nanoseconds that fits 64 bits");
    }
    return std::llround(nanoseconds);
  } else {
    const Int128 scaled = static_cast<Int128>(duration.count()) * Ratio::num;
    if (scaled % Ratio::den != 0) {
      throw EncodeError("a duration is finer than a nanosecond");
    }
    const Int128 nanoseconds = scaled / Ratio::den;
    if (nanoseconds > std::numeric_limits<std::int64_t>::max() ||
        nanoseconds < std::numeric_limits<std::int64_t>::min()) {
      throw EncodeError("a duration does not fit 64 bits of nanoseconds");
    }
    return static_cast<std::int64_t>(nanoseconds);
  }
}

// The reverse. Throws DecodeError when Duration is too coarse to hold the value exactly, or too
// small.
template <class Duration>
Duration from_nanoseconds(std::int64_t nanoseconds) {
  using Rep = typename Duration::rep;
  using Ratio = std::ratio_divide<typename Duration::period, std::nano>;
  if constexpr (std::is_floating_point_v<Rep>) {
    return Duration(static_cast<Rep>(static_cast<double>(nanoseconds) * static_cast<double>(Ratio::den) /
                                     static_cast<double>(Ratio::num)));
  } else {
    const Int128 scaled = static_cast<Int128>(nanoseconds) * Ratio::den;
    const Int128 count = scaled / Ratio::num;
    if (scaled % Ratio::num != 0 || static_cast<Int128>(static_cast<Rep>(count)) != count) {
      throw DecodeError("a duration of " + std::to_string(nanoseconds) +
                        " ns is no whole number of the unit declared here (declare a finer unit, or one "
                        "that counts in double)");
    }
    return Duration(static_cast<Rep>(count));
  }
}

}  // namespace bulkhead::sdk
