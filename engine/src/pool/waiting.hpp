// A thread in wait_until(), and how long a leader spins.
#pragma once

#include <condition_variable>
#include <cstdint>

#include "pool/completion.hpp"

namespace bulkhead::pool {

// Lives on the waiting thread's stack. Guarded by the scheduler's mutex.
struct Waiter {
  explicit Waiter(detail::Completion& awaited) noexcept : completion(&awaited) {}
  detail::Completion* completion;
  std::condition_variable woken;
  Waiter* next_of_completion = nullptr;
  // In the list of all waiters.
  Waiter* next = nullptr;
  Waiter* previous = nullptr;
};

// How many pauses a leader spends looking before it sleeps. None where one CPU is usable: spinning would only keep the
// worker from running. Less after looking in vain, for the same reason (another process has the worker's CPU, or its
// task is long), but now and then the most again: it may have changed.
class SpinBudget {
 public:
  SpinBudget() noexcept;
  [[nodiscard]] std::uint32_t pauses() const noexcept { return pauses_; }
  void note(bool found) noexcept;

 private:
  static constexpr std::uint32_t kLeast = 64;  // many times a hot round trip
  static constexpr std::uint32_t kFailuresUntilRetry = 32;
  std::uint32_t most_;
  std::uint32_t pauses_;
  std::uint32_t failures_ = 0;
};

// This thread woke a worker: its next wait parks at once. The kernel likes to wake a sleeper on the ringer's CPU, and
// a host that spun on there made a parked call 50 times slower.
void note_doorbell_rung() noexcept;
[[nodiscard]] bool take_doorbell_rung() noexcept;

}  // namespace bulkhead::pool
