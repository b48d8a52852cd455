#include "protocol/record.hpp"

#include <bulkhead/sdk/abi.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace bulkhead::protocol {
namespace {

using Bytes = std::vector<std::byte>;

Bytes payload_of(std::size_t size) { return Bytes(size, std::byte{0x5a}); }

template <class Header>
Bytes frame_of(Header header, const Bytes& payload = {}) {
  Bytes frame(sizeof header + payload.size());
  write_record(std::span(frame), header, payload);
  return frame;
}

// As frame_of, with every field as given: header_bytes too.
template <class Header>
Bytes raw_frame_of(Header header, const Bytes& payload = {}) {
  Bytes frame = frame_of(header, payload);
  std::memcpy(frame.data(), &header, sizeof header);
  return frame;
}

CallHeader a_call() {
  CallHeader header;
  header.codec = BULKHEAD_CODEC_BINARY;
  header.task_id = 77;
  header.count = 1;
  header.stride = 16;
  header.payload_bytes = 16;
  header.deadline_ns = std::numeric_limits<std::int64_t>::max();
  return header;
}

ReplyHeader an_item() {
  ReplyHeader header;
  header.flags = kLast;
  header.task_id = 77;
  header.payload_bytes = 8;
  return header;
}

std::string refusal_of_call(const Bytes& frame) {
  Refusal refusal;
  return read_call(frame, refusal) ? "" : refusal.why;
}

std::string refusal_of_reply(const Bytes& frame) {
  Refusal refusal;
  return read_reply(frame, refusal) ? "" : refusal.why;
}

TEST(ReadCall, GivesHeaderAndPayloadBack) {
  const Bytes frame = frame_of(a_call(), payload_of(16));
  Refusal refusal;
  const auto record = read_call(frame, refusal);
  ASSERT_TRUE(record) << refusal.why;
  EXPECT_EQ(record->header.task_id, 77u);
  EXPECT_EQ(record->header.header_bytes, sizeof(CallHeader));
  EXPECT_EQ(record->payload.data(), frame.data() + sizeof(CallHeader));
  EXPECT_EQ(record->payload.size(), 16u);
}

TEST(ReadCall, SkipsTheExtensionOfALargerHeader) {
  CallHeader header = a_call();
  header.header_bytes = sizeof header + 24;
  const Bytes frame = raw_frame_of(header, payload_of(24 + 16));
  Refusal refusal;
  const auto record = read_call(frame, refusal);
  ASSERT_TRUE(record) << refusal.why;
  EXPECT_EQ(record->payload.data(), frame.data() + sizeof header + 24);
  EXPECT_EQ(record->payload.size(), 16u);
}

TEST(ReadCall, GivesNoPayloadForACallWhoseArgumentsLieInABlock) {
  CallHeader header = a_call();
  header.flags = kInBlock;
  header.block_id = 4;
  header.count = 1000;
  header.stride = 1 << 20;
  header.payload_bytes = std::uint64_t{1000} << 20;
  Refusal refusal;
  const auto record = read_call(frame_of(header), refusal);
  ASSERT_TRUE(record) << refusal.why;
  EXPECT_TRUE(record->payload.empty());
}

TEST(ReadCall, TakesItemsThatArePrecededByTheirSizes) {
  CallHeader header = a_call();
  header.count = 3;
  header.stride = 0;
  header.payload_bytes = 13;
  EXPECT_EQ(refusal_of_call(frame_of(header, payload_of(13))), "");
}

TEST(ReadCall, TakesOneItemOfNoBytesWithoutItsSize) {
  CallHeader header = a_call();
  header.stride = 0;
  header.payload_bytes = 0;
  EXPECT_EQ(refusal_of_call(frame_of(header)), "");
  header.count = 2;
  EXPECT_EQ(refusal_of_call(frame_of(header)), "payload too short for its items' sizes");
}

TEST(ReadCall, TakesWhatIsNoCall) {
  CallHeader header;
  header.kind = CallKind::kShutdown;
  EXPECT_EQ(refusal_of_call(frame_of(header)), "");
  header.kind = CallKind::kDropBlock;
  header.block_id = 3;
  EXPECT_EQ(refusal_of_call(frame_of(header)), "");
  header.kind = CallKind::kDropShared;
  header.task_id = 3;
  EXPECT_EQ(refusal_of_call(frame_of(header)), "");
  header.kind = CallKind::kTakeSent;
  EXPECT_EQ(refusal_of_call(frame_of(header)), "");
}

TEST(ReadCall, RefusesFramesShorterThanAHeader) {
  const Bytes frame = frame_of(a_call(), payload_of(16));
  for (std::size_t size = 0; size < sizeof(CallHeader); ++size) {
    EXPECT_EQ(refusal_of_call(Bytes(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size))),
              "frame shorter than a header");
  }
}

