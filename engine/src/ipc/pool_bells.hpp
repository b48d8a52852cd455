// What all workers of one pool share with the host: the page with its park word, and its two bells.
//
// Two bells, because two sleepers on one descriptor lose wake-ups: one takes the other's.
//
// Ownership: the host's pool; workers get the three descriptors.
// Threads:   set(), mode() and ring() any.
#pragma once

#include "ipc/doorbell.hpp"
#include "ipc/parking.hpp"
#include "ipc/shared_segment.hpp"

namespace bulkhead::ipc {

class PoolBells {
 public:
  // Throws ResourceError.
  [[nodiscard]] static PoolBells create();

  // A sleeper announces by set(), looks at every channel's has_responses(), then waits on its bell;
  // when woken it calls set() again before it drains or sleeps. Leaving kPumpLazy up while a leader
  // spins costs nothing.
  void set(ParkMode mode) noexcept { park_.set(mode); }
  [[nodiscard]] ParkMode mode() const noexcept { return park_.mode(); }
  [[nodiscard]] HostBell& leader() noexcept { return leader_; }
  [[nodiscard]] HostBell& pump() noexcept { return pump_; }
  // Read-only in workers, by seal.
  [[nodiscard]] int page_fd() const noexcept { return page_.fd(); }

 private:
  explicit PoolBells(SharedSegment page);

  SharedSegment page_;
  HostPark park_;
  HostBell leader_;
  HostBell pump_;
};

}  // namespace bulkhead::ipc
