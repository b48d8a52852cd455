// From an item's outcome to the verdict that callers see.

#include <algorithm>
#include <utility>

#include "bulkhead/sdk/abi.h"
#include "pool/scheduler.hpp"
#include "pool/waiting.hpp"

namespace bulkhead::pool {

namespace {

Outcomes& outcomes_of(Call& call) {
  if (!call.outcomes) call.outcomes = std::make_unique<Outcomes>(call.count);
  return *call.outcomes;
}

}  // namespace

void Scheduler::record_result(Call& call, std::span<const std::byte> bytes, sdk::SharedRefs arrays) {
  if (call.count == 1 && arrays.empty()) {
    call.bytes.assign(bytes);
  } else {
    // First what may fail and, alone, changes nothing.
    Outcomes& outcomes = outcomes_of(call);
    outcomes.add_arrays(std::move(arrays));
    outcomes.add_result(bytes);
  }
  counters_[call.task->index]->count_results(1, bytes.size());
  ++call.finished;
}

// `items` results of one size.
void Scheduler::record_results(Call& call, std::uint32_t items, std::span<const std::byte> bytes) {
  outcomes_of(call).add_results(bytes, static_cast<std::uint32_t>(bytes.size() / items));
  counters_[call.task->index]->count_results(items, bytes.size());
  call.finished += items;
}

void Scheduler::record_large_result(Call& call, LargeBytes large, sdk::SharedRefs arrays) {
  const std::uint64_t size = large.size;
  Outcomes& outcomes = outcomes_of(call);
  outcomes.add_arrays(std::move(arrays));
  outcomes.add_large(std::move(large));
  counters_[call.task->index]->count_results(1, size);
  ++call.finished;
}

void Scheduler::record_failure(Call& call, Failure failure) {
  const ErrorCode code = failure.code;
  outcomes_of(call).add_failure(std::move(failure));
  counters_[call.task->index]->count_failures(code, 1);
  ++call.finished;
}

// Every item has an outcome.
void Scheduler::finish(Call& call) {
  if (call.large) {
    forget_block(call.large->block->id());
    call.large.reset();
  }
  call.state = Call::State::kVerdict;  // nothing below can fail
  if (call.arrays) arrays_->let_go(std::move(call.arrays));
  if (call.extras) {
    timers_.remove(call);
    call.extras->arguments.clear();
    if (call.extras->terms.on_progress) settle_callback();
  }
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
  auto place = std::move(completion.callback->place);
  // Two pointers: they fit into a std::function without memory of its own.
  place->run = [this, &completion] {
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
        for (auto& continuation : left) continuation->run();
        scheduler.release();
      }
    } const publish{*this, completion};
    completion.callback->callback(completion);
  };
  host_->run_callback(std::move(place));
  tell_waiters(completion, WhoWaits::kRunsCallbacks);
}

void Scheduler::settle_callback() noexcept {
  if (--callbacks_open_ == 0 && !is_leader_parked_) bells_.set(resting_mode());
}

Scheduler::Continuations Scheduler::publish_verdict(detail::Completion& completion) {
  completion.is_done.store(true, std::memory_order_release);  // [verdict]
  Continuations left;
  if (completion.continuations) {
    for (std::size_t i = 0; i < completion.continuations->size(); ++i) settle_callback();
    if (host_ != nullptr) {
      for (auto& continuation : *completion.continuations) host_->run_callback(std::move(continuation));
    } else {
      left = std::move(*completion.continuations);
    }
    completion.continuations.reset();
  }
  tell_waiters(completion, WhoWaits::kAll);
  detail::release(completion);
  return left;
}

// Items without an outcome get this one.
void Scheduler::fail_rest(Call& call, const Failure& failure) noexcept {
  try {
    while (call.finished < call.count) record_failure(call, failure);
  } catch (const std::bad_alloc&) {
    return finish_without_memory(call);
  }
  finish(call);
}

void Scheduler::fail_all(ErrorCode code, std::string_view text) {
  refuse_forked_copy();
  const Lock lock(mutex_);
  is_closed_ = true;
  has_given_up_ = true;
  closed_code_ = code;
  room_.notify_all();
  maps_ended_.notify_all();
  do_or_break([&] {
    closed_text_ = text;
    Failure failure;
    failure.code = code;
    failure.text = text;
    for (Call* call : open_calls()) {
      if (call->state == Call::State::kOffered) {
        // Its record may be running; whoever called this kills the worker, or asks the thread to stop.
        WorkerLink& link = links_[call->worker];
        link.channel().set_stop(call->sequence, BULKHEAD_STOP_CANCELLED);
        link.tally.count_failures(code, call->count - call->finished);
        link.mark_revoked(call->sequence);
      } else {
        unqueue(*call);
      }
      fail_rest(*call, failure);
    }
  });
}

