// Who sleeps, and who must wake it: the words beside the rings.
//
// Protocol
//
//   host word    written by the host, read by all workers of a pool: epoch << 2 | ParkMode
//   worker word  written by one worker, read by the host: an epoch, odd while the worker is parked
//
//   A sleeper    1. announces: stores to its word     2. looks at its rings again
//                3. sleeps on its bell
//   A publisher  1. publishes: stores to a tail       2. looks at the sleeper's word
//                3. rings, if it must
//
// [park] Steps 1 and 2 must not be exchanged on either side: all four accesses are seq_cst, so at
// least one side sees the other's store. With release and acquire this loses wake-ups (17,000 of a
// million on the machine measured): each store waits in its processor's buffer while the loads read
// the old values. Accesses, not fences: TSan knows no fences. The model in tests/model has store
// buffers and fails when either order is removed.
//
// Every announcement has a new epoch, and a publisher rings at most once per epoch. So whoever was
// woken and wants to sleep again must announce again, then look again.
//
// A bell that rings too often wakes somebody for nothing: a sleeper looks at its rings when it
// wakes.
//
// Ownership: none of the words.
// Threads:   HostPark any; the others one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>

#include "ipc/atomic.hpp"
#include "support/fault_point.hpp"

namespace bulkhead::ipc {

enum class ParkMode : std::uint8_t {
  // Somebody drains the rings: ring nothing.
  kAwake = 0,
  // Ring the leader's bell at the next result.
  kLeaderParked = 1,
  // Ring the pump's bell when the response ring is half full, or before sleeping with results that
  // the host has not taken.
  kPumpLazy = 2,
  // Ring the pump's bell at the next result.
  kPumpEager = 3,
};

enum class Bell : std::uint8_t { kNone, kLeader, kPump };

// The host's side of the host word.
class HostPark {
 public:
  explicit HostPark(Atomic<std::uint64_t>& word) noexcept : word_(&word) {}

  // Announces. Before sleeping, look at every ring (has_responses) after this. Bumps the epoch,
  // also when the mode is the same, so that a sleeper that was woken can sleep again; only kAwake
  // after kAwake changes nothing.
  void set(ParkMode mode) noexcept {
    const auto bits = static_cast<std::uint64_t>(mode);
    BULKHEAD_FAULT_POINT("park.host");
    // relaxed: only a guess; the compare-and-swap decides.
    std::uint64_t seen = word_->load(std::memory_order_relaxed);
    do {
      if (mode == ParkMode::kAwake && (seen & 3) == bits) return;
      // [park] A compare-and-swap and not a store, so that two threads never announce one epoch
      // twice.
    } while (!word_->compare_exchange_weak(seen, ((seen >> 2) + 1) << 2 | bits, std::memory_order_seq_cst,
                                           std::memory_order_relaxed));
  }
  [[nodiscard]] ParkMode mode() const noexcept {
    // relaxed: for those who set it, and for curiosity.
    return static_cast<ParkMode>(word_->load(std::memory_order_relaxed) & 3);
  }

 private:
  Atomic<std::uint64_t>* word_;
};

// A worker's view of the host word.
class HostParkWatch {
 public:
  explicit HostParkWatch(const Atomic<std::uint64_t>& word) noexcept : word_(&word) {}

  // After publishing a result: the bell to ring now. `is_half_full()` is asked only when the answer
  // depends on it.
  template <class IsHalfFull>
  [[nodiscard]] Bell after_publish(IsHalfFull&& is_half_full) noexcept {
    // [park] The publisher's look.
    const std::uint64_t word = word_->load(std::memory_order_seq_cst);
    const auto mode = static_cast<ParkMode>(word & 3);
    if (mode == ParkMode::kAwake || word == rung_) return Bell::kNone;
    if (mode == ParkMode::kPumpLazy && !is_half_full()) return Bell::kNone;
    return ring(word, mode);
  }

  // Before a wait of our own while results lie unannounced: the bell to ring in any mode that has a
  // sleeper.
  [[nodiscard]] Bell before_wait() noexcept {
    return after_publish([] { return true; });
  }

 private:
  Bell ring(std::uint64_t word, ParkMode mode) noexcept {
    rung_ = word;
    return mode == ParkMode::kLeaderParked ? Bell::kLeader : Bell::kPump;
  }

  const Atomic<std::uint64_t>* word_;
  // The last announcement that was answered. Its mode is never kAwake, so 0 is none.
  std::uint64_t rung_ = 0;
};

// The worker's side of its word.
class WorkerPark {
 public:
  explicit WorkerPark(Atomic<std::uint64_t>& word) noexcept : word_(&word) {}

  // Then look at the ring again, then sleep.
  void announce() noexcept {
    BULKHEAD_FAULT_POINT("park.worker");
    epoch_ += 1;
    word_->store(epoch_, std::memory_order_seq_cst);  // [park]
    BULKHEAD_FAULT_POINT("park.announced");
  }
  void leave() noexcept {
    BULKHEAD_FAULT_POINT("park.leave");
    epoch_ += 1;
    // relaxed: a host that sees it late rings once too often.
    word_->store(epoch_, std::memory_order_relaxed);
  }

 private:
  Atomic<std::uint64_t>* word_;
  std::uint64_t epoch_ = 0;
};

// The host's view of a worker's word.
class WorkerParkWatch {
 public:
  explicit WorkerParkWatch(const Atomic<std::uint64_t>& word) noexcept : word_(&word) {}

  // After publishing a record: the worker must be rung now.
  [[nodiscard]] bool must_ring() noexcept {
    const std::uint64_t epoch = word_->load(std::memory_order_seq_cst);  // [park]
    if ((epoch & 1) == 0 || epoch == rung_) return false;
    rung_ = epoch;
    return true;
  }
  // Callable by any thread.
  [[nodiscard]] bool is_parked() const noexcept {
    // relaxed: a hint for choosing among workers.
    return (word_->load(std::memory_order_relaxed) & 1) != 0;
  }

 private:
  const Atomic<std::uint64_t>* word_;
  std::uint64_t rung_ = 0;
};

}  // namespace bulkhead::ipc
