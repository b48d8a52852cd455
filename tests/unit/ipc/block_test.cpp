#include "ipc/block.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bulkhead/error.hpp"

namespace bulkhead::ipc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

support::UniqueFd dup_fd(const SharedBlock& block) { return support::UniqueFd(::dup(block.fd())); }

constexpr std::uint64_t kSmall = kMinBlockBytes;

TEST(SharedBlock, ComesInStepsFrom256KiB) {
  EXPECT_EQ(block_class_bytes(0), kSmall);
  EXPECT_EQ(block_class_bytes(1), kSmall);
  EXPECT_EQ(block_class_bytes(kSmall), kSmall);
  EXPECT_EQ(block_class_bytes(kSmall + 1), kSmall + kSmall / 8);
  EXPECT_EQ(block_class_bytes(2 * kSmall - 1), 2 * kSmall);
  EXPECT_EQ(block_class_bytes(16 * kSmall + 8), 18 * kSmall);
  EXPECT_EQ(SharedBlock::create(kSmall + 1, Writer::kHost, 1).size(), kSmall + kSmall / 8);
}

TEST(SharedBlock, RefusesMoreThanTheLargestClass) {
  EXPECT_THROW((void)SharedBlock::create(kMaxBlockBytes + 1, Writer::kHost, 1), UsageError);
}

TEST(SharedBlock, WhatTheHostWritesTheWorkerOnlyReads) {
  const auto block = SharedBlock::create(1000, Writer::kHost, 3);
  block.bytes()[999] = std::byte{42};
  BlockTable table;
  table.add(block.id(), dup_fd(block), block.size(), false);
  ASSERT_EQ(table.find(3).size(), block.size());
  EXPECT_EQ(table.find(3)[999], std::byte{42});
  EXPECT_TRUE(table.find_writable(3).empty());
  EXPECT_THROW(table.add(4, dup_fd(block), block.size(), true), ResourceError);
}

TEST(SharedBlock, WhatTheWorkerWritesTheHostReads) {
  const auto block = SharedBlock::create(1000, Writer::kWorker, 3);
  BlockTable table;
  table.add(3, dup_fd(block), block.size(), true);
  ASSERT_EQ(table.find_writable(3).size(), block.size());
  table.find_writable(3)[7] = std::byte{42};
  EXPECT_EQ(block.bytes()[7], std::byte{42});
}

TEST(BlockTable, ForgetsWhatWasDropped) {
  const auto block = SharedBlock::create(1, Writer::kHost, 3);
  BlockTable table;
  table.add(3, dup_fd(block), block.size(), false);
  EXPECT_TRUE(table.drop(3));
  EXPECT_FALSE(table.drop(3));
  EXPECT_TRUE(table.find(3).empty());
  EXPECT_EQ(table.size(), 0U);
}

TEST(BlockTable, RefusesAnIdTwiceAndAWrongSize) {
  const auto block = SharedBlock::create(1, Writer::kHost, 3);
  BlockTable table;
  table.add(3, dup_fd(block), block.size(), false);
  EXPECT_THROW(table.add(3, dup_fd(block), block.size(), false), UsageError);
  EXPECT_THROW(table.add(4, dup_fd(block), 2 * block.size(), false), UsageError);
}

BlockCache::Block block_of(std::uint64_t bytes, std::uint32_t id) {
  return std::make_shared<const SharedBlock>(SharedBlock::create(bytes, Writer::kHost, id));
}

TEST(BlockCache, GivesAnIdleBlockOfAFittingSize) {
  BlockCache cache(64 * kSmall);
  EXPECT_EQ(cache.take(1), nullptr);
  const auto large = block_of(16 * kSmall, 7);
  cache.give_back(large);
  EXPECT_EQ(cache.idle_bytes(), 16 * kSmall);
  EXPECT_EQ(cache.take(kSmall), nullptr) << "sixteen times as large";
  EXPECT_EQ(cache.take(16 * kSmall + 1), nullptr) << "too small";
  EXPECT_EQ(cache.take(9 * kSmall), large);
  EXPECT_EQ(cache.take(9 * kSmall), nullptr) << "it is taken";
  EXPECT_EQ(cache.idle_bytes(), 0U);
}

TEST(BlockCache, EvictsWhatWasIdleLongestBeyondItsBudget) {
  BlockCache cache(2 * kSmall);
  for (const std::uint32_t id : {1, 2, 3}) cache.give_back(block_of(1, id));
  EXPECT_THAT(cache.take_evicted(), ElementsAre(1));
  EXPECT_THAT(cache.take_evicted(), IsEmpty());
  EXPECT_EQ(cache.idle_bytes(), 2 * kSmall);
  EXPECT_EQ(cache.take(1)->id(), 3U) << "the warmest";
}

TEST(BlockCache, EvictsABlockLargerThanItsBudgetAtOnce) {
  BlockCache cache(kSmall);
  cache.give_back(block_of(2 * kSmall, 5));
  EXPECT_THAT(cache.take_evicted(), ElementsAre(5));
  EXPECT_EQ(cache.idle_bytes(), 0U);
}

TEST(BlockCache, HasALentBlockBackWhenNobodyHoldsIt) {
  auto cache = std::make_shared<BlockCache>(8 * kSmall);
  auto lent = BlockCache::lend(cache, block_of(1, 4));
  auto copy = lent;
  lent.reset();
  EXPECT_EQ(cache->take(1), nullptr);
  copy.reset();
  const auto back = cache->take(1);
  ASSERT_NE(back, nullptr);
  EXPECT_EQ(back->id(), 4U);
  // The cache may go first.
  auto last = BlockCache::lend(cache, back);
  cache.reset();
  last.reset();
}

}  // namespace
}  // namespace bulkhead::ipc
