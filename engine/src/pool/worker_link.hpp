// The scheduler's view of one worker: its channel, the records it was offered, and how fast it is.
//
// Ownership: borrows the channel, which its process owns.
// Threads:   guarded by the scheduler's mutex.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "ipc/host_channel.hpp"
#include "pool/completion.hpp"

namespace bulkhead::pool {

// A record that was offered and has not had its last reply. nullptr call: a control record, or one that was revoked.
struct Offer {
  Call* call = nullptr;
  bool is_revoked = false;
};

class WorkerLink {
 public:
  // Puts a fresh, ready process into this slot.
  void attach(ipc::HostChannel& channel, std::uint64_t generation, std::int64_t pid);
  // After its process ended and everything was taken from it.
  void detach() noexcept;

  [[nodiscard]] bool is_ready() const noexcept { return channel_ != nullptr; }
  [[nodiscard]] ipc::HostChannel& channel() const noexcept { return *channel_; }
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
  [[nodiscard]] std::int64_t pid() const noexcept { return pid_; }

  // Offered calls without a last reply; revoked ones and control records do not count.
  [[nodiscard]] std::uint32_t in_flight() const noexcept { return in_flight_; }
  // How many it should have: one millisecond's worth of what it has been doing, at least two.
  [[nodiscard]] std::uint32_t window() const noexcept { return window_; }
  // May be offered more: ready, not finishing, nothing revoked on its way back, window not full.
  [[nodiscard]] bool has_capacity() const noexcept {
    return channel_ != nullptr && !is_shut_down_ && !is_condemned_ && revoked_ == 0 && in_flight_ < window_;
  }
  // It broke the protocol and is being killed: nothing it says counts any more.
  [[nodiscard]] bool is_condemned() const noexcept { return is_condemned_; }
  void set_condemned() noexcept { is_condemned_ = true; }
  // There is something to take from it. Looks at the channel only.
  [[nodiscard]] bool has_replies() const noexcept {
    return channel_ != nullptr && !is_condemned_ && channel_->has_responses();
  }
  [[nodiscard]] bool is_shut_down() const noexcept { return is_shut_down_; }
  void set_shut_down() noexcept { is_shut_down_ = true; }

  // Records are settled in the order of their sequences: `front()` is what the worker's next reply must be about.
  void push(std::uint64_t sequence, Call* call);
  [[nodiscard]] bool has_offers() const noexcept { return front_ != end_; }
  [[nodiscard]] std::uint64_t front_sequence() const noexcept { return front_; }
  [[nodiscard]] std::uint64_t end_sequence() const noexcept { return end_; }
  [[nodiscard]] Offer& offer(std::uint64_t sequence) noexcept { return offers_[sequence % ipc::kClaims]; }
  // Its last reply was seen.
  void pop_front() noexcept;
  // It was taken back: the worker will skip it.
  void mark_revoked(std::uint64_t sequence) noexcept;

  // Calls finished between two drains, for window().
  void note_finished(std::uint32_t calls, std::chrono::steady_clock::time_point now) noexcept;
  // It begins work after having had none.
  void note_busy_from(std::chrono::steady_clock::time_point now) noexcept { busy_since_ = now; }
  // How long what it was offered will probably keep it: never less than it has been silent already.
  [[nodiscard]] std::chrono::nanoseconds expected_work(std::chrono::steady_clock::time_point now) const noexcept {
    return std::max(mean_ * in_flight_, std::chrono::nanoseconds(now - busy_since_));
  }

  // Blocks it was given for a result it has not sent yet, by id. Die with the process.
  std::unordered_map<std::uint32_t, std::shared_ptr<const ipc::SharedBlock>> result_blocks;
  // Blocks it has mapped and will not need again.
  std::vector<std::uint32_t> blocks_to_drop;
  bool needs_bell = false;  // records were published since the last look at its park word

 private:
  ipc::HostChannel* channel_ = nullptr;
  std::uint64_t generation_ = 0;
  std::int64_t pid_ = 0;
  std::vector<Offer> offers_;  // by sequence % kClaims
  std::uint64_t front_ = 0;
  std::uint64_t end_ = 0;
  std::uint32_t in_flight_ = 0;
  std::uint32_t revoked_ = 0;
  std::uint32_t window_ = kFirstWindow;
  bool is_shut_down_ = false;
  bool is_condemned_ = false;
  std::chrono::steady_clock::time_point busy_since_;
  std::chrono::nanoseconds mean_{0};

  static constexpr std::uint32_t kFirstWindow = 16;
};

}  // namespace bulkhead::pool
