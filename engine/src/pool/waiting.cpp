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

bool Scheduler::wait_until(detail::Completion& completion, Clock::time_point until) {
  if (completion.is_done.load(std::memory_order_acquire)) return true;  // [verdict]
  refuse_forked_copy();
  Lock lock(mutex_);
  // relaxed: changed under the lock only.
  const auto is_done = [&] { return completion.is_done.load(std::memory_order_relaxed); };
  while (!is_done()) {
    if (must_run_callbacks_for(completion)) {
      lock.unlock();
      (void)callbacks_->run_one();
      lock.lock();
      if (Clock::now() >= until) break;
      continue;
    }
    Waiter self;
    self.runs_callbacks.store(completion.callback && runs_callbacks(), std::memory_order_relaxed);
    WaitNode node(self, completion);
    list(node);
    if (!wait(lock, self, until)) {
      unlist(node);
      break;
    }
  }
  return is_done();
}

// Nobody else may ever run what this completion's verdict waits for: this thread does. That is so where the embedder
// runs callbacks (Callbacks::kManual), and for a callback that waits.
bool Scheduler::runs_callbacks() const noexcept { return callbacks_ && callbacks_->is_run_by_this_thread(); }
bool Scheduler::must_run_callbacks_for(const detail::Completion& completion) const noexcept {
  return completion.callback && runs_callbacks() && !callbacks_->is_empty();
}

void Scheduler::list(WaitNode& node) noexcept {
  node.next = node.completion->waiters;
  node.completion->waiters = &node;
  node.is_listed = true;
}

void Scheduler::unlist(WaitNode& node) noexcept {
  if (!node.is_listed) return;
  WaitNode** link = &node.completion->waiters;
  while (*link != &node) link = &(*link)->next;
  *link = node.next;
  node.is_listed = false;
}

void Scheduler::watch(WaitNode& node) {
  refuse_forked_copy();
  const Lock lock(mutex_);
  Waiter& waiter = *node.waiter;
  if (runs_callbacks()) waiter.runs_callbacks.store(true, std::memory_order_relaxed);
  if (completion_is_over(node)) {
    note_done(node);
    return;
  }
  list(node);
  if (waiter.outside == nullptr) return;
  // A leader would see the result by itself; for one who only waits, workers must ring the pump. They do not ring for
  // what they published before.
  expect_callback();
  look();
}

// For those who want to hear of results but do not wait: what workers published while nobody waited, they need not have
// rung for yet.
void Scheduler::look() {
  if (host_ != nullptr) drain();
}

bool Scheduler::poll(const detail::Completion& completion) {
  if (completion.is_done.load(std::memory_order_acquire)) return true;  // [verdict]
  if (is_forked_copy()) return false;
  // Whoever has the lock is likely to look.
  const Lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return false;
  look();
  return completion.is_done.load(std::memory_order_relaxed);  // relaxed: changed under the lock only
}

// It has its verdict, or needs this thread for it.
bool Scheduler::completion_is_over(const WaitNode& node) const noexcept {
  // relaxed: changed under the lock only.
  return node.completion->is_done.load(std::memory_order_relaxed) ||
         (node.waiter->runs_callbacks.load(std::memory_order_relaxed) && must_run_callbacks_for(*node.completion));
}

void Scheduler::unwatch(WaitNode& node) noexcept {
  const Lock lock(mutex_);
  if (!node.is_listed) return;
  unlist(node);
  if (node.waiter->outside != nullptr) settle_callback();
}

WaitNode* Scheduler::next_done(Waiter& waiter, Clock::time_point until) {
  refuse_forked_copy();
  Lock lock(mutex_);
  if (waiter.done == nullptr) {
    waiter.is_satisfied.store(false, std::memory_order_relaxed);  // relaxed: under the lock
    if (!wait(lock, waiter, until)) return nullptr;
  }
  return &waiter.pop_done();
}

