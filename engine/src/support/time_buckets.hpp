// Classes of durations, each at most an eighth wider than the one before: a duration in nine bits, for histograms.
#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>

namespace bulkhead::support {

struct TimeBuckets {
  static constexpr std::uint32_t kCount = 512;

  [[nodiscard]] static constexpr std::uint32_t index(std::chrono::nanoseconds duration) noexcept {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
    if (value < kParts) return static_cast<std::uint32_t>(value);
    const auto exponent = static_cast<std::uint32_t>(std::bit_width(value)) - 1;  // 3 to 62
    const auto part = static_cast<std::uint32_t>(value >> (exponent - 3)) % kParts;
    return (exponent - 2) * kParts + part;
  }
  // The shortest duration of this class.
  [[nodiscard]] static constexpr std::chrono::nanoseconds from(std::uint32_t index) noexcept {
    if (index < kParts) return std::chrono::nanoseconds(index);
    return std::chrono::nanoseconds(
        static_cast<std::int64_t>(std::uint64_t{kParts + index % kParts} << (index / kParts - 1)));
  }

 private:
  static constexpr std::uint32_t kParts = 8;
};

}  // namespace bulkhead::support
