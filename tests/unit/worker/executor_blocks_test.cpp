#include "worker/executor_blocks.hpp"

#include <gmock/gmock.h>

#include <map>

#include "executor_harness.hpp"

namespace bulkhead::worker::test {
namespace {

using protocol::ReplyKind;

// A result of as many bytes as the item says in decimal, written in steps of 100 kB: byte i is i
// modulo 251.
std::int32_t make_bytes(void*, const bulkhead_call* call, const void* in, std::size_t, std::uint64_t count) {
  for_each_item(call, in, count, [&](std::uint64_t, std::string_view item) {
    const auto size = std::stoull(std::string(item));
    std::int32_t outcome = BULKHEAD_OK;
    for (std::size_t at = 0; at < size && outcome == BULKHEAD_OK;) {
      const auto step = std::min<std::size_t>(size - at, 100'000);
      auto* room = static_cast<unsigned char*>(call->reserve(call->self, step));
      if (room == nullptr) {
        fail(call, "", "the plugin's own words");
        outcome = BULKHEAD_ENCODE_FAILED;
        break;
      }
      for (std::size_t i = 0; i < step; ++i) room[i] = static_cast<unsigned char>((at + i) % 251);
      call->commit(call->self, step);
      at += step;
    }
    call->end_item(call->self, outcome);
  });
  return BULKHEAD_OK;
}

void expect_pattern(std::span<const std::byte> bytes, std::size_t size) {
  ASSERT_EQ(bytes.size(), size);
  for (std::size_t i = 0; i < size; ++i) {
    ASSERT_EQ(bytes[i], static_cast<std::byte>(i % 251)) << "at " << i;
  }
}

// Answers every kBlockWanted with a new block until an item's reply comes.
class BlockGiver {
 public:
  explicit BlockGiver(Host& host) : host_(host) {}

  [[nodiscard]] Reply reply_after_grants() {
    Reply reply = host_.next_reply();
    for (; reply.header.kind == ReplyKind::kBlockWanted; reply = host_.next_reply()) {
      const std::uint32_t id = ++grants_;
      const auto [block, is_new] =
          blocks_.emplace(id, ipc::SharedBlock::create(reply.header.index, ipc::Writer::kWorker, id));
      host_.send_block(block->second);
    }
    return reply;
  }
  // Where the result lies; empty when it is in no block.
  [[nodiscard]] std::span<const std::byte> result(const Reply& reply) const {
    const auto found = blocks_.find(reply.header.block_id);
    if (!reply.is_in_block() || found == blocks_.end()) return {};
    return found->second.bytes().first(reply.header.payload_bytes);
  }
  [[nodiscard]] const ipc::SharedBlock& block(std::uint32_t id) const { return blocks_.at(id); }
  [[nodiscard]] std::uint32_t grants() const { return grants_; }

 private:
  Host& host_;
  std::map<std::uint32_t, ipc::SharedBlock> blocks_;
  std::uint32_t grants_ = 0;
};

TEST(ExecutorBlocks, CarryResultsThatAreLargerThanAFrame) {
  Host host;
  host.start({task_of(make_bytes)});
  BlockGiver giver(host);
  host.call_items(0, {"20000000"});
  const Reply reply = giver.reply_after_grants();
  EXPECT_EQ(reply.header.outcome, BULKHEAD_OK);
  EXPECT_TRUE(reply.is_last());
  expect_pattern(giver.result(reply), 20'000'000);
  EXPECT_GT(giver.grants(), 1u) << "it did not grow";
  EXPECT_LT(giver.grants(), 10u) << "it grew in small steps";
}

TEST(ExecutorBlocks, CarryEveryItemOfABatchInItsOwnWay) {
  Host host(ipc::ChannelSizes{1 << 20, 1 << 18});
  host.start({task_of(make_bytes)});
  BlockGiver giver(host);
  host.call_items(0, {"10", "700000", "0", "700001", "90000"});
  EXPECT_EQ(giver.reply_after_grants().payload.size(), 10u);
  expect_pattern(giver.result(giver.reply_after_grants()), 700'000);
  EXPECT_EQ(giver.reply_after_grants().payload.size(), 0u);
  expect_pattern(giver.result(giver.reply_after_grants()), 700'001);
  const Reply last = giver.reply_after_grants();
  EXPECT_TRUE(last.is_last());
  expect_pattern(last.payload, 90'000);
}

TEST(ExecutorBlocks, AreGrantedAgainWithoutTheirDescriptor) {
  Host host;
  host.start({task_of(make_bytes)});
  BlockGiver giver(host);
  host.call_items(0, {"600000"});
  const Reply first = giver.reply_after_grants();
  const auto& block = giver.block(first.header.block_id);
  host.call_items(0, {"590000"});
  EXPECT_EQ(host.next_reply().header.kind, ReplyKind::kBlockWanted);
  host.send_block(block.id(), block.size(), true, {});
  const Reply second = host.next_reply();
  EXPECT_EQ(second.header.block_id, block.id());
  expect_pattern(giver.result(second), 590'000);
}

TEST(ExecutorBlocks, AreNotAskedForWhenOneThatWasGrantedIsLargeEnough) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) {
    call->reserve(call->self, 600'000);
    for (int i = 0; i < 6; ++i) {
      std::memset(call->reserve(call->self, 100'000), i, 100'000);
      call->commit(call->self, 100'000);
    }
    return call->end_item(call->self, BULKHEAD_OK);
  })});
  BlockGiver giver(host);
  host.call_items(0, {""});
  const Reply reply = giver.reply_after_grants();
  EXPECT_EQ(giver.grants(), 1u);
  const auto result = giver.result(reply);
  ASSERT_EQ(result.size(), 600'000u);
  for (std::size_t i = 0; i < result.size(); ++i) ASSERT_EQ(result[i], static_cast<std::byte>(i / 100'000));
}

TEST(ExecutorBlocks, ThatCannotBeHadFailTheItemAlone) {
  Host host;
  host.start({task_of(make_bytes)});
  host.call_items(0, {"5000000", "3"});
  EXPECT_EQ(host.next_reply().header.kind, ReplyKind::kBlockWanted);
  host.send_block(0, 0, true, {});
  const Reply failed = host.next_reply();
  EXPECT_EQ(failed.header.outcome, BULKHEAD_ENCODE_FAILED);
  EXPECT_EQ(failed.error().phase, Phase::kEncode);
  EXPECT_THAT(failed.error().text, ::testing::StartsWith("the host has no memory for a result of "));
  expect_pattern(host.next_reply().payload, 3);
}

TEST(ExecutorBlocks, AreRefusedBeyondTwoGibibytes) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) -> std::int32_t {
    put(call, "x");
    const bool is_refused = call->reserve(call->self, protocol::kMaxPayloadBytes) == nullptr &&
                            call->reserve(call->self, std::numeric_limits<std::size_t>::max()) == nullptr;
    return is_refused ? call->end_item(call->self, BULKHEAD_ENCODE_FAILED) : BULKHEAD_TASK_FAILED;
  })});
  const Reply reply = host.reply_to(0, "");
  EXPECT_EQ(reply.header.outcome, BULKHEAD_ENCODE_FAILED);
  EXPECT_EQ(reply.error().text, "result larger than 2 GiB (write into a SharedArray, or cut it up)");
}

TEST(ExecutorBlocks, DoNotPassATruncatedResultOffAsWhole) {
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) {
    put(call, "the beginning of much");
    call->reserve(call->self, protocol::kMaxPayloadBytes);
    return call->end_item(call->self, BULKHEAD_OK);
  })});
  EXPECT_EQ(host.reply_to(0, "").header.outcome, BULKHEAD_ENCODE_FAILED);
}

