#include "ipc/spsc_ring.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <thread>

#include "ring_fixture.hpp"

namespace bulkhead::ipc {
namespace {

using testing::bytes_of;
using testing::Ring;
using testing::Seed;
using Take = RingConsumer::Take;

TEST(SpscRing, IsEmptyWhenNothingWasPublished) {
  Ring<256> ring;
  std::span<const std::byte> frame;
  EXPECT_FALSE(ring.consumer.has_frames());
  EXPECT_EQ(ring.consumer.peek(frame), Take::kEmpty);
}

TEST(SpscRing, DeliversOneFrameWhole) {
  Ring<256> ring;
  ASSERT_TRUE(ring.try_send(bytes_of(1, 13)));
  EXPECT_TRUE(ring.consumer.has_frames());
  EXPECT_EQ(ring.take(), bytes_of(1, 13));
  EXPECT_FALSE(ring.consumer.has_frames());
}

TEST(SpscRing, PeekTwiceGivesTheSameFrame) {
  Ring<256> ring;
  ASSERT_TRUE(ring.try_send(bytes_of(1, 13)));
  ASSERT_TRUE(ring.try_send(bytes_of(2, 5)));
  std::span<const std::byte> first;
  std::span<const std::byte> second;
  ASSERT_EQ(ring.consumer.peek(first), Take::kFrame);
  ASSERT_EQ(ring.consumer.peek(second), Take::kFrame);
  EXPECT_EQ(first.data(), second.data());
  EXPECT_EQ(first.size(), second.size());
}

TEST(SpscRing, RefusesFramesOfNoBytesAndOfTooMany) {
  Ring<256> ring;
  EXPECT_TRUE(ring.producer.try_reserve(0).empty());
  EXPECT_TRUE(ring.producer.try_reserve(ring.producer.max_frame_bytes() + 1).empty());
  EXPECT_FALSE(ring.producer.try_reserve(ring.producer.max_frame_bytes()).empty());
  EXPECT_FALSE(ring.producer.peer_is_corrupt());
}

TEST(SpscRing, LargestFrameIsAtLeastAQuarterOfTheRing) {
  EXPECT_GE(ring::max_frame_bytes(1U << 20), std::size_t{1} << 18);
}

TEST(SpscRing, AnEmptyRingTakesTheLargestFrameAtEveryPosition) {
  for (std::size_t offset = 0; offset < 256; offset += 16) {
    Ring<256> ring;
    while (ring.producer.position() < offset) {
      ASSERT_TRUE(ring.try_send(bytes_of(0, 8)));
      ASSERT_FALSE(ring.take().empty());
    }
    const auto largest = bytes_of(offset, ring.producer.max_frame_bytes());
    ASSERT_TRUE(ring.try_send(largest)) << "at " << offset;
    EXPECT_EQ(ring.take(), largest) << "at " << offset;
  }
}

TEST(SpscRing, RefusesWhenFullUntilRoomIsReleased) {
  Ring<256> ring;
  int sent = 0;
  while (ring.try_send(bytes_of(static_cast<std::uint64_t>(sent), 24))) ++sent;
  EXPECT_EQ(sent, 8);
  std::span<const std::byte> frame;
  ASSERT_EQ(ring.consumer.peek(frame), Take::kFrame);
  ring.consumer.pop();
  EXPECT_FALSE(ring.try_send(bytes_of(9, 24))) << "popped is not released";
  ring.consumer.release();
  EXPECT_TRUE(ring.try_send(bytes_of(9, 24)));
}

TEST(SpscRing, AReservationIsInvisibleUntilPublished) {
  Ring<256> ring;
  ASSERT_FALSE(ring.producer.try_reserve(24).empty());
  EXPECT_FALSE(ring.consumer.has_frames());
  EXPECT_EQ(ring.producer.position(), 0U);
}

TEST(SpscRing, StagedFramesAreInvisibleUntilAFlushHandsThemAllOver) {
  Ring<256> ring;
  const auto stage = [&](const std::vector<std::byte>& content) {
    const auto room = ring.producer.try_reserve(content.size());
    ASSERT_EQ(room.size(), content.size());
    std::memcpy(room.data(), content.data(), content.size());
    ring.producer.stage(content.size());
  };
  // 64 bytes to the end: the second of the three staged ones wraps.
  for (const std::size_t size : {112, 64}) {
    ASSERT_TRUE(ring.try_send(bytes_of(0, size)));
    ASSERT_FALSE(ring.take().empty());
  }
  stage(bytes_of(1, 16));
  stage(bytes_of(2, 40));
  stage(bytes_of(3, 8));
  EXPECT_FALSE(ring.consumer.has_frames());
  ring.producer.flush();
  EXPECT_EQ(ring.take(), bytes_of(1, 16));
  EXPECT_EQ(ring.take(), bytes_of(2, 40));
  EXPECT_EQ(ring.take(), bytes_of(3, 8));
  EXPECT_FALSE(ring.consumer.has_frames());
}

TEST(SpscRing, PublishesOnlyTheUsedPartOfAReservation) {
  Ring<256> ring;
  const auto room = ring.producer.try_reserve(100);
  ASSERT_EQ(room.size(), 100U);
  const auto content = bytes_of(5, 9);
  std::memcpy(room.data(), content.data(), content.size());
  ring.producer.publish(content.size());
  EXPECT_EQ(ring.producer.position(), ring::kPrefixBytes + 16);
  EXPECT_EQ(ring.take(), content);
}

TEST(SpscRing, ASecondReservationReplacesTheFirst) {
  Ring<256> ring;
  ASSERT_TRUE(ring.try_send(bytes_of(0, 112)));
  ASSERT_FALSE(ring.take().empty());
  ASSERT_TRUE(ring.try_send(bytes_of(1, 88)));
  ASSERT_FALSE(ring.take().empty());
  // 40 bytes to the end: the first reservation wraps, the second does not.
  ASSERT_FALSE(ring.producer.try_reserve(64).empty());
  ASSERT_TRUE(ring.try_send(bytes_of(2, 16)));
  EXPECT_EQ(ring.take(), bytes_of(2, 16));
}

TEST(SpscRing, HoldsAtLeastFollowsTheConsumer) {
  Ring<256> ring;
  ASSERT_TRUE(ring.try_send(bytes_of(0, 56)));
  EXPECT_TRUE(ring.producer.holds_at_least(64));
  EXPECT_FALSE(ring.producer.holds_at_least(65));
  ASSERT_FALSE(ring.take().empty());
  EXPECT_FALSE(ring.producer.holds_at_least(1));
}

TEST(SpscRing, KeepsOrderAndContentThroughAnyMixOfSizesAndBatches) {
  const Seed seed;
  auto random = seed.generator();
  Ring<1024> ring;
  std::deque<std::vector<std::byte>> expected;
  for (std::uint64_t id = 0; id < 200'000; ++id) {
    const auto content = bytes_of(id, 1 + random() % (random() % 8 == 0 ? 504 : 40));
    while (!ring.try_send(content)) {
      ASSERT_FALSE(expected.empty()) << "an empty ring refused " << content.size() << " bytes";
      ASSERT_EQ(ring.take(), expected.front());
      expected.pop_front();
    }
    expected.push_back(content);
    while (random() % 3 == 0 && !expected.empty()) {
      ASSERT_EQ(ring.take(), expected.front());
      expected.pop_front();
    }
  }
}

TEST(SpscRing, PassesFramesBetweenTwoThreads) {
  constexpr std::uint64_t kFrames = 500'000;
  const Seed seed;
  Ring<4096> ring;
  std::thread producer([&] {
    auto random = seed.generator();
    for (std::uint64_t id = 0; id < kFrames; ++id) {
      std::array<std::uint64_t, 16> content;
      content.fill(id);
      const std::size_t bytes = 8 * (1 + random() % content.size());
      while (!ring.try_send(std::as_bytes(std::span(content)).first(bytes))) std::this_thread::yield();
    }
  });
  auto random = seed.generator();
  std::uint64_t wrong = 0;
  for (std::uint64_t id = 0; id < kFrames;) {
    std::span<const std::byte> frame;
    const Take take = ring.consumer.peek(frame);
    if (take == Take::kEmpty) {
      ring.consumer.release();
      std::this_thread::yield();
      continue;
    }
    if (take == Take::kCorrupt) {
      ADD_FAILURE() << "corrupt at frame " << id;
      break;
    }
    wrong += frame.size() != 8 * (1 + random() % 16);
    for (std::size_t i = 0; i + 8 <= frame.size(); i += 8) {
      std::uint64_t value = 0;
      std::memcpy(&value, frame.data() + i, 8);
      wrong += value != id;
    }
    ring.consumer.pop();
    if (++id % 8 == 0) ring.consumer.release();
  }
  ring.consumer.release();
  producer.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_FALSE(ring.consumer.has_frames());
}

}  // namespace
}  // namespace bulkhead::ipc
