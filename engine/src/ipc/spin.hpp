// How to wait for a moment without giving the processor away, and for how long that pays.
#pragma once

#include <algorithm>
#include <cstdint>

namespace bulkhead::ipc {

// Tells the processor that this is a waiting loop: saves power and the sibling's pipeline.
inline void cpu_relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Looks until is_there(), at most so many pauses long; says which. 0: not at all. The first looks do not pause: a pause takes
// a tenth of a hot round trip, and half of one is lost when what was looked for comes.
template <class IsThere>
[[nodiscard]] bool spin_until(std::uint32_t pauses, IsThere is_there) noexcept {
  constexpr std::uint32_t kEagerLooks = 64;
  if (pauses == 0) return false;
  for (std::uint32_t look = 0; look < kEagerLooks; ++look) {
    if (is_there()) return true;
  }
  for (std::uint32_t look = 0; look < pauses; ++look) {
    if (is_there()) return true;
    cpu_relax();
  }
  return false;
}

// The most pauses between looks before a side parks.
struct SpinBudget {
  std::uint32_t host_pauses = 0;
  std::uint32_t worker_pauses = 0;
};

// How many rounds one side spends looking before it parks. Whoever looks in vain looks for less long the next time: the
// other side has nothing to say, or cannot run because this one has its processor. Now and then it is the most again,
// since that may have changed: a pair that only ever sleeps must find out that it need not.
//
// Threads: one at a time.
class AdaptiveSpin {
 public:
  explicit AdaptiveSpin(std::uint32_t most) noexcept : most_(most), pauses_(most) {}
  [[nodiscard]] std::uint32_t pauses() const noexcept { return pauses_; }
  // Whether what it looked for came within pauses().
  void note(bool found) noexcept {
    if (found) {
      pauses_ = std::min(most_, pauses_ * 2);
    } else if (++failures_ % kFailuresUntilRetry == 0) {
      pauses_ = most_;
    } else {
      pauses_ = std::max(std::min(most_, kLeast), pauses_ / 2);
    }
  }

 private:
  static constexpr std::uint32_t kLeast = 64;  // many times a hot round trip
  static constexpr std::uint32_t kFailuresUntilRetry = 32;
  std::uint32_t most_;
  std::uint32_t pauses_;
  std::uint32_t failures_ = 0;
};

// Processors this process may use: its affinity mask, and its control group's quota rounded up; at least 1. Reads
// files: not for hot paths.
[[nodiscard]] unsigned usable_cpus() noexcept;

// Zero where one processor is usable: spinning there only keeps the peer from running. Otherwise
// the worker's budget exceeds one wake-up, or the pair would park by turns for ever.
[[nodiscard]] SpinBudget default_spin_budget() noexcept;
// The same for so many processors and workers: where workers outnumber processors, one that looks long keeps another from
// running.
[[nodiscard]] SpinBudget spin_budget(unsigned cpus, std::uint64_t workers) noexcept;

}  // namespace bulkhead::ipc
