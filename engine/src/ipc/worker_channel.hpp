// The worker's end of the channel.
//
// Ownership: owns its views, the doorbell and the ringing ends of the host's bells.
// Threads:   one.
//
// Waiting has no deadline: the worker's watcher thread ends the process when the host is gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "ipc/channel_memory.hpp"
#include "ipc/claim_table.hpp"
#include "ipc/doorbell.hpp"
#include "ipc/owner_cell.hpp"
#include "ipc/parking.hpp"
#include "ipc/spin.hpp"
#include "ipc/spsc_ring.hpp"
#include "support/fault_point.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::ipc {

class WorkerChannel {
 public:
  struct Handles {
    support::UniqueFd host_memory;
    support::UniqueFd worker_memory;
    support::UniqueFd pool_page;
    support::UniqueFd leader_bell;
    support::UniqueFd pump_bell;
    ChannelSizes sizes;
    std::string doorbell_name;
    std::uint32_t spin_pauses = 0;  // the most looks at an empty ring before parking
    // Called again and again while there is no room for a response.
    std::function<void()> while_full = {};
  };
  // Throws UsageError when the memory is not such a channel, ResourceError. Mappings are hidden
  // from forked children.
  [[nodiscard]] static WorkerChannel attach(Handles handles);

  enum class Next : std::uint8_t { kClaimed, kRevoked, kCorrupt, kLeave };
  // Waits for the next record: spins, then parks, and before parking tells the host of results it
  // has not taken. kClaimed: run it. kRevoked: the host took it back; answer that it was skipped.
  // kCorrupt: the host's memory makes no sense; leave. kLeave: leave() was called. The frame stays valid until
  // done(). Throws ResourceError when the doorbell is broken.
  [[nodiscard]] Next next(std::span<const std::byte>& frame);
  // The records from next() up to now may be overwritten. Call it before publishing the last reply
  // to a record: a host that sees the reply then also sees the room.
  void done() noexcept { requests_.release(); }

  // The host offers records without waiting for answers: next() lets some of them gather before it looks at the ring when
  // that has become empty, once, unless somebody is in a hurry for them.
  void expect_more() noexcept { expects_more_ = true; }

  // What the host asks of the task of the last record from next(): a BULKHEAD_STOP_ value, set while it runs.
  [[nodiscard]] const std::atomic<std::uint32_t>& stop_word() const noexcept {
    return memory_.host().stops[(next_sequence_ - 1) % kClaims];
  }

  // Any thread of this process: next() says kLeave from now on, whatever the host still offers.
  void leave() noexcept {
    must_leave_.store(true);
    doorbell_.ring();
  }

  [[nodiscard]] std::size_t max_response_bytes() const noexcept { return responses_.max_frame_bytes(); }
  // Waits for room for 1 to max_response_bytes() bytes, ringing a parked host. Empty only if
  // `bytes` is 0 or too large. Throws UsageError when the host's counter makes no sense.
  [[nodiscard]] std::span<std::byte> reserve(std::size_t bytes) {
    const auto room = responses_.try_reserve(bytes);
    return room.empty() ? wait_for_room(bytes) : room;
  }
  enum class Announce : std::uint8_t { kNow, kLater };
  // Publishes the first `bytes` of the reservation. kLater does not look whether the host sleeps, unless the ring is half
  // full: the next kNow, or the next wait, does.
  void publish(std::size_t bytes, Announce announce = Announce::kNow) noexcept {
    responses_.publish(bytes);
    const auto is_half_full = [this] { return responses_.holds_at_least(responses_.capacity() / 2); };
    if (announce == Announce::kLater) return is_half_full() ? announce_results() : void();
    const Bell bell = host_park_.after_publish(is_half_full);
    if (bell != Bell::kNone) ring(bell);
  }

  // For whoever looks from outside.
  void set_status(std::uint8_t phase, std::uint64_t task_id, std::uint64_t item) noexcept {
    BULKHEAD_FAULT_POINT("status.set");
    WorkerArea& area = memory_.worker();
    // relaxed: nothing is handed over; each value is true by itself.
    area.status_task_id.store(task_id, std::memory_order_relaxed);
    area.status_item.store(item, std::memory_order_relaxed);
    BULKHEAD_FAULT_POINT("status.phase");
    // release: who sees the phase sees at least its task.
    area.status_phase.store(phase, std::memory_order_release);
  }
  // Which task the next statuses are of.
  void set_task(std::uint32_t task, std::uint32_t attempt) noexcept {
    // relaxed: as in set_status().
    memory_.worker().status_task.store(std::uint64_t{attempt} << 32 | task, std::memory_order_relaxed);
  }
  // Before set_status() about the item that began then: CLOCK_MONOTONIC, ns.
  void set_started(std::int64_t now_ns) noexcept {
    memory_.worker().status_started.store(now_ns, std::memory_order_relaxed);  // relaxed: as in set_status()
  }
  // Results from item `first` on are about to be written to `room`, side by side; running_item() counts them. A host
  // whose worker ends before it publishes them finds them there.
  void set_run(std::uint64_t first, std::span<const std::byte> room) noexcept {
    WorkerArea& area = memory_.worker();
    // relaxed: read when this process has ended.
    area.status_item.store(first, std::memory_order_relaxed);
    area.status_run_offset.store(static_cast<std::uint64_t>(room.data() - memory_.response_data().data()),
                                 std::memory_order_relaxed);
    area.status_run_first.store(first, std::memory_order_relaxed);
  }
  void clear_run() noexcept {
    memory_.worker().status_run_first.store(kNoRun, std::memory_order_relaxed);  // relaxed: as in set_run()
  }
  // The item that runs, as set_status() and set_run() tell: a plugin that answers in runs counts it up itself.
  [[nodiscard]] std::atomic<std::uint64_t>& running_item() noexcept { return memory_.worker().status_item; }
  // For a plugin that tells what it is at.
  [[nodiscard]] std::atomic<std::uint64_t>& phase() noexcept { return memory_.worker().status_phase; }
  void set_phase(std::uint8_t phase) noexcept {
    // release: as in set_status().
    memory_.worker().status_phase.store(phase, std::memory_order_release);
  }

 private:
  explicit WorkerChannel(Handles handles);

  void let_records_gather() noexcept;
  void wait_for_record();
  [[nodiscard]] std::span<std::byte> wait_for_room(std::size_t bytes);
  void announce_results() noexcept;
  void ring(Bell bell) noexcept;

  // Fixed after construction.
  ChannelMemory memory_;
  SharedSegment pool_page_;
  HostBell leader_bell_;
  HostBell pump_bell_;
  WorkerDoorbell doorbell_;
  AdaptiveSpin spin_;
  std::function<void()> while_full_;
  // Set by any thread, once. The doorbell orders it for a worker that sleeps.
  OwnerCell<bool> must_leave_;
  // The worker's own.
  RingConsumer requests_;
  RingProducer responses_;
  WorkerClaims claims_;
  WorkerPark park_;
  HostParkWatch host_park_;
  std::uint64_t next_sequence_ = kFirstSequence;
  bool expects_more_ = false;
  std::uint64_t seen_hurry_ = 0;
};

}  // namespace bulkhead::ipc
