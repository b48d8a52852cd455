// The scheduler's view of one worker: its channel, the records it was offered, and how fast it is.
//
// Ownership: borrows the channel, which its process owns.
// Threads:   guarded by the scheduler's mutex.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ipc/host_channel.hpp"
#include "pool/completion.hpp"
#include "pool/task_counters.hpp"

namespace bulkhead::pool {

// How much memory of blocks that are not in use is kept warm: of arguments in a pool, and of results in each worker.
inline constexpr std::uint64_t kIdleBlockBytes = std::uint64_t{64} << 20;

// A record that was offered and has not had its last reply. nullptr call: a control record, or one that was revoked.
struct Offer {
  Call* call = nullptr;
  bool is_revoked = false;
  bool is_abandoned = false;  // its call has another verdict: what the worker says about it does not count
};

class WorkerLink {
 public:
  explicit WorkerLink(std::uint32_t slot) : slot_(slot) {}

  // Puts a fresh, ready process into this slot, which leaves after it began `quota` items.
  void attach(ipc::HostChannel& channel, std::uint64_t generation, std::int64_t pid, std::uint64_t quota);
  // After its process ended and everything was taken from it.
  void detach() noexcept;

  [[nodiscard]] std::uint32_t slot() const noexcept { return slot_; }
  [[nodiscard]] bool is_ready() const noexcept { return channel_ != nullptr; }
  [[nodiscard]] ipc::HostChannel& channel() const noexcept { return *channel_; }
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
  [[nodiscard]] std::int64_t pid() const noexcept { return pid_; }

  // Offered calls without a last reply; revoked ones and control records do not count.
  [[nodiscard]] std::uint32_t in_flight() const noexcept { return in_flight_; }
  // So many that the caller cannot be waiting for each.
  [[nodiscard]] bool is_ahead() const noexcept { return in_flight_ >= kAhead; }
  // How many it should have: one millisecond's worth of what it has been doing, at least two.
  [[nodiscard]] std::uint32_t window() const noexcept { return window_; }
  // May be offered more: ready, not leaving, nothing revoked on its way back, window not full.
  [[nodiscard]] bool has_capacity() const noexcept {
    return channel_ != nullptr && !is_leaving_ && !is_condemned_ && revoked_ == 0 && in_flight_ < window_;
  }
  // It gets no more work, and goes once it has done what it has.
  [[nodiscard]] bool is_leaving() const noexcept { return is_leaving_; }
  void set_leaving() noexcept { is_leaving_ = true; }
  // Being killed for what it runs. Not empty: what to say about the task it then loses.
  [[nodiscard]] bool is_doomed() const noexcept { return is_doomed_; }
  [[nodiscard]] const std::string& doom() const noexcept { return doom_; }
  void set_doomed(std::string why) {
    doom_ = std::move(why);
    is_doomed_ = is_leaving_ = true;
  }
  // It broke the protocol and is being killed: nothing it says counts any more.
  [[nodiscard]] bool is_condemned() const noexcept { return is_condemned_; }
  void set_condemned() noexcept { is_condemned_ = true; }
  // There is something to take from it. Looks at the channel only.
  [[nodiscard]] bool has_replies() const noexcept {
    return channel_ != nullptr && !is_condemned_ && channel_->has_responses();
  }
  [[nodiscard]] bool is_shut_down() const noexcept { return is_shut_down_; }
  void set_shut_down() noexcept { is_shut_down_ = is_leaving_ = true; }
  // Offered a record of a lower priority than this.
  [[nodiscard]] bool has_lower_than(std::uint8_t priority) const noexcept {
    return (bands_ & ((1u << priority) - 1)) != 0;
  }

