// Both ends of one channel in one process.
#pragma once

#include <unistd.h>

#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "ipc/host_channel.hpp"
#include "ipc/worker_channel.hpp"
#include "ring_fixture.hpp"

namespace bulkhead::ipc::testing {

inline support::UniqueFd dup_fd(int fd) { return support::UniqueFd(::dup(fd)); }

inline WorkerChannel::Handles handles_for(PoolBells& bells, const HostChannel& host, std::uint32_t spin_pauses = 0) {
  return {.host_memory = dup_fd(host.host_fd()),
          .worker_memory = dup_fd(host.worker_fd()),
          .pool_page = dup_fd(bells.page_fd()),
          .leader_bell = dup_fd(bells.leader().fd()),
          .pump_bell = dup_fd(bells.pump().fd()),
          .sizes = host.sizes(),
          .doorbell_name = host.doorbell_name(),
          .spin_pauses = spin_pauses};
}

// The sequence, or nothing when there was no room.
inline std::optional<std::uint64_t> try_send(HostChannel& host, std::span<const std::byte> content) {
  const auto room = host.try_reserve(content.size());
  if (room.empty()) return std::nullopt;
  std::memcpy(room.data(), content.data(), content.size());
  const std::uint64_t sequence = host.stage(content.size());
  host.flush();
  host.ring_if_parked();
  return sequence;
}

// Empty: nothing there.
inline std::vector<std::byte> try_receive(HostChannel& host) {
  std::span<const std::byte> frame;
  if (host.receive(frame) != HostChannel::Receive::kRecord) return {};
  auto content = copy(frame);
  host.pop();
  host.release();
  return content;
}

inline void answer(WorkerChannel& worker, std::span<const std::byte> content,
                   WorkerChannel::Announce announce = WorkerChannel::Announce::kNow) {
  const auto room = worker.reserve(content.size());
  std::memcpy(room.data(), content.data(), content.size());
  worker.publish(content.size(), announce);
}

// Answers every record with its own bytes, a revoked one with its first byte, until one of a single
// byte 'q' comes.
inline void echo_until_quit(WorkerChannel& worker) {
  for (;;) {
    std::span<const std::byte> frame;
    const auto next = worker.next(frame);
    if (next == WorkerChannel::Next::kCorrupt) return;
    if (frame.size() == 1 && frame[0] == std::byte{'q'}) return;
    const auto content = copy(next == WorkerChannel::Next::kRevoked ? frame.first(1) : frame);
    worker.done();
    answer(worker, content);
  }
}

inline std::vector<std::byte> quit_record() { return {std::byte{'q'}}; }

// The leader's wait, as the pool does it. False: the deadline passed.
inline bool wait_as_leader(PoolBells& bells, HostChannel& host, support::Deadline deadline) {
  // A ring may be for an answer that the second look has seen already: whoever wakes looks again.
  while (!host.has_responses()) {
    bells.set(ParkMode::kLeaderParked);
    const bool in_time = host.has_responses() || bells.leader().wait(deadline);
    bells.set(ParkMode::kAwake);
    if (!in_time) return false;
  }
  return true;
}

struct Channel {
  explicit Channel(ChannelSizes sizes = {.request_ring_bytes = 1U << 16, .response_ring_bytes = 1U << 16},
                   std::uint32_t spin_pauses = 0)
      : host(HostChannel::create(sizes, make_doorbell_name())),
        worker(WorkerChannel::attach(handles_for(bells, host, spin_pauses))) {
    host.unlink_doorbell();
  }
  PoolBells bells = PoolBells::create();
  HostChannel host;
  WorkerChannel worker;
};

}  // namespace bulkhead::ipc::testing
