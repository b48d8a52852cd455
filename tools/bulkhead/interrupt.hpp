// Ctrl-C, and how the callback thread wakes the main thread out of poll().
//
// Ownership: one for the program, for its whole life; it is never destroyed, since callbacks of a pool that was
//            terminated may still come.
// Threads:   notify() any; the rest the main thread.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace bulkhead::cli {

class Interrupt {
 public:
  // Catches SIGINT, SIGTERM and SIGHUP, and keeps a closed pipe from ending the program. Throws IoFailure.
  static Interrupt& install();

  // Until this is called a signal ends the program on the spot; nothing has been written then, and the engine's
  // processes leave by themselves. Afterwards the first signal is kept, and a second one ends the program.
  void begin_orderly();

  // Throws Interrupted when a signal came.
  void check() const;

  // Something happened that the main thread waits for.
  void notify() noexcept;
  [[nodiscard]] std::uint64_t notified() const noexcept { return count_.load(); }
  // Sleeps until there were more than `seen` notifications, a signal, something to read from one of `fds` (negative
  // ones have nothing), or the limit (negative: none) has passed.
  void sleep(std::uint64_t seen, std::chrono::milliseconds limit, std::array<int, 2> fds = {-1, -1});

 private:
  explicit Interrupt(int event_fd) noexcept : event_fd_(event_fd) {}

  const int event_fd_;
  // Both sequentially consistent: notify() counts, then looks whether anyone sleeps; sleep() says it sleeps, then
  // looks at the count. One of the two sees the other.
  std::atomic<std::uint64_t> count_ = 0;
  std::atomic<bool> is_sleeping_ = false;
};

}  // namespace bulkhead::cli