  // Records are settled in the order of their sequences: `front()` is what the worker's next reply must be about.
  void push(std::uint64_t sequence, Call* call);
  [[nodiscard]] bool has_offers() const noexcept { return front_ != end_; }
  [[nodiscard]] const Offer& front() const noexcept { return offers_[front_ % ipc::kClaims]; }
  [[nodiscard]] std::uint64_t front_sequence() const noexcept { return front_; }
  [[nodiscard]] std::uint64_t end_sequence() const noexcept { return end_; }
  [[nodiscard]] Offer& offer(std::uint64_t sequence) noexcept { return offers_[sequence % ipc::kClaims]; }
  // What it runs, as far as its claim words and replies tell; nullptr: nothing.
  [[nodiscard]] const Call* running() const noexcept {
    if (channel_ == nullptr) return nullptr;
    for (std::uint64_t sequence = front_; sequence != end_; ++sequence) {
      const Offer& offer = offers_[sequence % ipc::kClaims];
      if (offer.call != nullptr) return channel_->was_claimed(sequence) ? offer.call : nullptr;
    }
    return nullptr;
  }
  // Its last reply was seen.
  void pop_front() noexcept;
  // Control records have no reply: when it has passed all that it was offered, and nothing else is left, they are popped.
  void pop_passed_controls() noexcept {
    if (has_offers() && in_flight_ == 0 && revoked_ == 0) pop_controls();
  }
  // It was taken back: the worker will skip it.
  void mark_revoked(std::uint64_t sequence) noexcept;
  // Its call has a verdict though the worker runs it, and cannot be killed.
  void mark_abandoned(std::uint64_t sequence) noexcept;

  // Calls finished between two drains, for window(). `now`: {} when it is not known.
  void note_finished(std::uint32_t calls, std::chrono::steady_clock::time_point now) noexcept;
  // It begins work after having had none.
  void note_busy_from(std::chrono::steady_clock::time_point now) noexcept { busy_since_ = now; }
  // Since when it has nothing to do, if it has nothing to do; up to some milliseconds early.
  [[nodiscard]] std::chrono::steady_clock::time_point idle_since() const noexcept { return busy_since_; }
  // Of its calls, lately.
  [[nodiscard]] std::chrono::nanoseconds mean() const noexcept { return mean_; }
  // How long what it was offered will probably keep it: never less than it has been silent already.
  [[nodiscard]] std::chrono::nanoseconds expected_work(std::chrono::steady_clock::time_point now) const noexcept {
    return std::max(mean_ * in_flight_, std::chrono::nanoseconds(now - busy_since_));
  }

  // Blocks it was given for a result it has not sent yet, by id. Die with the process.
  std::unordered_map<std::uint32_t, std::shared_ptr<const ipc::SharedBlock>> result_blocks;
  bool is_block_wanted = false;  // one of them is on its way
  // Workers wait for one block before they ask for the next, which is at least twice as large.
  [[nodiscard]] bool may_want_block(std::uint64_t bytes) const noexcept;
  // Blocks that carried its results, and may carry others. A new one for each process.
  std::shared_ptr<ipc::BlockCache> idle_results;
  // Blocks of arguments that it has mapped.
  std::unordered_set<std::uint32_t> known_blocks;
  // Blocks it has mapped and will not need again.
  std::vector<std::uint32_t> blocks_to_drop;
  // Shared arrays that results name which it has sent or will send next.
  struct GivenArray {
    std::uint64_t task_id = 0;
    std::uint64_t item = 0;  // as ReplyHeader::index
    sdk::SharedRef array;
  };
  std::vector<GivenArray> given_arrays;
  // Those of this result.
  [[nodiscard]] sdk::SharedRefs take_given(std::uint64_t task_id, std::uint64_t item);
  // Shared arrays it was sent, and how.
  struct KnownArray {
    bool to_read = false;
    bool to_write = false;
  };
  std::unordered_map<std::uint64_t, KnownArray> known_arrays;
  // Those of them that it will not need again.
  std::vector<std::uint64_t> arrays_to_drop;
  // Adds those of its idle results that were more than are kept. Requires: is_ready().
  void drop_evicted_results();
  std::uint64_t anonymous_bytes = 0;  // as last sampled
  std::uint64_t over_limit_task = 0;  // that ran when it was too many; 0: none
  // Of all processes this slot has had.
  Tally tally;
  std::uint64_t processes = 0;
  bool has_staged = false;  // records that ring_workers() is to hand over
  bool is_in_use = false;   // in Scheduler::in_use_

 private:
  void pop_controls() noexcept;
  // Takes a call out of the counts of what it was offered.
  void forget(const Call& call) noexcept;

  const std::uint32_t slot_;
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
  bool is_leaving_ = false;
  bool is_doomed_ = false;
  std::string doom_;
  std::uint64_t quota_ = 0;                                   // items it may still begin
  std::array<std::uint32_t, detail::kPriorities> by_band_{};  // records offered
  std::uint32_t bands_ = 0;                                   // a bit for each that is not 0
  std::chrono::steady_clock::time_point busy_since_;
  std::chrono::nanoseconds mean_{0};

  static constexpr std::uint32_t kFirstWindow = 16;
  static constexpr std::uint32_t kAhead = 8;
};

}  // namespace bulkhead::pool