TEST(ReadCall, RefusesEveryTruncationAndEveryExtraByte) {
  Bytes frame = frame_of(a_call(), payload_of(16));
  frame.push_back(std::byte{0});
  EXPECT_EQ(refusal_of_call(frame), "payload size differs from its frame's");
  for (std::size_t cut = 2; cut <= 17; ++cut) {
    const Bytes shorter(frame.begin(), frame.end() - static_cast<std::ptrdiff_t>(cut));
    EXPECT_EQ(refusal_of_call(shorter), "payload size differs from its frame's");
  }
}

TEST(ReadCall, RefusesHeaderSizesThatAreWrong) {
  CallHeader header = a_call();
  header.header_bytes = sizeof header - 8;
  EXPECT_EQ(refusal_of_call(raw_frame_of(header, payload_of(16))), "header shorter than this version's");
  header.header_bytes = 0xffff;
  EXPECT_EQ(refusal_of_call(raw_frame_of(header, payload_of(16))), "header longer than its frame");
}

TEST(ReadCall, RefusesEachFieldOutOfItsRange) {
  const auto refused = [](auto change, std::string_view why) {
    CallHeader header = a_call();
    change(header);
    EXPECT_EQ(refusal_of_call(frame_of(header, payload_of(16))), why);
  };
  refused([](CallHeader& h) { h.kind = CallKind{0}; }, "unknown kind of call");
  refused([](CallHeader& h) { h.kind = CallKind{6}; }, "unknown kind of call");
  refused([](CallHeader& h) { h.kind = CallKind::kShutdown; }, "payload on a record that has none");
  refused([](CallHeader& h) { h.flags = kLast; }, "unknown flag on a call");
  refused([](CallHeader& h) { h.flags = 0x8000; }, "unknown flag on a call");
  refused([](CallHeader& h) { h.codec = 0; }, "unknown codec");
  refused([](CallHeader& h) { h.codec = 3; }, "unknown codec");
  refused([](CallHeader& h) { h.attempt = 0; }, "attempt 0");
  refused([](CallHeader& h) { h.count = 0; }, "call of no items");
  refused([](CallHeader& h) { h.count = 2; }, "payload is not count times stride");
  refused([](CallHeader& h) { h.stride = 15; }, "payload is not count times stride");
  refused(
      [](CallHeader& h) {
        h.stride = 0;
        h.count = 5;
      },
      "payload too short for its items' sizes");
  refused(
      [](CallHeader& h) {
        h.count = h.stride = 0xffffffff;  // the product needs all 64 bits
        h.payload_bytes = 0xfffffffe00000001u;
      },
      "payload larger than 2 GiB");
}

TEST(ReadReply, GivesHeaderAndPayloadBack) {
  Refusal refusal;
  const Bytes frame = frame_of(an_item(), payload_of(8));
  const auto record = read_reply(frame, refusal);
  ASSERT_TRUE(record) << refusal.why;
  EXPECT_EQ(record->header.task_id, 77u);
  EXPECT_EQ(record->payload.size(), 8u);
}

TEST(ReadReply, TakesAResultThatLiesInABlock) {
  ReplyHeader header = an_item();
  header.flags = kLast | kInBlock;
  header.payload_bytes = 1u << 31;
  Refusal refusal;
  const auto record = read_reply(frame_of(header), refusal);
  ASSERT_TRUE(record) << refusal.why;
  EXPECT_TRUE(record->payload.empty());
}

