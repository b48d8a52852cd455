// How many workers there are, and how long each stays.

#include <algorithm>
#include <utility>

#include "pool/scheduler.hpp"

namespace bulkhead::pool {

std::uint32_t Scheduler::add_slot(const std::function<void()>& also) {
  const Lock lock(mutex_);
  also();
  in_use_.reserve(links_.size() + 1);
  watched_.reserve(links_.size() + 1);
  return links_.emplace_back(static_cast<std::uint32_t>(links_.size())).slot();
}

void Scheduler::take_back_unclaimed(WorkerLink& link) {
  for (std::uint64_t sequence = link.end_sequence(); sequence-- > link.front_sequence();) {
    if (link.offer(sequence).call == nullptr) continue;
    // Whatever lies before a claimed record was claimed too.
    if (link.channel().try_revoke(sequence) != ipc::HostChannel::Revoke::kRevoked) return;
    take_back(link, sequence);
  }
}

void Scheduler::retire(std::uint32_t slot) {
  const Lock lock(mutex_);
  WorkerLink& link = links_[slot];
  if (!link.is_ready()) return;
  link.set_leaving();
  has_leavers_ = true;
  take_back_unclaimed(link);
  dispatch(Clock::now());
}

bool Scheduler::is_busy(std::uint32_t slot) const {
  const Lock lock(mutex_);
  return links_[slot].is_ready() && links_[slot].has_offers();
}

std::vector<std::uint32_t> Scheduler::retire_idle(Clock::time_point since, std::uint64_t least) {
  const Lock lock(mutex_);
  std::vector<std::uint32_t> retired;
  if (!pending_.is_empty()) return retired;
  std::uint32_t staying = 0;
  for (const WorkerLink& link : links_) {
    if (link.is_ready() && !link.is_leaving()) ++staying;
  }
  for (WorkerLink& link : links_) {
    if (staying <= least) break;
    if (!link.is_ready() || link.is_leaving() || link.has_offers() || link.idle_since() > since) continue;
    link.set_leaving();
    has_leavers_ = true;
    retired.push_back(link.slot());
    --staying;
  }
  if (!retired.empty()) dispatch(Clock::now());
  return retired;
}

void Scheduler::set_resting(std::uint32_t workers) {
  const Lock lock(mutex_);
  resting_ = workers;
  if (resting_ > 0 && host_ != nullptr && !pending_.is_empty()) return host_->wake_resting();
  wake_for_what_waits(Clock::now());
}

// What lies in a ring behind a long task waits for it, though nothing is queued: a worker that rests is to take it.
void Scheduler::wake_for_what_waits(Clock::time_point now) {
  constexpr std::chrono::nanoseconds kWorthAWorker = std::chrono::milliseconds(1);  // what its start takes
  if (resting_ == 0 || host_ == nullptr) return;
  bool is_soon_done = false;
  for (const WorkerLink& link : links_) {
    if (!link.is_ready() || link.in_flight() < 2) continue;
    if (link.expected_work(now) >= kWorthAWorker) return host_->wake_resting();
    is_soon_done = true;
  }
  if (is_soon_done) request_recheck();
}

void Scheduler::note_memory(std::uint32_t slot, std::uint64_t generation, std::uint64_t anonymous_bytes) {
  const Lock lock(mutex_);
  WorkerLink& link = links_[slot];
  if (!link.is_ready() || link.generation() != generation) return;
  link.anonymous_bytes = anonymous_bytes;
  if (anonymous_bytes <= limits_.max_rss || link.is_doomed() || host_ == nullptr) return;
  drain();
  // It takes no other task. One that runs may end by itself until the next look.
  link.set_leaving();
  has_leavers_ = true;
  spare_others(link);
  const Call* call = link.running();
  const std::uint64_t task_id = call != nullptr ? call->id : 0;
  if (std::exchange(link.over_limit_task, task_id) == task_id && task_id != 0) {
    link.set_doomed("its worker held " + std::to_string(anonymous_bytes) +
                    " bytes of anonymous memory, and max_rss is " + std::to_string(limits_.max_rss) +
                    " (give it less to do at once, or raise max_rss)");
    (void)host_->end_worker(slot);  // a thread's memory is the host's: never sampled
  }
  dispatch(Clock::now());
}

PoolStats Scheduler::stats() const {
  const Lock lock(mutex_);
  PoolStats stats;
  stats.pending_tasks = queued_items_;
  stats.pending_bytes = queued_bytes_;
  std::vector<std::uint64_t> running(counters_.size());
  for (const WorkerLink& link : links_) {
    const Call* running_call = link.running();
    WorkerStats worker{link.tally.counts(running_call != nullptr ? 1 : 0)};
    worker.slot = static_cast<int>(link.slot());
    worker.is_ready = link.is_ready();
    worker.pid = link.is_ready() ? link.pid() : 0;
    worker.processes = link.processes;
    worker.anonymous_bytes = link.anonymous_bytes;
    if (running_call != nullptr) {
      worker.running_task = running_call->task->name;
      ++running[running_call->task->index];
    }
    stats.workers.push_back(std::move(worker));
  }
  for (std::size_t i = 0; i < counters_.size(); ++i) {
    if (!counters_[i]) continue;
    stats.tasks.push_back(counters_[i]->stats(running[i]));
    stats.tasks.back().is_refused = bar_of(*counters_[i]->task) != nullptr;
  }
  return stats;
}

}  // namespace bulkhead::pool
