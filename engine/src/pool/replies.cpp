// What workers answer. Nothing they write is trusted: every field is checked against what this worker was offered.

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "bulkhead/sdk/abi.h"
#include "pool/lateness.hpp"
#include "pool/scheduler.hpp"
#include "pool/waiting.hpp"

namespace bulkhead::pool {

using protocol::Record;
using protocol::ReplyHeader;
using protocol::ReplyKind;

// See is_time_to_look().
constexpr std::uint32_t kShare = 8;

// A look at the clock takes a tenth of a hot call. One call after another, each alone, is looked at now and then.
bool Scheduler::needs_time() noexcept {
  constexpr std::uint32_t kTimedDrains = 16;  // one in so many
  return in_use_.size() > 1 || !pending_.is_empty() || in_use_.front()->in_flight() > 1 ||
         ++untimed_ % kTimedDrains == 0;
}

// Takes every reply there is, gives out work for the room that made. True: there was a reply.
bool Scheduler::drain() noexcept {
  bool any = false;
  Clock::time_point now{};
  for (std::size_t i = 0; i < in_use_.size();) {
    WorkerLink& link = *in_use_[i];
    if (link.has_replies()) {
      if (!any && needs_time()) now = Clock::now();
      any = true;
      do_or_break([&] { drain_worker(link, now); });
    }
    link.pop_passed_controls();
    if (link.has_offers()) {
      ++i;
      continue;
    }
    link.is_in_use = false;
    in_use_[i] = in_use_.back();
    in_use_.pop_back();
  }
  if (any && !is_at_rest()) dispatch(now);
  queued_since_look_ = look_after_ = 0;
  if (!pending_.is_empty() && !in_use_.empty()) {
    constexpr auto kInFlight = [](const WorkerLink* link) { return link->in_flight(); };
    look_after_ = (*std::ranges::min_element(in_use_, {}, kInFlight))->in_flight() / kShare;
  }
  return any;
}

void Scheduler::drain_all() noexcept {
  for (WorkerLink& link : links_) {
    if (!link.is_in_use && link.has_replies()) do_or_break([&] { drain_worker(link, Clock::now()); });
  }
  drain();
}

void Scheduler::drain_worker(WorkerLink& link, Clock::time_point now) {
  const std::uint32_t before = link.in_flight();
  std::span<const std::byte> frame;
  const char* why = nullptr;
  for (;;) {
    const auto received = link.channel().receive(frame);
    if (received == ipc::HostChannel::Receive::kEmpty) break;
    if (received == ipc::HostChannel::Receive::kCorrupt) {
      why = "its ring is corrupt";
    } else if (handle_reply(link, frame, why)) {
      link.channel().pop();
      continue;
    }
    // Its process is killed, and its end settles what it had.
    link.set_condemned();
    if (host_ != nullptr) host_->condemn(link.slot(), std::string("it broke the protocol: ") + why);
    link.channel().release();
    return;
  }
  link.channel().release();
  link.note_finished(before - std::min(before, link.in_flight()), now);
}

bool Scheduler::handle_reply(WorkerLink& link, std::span<const std::byte> frame, const char*& why) {
  protocol::Refusal refusal;
  const auto reply = protocol::read_reply(frame, refusal);
  if (!reply) {
    why = refusal.why;
    return false;
  }
  // Control records have no reply: the worker passed them when it answers for a later one.
  while (link.has_offers() && link.offer(link.front_sequence()).call == nullptr &&
         !link.offer(link.front_sequence()).is_revoked) {
    link.pop_front();
  }
  if (!link.has_offers()) {
    why = "it replied to nothing";
    return false;
  }
  const Offer& front = link.offer(link.front_sequence());
  const ReplyHeader& header = reply->header;
  if (header.kind == ReplyKind::kSkipped) {
    if (!front.is_revoked) {
      why = "it skipped a task that was not taken back";
      return false;
    }
    link.pop_front();
    return true;
  }
  if (front.call == nullptr && (has_given_up_ || front.is_abandoned)) {
    // It had begun when its task was given another verdict; it may not have been killed yet, or cannot be.
    (void)link.take_given(header.task_id, header.index);
    if ((header.flags & protocol::kLast) != 0) link.pop_front();
    return true;
  }
  if (front.call == nullptr || header.task_id != front.call->id) {
    why = "it replied to a task it was not given, or out of order";
    return false;
  }
  switch (header.kind) {
    case ReplyKind::kItem:
      return handle_item(link, *front.call, *reply, why);
    case ReplyKind::kRun:
      return handle_run(link, *front.call, *reply, why);
    case ReplyKind::kBlockWanted:
      if (header.index > protocol::kMaxPayloadBytes) {
        why = "it asked for a block beyond the limit";
        return false;
      }
      // A worker that asked again and again would have all of the machine's memory.
      if (!link.may_want_block(header.index)) {
        why = "it asked for a block it cannot need";
        return false;
      }
      if (grant_kept_block(link, header.index)) return true;
      link.is_block_wanted = host_ != nullptr;
      if (host_ != nullptr && !host_->make_result_block(link.slot(), link.generation(), header.index)) {
        link.is_block_wanted = false;
        host_->refuse_block(link.slot());
      }
      return true;
    default:
      try {
        handle_progress(*front.call, *reply);
      } catch (const std::bad_alloc&) {  // then it is not told
        front.call->extras->latest_progress.reset();
      }
      return true;
  }
}

bool Scheduler::handle_item(WorkerLink& link, Call& call, const Record<ReplyHeader>& reply, const char*& why) {
  const ReplyHeader& header = reply.header;
  const bool is_last = (header.flags & protocol::kLast) != 0;
  if (header.index != call.finished - call.offered_from || is_last != (call.finished + 1 == call.count)) {
    why = "it replied to an item out of order";
    return false;
  }
  std::shared_ptr<const ipc::SharedBlock> block;
  if ((header.flags & protocol::kInBlock) != 0) {
    const auto found = link.result_blocks.find(header.block_id);
    if (found == link.result_blocks.end() || header.payload_bytes > found->second->size()) {
      why = "its result lies in a block it was not given";
      return false;
    }
    block = std::move(found->second);
    link.result_blocks.erase(found);
  }
  if (!link.result_blocks.empty()) {  // it asked for them and outgrew them
    for (const auto& [id, unused] : link.result_blocks) link.blocks_to_drop.push_back(id);
    link.result_blocks.clear();
  }
  if (header.run_time != 0) {
    counters_[call.task->index]->count_times(header.run_time, header.queue_time, 1);
    link.tally.count_times(header.run_time, header.queue_time, 1);
  }
  sdk::SharedRefs arrays;
  if (!link.given_arrays.empty()) arrays = link.take_given(header.task_id, header.index);
  if (header.outcome != BULKHEAD_OK) {
    if (!arrays.empty()) arrays_->let_go(std::make_unique<sdk::SharedRefs>(std::move(arrays)));
    Failure failure = failure_from(link, call, reply);
    if (is_last && try_again(call, failure, Clock::now())) {
      ++link.tally.retried;
      settle_front(link, call);
      return true;
    }
    link.tally.count_failures(failure.code, 1);
    record_or_drop(call, 1, [&] { record_failure(call, std::move(failure)); });
  } else if (block) {
    link.tally.count_results(1, header.payload_bytes);
    record_or_drop(call, 1, [&] {
      // It goes back when the caller has let go of the result.
      record_large_result(call, {ipc::BlockCache::lend(link.idle_results, std::move(block)), header.payload_bytes},
                          std::move(arrays));
    });
  } else {
    link.tally.count_results(1, reply.payload.size());
    record_or_drop(call, 1, [&] { record_result(call, reply.payload, std::move(arrays)); });
  }
  if (is_last) finish_answered(link, call);
  return true;
}

// The call at the front has its last reply from this worker.
void Scheduler::settle_front(WorkerLink& link, Call& call) {
  link.pop_front();
  note_not_offered(call);
}

// And it was its verdict. Nobody reads its arguments any more: their block may have others.
void Scheduler::finish_answered(WorkerLink& link, Call& call) {
  settle_front(link, call);
  if (call.large) {
    try {
      idle_arguments_->give_back(std::move(call.large->block));
    } catch (const std::bad_alloc&) {  // then it is not kept
    }
    call.large.reset();
    for (const std::uint32_t id : idle_arguments_->take_evicted()) forget_block(id);
  }
  finish(call);
}

void Scheduler::forget_block(std::uint32_t id) noexcept {
  for (WorkerLink& link : links_) {
    if (link.known_blocks.erase(id) == 0) continue;
    try {
      link.blocks_to_drop.push_back(id);
    } catch (const std::bad_alloc&) {  // then it stays mapped for as long as the worker lives
    }
  }
}

// One that carried an earlier result of this worker, if there is such a one. False: there is none.
bool Scheduler::grant_kept_block(WorkerLink& link, std::uint64_t bytes) {
  auto block = link.idle_results->take(bytes);
  if (!block || host_ == nullptr) return false;
  has_blocks_ = true;
  const ipc::SharedBlock& granted = *block;
  link.result_blocks.emplace(granted.id(), std::move(block));
  if (host_->grant_known_block(link.slot(), granted)) return true;
  link.result_blocks.erase(granted.id());
  host_->refuse_block(link.slot());
  return true;
}

bool Scheduler::handle_run(WorkerLink& link, Call& call, const Record<ReplyHeader>& reply, const char*& why) {
  const ReplyHeader& header = reply.header;
  const std::uint32_t each = call.task->fixed_result_bytes;
  if (each == 0 || call.codec != BULKHEAD_CODEC_BINARY || reply.payload.size() % each != 0) {
    why = "it sent results side by side that do not have one size";
    return false;
  }
  const std::uint64_t items = reply.payload.size() / each;
  const bool is_last = (header.flags & protocol::kLast) != 0;
  if (header.index != call.finished - call.offered_from || items > call.count - call.finished ||
      is_last != (call.finished + items == call.count)) {
    why = "it replied to an item out of order";
    return false;
  }
  const auto count = static_cast<std::uint32_t>(items);
  counters_[call.task->index]->count_times(header.run_time, header.queue_time, count);
  link.tally.count_times(header.run_time, header.queue_time, count);
  link.tally.count_results(count, reply.payload.size());
  record_or_drop(call, count, [&] { record_results(call, count, reply.payload); });
  if (is_last) finish_answered(link, call);
  return true;
}

Failure Scheduler::failure_from(const WorkerLink& link, const Call& call, const Record<ReplyHeader>& reply) const {
  const std::uint8_t outcome = reply.header.outcome;
  Failure failure;
  failure.worker_pid = link.pid();
  const CallExtras* extras = call.extras.get();
  if (outcome == BULKHEAD_STOPPED && extras != nullptr && extras->is_told_to_stop) {
    failure.code = ErrorCode::kTaskCancelled;
    failure.cancelled = CancelOutcome::kStoppedCooperatively;
    failure.text = "task \"" + call.task->name + "\" was cancelled while it ran, and stopped";
    return failure;
  }
  if (outcome == BULKHEAD_STOPPED && extras != nullptr && extras->is_past_soft_limit) {
    return late_failure(call, extras->terms.soft_timeout, Lateness::kSoft, ran_for(reply.header.run_time));
  }
  failure.code =
      outcome == BULKHEAD_DECODE_FAILED || outcome == BULKHEAD_ENCODE_FAILED ? ErrorCode::kPayload : ErrorCode::kTask;
  failure.envelope.assign(reply.payload.begin(), reply.payload.end());
  return failure;
}

// A progress record was checked to hold its two numbers. What the callback thread has not come to yet is replaced: a
// task that tells more than is listened to fills no queue.
void Scheduler::handle_progress(Call& call, const Record<ReplyHeader>& reply) {
  if (!call.extras || !call.extras->terms.on_progress || host_ == nullptr) return;
  Progress progress;
  progress.index = call.first_index + call.finished;
  std::memcpy(&progress.done, reply.payload.data(), sizeof progress.done);
  std::memcpy(&progress.total, reply.payload.data() + sizeof progress.done, sizeof progress.total);
  const auto note = reply.payload.subspan(2 * sizeof(std::uint64_t));
  progress.note.assign(reinterpret_cast<const char*>(note.data()), note.size());
  auto& latest = call.extras->latest_progress;
  if (latest && latest->replace(progress)) return;
  latest = std::make_shared<UntoldProgress>(std::move(progress));
  host_->run_callback(std::make_unique<Callback>(
      Callback{[callback = call.extras->terms.on_progress, untold = latest] { (*callback)(untold->take()); }}));
}

bool Scheduler::give_array(std::uint32_t slot, std::uint64_t generation, const protocol::SharedMessage& message,
                           std::shared_ptr<sdk::SharedMemory> memory) {
  constexpr std::ptrdiff_t kMost = 128;  // in one result: a worker must not use up the host's descriptors
  const Lock lock(mutex_);
  WorkerLink& link = links_[slot];
  if (!link.is_ready() || link.generation() != generation || host_ == nullptr) return false;
  const auto is_its_task = [&] {
    for (std::uint64_t sequence = link.front_sequence(); sequence != link.end_sequence(); ++sequence) {
      const Call* call = link.offer(sequence).call;
      if (call != nullptr && call->id == message.task_id) return message.item < call->count - call->offered_from;
    }
    return false;
  };
  const auto is_same = [&](const WorkerLink::GivenArray& given) {
    return given.task_id == message.task_id && given.item == message.item;
  };
  if (!is_its_task() || std::count_if(link.given_arrays.begin(), link.given_arrays.end(), is_same) >= kMost)
    return false;
  link.given_arrays.push_back(
      {.task_id = message.task_id,
       .item = message.item,
       .array = {
           .memory = std::move(memory), .is_writable = message.writable, .id = message.id, .bytes = message.size}});
  return true;
}

void Scheduler::give_result_block(std::uint32_t slot, std::uint64_t generation,
                                  std::shared_ptr<const ipc::SharedBlock> block) {
  const Lock lock(mutex_);
  WorkerLink& link = links_[slot];
  if (!link.is_ready() || link.generation() != generation || host_ == nullptr) return;
  link.is_block_wanted = false;
  has_blocks_ = true;
  const std::uint32_t id = block->id();
  const ipc::SharedBlock& sent = *block;
  link.result_blocks.emplace(id, std::move(block));
  if (host_->send_block(slot, sent, true)) return;
  // It is ending, or there was no room or memory for the message: its item fails, if it can be told that.
  link.result_blocks.erase(id);
  host_->refuse_block(slot);
}

void Scheduler::refuse_result_block(std::uint32_t slot, std::uint64_t generation) {
  const Lock lock(mutex_);
  WorkerLink& link = links_[slot];
  if (!link.is_ready() || link.generation() != generation || host_ == nullptr) return;
  link.is_block_wanted = false;
  host_->refuse_block(slot);
}

}  // namespace bulkhead::pool
