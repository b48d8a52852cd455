// What a worker leaves when its process has ended: what it said counts, what it had begun is lost, the rest runs elsewhere.

#include <cstring>
#include <utility>

#include "bulkhead/sdk/abi.h"
#include "pool/payload.hpp"
#include "pool/scheduler.hpp"
#include "protocol/dead_letter.hpp"

namespace bulkhead::pool {

// Everything the dead worker published counts. What it had claimed is lost, item by item; the rest runs elsewhere.
Scheduler::Ending Scheduler::worker_ended(std::uint32_t slot, const WorkerLost::Info& lost, const std::string& how) {
  Lock lock(mutex_);
  WorkerLink& link = links_[slot];
  if (!link.is_ready()) return Ending::kUnexpected;
  const auto now = Clock::now();
  if (!link.is_condemned()) drain_worker(link, now);
  const bool was_unasked = !link.has_offers();
  const bool was_useless = is_useless(link);
  // Youngest first, so that the queue ends up in the order of submission.
  for (std::uint64_t sequence = link.end_sequence(); sequence-- > link.front_sequence();) {
    Call* call = link.offer(sequence).call;
    if (call == nullptr) continue;
    if (!link.channel().was_claimed(sequence)) {
      take_back(link, sequence);
      continue;
    }
    note_not_offered(*call);
    try {
      settle_lost(link, *call, sequence, lost, how, now);
    } catch (const std::bad_alloc&) {
      if (call->state != Call::State::kOffered) throw;  // half way to another attempt
      finish_without_memory(*call);
    }
  }
  const Ending ending = link.is_doomed()      ? Ending::kDoomed
                        : link.is_shut_down() ? Ending::kToldTo
                        : was_useless         ? Ending::kUseless
                        : was_unasked         ? Ending::kUnasked
                                              : Ending::kUnexpected;
  let_go(link);
  if (host_ != nullptr) dispatch(now);
  wait_for_spinner(lock);
  return ending;
}

// Its worker ended within a run: what it had done of it counts.
void Scheduler::keep_unpublished(WorkerLink& link, Call& call) {
  const std::uint32_t each = call.task->fixed_result_bytes;
  if (call.count == 1 || call.codec != BULKHEAD_CODEC_BINARY || link.is_condemned()) return;
  const auto run = link.channel().unpublished_run(call.id, each);
  if (run.results.empty() || run.first != call.finished - call.offered_from) return;
  const std::uint64_t items = run.results.size() / each;
  if (items > call.count - call.finished) return;
  link.tally.count_results(items, run.results.size());
  const auto count = static_cast<std::uint32_t>(items);
  record_or_drop(call, count, [&] { record_results(call, count, run.results); });
}

// Its process is gone, and it holds nothing any more.
void Scheduler::let_go(WorkerLink& link) noexcept {
  link.detach();
  --ready_;
  if (std::exchange(link.is_in_use, false)) std::erase(in_use_, &link);
}

// A call that the dead worker had begun.
void Scheduler::settle_lost(WorkerLink& link, Call& call, std::uint64_t sequence, const WorkerLost::Info& lost,
                            const std::string& how, Clock::time_point now) {
  keep_unpublished(link, call);
  if (call.finished == call.count) return finish(call);
  if (call.extras && call.extras->sentence) {
    Failure failure = *std::exchange(call.extras->sentence, std::nullopt);
    keep_letter(link, call, sequence, failure, lost);
    if (try_again(call, failure, now)) {
      ++link.tally.retried;
    } else {
      link.tally.count_failures(failure.code, call.count - call.finished);
      fail_rest(call, failure);
    }
    return;
  }
  Failure failure;
  failure.code = ErrorCode::kWorkerLost;
  failure.lost = lost;
  failure.lost.task = call.task->name;
  failure.lost.plugin = call.task->name.substr(0, call.task->name.find('.'));
  failure.lost.task_id = call.id;
  if (!link.doom().empty()) failure.lost.detail = link.doom();
  failure.text = "task \"" + call.task->name + "\" lost its worker: " + (link.doom().empty() ? how : link.doom());
  keep_letter(link, call, sequence, failure, lost);
  const detail::TaskInfo& task = *call.task;
  if (lose_item(link, call, sequence, std::move(failure), now)) note_poisoning(link, task, lost, how);
}

bool Scheduler::is_useless(const WorkerLink& link) noexcept {
  if (!link.has_offers() || link.front_sequence() != ipc::kFirstSequence) return false;
  for (std::uint64_t sequence = link.front_sequence(); sequence != link.end_sequence(); ++sequence) {
    if (link.channel().was_claimed(sequence)) return false;
  }
  std::uint64_t finished = 0;
  for (const WorkerLink& each : links_) finished += each.tally.finished();
  return std::exchange(finished_before_, finished) == finished;
}

// Of the item that ran. Not of one that somebody cancelled.
void Scheduler::keep_letter(const WorkerLink& link, const Call& call, std::uint64_t sequence, const Failure& failure,
                            const WorkerLost::Info& lost) {
  if (!limits_.keeps_dead_letters || host_ == nullptr || failure.code == ErrorCode::kTaskCancelled) return;
  const auto items = call.large ? call.large->get() : arguments_in_ring(link, sequence);
  const auto from = items_after(items, call.stride, call.finished - call.offered_from);
  const auto item = first_item(from, call.stride);
  if (item.size() > protocol::kMaxLetterBytes) return;
  try {
    host_->keep_dead_letter({.task = call.task,
                             .codec = static_cast<std::uint8_t>(call.codec),
                             .attempt = call.attempt,
                             .item = call.first_index + call.finished,
                             .worker_pid = lost.worker_pid,
                             .why = failure.text,
                             .backtrace = lost.backtrace,
                             .arguments = {item.begin(), item.end()}});
  } catch (const std::bad_alloc&) {  // then there is none
  }
}

// The item that ran is lost; those after it run elsewhere.
bool Scheduler::lose_item(WorkerLink& link, Call& call, std::uint64_t sequence, Failure failure,
                          Clock::time_point now) {
  if (call.count == 1 && try_again(call, failure, now)) {
    ++link.tally.retried;
    return false;
  }
  link.tally.count_failures(failure.code, 1);
  std::span<const std::byte> items;
  if (!call.large) items = arguments_in_ring(link, sequence);
  const std::uint32_t done_there = call.finished - call.offered_from + 1;
  record_or_drop(call, 1, [&] { record_failure(call, std::move(failure)); });
  if (call.finished == call.count) {
    finish(call);
    return true;
  }
  link.tally.submitted -= call.count - call.finished;  // it never came to these
  if (call.large) {
    // The dead worker could only read it, and nobody else has it.
    const auto all = call.large->get();
    const auto rest = items_after(all, call.stride, done_there);
    std::memmove(call.large->block->bytes().data(), rest.data(), rest.size());
    call.large->size = rest.size();
  } else {
    call.bytes.assign(items_after(items, call.stride, done_there));
  }
  queue(call, false);
  // Cancelled while it ran: what its worker did not come to begins nowhere.
  if (call.extras && call.extras->is_told_to_stop) (void)cancel_call(call, TellRunning::kNo);
  return true;
}

}  // namespace bulkhead::pool
