#include "pool/waiting.hpp"

#include <algorithm>
#include <utility>

#include "ipc/spin.hpp"
#include "pool/scheduler.hpp"

namespace bulkhead::pool {

namespace {
thread_local bool doorbell_rung = false;
}

void note_doorbell_rung() noexcept { doorbell_rung = true; }
bool take_doorbell_rung() noexcept { return std::exchange(doorbell_rung, false); }

SpinBudget::SpinBudget() noexcept : most_(ipc::default_spin_budget().host_pauses), pauses_(most_) {}

void SpinBudget::note(bool found) noexcept {
  if (found) {
    pauses_ = std::min(most_, pauses_ * 2);
  } else if (++failures_ % kFailuresUntilRetry == 0) {
    pauses_ = most_;
  } else {
    pauses_ = std::max(std::min(most_, kLeast), pauses_ / 2);
  }
}

bool Scheduler::wait_until(detail::Completion& completion, Clock::time_point until) {
  if (completion.is_done.load(std::memory_order_acquire)) return true;  // [verdict]
  refuse_forked_copy();
  Lock lock(mutex_);
  Waiter self(completion);
  self.next_of_completion = completion.waiters;
  completion.waiters = &self;
  self.next = waiters_;
  if (waiters_ != nullptr) waiters_->previous = &self;
  waiters_ = &self;

  // relaxed: changed under the lock only.
  const auto is_done = [&] { return completion.is_done.load(std::memory_order_relaxed); };
  while (!is_done()) {
    if (leader_ == nullptr && host_ != nullptr) {
      leader_ = &self;
      lead(lock, self, until);
      leader_ = nullptr;
      break;
    }
    if (until == Clock::time_point::max()) {
      self.woken.wait(lock);
    } else if (self.woken.wait_until(lock, until) == std::cv_status::timeout) {
      break;
    }
  }

  Waiter** link = &completion.waiters;
  while (*link != &self) link = &(*link)->next_of_completion;
  *link = self.next_of_completion;
  (self.previous != nullptr ? self.previous->next : waiters_) = self.next;
  if (self.next != nullptr) self.next->previous = self.previous;
  if (leader_ == nullptr) hand_over();
  return is_done();
}

// Drains until its own result is there or `until` has come. Called and left with the lock; others may submit and wait
// meanwhile.
void Scheduler::lead(Lock& lock, Waiter& self, Clock::time_point until) {
  // relaxed: changed under the lock only.
  const auto is_done = [&] { return self.completion->is_done.load(std::memory_order_relaxed); };
  bool may_spin = !take_doorbell_rung();
  for (;;) {
    const bool has_drained = drain();
    if (is_done() || (until != Clock::time_point::max() && Clock::now() >= until)) return;
    if (has_drained) {
      may_spin = true;
      continue;
    }
    if (may_spin && spin_budget_.pauses() > 0) {
      watched_.clear();
      for (const WorkerLink& link : links_) {
        if (link.in_flight() > 0 && !link.is_condemned()) watched_.push_back(&link.channel());
      }
      is_leader_spinning_ = true;
      const std::uint32_t pauses = spin_budget_.pauses();
      lock.unlock();
      const bool found = spin(self, pauses);
      lock.lock();
      is_leader_spinning_ = false;
      leader_stopped_spinning_.notify_all();
      spin_budget_.note(found);
      may_spin = found;
      continue;
    }
    // Work that a sleeping worker could take from a busy one is moved before this thread sleeps too.
    dispatch(Clock::now());
    // Announce, look again, sleep. The look is drain(): it sees every channel.
    is_leader_parked_ = true;
    bells_.set(ipc::ParkMode::kLeaderParked);
    if (!drain() && !is_done()) {
      lock.unlock();
      const auto deadline =
          until == Clock::time_point::max() ? support::Deadline::never() : support::Deadline::at(until);
      (void)bells_.leader().wait(deadline);  // rung or not: look
      lock.lock();
    }
    is_leader_parked_ = false;
    bells_.set(resting_mode());
    may_spin = true;
  }
}

// True: there is something to drain, or the result has come. Without the lock: see wait_for_spinner().
bool Scheduler::spin(const Waiter& self, std::uint32_t pauses) const noexcept {
  // relaxed: see activations_.
  const std::uint32_t activations = activations_.load(std::memory_order_relaxed);
  for (std::uint32_t pause = 0; pause < pauses; ++pause) {
    for (const ipc::HostChannel* channel : watched_) {
      if (channel->has_responses()) return true;
    }
    // Another thread's worker finished it, or a worker was given its first record: look under the lock.
    if (self.completion->is_done.load(std::memory_order_acquire) ||  // [verdict]
        activations_.load(std::memory_order_relaxed) != activations) {
      return true;
    }
    ipc::cpu_relax();
  }
  return false;
}

void Scheduler::wake(Waiter& waiter) noexcept {
  if (&waiter != leader_) {
    waiter.woken.notify_one();
  } else if (is_leader_parked_) {
    bells_.leader().ring();
  }
}

// A channel is about to go: a leader that may be looking at it is made to come back under the lock, which is soon.
void Scheduler::wait_for_spinner(Lock& lock) {
  activations_.fetch_add(1, std::memory_order_relaxed);
  leader_stopped_spinning_.wait(lock, [this] { return !is_leader_spinning_; });
}

// The leader leaves, others wait: one of them leads. With nobody left the pump thread is rung when it must be.
void Scheduler::hand_over() noexcept {
  if (waiters_ != nullptr) waiters_->woken.notify_one();
}

}  // namespace bulkhead::pool
