// Atomics of a process that dies at a chosen step: every access is two steps, one before and one after it.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>

namespace bulkhead::ipc::testing {

// How many steps this process still has; below zero: it is immortal.
inline std::int64_t steps_left = -1;

inline void step() noexcept {
  if (steps_left < 0 || steps_left-- > 0) return;
  for (;;) ::syscall(SYS_kill, ::syscall(SYS_getpid), SIGKILL);
}

template <class T>
class MortalAtomic {
 public:
  static constexpr bool is_always_lock_free = std::atomic<T>::is_always_lock_free;

  MortalAtomic() noexcept = default;
  MortalAtomic(T value) noexcept : value_(value) {}

  [[nodiscard]] T load(std::memory_order order) const noexcept {
    step();
    return value_.load(order);
  }
  void store(T desired, std::memory_order order) noexcept {
    step();
    value_.store(desired, order);
    step();
  }
  [[nodiscard]] bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                                             std::memory_order failure) noexcept {
    step();
    const bool has_won = value_.compare_exchange_strong(expected, desired, success, failure);
    step();
    return has_won;
  }

 private:
  std::atomic<T> value_{};
};

}  // namespace bulkhead::ipc::testing
