#include "pool/worker_link.hpp"

#include <time.h>

#include <algorithm>

#include "protocol/record.hpp"

namespace bulkhead::pool {

namespace {
// Deep enough that a worker with tiny tasks is never waiting for the host, shallow enough that a revoked window is
// little work lost; the claim table bounds it.
constexpr std::chrono::nanoseconds kQueuedWork = std::chrono::milliseconds(1);
constexpr std::uint32_t kLeastWindow = 2;  // one running, one to go on with (and to take back)
constexpr std::uint32_t kMostWindow = ipc::kClaims / 2;

// Longer than the kernel's ticks.
constexpr std::chrono::nanoseconds kCoarse = std::chrono::milliseconds(20);

// The steady clock at the last tick of the kernel's: costs next to nothing.
std::chrono::steady_clock::time_point coarse_now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return std::chrono::steady_clock::time_point(std::chrono::seconds(now.tv_sec) +
                                               std::chrono::nanoseconds(now.tv_nsec));
}
}  // namespace

void WorkerLink::attach(ipc::HostChannel& channel, std::uint64_t generation, std::int64_t pid, std::uint64_t quota) {
  // Where there is no memory for these it is as it was.
  auto results = std::make_shared<ipc::BlockCache>(kIdleBlockBytes);
  offers_.assign(ipc::kClaims, Offer{});
  idle_results = std::move(results);
  channel_ = &channel;
  generation_ = generation;
  pid_ = pid;
  front_ = end_ = ipc::kFirstSequence;
  in_flight_ = revoked_ = 0;
  window_ = kFirstWindow;
  is_block_wanted = false;
  is_shut_down_ = is_condemned_ = is_leaving_ = is_doomed_ = false;
  doom_.clear();
  quota_ = quota;
  by_band_ = {};
  bands_ = 0;
  anonymous_bytes = 0;
  over_limit_task = 0;
  ++processes;
  busy_since_ = std::chrono::steady_clock::now();
  has_staged = false;
  mean_ = std::chrono::nanoseconds(0);
}

void WorkerLink::detach() noexcept {
  channel_ = nullptr;
  front_ = end_ = 0;
  in_flight_ = revoked_ = 0;
  result_blocks.clear();
  idle_results.reset();
  known_blocks.clear();
  blocks_to_drop.clear();
  given_arrays.clear();
  known_arrays.clear();
  arrays_to_drop.clear();
}

void WorkerLink::drop_evicted_results() {
  if (!idle_results->has_evicted()) return;
  for (const std::uint32_t id : idle_results->take_evicted()) blocks_to_drop.push_back(id);
}

sdk::SharedRefs WorkerLink::take_given(std::uint64_t task_id, std::uint64_t item) {
  sdk::SharedRefs taken;
  std::erase_if(given_arrays, [&](GivenArray& given) {
    if (given.task_id != task_id || given.item != item) return false;
    taken.push_back(std::move(given.array));
    return true;
  });
  return taken;
}

void WorkerLink::push(std::uint64_t sequence, Call* call) {
  offer(sequence) = {call, false};
  end_ = sequence + 1;
  has_staged = true;
  if (call == nullptr) return;
  ++in_flight_;
  if (by_band_[call->priority]++ == 0) bands_ |= 1u << call->priority;
  quota_ -= std::min<std::uint64_t>(quota_, call->count);
  if (quota_ == 0) is_leaving_ = true;
}

void WorkerLink::forget(const Call& call) noexcept {
  --in_flight_;
  if (--by_band_[call.priority] == 0) bands_ &= ~(1u << call.priority);
}

void WorkerLink::pop_front() noexcept {
  Offer& front = offer(front_);
  if (front.is_revoked) --revoked_;
  if (front.call != nullptr) forget(*front.call);
  front = {};
  channel_->settle(front_);
  ++front_;
}

void WorkerLink::pop_controls() noexcept {
  if (is_shut_down_ || channel_ == nullptr || channel_->has_unread_requests()) return;
  while (has_offers()) pop_front();
}

void WorkerLink::mark_revoked(std::uint64_t sequence) noexcept {
  Offer& revoked = offer(sequence);
  forget(*revoked.call);
  revoked = {.call = nullptr, .is_revoked = true};
  ++revoked_;
}

void WorkerLink::mark_abandoned(std::uint64_t sequence) noexcept {
  mark_revoked(sequence);  // nothing new for the worker until it has passed this
  offer(sequence).is_abandoned = true;
}

bool WorkerLink::may_want_block(std::uint64_t bytes) const noexcept {
  if (is_block_wanted) return false;
  std::uint64_t largest = 0;
  for (const auto& [id, block] : result_blocks) largest = std::max(largest, std::uint64_t{block->size()});
  return bytes > largest && bytes >= std::min(2 * largest, protocol::kMaxPayloadBytes);
}

void WorkerLink::note_finished(std::uint32_t calls, std::chrono::steady_clock::time_point now) noexcept {
  if (calls == 0) return;
  if (now == std::chrono::steady_clock::time_point{}) {
    now = coarse_now();
    if (now - busy_since_ < kCoarse) {  // which says nothing of how long it took
      busy_since_ = now;
      return;
    }
  }
  const auto each = std::chrono::nanoseconds(now - busy_since_) / calls;
  busy_since_ = now;
  // Follows a slower kind of task at once, a faster one within a few drains: too deep a window costs more.
  mean_ = each > mean_ ? each : (mean_ * 3 + each) / 4;
  const auto fitting = mean_.count() > 0 ? kQueuedWork / mean_ : kMostWindow;
  window_ = static_cast<std::uint32_t>(std::clamp<std::int64_t>(fitting, kLeastWindow, kMostWindow));
}

}  // namespace bulkhead::pool
