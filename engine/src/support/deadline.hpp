// A point on the steady clock up to which something may take. Saturates: "too far away" is for ever.
//
// CLOCK_REALTIME is never used for waiting: it jumps.
#pragma once

#include <algorithm>
#include <chrono>
#include <limits>

namespace bulkhead::support {

class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] static constexpr Deadline never() noexcept { return Deadline(Clock::time_point::max()); }
  [[nodiscard]] static constexpr Deadline at(Clock::time_point when) noexcept { return Deadline(when); }
  // Negative durations are a deadline that has passed.
  [[nodiscard]] static Deadline after(std::chrono::nanoseconds duration) noexcept {
    const auto now = Clock::now();
    if (duration >= Clock::time_point::max() - now) return never();
    return Deadline(now + duration);
  }

  [[nodiscard]] bool is_never() const noexcept { return when_ == Clock::time_point::max(); }
  [[nodiscard]] Clock::time_point when() const noexcept { return when_; }
  [[nodiscard]] bool has_passed() const noexcept { return !is_never() && Clock::now() >= when_; }

  // Time left; zero once passed; nanoseconds::max() for never().
  [[nodiscard]] std::chrono::nanoseconds left() const noexcept {
    if (is_never()) return std::chrono::nanoseconds::max();
    return std::max(std::chrono::nanoseconds::zero(), std::chrono::nanoseconds(when_ - Clock::now()));
  }

  // For poll(): milliseconds left, rounded up so that a wait never ends early and spins; -1 for never().
  [[nodiscard]] int poll_timeout_ms() const noexcept {
    if (is_never()) return -1;
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left()).count();
    return static_cast<int>(std::min<long long>(ms, std::numeric_limits<int>::max()));
  }

 private:
  constexpr explicit Deadline(Clock::time_point when) noexcept : when_(when) {}
  Clock::time_point when_;
};

}  // namespace bulkhead::support
