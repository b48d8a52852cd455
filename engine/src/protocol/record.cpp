#include "protocol/record.hpp"

#include <bulkhead/sdk/abi.h>

#include "support/time_buckets.hpp"

namespace bulkhead::protocol {
namespace {

// Copies a header once and for all. The peer may be writing to `frame` at this moment: everything
// below must use this copy, so the compiler is told that the copy's memory may change, which keeps
// it from loading from the frame again.
template <class Header>
[[nodiscard]] Header copy_once(std::span<const std::byte> frame) noexcept {
  Header header;
  std::memcpy(&header, frame.data(), sizeof header);
  asm volatile("" : : "r"(&header) : "memory");
  return header;
}

[[nodiscard]] std::nullopt_t refuse(Refusal& refusal, const char* why) noexcept {
  refusal.why = why;
  return std::nullopt;
}

// Where the payload lies in a frame of `frame_bytes`, or why it cannot lie there.
struct Place {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};
[[nodiscard]] const char* place_payload(std::uint64_t frame_bytes, std::uint64_t least_header_bytes,
                                        std::uint64_t header_bytes, std::uint64_t payload_bytes, bool is_in_block,
                                        Place& place) noexcept {
  if (header_bytes < least_header_bytes) return "header shorter than this version's";
  if (header_bytes > frame_bytes) return "header longer than its frame";
  if (payload_bytes > kMaxPayloadBytes) return "payload larger than 2 GiB";
  const std::uint64_t in_frame = is_in_block ? 0 : payload_bytes;
  // Equal, not "fits": bytes that nobody accounts for mean that one of the two sizes is wrong.
  if (frame_bytes - header_bytes != in_frame) return "payload size differs from its frame's";
  place = {header_bytes, in_frame};
  return nullptr;
}

[[nodiscard]] const char* check_call(const CallHeader& header) noexcept {
  switch (header.kind) {
    case CallKind::kShutdown:
    case CallKind::kDropBlock:
    case CallKind::kDropShared:
    case CallKind::kTakeSent:
      if (header.flags != 0) return "flags on a record that has none";
      if (header.payload_bytes != 0) return "payload on a record that has none";
      return nullptr;
    case CallKind::kCall:
      break;
    default:
      return "unknown kind of call";
  }
  if ((header.flags & ~(kInBlock | kTimed | kAhead)) != 0) return "unknown flag on a call";
  if ((header.flags & kTimed) != 0 && header.header_bytes < sizeof header + sizeof(CallTiming)) {
    return "timed call without its times";
  }
  if (header.codec != BULKHEAD_CODEC_BINARY && header.codec != BULKHEAD_CODEC_JSON) {
    return "unknown codec";
  }
  if (header.attempt == 0) return "attempt 0";
  if (header.count == 0) return "call of no items";
  const std::uint64_t count = header.count;
  // Both factors are below 2^32: the product does not wrap.
  if (header.stride != 0 && header.payload_bytes != count * header.stride) {
    return "payload is not count times stride";
  }
  const bool is_one_empty_item = count == 1 && header.payload_bytes == 0;
  if (header.stride == 0 && !is_one_empty_item && header.payload_bytes < count * sizeof(std::uint32_t)) {
    return "payload too short for its items' sizes";
  }
  return nullptr;
}

[[nodiscard]] const char* check_item(const ReplyHeader& header) noexcept {
  if ((header.flags & ~(kLast | kInBlock)) != 0) return "unknown flag on an item";
  if (header.outcome > BULKHEAD_INIT_FAILED) return "unknown outcome";
  // An error envelope is bounded and always fits the ring.
  if ((header.flags & kInBlock) != 0 && header.outcome != BULKHEAD_OK) return "error in a block";
  return nullptr;
}

[[nodiscard]] const char* check_run(const ReplyHeader& header) noexcept {
  if ((header.flags & ~kLast) != 0) return "unknown flag on a run";
  if (header.outcome != BULKHEAD_OK) return "outcome on a run";
  return header.payload_bytes == 0 ? "run of no results" : nullptr;
}

[[nodiscard]] const char* check_reply(const ReplyHeader& header) noexcept {
  constexpr std::uint32_t kMostTime = support::TimeBuckets::kCount;
  if (header.run_time > kMostTime || header.queue_time > kMostTime) return "time out of range";
  if (header.kind == ReplyKind::kItem) return check_item(header);
  if (header.kind == ReplyKind::kRun) return check_run(header);
  if (header.flags != 0) return "flags on a reply that has none";
  if (header.outcome != 0) return "outcome on a reply that has none";
  if (header.run_time != 0 || header.queue_time != 0) return "time on a reply that has none";
  switch (header.kind) {
    case ReplyKind::kSkipped:
      return header.payload_bytes == 0 ? nullptr : "payload on a skipped call";
    case ReplyKind::kBlockWanted:
      if (header.payload_bytes != 0) return "payload on a request for a block";
      if (header.index == 0 || header.index > kMaxPayloadBytes) return "block size out of range";
      return nullptr;
    case ReplyKind::kProgress:
      return header.payload_bytes >= 2 * sizeof(std::uint64_t) ? nullptr : "progress too short";
    default:
      return "unknown kind of reply";
  }
}

template <class Header>
[[nodiscard]] std::optional<Record<Header>> read_record(std::span<const std::byte> frame,
                                                        const char* (*check)(const Header&) noexcept,
                                                        Refusal& refusal) {
  if (frame.size() < sizeof(Header)) return refuse(refusal, "frame shorter than a header");
  const auto header = copy_once<Header>(frame);
  if (const char* why = check(header)) return refuse(refusal, why);
  Place place;
  if (const char* why = place_payload(frame.size(), sizeof(Header), header.header_bytes, header.payload_bytes,
                                      (header.flags & kInBlock) != 0, place)) {
    return refuse(refusal, why);
  }
  return Record<Header>{header, frame.subspan(sizeof(Header), place.offset - sizeof(Header)),
                        frame.subspan(place.offset, place.bytes)};
}

}  // namespace

std::optional<Record<CallHeader>> read_call(std::span<const std::byte> frame, Refusal& refusal) {
  return read_record<CallHeader>(frame, check_call, refusal);
}

std::optional<Record<ReplyHeader>> read_reply(std::span<const std::byte> frame, Refusal& refusal) {
  return read_record<ReplyHeader>(frame, check_reply, refusal);
}

}  // namespace bulkhead::protocol
