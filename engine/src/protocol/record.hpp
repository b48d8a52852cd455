// The records that travel in the rings: a fixed header, an extension that readers skip, a payload.
//
// A request ring carries calls, a response ring carries replies. Every call gets, in order, exactly one last reply:
// the kItem or kRun with kLast, or kSkipped when the host took it back first. The host therefore knows at any moment which
// call a worker may be answering, and a reply about anything else condemns that worker. What is no
// kCall has no reply: a reply to a later call tells that it was passed.
//
// Native byte order: both ends run on one machine and are of the same build (the handshake sees to that).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

namespace bulkhead::protocol {

enum class CallKind : std::uint8_t {
  kCall = 1,        // run `count` items of one task
  kShutdown = 2,    // finish: destroy states, exit(0). Nothing follows.
  kDropBlock = 3,   // unmap block `block_id`: the host will not use it again
  kDropShared = 4,  // unmap the shared array `task_id`: no call will name it again
  kTakeSent = 5,    // take in what the control socket holds: it has no room for the rest
};

enum class ReplyKind : std::uint8_t {
  kItem = 1,         // one item's outcome; the payload is its result, or an error envelope
  kSkipped = 2,      // the worker passed a record that the host had revoked
  kBlockWanted = 3,  // a result needs a block of at least `index` bytes; the host sends one by the control socket
  kProgress = 4,     // payload: done, total (u64 each), note
  kRun = 5,  // successive items that succeeded; the payload is their results, each of the same size, side by side
};

enum RecordFlag : std::uint8_t {
  kLast = 1,     // kItem, kRun: the last of its call
  kInBlock = 2,  // the payload lies at the start of block `block_id`, not in the ring
  kTimed = 4,    // kCall: a CallTiming follows the header; the replies tell how long each item waited and ran
  kAhead = 8,    // kCall: it was offered behind others that have no answer yet; more will probably come
};

// What the host writes. 56 bytes: with the ring's own prefix, one cache line.
struct CallHeader {
  std::uint16_t header_bytes = 0;  // this struct and its extension
  CallKind kind = CallKind::kCall;
  std::uint8_t codec = 0;  // one BULKHEAD_CODEC_ bit
  std::uint16_t flags = 0;
  std::uint16_t attempt = 1;
  std::uint64_t task_id = 0;
  std::uint32_t task_index = 0;  // in the catalogue: plugins in order, their tasks in order
  std::uint32_t count = 0;       // items
  // Bytes of each item; 0: each is preceded by its size (u32). One item of no bytes may also go without its size: count 1,
  // stride 0 and payload_bytes 0.
  std::uint32_t stride = 0;
  std::uint32_t block_id = 0;
  std::uint64_t first_index = 0;  // of the first item, within the caller's map
  std::uint64_t payload_bytes = 0;
  std::int64_t deadline_ns = 0;  // CLOCK_MONOTONIC; INT64_MAX: none
};
static_assert(sizeof(CallHeader) == 56 && std::is_standard_layout_v<CallHeader> &&
              std::is_trivially_copyable_v<CallHeader>);

// The extension of a kTimed call.
struct CallTiming {
  std::int64_t submitted_ns = 0;  // CLOCK_MONOTONIC
  std::int64_t timeout_ns = 0;    // that one item may run; INT64_MAX: no limit
};

// What the worker writes.
struct ReplyHeader {
  std::uint8_t header_bytes = 0;
  ReplyKind kind = ReplyKind::kItem;
  std::uint8_t outcome = 0;  // kItem: a BULKHEAD_ outcome; kRun: BULKHEAD_OK
  std::uint8_t flags = 0;
  // kItem of a kTimed call: 1 + the class (support::TimeBuckets) of how long it ran, and waited before. kRun: each of its
  // items, on average. Else 0.
  std::uint16_t run_time = 0;
  std::uint16_t queue_time = 0;
  std::uint64_t task_id = 0;
  std::uint64_t index = 0;          // kItem, kRun: the (first) item's index within its call, from 0
  std::uint32_t payload_bytes = 0;  // in the ring, or in the block
  std::uint32_t block_id = 0;
};
static_assert(sizeof(ReplyHeader) == 32 && std::is_standard_layout_v<ReplyHeader> &&
              std::is_trivially_copyable_v<ReplyHeader>);

// A header that was copied out of shared memory and checked, with the payload it describes (empty when kInBlock: the
// caller finds the block and checks payload_bytes against its size).
template <class Header>
struct Record {
  Header header;
  std::span<const std::byte> extension;
  std::span<const std::byte> payload;
};

// Why a record was refused; nullptr-terminated text for the log and the error.
struct Refusal {
  const char* why = nullptr;
};

// Copies the header out of `frame` (which the peer may be changing) and checks every field that can be checked
// without a table: sizes against the frame, kinds, outcomes, unknown flags. On nullopt, `refusal.why` says what.
[[nodiscard]] std::optional<Record<CallHeader>> read_call(std::span<const std::byte> frame, Refusal& refusal);
[[nodiscard]] std::optional<Record<ReplyHeader>> read_reply(std::span<const std::byte> frame, Refusal& refusal);

// Writes header (its header_bytes filled in) and payload to `to`, which has room for both.
template <class Header>
void write_record(std::span<std::byte> to, Header header, std::span<const std::byte> payload) noexcept {
  header.header_bytes = sizeof(Header);
  std::memcpy(to.data(), &header, sizeof header);
  if (!payload.empty()) std::memcpy(to.data() + sizeof header, payload.data(), payload.size());
}

// Of a kTimed call that read_call() accepted.
[[nodiscard]] inline CallTiming timing_of(const Record<CallHeader>& call) noexcept {
  CallTiming timing;
  std::memcpy(&timing, call.extension.data(), sizeof timing);
  return timing;
}

// Largest payload of one call or one result that is carried at all: 2 GiB of a caller's own, and what tells their sizes.
inline constexpr std::uint64_t kMaxPayloadBytes = (std::uint64_t{2} << 30) + (std::uint64_t{64} << 10);

}  // namespace bulkhead::protocol
