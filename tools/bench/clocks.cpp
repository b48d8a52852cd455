#include "clocks.hpp"

namespace bulkhead::bench {

CpuClock::CpuClock(const std::vector<pid_t>& others) : clocks_{CLOCK_PROCESS_CPUTIME_ID} {
  for (const pid_t pid : others) {
    clockid_t clock = 0;
    if (::clock_getcpuclockid(pid, &clock) == 0) clocks_.push_back(clock);
  }
}

double CpuClock::read_us() const {
  double sum = 0;
  for (const clockid_t clock : clocks_) {
    timespec time{};
    // It fails for a process that has ended: what it used is not counted then.
    if (::clock_gettime(clock, &time) == 0) {
      sum += static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
    }
  }
  return sum;
}

}  // namespace bulkhead::bench
