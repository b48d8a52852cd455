// The other side of a ring may write anything.
#include <gtest/gtest.h>

#include "ring_fixture.hpp"

namespace bulkhead::ipc {
namespace {

using testing::bytes_of;
using testing::Ring;
using testing::Seed;
using Take = RingConsumer::Take;

template <std::size_t kCapacity>
void put(Ring<kCapacity>& ring, std::uint64_t position, std::uint64_t prefix) {
  std::memcpy(ring.data.data() + position % kCapacity, &prefix, sizeof prefix);
}

template <std::size_t kCapacity>
Take peek(Ring<kCapacity>& ring) {
  std::span<const std::byte> frame;
  return ring.consumer.peek(frame);
}

constexpr auto kFrame = ring::FrameKind::kFrame;
constexpr auto kWrap = ring::FrameKind::kWrap;

TEST(RingConsumer, RefusesATailFurtherAwayThanTheRingIsLong) {
  Ring<256> ring;
  put(ring, 0, ring::prefix(kFrame, 8));
  ring.tail = 264;
  EXPECT_TRUE(ring.consumer.has_frames());
  EXPECT_EQ(peek(ring), Take::kCorrupt);
}

TEST(RingConsumer, RefusesATailThatMovedBack) {
  Ring<256> ring;
  ASSERT_TRUE(ring.try_send(bytes_of(1, 8)));
  ASSERT_FALSE(ring.take().empty());
  ring.tail = 8;
  EXPECT_EQ(peek(ring), Take::kCorrupt);
}

TEST(RingConsumer, RefusesATailThatIsNotAligned) {
  Ring<256> ring;
  put(ring, 0, ring::prefix(kFrame, 8));
  ring.tail = 20;
  EXPECT_EQ(peek(ring), Take::kCorrupt);
}

TEST(RingConsumer, RefusesAFrameLongerThanWhatWasPublished) {
  Ring<256> ring;
  put(ring, 0, ring::prefix(kFrame, 17));
  ring.tail = 24;
  EXPECT_EQ(peek(ring), Take::kCorrupt);
}

TEST(RingConsumer, RefusesAFrameAcrossTheEnd) {
  Ring<256> ring;
  ASSERT_TRUE(ring.try_send(bytes_of(0, 112)));
  ASSERT_FALSE(ring.take().empty());
  ASSERT_TRUE(ring.try_send(bytes_of(0, 112)));
  ASSERT_FALSE(ring.take().empty());
  put(ring, 240, ring::prefix(kFrame, 24));
  ring.tail = 240 + 32;
  EXPECT_EQ(peek(ring), Take::kCorrupt);
}

TEST(RingConsumer, RefusesFramesOfNoBytesAndOfUnknownKinds) {
  for (const std::uint64_t prefix :
       {ring::prefix(kFrame, 0), std::uint64_t{8}, ~std::uint64_t{0}, ring::prefix(kFrame, 0xffffffff)}) {
    Ring<256> ring;
    put(ring, 0, prefix);
    ring.tail = 64;
    EXPECT_EQ(peek(ring), Take::kCorrupt) << prefix;
  }
}

TEST(RingConsumer, RefusesAWrapAtTheStart) {
  Ring<256> ring;
  put(ring, 0, ring::prefix(kWrap, 0));
  ring.tail = 256;
  EXPECT_EQ(peek(ring), Take::kCorrupt);
}

TEST(RingConsumer, RefusesAWrapWithoutItsFrame) {
  Ring<256> ring;
  ASSERT_TRUE(ring.try_send(bytes_of(0, 112)));
  ASSERT_FALSE(ring.take().empty());
  put(ring, 120, ring::prefix(kWrap, 0));
  ring.tail = 256;
  EXPECT_EQ(peek(ring), Take::kCorrupt);
}

TEST(RingConsumer, RefusesTwoWrapsInARow) {
  Ring<256> ring;
  ASSERT_TRUE(ring.try_send(bytes_of(0, 112)));
  ASSERT_FALSE(ring.take().empty());
  put(ring, 120, ring::prefix(kWrap, 0));
  put(ring, 0, ring::prefix(kWrap, 0));
  ring.tail = 256 + 64;
  EXPECT_EQ(peek(ring), Take::kCorrupt);
}

TEST(RingConsumer, StaysCorruptWhenThePeerRepairsItself) {
  Ring<256> ring;
  put(ring, 0, ring::prefix(kFrame, 8));
  ring.tail = 12;
  ASSERT_EQ(peek(ring), Take::kCorrupt);
  ring.tail = 16;
  EXPECT_EQ(peek(ring), Take::kCorrupt);
}

TEST(RingConsumer, DeliversWhatWasPublishedBeforeTheCorruption) {
  Ring<256> ring;
  ASSERT_TRUE(ring.try_send(bytes_of(1, 8)));
  put(ring, 16, 0);
  ring.tail = 32;
  EXPECT_EQ(ring.take(), bytes_of(1, 8));
  EXPECT_EQ(peek(ring), Take::kCorrupt);
}

TEST(RingProducer, RefusesAHeadBeyondItsTail) {
  Ring<256> ring;
  while (ring.try_send(bytes_of(0, 24))) {
  }
  ring.head = ring.producer.position() + 8;
  EXPECT_TRUE(ring.producer.try_reserve(24).empty());
  EXPECT_TRUE(ring.producer.peer_is_corrupt());
}

TEST(RingProducer, RefusesAHeadThatMovedBack) {
  Ring<256> ring;
  while (ring.try_send(bytes_of(0, 24))) {
  }
  ring.head = 64;
  ASSERT_TRUE(ring.try_send(bytes_of(0, 24)));
  ASSERT_TRUE(ring.try_send(bytes_of(0, 24)));
  ring.head = 32;
  EXPECT_TRUE(ring.producer.try_reserve(24).empty());
  EXPECT_TRUE(ring.producer.peer_is_corrupt());
}

TEST(RingConsumer, SurvivesAnyBytes) {
  const Seed seed;
  auto random = seed.generator();
  std::uint64_t frames = 0;
  std::uint64_t refusals = 0;
  for (int round = 0; round < 20'000; ++round) {
    Ring<256> ring;
    for (std::uint64_t at = 0; at < 256; at += 8) {
      // Mostly plausible prefixes, so that the walk gets somewhere.
      const bool plausible = random() % 4 != 0;
      put(ring, at, plausible ? ring::prefix(random() % 8 == 0 ? kWrap : kFrame, random() % 40) : random());
    }
    for (int step = 0; step < 40; ++step) {
      if (random() % 4 == 0) {
        ring.tail = random() % 8 == 0 ? random() : ring.consumer.position() + 8 * (random() % 36);
      }
      std::span<const std::byte> frame;
      const Take take = ring.consumer.peek(frame);
      refusals += take == Take::kCorrupt;
      if (take != Take::kFrame) continue;
      ++frames;
      ASSERT_FALSE(frame.empty());
      ASSERT_GE(frame.data(), ring.data.data());
      ASSERT_LE(frame.data() + frame.size(), ring.data.data() + ring.data.size());
      ring.consumer.pop();
      if (random() % 2 == 0) ring.consumer.release();
    }
  }
  EXPECT_GT(frames, 0U);
  EXPECT_GT(refusals, 0U);
}

TEST(RingProducer, SurvivesAnyHead) {
  const Seed seed;
  auto random = seed.generator();
  std::uint64_t reserved = 0;
  std::uint64_t refusals = 0;
  for (int round = 0; round < 20'000; ++round) {
    Ring<256> ring;
    for (int step = 0; step < 40; ++step) {
      ring.head = random() % 8 == 0 ? random() : ring.producer.position() - 8 * (random() % 36);
      const std::size_t bytes = random() % 140;
      const auto room = ring.producer.try_reserve(bytes);
      if (room.empty()) continue;
      ++reserved;
      ASSERT_EQ(room.size(), bytes);
      ASSERT_GE(room.data(), ring.data.data() + ring::kPrefixBytes);
      ASSERT_LE(room.data() + room.size(), ring.data.data() + ring.data.size());
      std::memset(room.data(), 0, room.size());
      ring.producer.publish(bytes);
    }
    refusals += ring.producer.peer_is_corrupt();
  }
  EXPECT_GT(reserved, 0U);
  EXPECT_GT(refusals, 0U);
}

}  // namespace
}  // namespace bulkhead::ipc
