// The host's end of the two-way channel to one worker.
//
// Ownership: owns the shared memory and the worker's doorbell.
// Threads:   requests (try_reserve … settle) by one thread at a time, responses (receive, pop,
//            release) by one thread at a time; the two may run at once. What is marked so may be
//            called by any thread.
//
// No system call but in ring_if_parked(). A worker can write anything: what it wrote is checked,
// and corruption is a result, final for this channel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "ipc/channel_memory.hpp"
#include "ipc/claim_table.hpp"
#include "ipc/doorbell.hpp"
#include "ipc/owner_cell.hpp"
#include "ipc/parking.hpp"
#include "ipc/pool_bells.hpp"
#include "ipc/spsc_ring.hpp"
#include "support/fault_point.hpp"

namespace bulkhead::ipc {

class HostChannel {
 public:
  // Throws UsageError for impossible sizes, ResourceError. On a throw nothing is left behind.
  [[nodiscard]] static HostChannel create(ChannelSizes sizes, const std::string& doorbell_name);

  // For the worker's WorkerChannel::Handles.
  [[nodiscard]] int host_fd() const noexcept { return memory_.host_fd(); }
  [[nodiscard]] int worker_fd() const noexcept { return memory_.worker_fd(); }
  [[nodiscard]] ChannelSizes sizes() const noexcept { return sizes_; }
  [[nodiscard]] const std::string& doorbell_name() const noexcept { return doorbell_.name(); }
  // As soon as the worker is attached.
  void unlink_doorbell() noexcept { doorbell_.unlink(); }

  // -- requests: one thread at a time --

