#include "worker/reply_writer.hpp"

#include <algorithm>
#include <cstring>

#include "support/time_buckets.hpp"

namespace bulkhead::worker {

using protocol::kMaxPayloadBytes;
using protocol::ReplyHeader;
using protocol::ReplyKind;

namespace {
constexpr std::size_t kMaxNoteBytes = 1024;
}  // namespace

ReplyWriter::ReplyWriter(ipc::WorkerChannel& channel, ExecutorBlocks& blocks) noexcept
    : channel_(channel), blocks_(blocks) {}

void ReplyWriter::begin_item(std::uint64_t task_id, std::uint64_t index) noexcept {
  task_id_ = task_id;
  index_ = index;
  room_ = {};
  committed_ = 0;
  reserved_ = 0;
  block_id_ = 0;
  refusal_.clear();
  run_time_ = queue_time_ = 0;
}

void ReplyWriter::set_times(std::chrono::nanoseconds run, std::chrono::nanoseconds queue) noexcept {
  run_time_ = static_cast<std::uint16_t>(1 + support::TimeBuckets::index(run));
  queue_time_ = static_cast<std::uint16_t>(1 + support::TimeBuckets::index(queue));
}

void* ReplyWriter::reserve(std::size_t size) {
  reserved_ = 0;
  if (size > kMaxPayloadBytes - committed_) {
    refusal_ = "result larger than 2 GiB (write into a SharedArray, or cut it up)";
    return nullptr;
  }
  // A pointer is due even for no bytes: nullptr means refused.
  const std::uint64_t needed = committed_ + std::max<std::size_t>(size, 1);
  if (needed > room_.size()) {
    const bool fits_ring = needed <= channel_.max_response_bytes() - sizeof(ReplyHeader);
    const bool has_moved = block_id_ == 0 && fits_ring ? move_to_ring_room(needed) : move_to_block(needed);
    if (!has_moved) return nullptr;
  }
  reserved_ = size;
  return room_.data() + committed_;
}

void ReplyWriter::commit(std::size_t size) noexcept {
  const std::uint64_t taken = std::min<std::uint64_t>(size, reserved_);
  committed_ += taken;
  reserved_ -= taken;
}

bool ReplyWriter::move_to_ring_room(std::size_t needed) {
  const auto old = room_.first(committed_);
  const auto frame = channel_.reserve(sizeof(ReplyHeader) + needed);
  if (frame.empty()) return false;
  room_ = frame.subspan(sizeof(ReplyHeader));
  // Mostly the same place; the ring's start once the end has become too near.
  if (room_.data() != old.data() && !old.empty()) std::memmove(room_.data(), old.data(), old.size());
  return true;
}

bool ReplyWriter::move_to_block(std::uint64_t needed) {
  const auto old = room_.first(committed_);
  ReplyHeader header = header_of(ReplyKind::kBlockWanted);
  // Doubled, so that a result that grows in small steps is copied a bounded number of times.
  header.index = std::max(needed, std::min<std::uint64_t>(2 * room_.size(), kMaxPayloadBytes));
  // This frame has no payload and takes at most the place of the result's own header: what was
  // committed in the ring lies behind it, in room that only this side writes to, and is still there
  // to be copied.
  publish(header, {}, Announce::kNow);
  const auto grant = blocks_.wait_for_grant(header.index);
  if (grant.bytes.empty()) {
    refusal_ = "the host has no memory for a result of " + std::to_string(header.index) + " bytes";
    // A ring room is gone with the frame above, and so is what was committed there.
    room_ = {};
    committed_ = 0;
    block_id_ = 0;
    return false;
  }
  if (!old.empty()) std::memcpy(grant.bytes.data(), old.data(), old.size());
  room_ = grant.bytes;
  block_id_ = grant.id;
  return true;
}

ReplyHeader ReplyWriter::header_of(ReplyKind kind) const noexcept {
  ReplyHeader header;
  header.header_bytes = sizeof header;
  header.kind = kind;
  header.task_id = task_id_;
  header.index = index_;
  if (kind == ReplyKind::kItem || kind == ReplyKind::kRun) {
    header.run_time = run_time_;
    header.queue_time = queue_time_;
  }
  return header;
}

void ReplyWriter::publish(ReplyHeader header, std::span<const std::byte> payload, Announce announce) {
  const std::size_t size = sizeof header + payload.size();
  header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  protocol::write_record(channel_.reserve(size), header, payload);
  channel_.publish(size, announce);
}

void ReplyWriter::publish_committed(ReplyKind kind, bool is_last, Announce announce) {
  ReplyHeader header = header_of(kind);
  if (is_last) header.flags |= protocol::kLast;
  if (block_id_ == 0 && !room_.empty()) {
    header.payload_bytes = static_cast<std::uint32_t>(committed_);
    std::memcpy(room_.data() - sizeof header, &header, sizeof header);
    channel_.publish(sizeof header + committed_, announce);
    return;
  }
  if (block_id_ == 0) {
    publish(header, {}, announce);
    return;
  }
  header.flags |= protocol::kInBlock;
  header.block_id = block_id_;
  header.payload_bytes = static_cast<std::uint32_t>(committed_);
  protocol::write_record(channel_.reserve(sizeof header), header, {});
  channel_.publish(sizeof header, announce);
}

void ReplyWriter::publish_error(std::uint8_t outcome, protocol::ErrorEnvelope& envelope, bool is_last,
                                Announce announce) {
  protocol::cut_to_fit(envelope,
                       std::min(protocol::kMaxEnvelopeBytes, channel_.max_response_bytes() - sizeof(ReplyHeader)));
  sink_.clear();
  protocol::encode_envelope(sink_, envelope);
  ReplyHeader header = header_of(ReplyKind::kItem);
  header.outcome = outcome;
  if (is_last) header.flags |= protocol::kLast;
  publish(header, sink_.bytes(), announce);
}

void ReplyWriter::publish_skipped(std::uint64_t task_id) {
  begin_item(task_id, 0);
  // The host took the call back itself: nobody waits for this.
  publish(header_of(ReplyKind::kSkipped), {}, Announce::kLater);
}

void ReplyWriter::publish_progress(std::uint64_t done, std::uint64_t total, std::string_view note) {
  sink_.clear();
  sink_.put(&done, sizeof done);
  sink_.put(&total, sizeof total);
  sink_.put(note.data(), std::min(note.size(), kMaxNoteBytes));
  publish(header_of(ReplyKind::kProgress), sink_.bytes(), Announce::kNow);
}

}  // namespace bulkhead::worker
