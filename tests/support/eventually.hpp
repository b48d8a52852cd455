// Waits for what happens by itself, without a guess how long that takes.
#pragma once

#include <chrono>
#include <thread>

namespace bulkhead::test {

// True as soon as `predicate` is; false when it still is not after `limit`. The limit only bounds a
// failing test: make it generous.
template <class Predicate>
[[nodiscard]] bool eventually(std::chrono::nanoseconds limit, Predicate predicate) {
  const auto end = std::chrono::steady_clock::now() + limit;
  auto pause = std::chrono::microseconds(50);
  while (!predicate()) {
    if (std::chrono::steady_clock::now() >= end) return predicate();
    std::this_thread::sleep_for(pause);
    if (pause < std::chrono::milliseconds(5)) pause *= 2;
  }
  return true;
}

}  // namespace bulkhead::test
