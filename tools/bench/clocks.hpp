// Wall clock and processor time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <ctime>
#include <vector>

namespace bulkhead::bench {

using Clock = std::chrono::steady_clock;

[[nodiscard]] inline double microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}
[[nodiscard]] inline double seconds(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// The processor time of this process, all its threads, and of others by their ids. Workers are nobody's children here,
// so getrusage() would not see them; every process has a clock, exact to the nanosecond.
class CpuClock {
 public:
  explicit CpuClock(const std::vector<pid_t>& others);
  [[nodiscard]] double read_us() const;

 private:
  std::vector<clockid_t> clocks_;
};

}  // namespace bulkhead::bench