TEST(ExecutorBlocks, BringLargeArguments) {
  Host host;
  // The sum of the item's bytes.
  host.start({task_of([](void*, const bulkhead_call* call, const void* in, std::size_t size, std::uint64_t) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < size; ++i) sum += static_cast<const unsigned char*>(in)[i];
    put(call, std::to_string(sum));
    return call->end_item(call->self, BULKHEAD_OK);
  })});
  const std::uint64_t size = 3'000'000;
  const auto block = ipc::SharedBlock::create(size, ipc::Writer::kHost, 9);
  std::memset(block.bytes().data(), 2, size);
  auto header = Host::call_of(0, size, 1, static_cast<std::uint32_t>(size));
  header.flags = protocol::kInBlock;
  header.block_id = 9;
  // The record may overtake the block: the worker waits for it.
  host.offer(header, {});
  host.send_block(block);
  EXPECT_EQ(text_of(host.next_reply().payload), "6000000");
  // It stays mapped.
  std::memset(block.bytes().data(), 1, size);
  host.offer(header, {});
  EXPECT_EQ(text_of(host.next_reply().payload), "3000000");
}

TEST(ExecutorBlocks, CanBeDroppedAndTheirIdsUsedAgain) {
  Host host;
  host.start({task_of(echo)});
  const auto drop = [&](std::uint32_t id) {
    protocol::CallHeader header;
    header.kind = protocol::CallKind::kDropBlock;
    header.block_id = id;
    host.offer(header, {});
  };
  for (const char content : {'a', 'b', 'c'}) {
    const auto block = ipc::SharedBlock::create(1 << 20, ipc::Writer::kHost, 5);
    std::memset(block.bytes().data(), content, 100);
    host.send_block(block);
    auto header = Host::call_of(0, 100, 1, 100);
    header.flags = protocol::kInBlock;
    header.block_id = 5;
    if (content != 'b') {  // the second is dropped without having been used
      host.offer(header, {});
      EXPECT_EQ(text_of(host.next_reply().payload), std::string(100, content));
    }
    drop(5);
    // Its id is free once a later reply came.
    EXPECT_EQ(text_of(host.reply_to(0, "passed").payload), "passed");
  }
  drop(77);  // never sent
  EXPECT_EQ(text_of(host.reply_to(0, "fine").payload), "fine");
}

TEST(ExecutorBlocks, StayWhenTheyWereSentAgainBeforeTheyWereDropped) {
  static Gate gate;
  Host host;
  host.start({task_of([](void*, const bulkhead_call* call, const void*, std::size_t, std::uint64_t) {
                gate.wait();
                return call->end_item(call->self, BULKHEAD_OK);
              }),
              task_of(echo)});
  const auto block = ipc::SharedBlock::create(1 << 20, ipc::Writer::kHost, 5);
  std::memset(block.bytes().data(), 'x', 3);
  auto header = Host::call_of(1, 3, 1, 3);
  header.flags = protocol::kInBlock;
  header.block_id = 5;
  protocol::CallHeader drop;
  drop.kind = protocol::CallKind::kDropBlock;
  drop.block_id = 5;
  // The worker is busy: all of this is there when it looks.
  host.call_items(0, {""});
  host.send_block(block);
  const std::uint64_t taken_back = host.offer(header, {});
  EXPECT_EQ(host.channel().try_revoke(taken_back), ipc::HostChannel::Revoke::kRevoked);
  host.offer(drop, {});
  host.send_block(block);
  host.offer(header, {});
  host.offer(drop, {});
  gate.open();
  EXPECT_TRUE(host.next_reply().is_last());
  EXPECT_EQ(host.next_reply().header.kind, ReplyKind::kSkipped);
  EXPECT_EQ(text_of(host.next_reply().payload), "xxx");
}

}  // namespace
}  // namespace bulkhead::worker::test
