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

TEST(SharedBlock, ComesInPowersOfTwoFrom256KiB) {
  EXPECT_EQ(block_class_bytes(0), kSmall);
  EXPECT_EQ(block_class_bytes(1), kSmall);
  EXPECT_EQ(block_class_bytes(kSmall), kSmall);
  EXPECT_EQ(block_class_bytes(kSmall + 1), 2 * kSmall);
  EXPECT_EQ(SharedBlock::create(kSmall + 1, Writer::kHost, 1).size(), 2 * kSmall);
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

TEST(BlockCache, ReusesAnIdleBlockOfTheSameClassAndWriter) {
  BlockCache cache(8 * kSmall);
  auto first = cache.take(Writer::kHost, 10);
  EXPECT_TRUE(first.is_new);
  const std::uint32_t id = first.block.id();
  cache.give_back(std::move(first.block));
  EXPECT_EQ(cache.idle_bytes(), kSmall);
  const auto other_writer = cache.take(Writer::kWorker, 10);
  const auto other_class = cache.take(Writer::kHost, kSmall + 1);
  const auto same = cache.take(Writer::kHost, kSmall);
  EXPECT_TRUE(other_writer.is_new);
  EXPECT_TRUE(other_class.is_new);
  EXPECT_FALSE(same.is_new);
  EXPECT_EQ(same.block.id(), id);
  EXPECT_EQ(cache.idle_bytes(), 0U);
}

TEST(BlockCache, GivesEveryBlockItsOwnId) {
  BlockCache cache(0);
  const auto first = cache.take(Writer::kHost, 1);
  const auto second = cache.take(Writer::kHost, 1);
  EXPECT_NE(first.block.id(), 0U);
  EXPECT_NE(first.block.id(), second.block.id());
}

TEST(BlockCache, EvictsWhatWasIdleLongestBeyondItsBudget) {
  BlockCache cache(2 * kSmall);
  std::vector<BlockCache::Taken> taken;
  std::vector<std::uint32_t> ids;
  for (int i = 0; i < 3; ++i) {
    taken.push_back(cache.take(Writer::kHost, 1));
    ids.push_back(taken.back().block.id());
  }
  for (auto& one : taken) cache.give_back(std::move(one.block));
  EXPECT_THAT(cache.take_evicted(), ElementsAre(ids[0]));
  EXPECT_THAT(cache.take_evicted(), IsEmpty());
  EXPECT_EQ(cache.idle_bytes(), 2 * kSmall);
}

TEST(BlockCache, EvictsABlockLargerThanItsBudgetAtOnce) {
  BlockCache cache(kSmall);
  auto large = cache.take(Writer::kWorker, 2 * kSmall);
  const std::uint32_t id = large.block.id();
  cache.give_back(std::move(large.block));
  EXPECT_THAT(cache.take_evicted(), ElementsAre(id));
  EXPECT_EQ(cache.idle_bytes(), 0U);
}

}  // namespace
}  // namespace bulkhead::ipc
