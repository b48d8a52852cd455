// When to look at which call next: a binary heap whose entries know their place, so that any can be taken out.
//
// Threads: one at a time (the scheduler's lock).
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "pool/completion.hpp"

namespace bulkhead::pool {

class CallTimers {
 public:
  using Clock = CallExtras::Clock;

  // So that the next set() cannot fail. Throws std::bad_alloc.
  void make_room();
  // Every call here has extras. Throws std::bad_alloc for one that is new here; then nothing has changed.
  void set(Call& call, Clock::time_point when);
  void remove(Call& call) noexcept;

  // time_point::max() when there is none.
  [[nodiscard]] Clock::time_point earliest() const noexcept {
    return heap_.empty() ? Clock::time_point::max() : heap_.front()->extras->due;
  }
  // Takes out the earliest if it is due; nullptr: none is.
  [[nodiscard]] Call* take_due(Clock::time_point now) noexcept;

  // In no order.
  [[nodiscard]] const std::vector<Call*>& all() const noexcept { return heap_; }

 private:
  void place(std::size_t index, Call* call) noexcept;
  void rise(std::size_t index) noexcept;
  void sink(std::size_t index) noexcept;

  std::vector<Call*> heap_;
};

}  // namespace bulkhead::pool