  // Room for one record of 1 to max_request_bytes() bytes; empty: none now, neither in the ring nor
  // in the claim table. Room comes back with replies.
  [[nodiscard]] std::span<std::byte> try_reserve(std::size_t bytes) noexcept {
    if (next_sequence_ - oldest_ >= kClaims) return {};
    const auto room = requests_.try_reserve(bytes);
    if (room.empty() && requests_.peer_is_corrupt()) condemned_.store(true);
    return room;
  }
  // Makes the first `bytes` of the reservation a record, which the worker sees after flush(). Returns its sequence;
  // sequences count up by one.
  std::uint64_t stage(std::size_t bytes) noexcept {
    offered_[next_sequence_ % kClaims] = {.offset = static_cast<std::uint32_t>(requests_.content_offset()),
                                          .bytes = static_cast<std::uint32_t>(bytes)};
    requests_.stage(bytes);
    return next_sequence_++;
  }
  // Offers every record that was staged.
  void flush() noexcept { requests_.flush(); }
  // After flush(). True: a system call was made, so park at once, do not spin: the kernel likes to wake the worker on
  // this processor.
  bool ring_if_parked() noexcept {
    if (!worker_park_.must_ring()) return false;
    doorbell_.ring();
    return true;
  }
  // Somebody waits for what was published: a worker that lets records gather (WorkerChannel::expect_more) looks at once.
  void hurry() noexcept {
    // relaxed: a wish, nothing is handed over with it.
    memory_.host().hurry.store(++hurried_, std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t max_request_bytes() const noexcept { return requests_.max_frame_bytes(); }

  // The rest of this section takes the sequence of an outstanding record: staged, not settled.
  using Revoke = HostClaims::Revoke;
  // kRevoked: the worker will not run it, and will say so. kCorrupt: counts as claimed; condemn the
  // worker.
  [[nodiscard]] Revoke try_revoke(std::uint64_t sequence) noexcept {
    const Revoke outcome = claims_.try_revoke(sequence);
    if (outcome == Revoke::kCorrupt) condemned_.store(true);
    return outcome;
  }
  // For a dead worker: it may have run (claimed, or a word that is not legal).
  [[nodiscard]] bool was_claimed(std::uint64_t sequence) const noexcept {
    const auto state = claims_.state(sequence);
    return state == HostClaims::State::kClaimed || state == HostClaims::State::kCorrupt;
  }
  // The record's bytes as this side wrote them; the worker cannot have changed them.
  [[nodiscard]] std::span<const std::byte> request(std::uint64_t sequence) const noexcept {
    const Offered& record = offered_[sequence % kClaims];
    return memory_.request_data().subspan(record.offset, record.bytes);
  }
  // Asks the task of this record to stop: a BULKHEAD_STOP_ value that it may look at while it runs.
  void set_stop(std::uint64_t sequence, std::uint32_t stop) noexcept {
    BULKHEAD_FAULT_POINT("stop.set");
    // relaxed: a wish, nothing is handed over with it.
    memory_.host().stops[sequence % kClaims].store(stop, std::memory_order_relaxed);
    stopped_ += offered_[sequence % kClaims].is_stopped ? 0 : 1;
    offered_[sequence % kClaims].is_stopped = true;
  }
  // The record's last reply was seen: its claim word may be used again.
  void settle(std::uint64_t sequence) noexcept {
    claims_.settle(sequence);
    if (stopped_ > 0) forget_stop(sequence);
    offered_[sequence % kClaims].bytes = 0;
    while (oldest_ != next_sequence_ && offered_[oldest_ % kClaims].bytes == 0) ++oldest_;
  }
  // The worker has not passed all that was staged.
  [[nodiscard]] bool has_unread_requests() noexcept { return requests_.holds_at_least(1); }
  // Staged and not settled.
  [[nodiscard]] std::uint64_t outstanding() const noexcept { return next_sequence_ - oldest_; }

  // -- responses: one thread at a time --

  // receive() would say something other than kEmpty. Any thread; also the second look of a host
  // that parks.
  [[nodiscard]] bool has_responses() const noexcept { return responses_.has_frames() || condemned_.load(); }
  enum class Receive : std::uint8_t { kRecord, kEmpty, kCorrupt };
  // The oldest response. The worker can still change its bytes: copy, then check. kCorrupt is
  // final: condemn the worker. What was published before the corruption has been received.
  [[nodiscard]] Receive receive(std::span<const std::byte>& frame) noexcept {
    switch (responses_.peek(frame)) {
      case RingConsumer::Take::kFrame:
        return Receive::kRecord;
      case RingConsumer::Take::kEmpty:
        return condemned_.load() ? Receive::kCorrupt : Receive::kEmpty;
      case RingConsumer::Take::kCorrupt:
        break;
    }
    return Receive::kCorrupt;
  }
  // Passes it; its bytes stay valid until release().
  void pop() noexcept { responses_.pop(); }
  // Gives the room of everything popped back to the worker: once per batch.
  void release() noexcept { responses_.release(); }

  // -- any thread --

  struct Status {
    std::uint8_t phase = 0;  // as the worker wrote it; 255 when larger
    std::uint64_t task_id = 0;
    std::uint64_t item = 0;
    std::int64_t started_ns = 0;  // of a timed call's item; as the worker wrote it
    std::uint32_t task = 0;       // its number
    std::uint32_t attempt = 0;
    bool worker_parked = false;
  };
  [[nodiscard]] Status status() const noexcept;
  // Of a worker that has ended: the results of `result_bytes` each that it had written and not published, of the items
  // `first` to the one it was running. None when it was not in a run of that task, or says what cannot be.
  struct Run {
    std::uint64_t first = 0;
    std::span<const std::byte> results;
  };
  [[nodiscard]] Run unpublished_run(std::uint64_t task_id, std::uint32_t result_bytes) const noexcept;
  [[nodiscard]] bool worker_is_parked() const noexcept { return worker_park_.is_parked(); }
  // What a worker that has ended wrote there: any bytes at all. Copy, then check.
  [[nodiscard]] std::span<const std::byte> last_words() const noexcept { return memory_.last_words(); }
  // What its tasks wrote: it may change at any time.
  [[nodiscard]] std::span<std::byte> output() const noexcept { return memory_.output(); }

 private:
  struct Offered {
    std::uint32_t offset;
    std::uint32_t bytes;  // 0: settled
    bool is_stopped = false;
  };

  void forget_stop(std::uint64_t sequence) noexcept {
    Offered& record = offered_[sequence % kClaims];
    if (!record.is_stopped) return;
    record.is_stopped = false;
    --stopped_;
    memory_.host().stops[sequence % kClaims].store(0, std::memory_order_relaxed);  // relaxed: as in set_stop()
  }

  HostChannel(ChannelSizes sizes, const std::string& doorbell_name);

  // Fixed after construction.
  ChannelSizes sizes_;
  ChannelMemory memory_;
  WorkerDoorbell doorbell_;
  // The requesting thread's.
  alignas(kCacheLine) RingProducer requests_;
  HostClaims claims_;
  WorkerParkWatch worker_park_;
  std::unique_ptr<Offered[]> offered_;  // kClaims of them
  std::uint32_t stopped_ = 0;           // records with a stop word
  std::uint64_t hurried_ = 0;
  std::uint64_t next_sequence_ = kFirstSequence;
  std::uint64_t oldest_ = kFirstSequence;  // the oldest that is not settled
  // The receiving thread's; others glance.
  alignas(kCacheLine) RingConsumer responses_;
  OwnerCell<bool> condemned_;  // only ever set, by either thread
};

}  // namespace bulkhead::ipc