// Until it is satisfied, or `until` has come; says which. Called and left with the lock.
bool Scheduler::wait(Lock& lock, Waiter& self, Clock::time_point until) {
  self.next = waiters_;
  self.previous = nullptr;
  if (waiters_ != nullptr) waiters_->previous = &self;
  waiters_ = &self;

  // relaxed: changed under the lock only.
  const auto is_satisfied = [&] { return self.is_satisfied.load(std::memory_order_relaxed); };
  while (!is_satisfied()) {
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

  (self.previous != nullptr ? self.previous->next : waiters_) = self.next;
  if (self.next != nullptr) self.next->previous = self.previous;
  if (leader_ == nullptr) hand_over();
  return is_satisfied();
}

// Drains until it is satisfied or `until` has come. Called and left with the lock; others may submit and wait
// meanwhile.
void Scheduler::lead(Lock& lock, Waiter& self, Clock::time_point until) {
  // relaxed: changed under the lock only.
  const auto is_satisfied = [&] { return self.is_satisfied.load(std::memory_order_relaxed); };
  bool may_spin = !take_doorbell_rung();
  for (;;) {
    const bool has_drained = drain();
    if (is_satisfied() || (until != Clock::time_point::max() && Clock::now() >= until)) return;
    if (has_drained) {
      may_spin = true;
      continue;
    }
    if (may_spin && spin_budget_.pauses() > 0) {
      watched_.clear();
      for (WorkerLink* link : in_use_) {
        if (link->in_flight() == 0 || link->is_condemned()) continue;
        watched_.push_back(&link->channel());
        if (link->is_ahead()) link->channel().hurry();
      }
      is_leader_spinning_ = true;
      const std::uint32_t pauses = spin_budget_.pauses();
      lock.unlock();
      const bool found = spin(self, pauses);
      lock.lock();
      is_leader_spinning_ = false;
      if (waiting_for_spinner_ > 0) leader_stopped_spinning_.notify_all();
      spin_budget_.note(found);
      may_spin = found;
      continue;
    }
    // Work that a sleeping worker could take from a busy one is moved before this thread sleeps too.
    dispatch(Clock::now());
    // Announce, look again, sleep. The look is drain(): it sees every channel in use. A bell that woke a leader is silenced
    // by the next one, not while a result waits to be taken; one that rings for an old announcement wakes for nothing.
    if (std::exchange(is_leader_bell_rung_, false)) bells_.leader().consume();
    is_leader_parked_ = true;
    bells_.set(ipc::ParkMode::kLeaderParked);
    if (!drain() && !is_satisfied()) {
      lock.unlock();
      const auto deadline =
          until == Clock::time_point::max() ? support::Deadline::never() : support::Deadline::at(until);
      const bool is_rung = bells_.leader().wait_until_rung(deadline);  // or not: look
      lock.lock();
      is_leader_bell_rung_ = is_rung;
    }
    is_leader_parked_ = false;
    bells_.set(resting_mode());
    may_spin = true;
  }
}

// True: there is something to drain, or it is satisfied. Without the lock: see wait_for_spinner().
bool Scheduler::spin(const Waiter& self, std::uint32_t pauses) const noexcept {
  // relaxed: see activations_.
  const std::uint32_t activations = activations_.load(std::memory_order_relaxed);
  return ipc::spin_until(pauses, [&] {
    const auto has_responses = [](const ipc::HostChannel* channel) { return channel->has_responses(); };
    // Another thread satisfied it, or a worker was given its first record: look under the lock, which orders what was
    // written before (so relaxed).
    return std::any_of(watched_.begin(), watched_.end(), has_responses) ||
           self.is_satisfied.load(std::memory_order_relaxed) ||
           activations_.load(std::memory_order_relaxed) != activations;
  });
}

void Scheduler::satisfy(Waiter& waiter) noexcept {
  // relaxed: changed under the lock only.
  if (waiter.is_satisfied.load(std::memory_order_relaxed)) return;
  waiter.is_satisfied.store(true, std::memory_order_relaxed);
  if (&waiter != leader_) {
    waiter.woken.notify_one();
  } else if (is_leader_parked_) {
    bells_.leader().ring();
  }
}

// Its completion is over. The node is in no list.
void Scheduler::note_done(WaitNode& node) noexcept {
  Waiter& waiter = *node.waiter;
  if (waiter.outside == nullptr) {
    waiter.push_done(node);
    return satisfy(waiter);
  }
  const std::lock_guard lock(*waiter.outside);
  waiter.push_done(node);
  waiter.woken.notify_one();
}

// Those who wait for this completion, or of them those who run callbacks: it is over.
void Scheduler::tell_waiters(detail::Completion& completion, WhoWaits who) noexcept {
  WaitNode** link = &completion.waiters;
  while (*link != nullptr) {
    WaitNode& node = **link;
    if (who == WhoWaits::kRunsCallbacks && !node.waiter->runs_callbacks.load(std::memory_order_relaxed)) {
      link = &node.next;
      continue;
    }
    *link = node.next;
    node.is_listed = false;
    if (node.waiter->outside != nullptr) settle_callback();
    note_done(node);
  }
}

// A channel is about to go: a leader that may be looking at it is made to come back under the lock, which is soon.
void Scheduler::wait_for_spinner(Lock& lock) {
  note_activation();
  ++waiting_for_spinner_;
  leader_stopped_spinning_.wait(lock, [this] { return !is_leader_spinning_; });
  --waiting_for_spinner_;
}

// The leader leaves, others wait: one of them leads. With nobody left the pump thread is rung when it must be.
void Scheduler::hand_over() noexcept {
  if (waiters_ != nullptr) waiters_->woken.notify_one();
}

}  // namespace bulkhead::pool
