// Writes replies into the response ring: an item's result in place, behind its header, while the
// plugin encodes it; in a block of the host's when it is larger than a frame.
//
// Ownership: borrows channel and blocks. A block that was granted belongs to the item it was asked
// for: that item's
//            kItem reply gives it back to the host, whether or not the result lies in it.
// Threads:   one.
// Throws what WorkerChannel::reserve() throws. A result that cannot be had room for is refused, and
// refusal() says why.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <bulkhead/sdk/byte_sink.hpp>

#include "ipc/worker_channel.hpp"
#include "protocol/envelope.hpp"
#include "protocol/record.hpp"
#include "worker/executor_blocks.hpp"

namespace bulkhead::worker {

class ReplyWriter {
 public:
  using Announce = ipc::WorkerChannel::Announce;

  ReplyWriter(ipc::WorkerChannel& channel, ExecutorBlocks& blocks) noexcept;

  // What follows is about this item, and it has no result yet.
  void begin_item(std::uint64_t task_id, std::uint64_t index) noexcept;

  // Contiguous room for `size` more bytes of the result; nullptr: refused. Replaces an earlier
  // room.
  [[nodiscard]] void* reserve(std::size_t size);
  // The first `size` bytes of that room belong to the result; no more than there is.
  void commit(std::size_t size) noexcept;
  // The result has room in the ring: other replies would overwrite it.
  [[nodiscard]] bool has_room() const noexcept { return !room_.empty(); }
  // Why reserve() said no for this item; empty: it did not.
  [[nodiscard]] const std::string& refusal() const noexcept { return refusal_; }

  // How long the item ran, and waited before, for its reply.
  void set_times(std::chrono::nanoseconds run, std::chrono::nanoseconds queue) noexcept;

  // The committed bytes: the item's result, or those of a run that begins with it.
  void publish_result(bool is_last, Announce announce) {
    publish_committed(protocol::ReplyKind::kItem, is_last, announce);
  }
  void publish_run(bool is_last, Announce announce) { publish_committed(protocol::ReplyKind::kRun, is_last, announce); }
  // Shortens the envelope to what a frame holds. Gives up the result.
  void publish_error(std::uint8_t outcome, protocol::ErrorEnvelope& envelope, bool is_last, Announce announce);
  void publish_skipped(std::uint64_t task_id);
  // Requires: !has_room().
  void publish_progress(std::uint64_t done, std::uint64_t total, std::string_view note);

 private:
  [[nodiscard]] protocol::ReplyHeader header_of(protocol::ReplyKind kind) const noexcept;
  void publish_committed(protocol::ReplyKind kind, bool is_last, Announce announce);
  void publish(protocol::ReplyHeader header, std::span<const std::byte> payload, Announce announce);
  [[nodiscard]] bool move_to_ring_room(std::size_t needed);
  [[nodiscard]] bool move_to_block(std::uint64_t needed);

  ipc::WorkerChannel& channel_;
  ExecutorBlocks& blocks_;
  // The item's.
  std::uint64_t task_id_ = 0;
  std::uint64_t index_ = 0;
  std::span<std::byte> room_;  // for the result alone, in the ring behind the header, or in the block
  std::uint64_t committed_ = 0;
  std::uint64_t reserved_ = 0;  // by the last reserve(), behind what is committed
  std::uint32_t block_id_ = 0;  // 0: in the ring
  std::string refusal_;
  std::uint16_t run_time_ = 0;
  std::uint16_t queue_time_ = 0;
  // Reused.
  sdk::BufferSink sink_;
};

}  // namespace bulkhead::worker