TEST(ReadReply, RefusesEachFieldOutOfItsRange) {
  const auto refused = [](auto change, std::string_view why) {
    ReplyHeader header = an_item();
    change(header);
    EXPECT_EQ(refusal_of_reply(frame_of(header, payload_of(8))), why);
  };
  refused([](ReplyHeader& h) { h.run_time = 513; }, "time out of range");
  refused([](ReplyHeader& h) { h.queue_time = 513; }, "time out of range");
  refused([](ReplyHeader& h) { h.flags = 4; }, "unknown flag on an item");
  refused([](ReplyHeader& h) { h.outcome = BULKHEAD_INIT_FAILED + 1; }, "unknown outcome");
  refused(
      [](ReplyHeader& h) {
        h.flags = kInBlock;
        h.outcome = BULKHEAD_TASK_FAILED;
      },
      "error in a block");
  refused([](ReplyHeader& h) { h.payload_bytes = static_cast<std::uint32_t>(kMaxPayloadBytes + 1); },
          "payload larger than 2 GiB");
  refused([](ReplyHeader& h) { h.payload_bytes = 7; }, "payload size differs from its frame's");
  refused([](ReplyHeader& h) { h.kind = ReplyKind::kSkipped; }, "flags on a reply that has none");
  const auto refused_without_flags = [&](ReplyKind kind, std::string_view why) {
    refused(
        [&](ReplyHeader& h) {
          h.flags = 0;
          h.kind = kind;
        },
        why);
  };
  refused_without_flags(ReplyKind{0}, "unknown kind of reply");
  refused_without_flags(ReplyKind{6}, "unknown kind of reply");
  refused_without_flags(ReplyKind::kSkipped, "payload on a skipped call");
  refused_without_flags(ReplyKind::kBlockWanted, "payload on a request for a block");
  refused_without_flags(ReplyKind::kProgress, "progress too short");
  refused(
      [](ReplyHeader& h) {
        h.flags = 0;
        h.kind = ReplyKind::kSkipped;
        h.outcome = 1;
      },
      "outcome on a reply that has none");
}

TEST(ReadReply, TakesARunOfResultsAndNothingElseInIt) {
  ReplyHeader header = an_item();
  header.kind = ReplyKind::kRun;
  header.flags = kLast;
  header.run_time = 3;
  EXPECT_EQ(refusal_of_reply(frame_of(header, payload_of(8))), "");
  header.outcome = BULKHEAD_TASK_FAILED;
  EXPECT_EQ(refusal_of_reply(frame_of(header, payload_of(8))), "outcome on a run");
  header.outcome = BULKHEAD_OK;
  header.flags = kInBlock;
  EXPECT_EQ(refusal_of_reply(frame_of(header, payload_of(8))), "unknown flag on a run");
  header.flags = 0;
  header.payload_bytes = 0;
  EXPECT_EQ(refusal_of_reply(frame_of(header)), "run of no results");
}

TEST(ReadReply, RefusesBlocksOfNoOrOfTooManyBytes) {
  ReplyHeader header;
  header.kind = ReplyKind::kBlockWanted;
  EXPECT_EQ(refusal_of_reply(frame_of(header)), "block size out of range");
  header.index = kMaxPayloadBytes + 1;
  EXPECT_EQ(refusal_of_reply(frame_of(header)), "block size out of range");
  header.index = kMaxPayloadBytes;
  EXPECT_EQ(refusal_of_reply(frame_of(header)), "");
}

// Whatever the bytes: an accepted payload lies within its frame. AddressSanitizer sees the rest.
TEST(ReadReply, SurvivesArbitraryBytes) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::uint64_t accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    ReplyHeader reply = an_item();
    CallHeader call = a_call();
    reply.header_bytes = sizeof reply;
    call.header_bytes = sizeof call;
    Bytes reply_frame = raw_frame_of(reply, payload_of(8));
    Bytes call_frame = raw_frame_of(call, payload_of(16));
    for (Bytes* frame : {&reply_frame, &call_frame}) {
      for (unsigned change = random() % 4; change > 0; --change) {
        (*frame)[random() % frame->size()] = static_cast<std::byte>(random());
      }
      if (random() % 8 == 0) frame->resize(random() % (frame->size() + 1));
    }
    const auto lies_within = [](const Bytes& frame, std::span<const std::byte> payload) {
      return payload.data() >= frame.data() && payload.data() + payload.size() <= frame.data() + frame.size();
    };
    Refusal refusal;
    if (const auto record = read_reply(reply_frame, refusal)) {
      ++accepted;
      ASSERT_TRUE(lies_within(reply_frame, record->payload));
    } else {
      ASSERT_NE(refusal.why, nullptr);
    }
    if (const auto record = read_call(call_frame, refusal)) {
      ++accepted;
      ASSERT_TRUE(lies_within(call_frame, record->payload));
    }
  }
  EXPECT_GT(accepted, 1000u) << "the changes left nothing to accept: the test saw only refusals";
}

}  // namespace
}  // namespace bulkhead::protocol
