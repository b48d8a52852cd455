// What workers answer. Nothing they write is trusted: every field is checked against what this worker was offered.

#include <algorithm>
#include <cstring>

#include "bulkhead/sdk/abi.h"
#include "pool/payload.hpp"
#include "pool/scheduler.hpp"
#include "pool/waiting.hpp"

namespace bulkhead::pool {

using protocol::Record;
using protocol::ReplyHeader;
using protocol::ReplyKind;

// Takes every reply there is, gives out work for the room that made. True: there was a reply.
bool Scheduler::drain() {
  bool any = false;
  Clock::time_point now{};
  for (WorkerLink& link : links_) {
    if (!link.has_replies()) continue;
    if (!any) now = Clock::now();
    any = true;
    drain_worker(link, now);
  }
  if (any) dispatch(now);
  return any;
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
    if (host_ != nullptr) host_->condemn(slot_of(link), why);
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
  if (front.call == nullptr && has_given_up_) {
    // It had begun when fail_all() gave its task another verdict; it may not have been killed yet.
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
    case ReplyKind::kBlockWanted:
      if (header.index > protocol::kMaxPayloadBytes) {
        why = "it asked for a block beyond the limit";
        return false;
      }
      if (host_ != nullptr) host_->make_result_block(slot_of(link), link.generation(), header.index);
      return true;
    default:
      return true;  // progress: nobody asks for it yet
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
    link.blocks_to_drop.push_back(header.block_id);
  }
  if (header.outcome != BULKHEAD_OK) {
    Failure failure;
    failure.code = header.outcome == BULKHEAD_DECODE_FAILED || header.outcome == BULKHEAD_ENCODE_FAILED
                       ? ErrorCode::kPayload
                       : ErrorCode::kTask;
    failure.worker_pid = link.pid();
    failure.envelope.assign(reply.payload.begin(), reply.payload.end());
    record_failure(call, std::move(failure));
  } else if (block) {
    record_large_result(call, {std::move(block), header.payload_bytes});
  } else {
    record_result(call, reply.payload);
  }
  if (is_last) {
    // Blocks it asked for and outgrew.
    for (const auto& [id, unused] : link.result_blocks) link.blocks_to_drop.push_back(id);
    link.result_blocks.clear();
    if (call.large) link.blocks_to_drop.push_back(call.large->block->id());
    link.pop_front();
    finish(call);
  }
  return true;
}

void Scheduler::give_result_block(std::uint32_t slot, std::uint64_t generation,
                                  std::shared_ptr<const ipc::SharedBlock> block) {
  const Lock lock(mutex_);
  WorkerLink& link = links_[slot];
  if (!link.is_ready() || link.generation() != generation || host_ == nullptr) return;
  const std::uint32_t id = block->id();
  const ipc::SharedBlock& sent = *block;
  link.result_blocks.emplace(id, std::move(block));
  if (!host_->send_block(slot, sent, true)) link.result_blocks.erase(id);  // its process is ending
}

void Scheduler::refuse_result_block(std::uint32_t slot, std::uint64_t generation) {
  const Lock lock(mutex_);
  WorkerLink& link = links_[slot];
  if (!link.is_ready() || link.generation() != generation || host_ == nullptr) return;
  host_->refuse_block(slot);
}

// Everything the dead worker published counts. What it had claimed is lost, item by item; the rest runs elsewhere.
void Scheduler::worker_ended(std::uint32_t slot, const WorkerLost::Info& lost, const std::string& how) {
  Lock lock(mutex_);
  WorkerLink& link = links_[slot];
  if (!link.is_ready()) return;
  const auto now = Clock::now();
  if (!link.is_condemned()) drain_worker(link, now);
  // Youngest first, so that the queue ends up in the order of submission.
  for (std::uint64_t sequence = link.end_sequence(); sequence-- > link.front_sequence();) {
    Call* call = link.offer(sequence).call;
    if (call == nullptr) continue;
    if (!link.channel().was_claimed(sequence)) {
      take_back(link, sequence);
      continue;
    }
    Failure failure;
    failure.code = ErrorCode::kWorkerLost;
    failure.lost = lost;
    failure.lost.task = call->task->name;
    failure.lost.task_id = call->id;
    failure.text = "task \"" + call->task->name + "\" lost its worker: " + how;
    std::span<const std::byte> items;
    if (!call->large) items = link.channel().request(sequence).subspan(sizeof(protocol::CallHeader));
    const std::uint32_t done_there = call->finished - call->offered_from + 1;
    record_failure(*call, std::move(failure));
    if (call->finished == call->count) {
      finish(*call);
      continue;
    }
    if (call->large) {
      // The dead worker could only read it, and nobody else has it.
      const auto all = call->large->get();
      const auto rest = items_after(all, call->stride, done_there);
      std::memmove(call->large->block->bytes().data(), rest.data(), rest.size());
      call->large->size = rest.size();
    } else {
      call->bytes.assign(items_after(items, call->stride, done_there));
    }
    pending_.push_front(call);
  }
  link.detach();
  dispatch(now);
  wait_for_spinner(lock);
}

}  // namespace bulkhead::pool