// Its items have no other outcome.
void Scheduler::finish_without_memory(Call& call) noexcept {
  const std::uint32_t items = call.count - call.finished;
  counters_[call.task->index]->count_failures(ErrorCode::kResource, items);
  call.finished = call.count;
  call.is_without_memory = true;
  call.outcomes.reset();
  call.bytes.clear();
  call.large.reset();  // what workers know of its block goes with them, or stays unused
  finish(call);
}

// Whatever was half done: the task table knows who has no verdict.
void Scheduler::break_for_memory() noexcept {
  is_closed_ = has_given_up_ = true;
  closed_code_ = ErrorCode::kPoolBroken;
  closed_text_ = kOutOfMemory;
  for (WorkerLink& link : links_) {
    if (!link.is_ready()) continue;
    for (std::uint64_t sequence = link.front_sequence(); sequence != link.end_sequence(); ++sequence) {
      Call* const call = link.offer(sequence).call;
      if (call == nullptr) continue;
      link.channel().set_stop(sequence, BULKHEAD_STOP_CANCELLED);
      link.tally.count_failures(ErrorCode::kResource, call->count - call->finished);
      link.mark_revoked(sequence);
    }
  }
  pending_ = {};
  for (const auto& counters : counters_) {
    if (!counters) continue;
    counters->held = {};
    counters->offered = 0;
  }
  queued_items_ = queued_bytes_ = 0;
  room_.notify_all();
  maps_ended_.notify_all();
  table_.for_each([this](Call& call) {
    if (is_open(call)) finish_without_memory(call);
  });
}

void Scheduler::out_of_memory() noexcept {
  Lock lock(mutex_);
  if (host_ == nullptr) return;
  if (open_calls_ > 0 || !is_closed_) break_for_memory();
  for (WorkerLink& link : links_) {
    if (link.is_ready()) let_go(link);
  }
  wait_for_spinner(lock);
}

void Scheduler::seal_map(Map& map) {
  const Lock lock(mutex_);
  map.is_sealed = true;
  note_map_ended();
  check_map(map);
}

// Nothing more of it comes: it may have been the last that a closed pool waited for.
void Scheduler::note_map_ended() noexcept {
  if (--open_maps_ == 0) maps_ended_.notify_all();
  if (is_closed_ && host_ != nullptr) dispatch(Clock::now());
}

void Scheduler::abandon_map(Map& map) noexcept {
  if (is_forked_copy()) return;
  const Lock lock(mutex_);
  if (map.callback) {
    map.callback.reset();  // the caller gets the input's exception instead
    settle_callback();
  }
  if (host_ != nullptr) {
    do_or_break([&] { (void)cancel_calls(map, TellRunning::kNo); });
    dispatch(Clock::now());
  }
  map.is_sealed = true;
  note_map_ended();
  check_map(map);
}

void Scheduler::when_done(detail::Completion& completion, std::function<void()> then) {
  refuse_forked_copy();
  auto callback = std::make_unique<Callback>(Callback{std::move(then)});
  Lock lock(mutex_);
  if (host_ != nullptr) host_->prepare_callbacks();
  // relaxed: changed under the lock only.
  if (!completion.is_done.load(std::memory_order_relaxed)) {
    if (!completion.continuations) completion.continuations = std::make_unique<Continuations>();
    completion.continuations->push_back(std::move(callback));
    expect_callback();
    look();
  } else if (host_ != nullptr) {
    host_->run_callback(std::move(callback));
  } else {
    // No pool any more, no callback thread: here and now.
    lock.unlock();
    callback->run();
  }
}

// The last reference is gone.
void Scheduler::free_completion(detail::Completion& completion) noexcept {
  if (completion.kind == detail::Completion::Kind::kCall) {
    if (table_.give_back(static_cast<Call*>(&completion))) release();
    return;
  }
  auto* map = static_cast<Map*>(&completion);
  for (Call* chunk : map->chunks) detail::release(*chunk);
  delete map;
  release();
}

}  // namespace bulkhead::pool
