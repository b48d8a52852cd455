// Carries what this process writes from its pipe to the output tail, and tells the host of it.
//
// So nobody who prints waits for the host: what the host does not read in time the newest bytes overwrite.
//
// Ownership: the reading end and the tail, which last as long as the process.
// Threads:   the watcher's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "ipc/channel_layout.hpp"
#include "protocol/output_tail.hpp"

namespace bulkhead::worker {

class OutputPump {
 public:
  using Clock = std::chrono::steady_clock;

  // `control_fd`: where the host is told, without waiting.
  OutputPump(int pipe, int control_fd, protocol::OutputTail& tail, const ipc::WorkerArea& area) noexcept
      : pipe_(pipe), control_fd_(control_fd), tail_(tail), area_(area) {}

  // -1: not now.
  [[nodiscard]] int fd_to_wait_for(Clock::time_point now) const noexcept { return now < rests_until_ ? -1 : pipe_; }
  // How long to wait at most; empty: for ever.
  [[nodiscard]] std::optional<std::chrono::milliseconds> patience(Clock::time_point now) const noexcept;

  // Takes what the pipe holds, once round the tail at most.
  void carry() noexcept;
  // All writing ends are closed.
  void stop() noexcept { pipe_ = -1; }
  // After whatever poll() said.
  void announce_if_due(Clock::time_point now) noexcept;

 private:
  void put_mark() noexcept;
  void publish(std::uint64_t end) noexcept;

  int pipe_;
  const int control_fd_;
  protocol::OutputTail& tail_;
  const ipc::WorkerArea& area_;
  std::uint64_t end_ = 0;  // what `written` says
  bool is_in_mark_ = false;
  bool has_news_ = false;
  Clock::time_point rests_until_{};
  Clock::time_point next_announcement_{};
  std::chrono::milliseconds pause_{0};
};

}  // namespace bulkhead::worker
