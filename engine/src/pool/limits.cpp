// Time limits, cancelling, and killing on purpose.
//
// A worker is killed only for the task it runs. First everything it has not begun is taken back, then its replies are
// read: if it still runs the guilty task, nothing else can be hit, because there is nothing else.

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "bulkhead/sdk/abi.h"
#include "pool/lateness.hpp"
#include "pool/scheduler.hpp"

namespace bulkhead::pool {

namespace {

constexpr std::chrono::nanoseconds kForceGrace = std::chrono::milliseconds(100);
constexpr std::chrono::nanoseconds kLookAgain = std::chrono::milliseconds(1);

CallExtras& extras_of(Call& call) {
  if (!call.extras) call.extras = std::make_unique<CallExtras>();
  return *call.extras;
}

CallExtras::Clock::time_point later(CallExtras::Clock::time_point when, std::chrono::nanoseconds duration) noexcept {
  constexpr auto kNever = CallExtras::Clock::time_point::max();
  return duration >= kNever - when ? kNever : when + duration;
}

Failure cancelled_failure(const Call& call, CancelOutcome how) {
  Failure failure;
  failure.code = ErrorCode::kTaskCancelled;
  failure.cancelled = how;
  failure.text = "task \"" + call.task->name + "\" was cancelled";
  if (call.extras) failure.attempts = call.extras->attempts;
  switch (how) {
    case CancelOutcome::kKilled:
      failure.text += " while it ran, and its worker killed";
      break;
    case CancelOutcome::kNeverRan:
      failure.text += " before any worker began it";
      break;
    default:
      failure.text += " before its next attempt";
  }
  return failure;
}

// How far the items that were cancelled had come; kFinishedFirst: none was.
CancelOutcome how_cancelled(const Call& call) noexcept {
  CancelOutcome furthest = CancelOutcome::kFinishedFirst;
  if (!call.outcomes) return furthest;
  for (const Failure& failure : call.outcomes->failures()) {
    if (failure.code != ErrorCode::kTaskCancelled) continue;
    if (furthest == CancelOutcome::kFinishedFirst || failure.cancelled > furthest) furthest = failure.cancelled;
  }
  return furthest;
}

template <class Do>
void for_each_call(detail::Completion& completion, Do&& act) {
  if (completion.kind == detail::Completion::Kind::kCall) return act(static_cast<Call&>(completion));
  for (Call* chunk : static_cast<Map&>(completion).chunks) act(*chunk);
}

CancelOutcome how_cancelled(detail::Completion& completion) {
  CancelOutcome furthest = CancelOutcome::kFinishedFirst;
  for_each_call(completion, [&](Call& call) {
    const CancelOutcome how = how_cancelled(call);
    if (how == CancelOutcome::kFinishedFirst) return;
    if (furthest == CancelOutcome::kFinishedFirst || how > furthest) furthest = how;
  });
  return furthest;
}

}  // namespace

// Sets the next moment to look at it. Called whenever it is queued or offered.
void Scheduler::keep_time(Call& call) {
  const detail::Terms& terms = call.extras->terms;
  auto when = terms.deadline;
  if (call.state == Call::State::kOffered) {
    const auto limit = std::min(terms.timeout, terms.soft_timeout);
    // It cannot have run too long before that.
    if (limit != detail::Terms::kNone) when = std::min(when, later(Clock::now(), limit));
  }
  if (when != Clock::time_point::max()) {
    timers_.set(call, when);
  } else {
    timers_.remove(call);
  }
}

void Scheduler::arm_timer() {
  const auto when = timers_.earliest();
  if (when >= armed_ || host_ == nullptr) return;  // one that comes too early only looks
  host_->arm_timer(when);
  armed_ = when;
}

void Scheduler::timers_due() {
  const Lock lock(mutex_);
  armed_ = Clock::time_point::max();
  if (host_ == nullptr) return;
  drain();  // what is done is not late
  const auto now = Clock::now();
  while (Call* call = timers_.take_due(now)) look_at(*call, now);
  dispatch(now);
}

void Scheduler::look_at(Call& call, Clock::time_point now) {
  const detail::Terms& terms = call.extras->terms;
  const bool is_too_late = terms.deadline <= now;
  switch (call.state) {
    case Call::State::kDelayed:
    case Call::State::kPending:
    case Call::State::kHeld:
      if (is_too_late) {
        unqueue(call);
        return fail_rest(call, late_failure(call, {}, Lateness::kQueued, now - call.extras->submitted));
      }
      if (call.state == Call::State::kDelayed) {
        unqueue(call);
        if (!call.large) call.bytes.assign(call.extras->arguments.get());
        queue(call, true);
      }
      return keep_time(call);
    case Call::State::kOffered:
      if (call.extras->sentence) return;  // its worker is dying
      if (is_too_late && take_from_ring(call)) {
        return fail_rest(call, late_failure(call, {}, Lateness::kQueued, now - call.extras->submitted));
      }
      return look_at_running(call, now);
    default:
      return;
  }
}

// It is in a ring, or running. How long it has run is what its worker says, but not less than what was seen.
void Scheduler::look_at_running(Call& call, Clock::time_point now) {
  CallExtras& extras = *call.extras;
  const detail::Terms& terms = extras.terms;
  const auto status = links_[call.worker].channel().status();
  auto limit = std::min(terms.timeout, terms.soft_timeout);
  Clock::time_point since = now;
  if (links_[call.worker].running() == &call) {
    if (!extras.seen_running) extras.seen_running = now;
    since = *extras.seen_running;
    if (status.task_id == call.id) {
      const Clock::time_point told{std::chrono::nanoseconds(status.started_ns)};
      if (told >= call.submitted && told < since) since = told;
    }
    const auto ran = now - since;
    if (terms.deadline <= now) {
      (void)sentence(call, late_failure(call, {}, Lateness::kDeadline, ran));
      return;
    }
    if (ran >= terms.timeout) {
      (void)sentence(call, late_failure(call, terms.timeout, Lateness::kTimeout, ran));
      return;
    }
    if (ran >= terms.soft_timeout) {
      if (!extras.is_past_soft_limit && !extras.is_told_to_stop) {
        extras.is_past_soft_limit = true;
        links_[call.worker].channel().set_stop(call.sequence, BULKHEAD_STOP_SOFT_LIMIT);
      }
      limit = terms.timeout;
    }
  }
  const auto when = std::min(terms.deadline, later(since, limit));
  // Not at once again: it may be done, and its reply not read.
  if (when != Clock::time_point::max()) timers_.set(call, std::max(when, now + kLookAgain));
}

// For good. False: it was claimed, so it runs or has run.
bool Scheduler::take_from_ring(Call& call) {
  WorkerLink& link = links_[call.worker];
  if (link.channel().try_revoke(call.sequence) != ipc::HostChannel::Revoke::kRevoked) return false;
  link.tally.submitted -= call.count - call.finished;
  link.mark_revoked(call.sequence);
  note_not_offered(call);
  return true;
}

void Scheduler::spare_others(WorkerLink& link) {
  take_back_unclaimed(link);
  drain_worker(link, Clock::now());
}

// Ends the worker for what it runs, and the call with `failure` unless its result comes first. False: it came.
bool Scheduler::sentence(Call& call, Failure failure) {
  WorkerLink& link = links_[call.worker];
  const detail::CompletionRef keep = [&] {
    detail::retain(call);
    return detail::CompletionRef(&call);
  }();
  const std::uint64_t sequence = call.sequence;
  spare_others(link);
  if (call.state != Call::State::kOffered || call.sequence != sequence || !link.is_ready()) return false;
  if (link.is_condemned()) return true;
  if (!host_->end_worker(link.slot())) {
    abandon(call, failure);
    return true;
  }
  link.set_doomed({});
  extras_of(call).sentence = std::move(failure);
  return true;
}

// A thread cannot be killed: its task is asked to stop, and its caller gets the verdict now.
void Scheduler::abandon(Call& call, const Failure& failure) {
  WorkerLink& link = links_[call.worker];
  link.channel().set_stop(call.sequence, BULKHEAD_STOP_CANCELLED);
  link.tally.count_failures(failure.code, call.count - call.finished);
  link.mark_abandoned(call.sequence);
  note_not_offered(call);
  fail_rest(call, failure);
}

// False: it runs on.
bool Scheduler::cancel_call(Call& call, TellRunning tell_running) {
  if (!is_open(call)) return true;
  const bool has_run = call.attempt > 1;
  // First: once it is taken out nobody but this would give it a verdict.
  const Failure failure =
      cancelled_failure(call, has_run ? CancelOutcome::kStoppedCooperatively : CancelOutcome::kNeverRan);
  switch (call.state) {
    case Call::State::kPending:
    case Call::State::kHeld:
    case Call::State::kDelayed:
      unqueue(call);
      break;
    default:
      if (take_from_ring(call)) break;
      if (tell_running == TellRunning::kYes) {
        extras_of(call).is_told_to_stop = true;
        links_[call.worker].channel().set_stop(call.sequence, BULKHEAD_STOP_CANCELLED);
      }
      return false;
  }
  fail_rest(call, failure);
  return true;
}

bool Scheduler::cancel_calls(detail::Completion& completion, TellRunning tell_running) {
  bool is_over = true;
  for_each_call(completion, [&](Call& call) { is_over &= cancel_call(call, tell_running); });
  return is_over;
}

CancelOutcome Scheduler::cancel(detail::Completion& completion, CancelMode mode, std::optional<TimeLimit> grace) {
  refuse_forked_copy();
  const auto patience = grace ? grace->value() : mode == CancelMode::kForce ? kForceGrace : std::chrono::nanoseconds(0);
  const auto until = detail::wait_limit(patience);
  {
    const Lock lock(mutex_);
    // relaxed: changed under the lock only.
    if (completion.is_done.load(std::memory_order_relaxed) || host_ == nullptr) return CancelOutcome::kFinishedFirst;
    const bool is_over = cancel_calls(completion, TellRunning::kYes);
    dispatch(Clock::now());
    if (is_over) return how_cancelled(completion);
  }
  if (patience > std::chrono::nanoseconds::zero() && wait_until(completion, until)) return how_cancelled(completion);
  if (mode == CancelMode::kCooperative) return CancelOutcome::kStillRunning;
  kill_calls(completion);
  (void)wait_until(completion, Clock::time_point::max());  // SIGKILL ends it
  return how_cancelled(completion);
}

void Scheduler::kill_calls(detail::Completion& completion) {
  const Lock lock(mutex_);
  if (host_ == nullptr) return;
  do_or_break([&] {
    for_each_call(completion, [&](Call& call) {
      if (call.state != Call::State::kOffered || (call.extras && call.extras->sentence)) return;
      (void)sentence(call, cancelled_failure(call, CancelOutcome::kKilled));
    });
  });
  dispatch(Clock::now());
}

std::vector<Call*> Scheduler::open_calls() {
  std::vector<Call*> calls;
  calls.reserve(open_calls_);
  const auto add_all = [&](const PendingQueue& queue) {
    for (std::uint32_t band = detail::kPriorities; band-- > 0;) {
      for (Call* call = queue.front(band); call != nullptr; call = call->next) calls.push_back(call);
    }
  };
  add_all(pending_);
  for (const auto& counters : counters_) {
    if (counters) add_all(counters->held);
  }
  for (Call* call : timers_.all()) {
    if (call->state == Call::State::kDelayed) calls.push_back(call);
  }
  for (WorkerLink& link : links_) {
    if (!link.is_ready()) continue;
    for (std::uint64_t sequence = link.front_sequence(); sequence != link.end_sequence(); ++sequence) {
      if (Call* call = link.offer(sequence).call; call != nullptr) calls.push_back(call);
    }
  }
  return calls;
}

DrainReport Scheduler::drain(Clock::time_point until, std::chrono::nanoseconds soft_grace) {
  close();
  std::vector<detail::CompletionRef> calls;
  DrainReport report;
  std::unordered_set<const Call*> known;
  // With the lock: those that are not among them yet.
  const auto add_open_calls = [&] {
    for (Call* call : open_calls()) {
      if (!known.insert(call).second) continue;
      detail::retain(*call);
      calls.emplace_back(call);
      report.tasks.push_back({.task = call->task->name,
                              .task_id = call->id,
                              .items = call->count - call->finished,
                              .outcome = DrainedTask::Outcome::kFinished});
    }
  };
  {
    Lock lock(mutex_);
    add_open_calls();
    if (open_maps_ > 0) {  // those that had begun submit the rest of them until then
      const auto have_ended = [this] { return open_maps_ == 0 || has_given_up_; };
      (void)maps_ended_.wait_until(lock, until, have_ended);
      add_open_calls();
    }
    admits_parts_ = false;
  }
  const auto all_done = [&](Clock::time_point limit) {
    return std::all_of(calls.begin(), calls.end(),
                       [&](const detail::CompletionRef& call) { return wait_until(*call, limit); });
  };
  if (!all_done(until)) {
    {
      const Lock lock(mutex_);
      do_or_break([&] {
        for (const auto& call : calls) (void)cancel_calls(*call, TellRunning::kYes);
      });
      if (host_ != nullptr) dispatch(Clock::now());
    }
    if (!all_done(later(Clock::now(), soft_grace))) {
      for (const auto& call : calls) kill_calls(*call);
      (void)all_done(Clock::time_point::max());
    }
  }
  for (std::size_t i = 0; i < calls.size(); ++i) {
    switch (how_cancelled(*calls[i])) {
      case CancelOutcome::kNeverRan:
        report.tasks[i].outcome = DrainedTask::Outcome::kNeverRan;
        break;
      case CancelOutcome::kStoppedCooperatively:
        report.tasks[i].outcome = DrainedTask::Outcome::kStopped;
        break;
      case CancelOutcome::kKilled:
        report.tasks[i].outcome = DrainedTask::Outcome::kKilled;
        break;
      default:
        break;
    }
  }
  return report;
}

}  // namespace bulkhead::pool
