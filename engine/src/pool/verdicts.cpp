// From an item's outcome to the verdict that callers see.

#include <algorithm>
#include <utility>

#include "pool/scheduler.hpp"
#include "pool/waiting.hpp"

namespace bulkhead::pool {

namespace {

Outcomes& outcomes_of(Call& call) {
  if (!call.outcomes) {
    call.outcomes = std::make_unique<Outcomes>();
    call.outcomes->items.reserve(call.count);
  }
  return *call.outcomes;
}

}  // namespace

void Scheduler::record_result(Call& call, std::span<const std::byte> bytes) {
  if (call.count == 1) {
    call.bytes.assign(bytes);
  } else {
    Outcomes& outcomes = outcomes_of(call);
    outcomes.items.push_back({.offset = outcomes.bytes.size(), .size = static_cast<std::uint32_t>(bytes.size())});
    outcomes.bytes.insert(outcomes.bytes.end(), bytes.begin(), bytes.end());
  }
  ++call.finished;
}

void Scheduler::record_large_result(Call& call, LargeBytes large) {
  Outcomes& outcomes = outcomes_of(call);
  outcomes.large.push_back(std::move(large));
  outcomes.items.push_back({.large = static_cast<std::uint32_t>(outcomes.large.size())});
  ++call.finished;
}

void Scheduler::record_failure(Call& call, Failure failure) {
  Outcomes& outcomes = outcomes_of(call);
  outcomes.failures.push_back(std::move(failure));
  outcomes.items.push_back({.failure = static_cast<std::uint32_t>(outcomes.failures.size())});
  ++call.finished;
}

// Every item has an outcome.
void Scheduler::finish(Call& call) {
  call.state = Call::State::kVerdict;
  call.large.reset();
  --open_calls_;
  Map* map = call.map;
  complete(call);  // may free it
  if (map != nullptr) {
    --map->open_chunks;
    check_map(*map);
  }
}

void Scheduler::check_map(Map& map) {
  if (map.is_sealed && map.open_chunks == 0) complete(map);
}

// Callbacks come first, then is_done, then waiters and continuations: multiprocessing's order. The pool's reference
// goes last.
void Scheduler::complete(detail::Completion& completion) {
  if (!completion.callback) {
    publish_verdict(completion);
    return;
  }
  retain();
  host_->run_callback([this, &completion] {
    // The verdict follows whatever the callback does.
    struct Publish {
      Scheduler& scheduler;
      detail::Completion& completed;
      ~Publish() {
        Continuations left;
        {
          const Lock lock(scheduler.mutex_);
          scheduler.settle_callback();
          completed.callback.reset();
          left = scheduler.publish_verdict(completed);
        }
        // The pool is gone, but this still is the callback thread.
        for (auto& continuation : left) continuation();
        scheduler.release();
      }
    } const publish{*this, completion};
    (*completion.callback)(completion);
  });
}

void Scheduler::settle_callback() noexcept {
  if (--callbacks_open_ == 0 && !is_leader_parked_) bells_.set(resting_mode());
}

Scheduler::Continuations Scheduler::publish_verdict(detail::Completion& completion) {
  completion.is_done.store(true, std::memory_order_release);  // [verdict]
  Continuations left;
  if (completion.continuations) {
    for (auto& continuation : *completion.continuations) {
      settle_callback();
      if (host_ != nullptr) {
        host_->run_callback(std::move(continuation));
      } else {
        left.push_back(std::move(continuation));
      }
    }
    completion.continuations.reset();
  }
  for (Waiter* waiter = completion.waiters; waiter != nullptr; waiter = waiter->next_of_completion) wake(*waiter);
  detail::release(completion);
  return left;
}

// Items without an outcome get this one.
void Scheduler::fail_rest(Call& call, ErrorCode code, const std::string& text) {
  while (call.finished < call.count) {
    Failure failure;
    failure.code = code;
    failure.text = text;
    record_failure(call, std::move(failure));
  }
  finish(call);
}

void Scheduler::fail_all(ErrorCode code, const std::string& text) {
  refuse_forked_copy();
  const Lock lock(mutex_);
  is_closed_ = true;
  has_given_up_ = true;
  closed_code_ = code;
  closed_text_ = text;
  while (!pending_.is_empty()) {
    Call& call = *pending_.front();
    pending_.remove(&call);
    fail_rest(call, code, text);
  }
  for (WorkerLink& link : links_) {
    if (!link.is_ready()) continue;
    for (std::uint64_t sequence = link.front_sequence(); sequence != link.end_sequence(); ++sequence) {
      Call* call = link.offer(sequence).call;
      if (call == nullptr) continue;
      // Its record may be running; whoever called this kills the worker.
      link.mark_revoked(sequence);
      fail_rest(*call, code, text);
    }
  }
}

CancelOutcome Scheduler::cancel_call(Call& call, const std::string& text) {
  switch (call.state) {
    case Call::State::kPending:
      pending_.remove(&call);
      break;
    case Call::State::kOffered: {
      WorkerLink& link = links_[call.worker];
      if (link.channel().try_revoke(call.sequence) != ipc::HostChannel::Revoke::kRevoked) {
        return CancelOutcome::kStillRunning;
      }
      if (call.large) link.blocks_to_drop.push_back(call.large->block->id());
      link.mark_revoked(call.sequence);
      break;
    }
    default:
      return CancelOutcome::kFinishedFirst;
  }
  fail_rest(call, ErrorCode::kTaskCancelled, text);
  return CancelOutcome::kNeverRan;
}

CancelOutcome Scheduler::cancel(detail::Completion& completion) {
  refuse_forked_copy();
  const Lock lock(mutex_);
  // relaxed: changed under the lock only.
  if (completion.is_done.load(std::memory_order_relaxed) || host_ == nullptr) return CancelOutcome::kFinishedFirst;
  const std::string text = "task \"" + completion.task->name + "\" was cancelled before any worker began it";
  if (completion.kind == detail::Completion::Kind::kCall) {
    const CancelOutcome outcome = cancel_call(static_cast<Call&>(completion), text);
    dispatch(Clock::now());  // it may have been the last of a closed pool
    return outcome;
  }
  // Of a map: what is running keeps running; otherwise it is over, having run in part, in whole or not at all.
  bool any_running = false;
  bool any_taken_back = false;
  for (Call* chunk : static_cast<Map&>(completion).chunks) {
    const CancelOutcome outcome = cancel_call(*chunk, text);
    any_running |= outcome == CancelOutcome::kStillRunning;
    any_taken_back |= outcome == CancelOutcome::kNeverRan;
  }
  dispatch(Clock::now());
  if (any_running) return CancelOutcome::kStillRunning;
  return any_taken_back ? CancelOutcome::kNeverRan : CancelOutcome::kFinishedFirst;
}

void Scheduler::seal_map(Map& map) {
  const Lock lock(mutex_);
  map.is_sealed = true;
  check_map(map);
}

void Scheduler::abandon_map(Map& map) noexcept {
  if (is_forked_copy()) return;
  const Lock lock(mutex_);
  const std::string text = "its input was given up";
  if (map.callback) {
    map.callback.reset();  // the caller gets the input's exception instead
    settle_callback();
  }
  if (host_ != nullptr) {
    for (Call* chunk : map.chunks) (void)cancel_call(*chunk, text);
    dispatch(Clock::now());
  }
  map.is_sealed = true;
  check_map(map);
}

void Scheduler::when_done(detail::Completion& completion, std::function<void()> then) {
  refuse_forked_copy();
  Lock lock(mutex_);
  if (host_ != nullptr) host_->prepare_callbacks();
  // relaxed: changed under the lock only.
  if (!completion.is_done.load(std::memory_order_relaxed)) {
    if (!completion.continuations) completion.continuations = std::make_unique<Continuations>();
    completion.continuations->push_back(std::move(then));
    expect_callback();
  } else if (host_ != nullptr) {
    host_->run_callback(std::move(then));
  } else {
    // No pool any more, no callback thread: here and now.
    lock.unlock();
    then();
  }
}

// The last reference is gone.
void Scheduler::free_completion(detail::Completion& completion) noexcept {
  if (completion.kind == detail::Completion::Kind::kCall) {
    table_.give_back(static_cast<Call*>(&completion));
  } else {
    auto* map = static_cast<Map*>(&completion);
    for (Call* chunk : map->chunks) detail::release(*chunk);
    delete map;
  }
  release();
}

}  // namespace bulkhead::pool
