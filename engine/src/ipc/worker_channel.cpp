#include "ipc/worker_channel.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

#include "bulkhead/error.hpp"

namespace bulkhead::ipc {

namespace {
// A full response ring means that the host is behind; it cannot ring us, so we look again after a
// while.
constexpr std::chrono::nanoseconds kShortestNap = std::chrono::microseconds(20);
constexpr std::uint32_t kPausesForRoom = 200;
// A few microseconds, in which the host offers some dozens of small records.
constexpr std::uint32_t kPausesToGather = 128;
constexpr std::chrono::nanoseconds kLongestNap = std::chrono::milliseconds(1);

void nap(std::chrono::nanoseconds duration) noexcept {
  const timespec time{.tv_sec = 0, .tv_nsec = duration.count()};
  // A signal ends it early: then we look early.
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
}
}  // namespace

WorkerChannel::WorkerChannel(Handles handles)
    : memory_(ChannelMemory::attach(std::move(handles.host_memory), std::move(handles.worker_memory), handles.sizes)),
      pool_page_(attach_pool_page(std::move(handles.pool_page))),
      leader_bell_(HostBell::attach(std::move(handles.leader_bell))),
      pump_bell_(HostBell::attach(std::move(handles.pump_bell))),
      doorbell_(WorkerDoorbell::open(handles.doorbell_name)),
      spin_(handles.spin_pauses),
      while_full_(std::move(handles.while_full)),
      requests_(memory_.worker().request_head, memory_.host().request_tail, memory_.request_data()),
      responses_(memory_.worker().response_tail, memory_.host().response_head, memory_.response_data()),
      claims_(memory_.worker().claims),
      park_(memory_.worker().park),
      host_park_(pool_page(pool_page_).park) {}

WorkerChannel WorkerChannel::attach(Handles handles) { return WorkerChannel(std::move(handles)); }

WorkerChannel::Next WorkerChannel::next(std::span<const std::byte>& frame) {
  for (;;) {
    if (must_leave_.load()) return Next::kLeave;
    switch (requests_.peek(frame)) {
      case RingConsumer::Take::kCorrupt:
        return Next::kCorrupt;
      case RingConsumer::Take::kEmpty:
        wait_for_record();
        continue;
      case RingConsumer::Take::kFrame:
        break;
    }
    requests_.pop();
    return claims_.try_claim(next_sequence_++) ? Next::kClaimed : Next::kRevoked;
  }
}

// A look at the tail takes its line from the host, who waits for it at the next record, several times as long as the record
// takes. Looked at after each of them, the two go in step, at the speed of the lines that travel.
void WorkerChannel::let_records_gather() noexcept {
  for (std::uint32_t i = 0; i < std::min(kPausesToGather, spin_.pauses()); ++i) {
    // relaxed: a wish. Its line stays here while nobody writes it.
    const std::uint64_t hurry = memory_.host().hurry.load(std::memory_order_relaxed);
    if (std::exchange(seen_hurry_, hurry) != hurry) return;
    cpu_relax();
  }
}

void WorkerChannel::wait_for_record() {
  if (std::exchange(expects_more_, false)) let_records_gather();
  const bool found = spin_until(spin_.pauses(), [this] { return requests_.has_frames(); });
  spin_.note(found);
  if (found) return;
  announce_results();
  park_.announce();
  // [park] The second look. A doorbell left over from an earlier park only costs a turn of next()'s
  // loop.
  if (!requests_.has_frames()) doorbell_.wait();
  park_.leave();
}

std::span<std::byte> WorkerChannel::wait_for_room(std::size_t bytes) {
  if (bytes == 0 || bytes > responses_.max_frame_bytes()) return {};
  auto duration = kShortestNap;
  for (;;) {
    // Each turn, because the host may have parked again since.
    announce_results();
    if (while_full_) while_full_();
    for (std::uint32_t i = 0; i <= kPausesForRoom; ++i) {
      const auto room = responses_.try_reserve(bytes);
      if (!room.empty()) return room;
      if (responses_.peer_is_corrupt()) {
        detail::raise<UsageError>(
            "cannot answer the host: its counter of responses makes no sense "
            "(the memory of this process may be damaged)");
      }
      cpu_relax();
    }
    nap(duration);
    duration = std::min(2 * duration, kLongestNap);
  }
}

void WorkerChannel::announce_results() noexcept {
  if (!responses_.holds_at_least(1)) return;  // the host has taken them all
  const Bell bell = host_park_.before_wait();
  if (bell != Bell::kNone) ring(bell);
}

void WorkerChannel::ring(Bell bell) noexcept { (bell == Bell::kLeader ? leader_bell_ : pump_bell_).ring(); }

}  // namespace bulkhead::ipc
