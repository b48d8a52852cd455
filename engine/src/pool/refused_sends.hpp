// For how long no control socket of a pool has taken what a call needs: a block, a shared array.
//
// One time for all of them: where the kernel refuses messages it refuses them for every worker, and one worker after the other
// would have to be given up.
//
// Threads: guarded by the scheduler's mutex.
#pragma once

#include <chrono>
#include <utility>

namespace bulkhead::pool {

class RefusedSends {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit RefusedSends(std::chrono::nanoseconds limit) noexcept : limit_(limit) {}

  // True: that has been so for longer than passes by itself.
  [[nodiscard]] bool note_refused(Time now) noexcept {
    // Whoever is refused tries again within milliseconds: before a pause somebody gave it up, or found another worker.
    if (now - std::exchange(last_, now) > kGap) since_ = now;
    return now - since_ > limit_;
  }
  void note_sent() noexcept { last_ = {}; }

 private:
  static constexpr std::chrono::nanoseconds kGap = std::chrono::seconds(1);
  std::chrono::nanoseconds limit_;
  Time since_{};
  Time last_{};  // {}: never, or something was sent since
};

}  // namespace bulkhead::pool
