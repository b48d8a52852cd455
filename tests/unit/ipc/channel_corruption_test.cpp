// A worker may write anything into its memory; the host survives, and knows.
#include <gtest/gtest.h>

#include "channel_fixture.hpp"
#include "ipc/channel_layout.hpp"

namespace bulkhead::ipc {
namespace {

using testing::answer;
using testing::bytes_of;
using testing::try_receive;
using testing::try_send;
using Receive = HostChannel::Receive;
using Revoke = HostChannel::Revoke;

class HostOfABrokenWorker : public ::testing::Test {
 protected:
  Receive receive() {
    std::span<const std::byte> frame;
    return channel_.host.receive(frame);
  }
  testing::Channel channel_;
  // What a plugin that scribbles over the worker's memory would hit.
  SharedSegment scribble_ = SharedSegment::attach(testing::dup_fd(channel_.host.worker_fd()),
                                                  kWorkerAreaBytes + (1U << 16), Access::kReadWrite);
  WorkerArea& area_ = *reinterpret_cast<WorkerArea*>(scribble_.bytes().data());
};

TEST_F(HostOfABrokenWorker, SeesAnImpossibleResponseCount) {
  area_.response_tail = 1U << 20;
  EXPECT_TRUE(channel_.host.has_responses());
  EXPECT_EQ(receive(), Receive::kCorrupt);
}

TEST_F(HostOfABrokenWorker, SeesAnImpossibleRequestCountAsItsNextResponse) {
  const auto large = bytes_of(1, channel_.host.max_request_bytes());
  ASSERT_TRUE(try_send(channel_.host, large));
  ASSERT_TRUE(try_send(channel_.host, large));
  area_.request_head = 1U << 20;
  EXPECT_FALSE(try_send(channel_.host, large));
  EXPECT_TRUE(channel_.host.has_responses());
  EXPECT_EQ(receive(), Receive::kCorrupt);
}

TEST_F(HostOfABrokenWorker, GetsEarlierResponsesFirst) {
  answer(channel_.worker, bytes_of(1, 8));
  area_.claims[0] = 999;
  const auto sequence = try_send(channel_.host, bytes_of(1, 8));
  ASSERT_TRUE(sequence.has_value());
  EXPECT_EQ(channel_.host.try_revoke(*sequence), Revoke::kCorrupt);
  EXPECT_TRUE(channel_.host.was_claimed(*sequence));
  EXPECT_EQ(try_receive(channel_.host), bytes_of(1, 8));
  EXPECT_TRUE(channel_.host.has_responses());
  EXPECT_EQ(receive(), Receive::kCorrupt);
}

TEST_F(HostOfABrokenWorker, ClampsThePhase) {
  area_.status_phase = 1000;
  EXPECT_EQ(channel_.host.status().phase, 255);
}

TEST_F(HostOfABrokenWorker, SurvivesAnyBytes) {
  const testing::Seed seed;
  auto random = seed.generator();
  std::uint64_t corrupt = 0;
  for (int round = 0; round < 200; ++round) {
    testing::Channel channel({.request_ring_bytes = 1U << 12, .response_ring_bytes = 1U << 12});
    const auto scribble = SharedSegment::attach(testing::dup_fd(channel.host.worker_fd()),
                                                kWorkerAreaBytes + (1U << 12), Access::kReadWrite);
    const auto bytes = scribble.bytes();
    for (int step = 0; step < 200; ++step) {
      auto* words = reinterpret_cast<std::atomic<std::uint64_t>*>(bytes.data());
      // Three in four hits go to the counters and claim words at the start.
      const std::uint64_t limit = random() % 4 == 0 ? bytes.size() : 448;
      words[random() % (limit / 8)] = random() % 2 == 0 ? random() : random() % 4096;
      const auto sequence = try_send(channel.host, bytes_of(1, 1 + random() % 200));
      if (sequence && random() % 2 == 0) (void)channel.host.try_revoke(*sequence);
      if (sequence) (void)channel.host.was_claimed(*sequence);
      (void)channel.host.status();
      std::span<const std::byte> frame;
      const Receive outcome = channel.host.receive(frame);
      if (outcome == Receive::kRecord) {
        (void)testing::copy(frame);
        channel.host.pop();
        channel.host.release();
      }
      if (outcome == Receive::kCorrupt) {
        ++corrupt;
        break;
      }
      if (sequence) channel.host.settle(*sequence);
    }
  }
  EXPECT_GT(corrupt, 0U);
}

}  // namespace
}  // namespace bulkhead::ipc
