#include "pool/call_table.hpp"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace bulkhead::pool {
namespace {

TEST(CallTable, GivesDifferentEntriesUntilTheyComeBack) {
  CallTable table;
  std::set<Call*> taken;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(taken.insert(table.take()).second);
  for (Call* call : taken) table.give_back(call);
}

TEST(CallTable, UsesEntriesAgainInsteadOfGrowing) {
  CallTable table;
  std::set<Call*> ever;
  for (int round = 0; round < 20; ++round) {
    std::vector<Call*> taken;
    for (int i = 0; i < 1000; ++i) taken.push_back(table.take());
    ever.insert(taken.begin(), taken.end());
    for (Call* call : taken) table.give_back(call);
  }
  EXPECT_LT(ever.size(), 2000u);
}

TEST(CallTable, ForgetsWhatAnEntryHeld) {
  CallTable table;
  Call* call = table.take();
  const std::vector<std::byte> bytes(100);
  call->bytes.assign(bytes);
  call->outcomes = std::make_unique<Outcomes>(3);
  call->callback = std::make_unique<ToldVerdict>([](detail::Completion&) {});
  call->finished = 3;
  call->is_done.store(true);
  call->state = Call::State::kVerdict;
  table.give_back(call);
  Call* again = nullptr;
  while ((again = table.take()) != call) {
  }
  EXPECT_TRUE(again->bytes.get().empty());
  EXPECT_FALSE(again->outcomes);
  EXPECT_FALSE(again->callback);
  EXPECT_EQ(again->finished, 0u);
  EXPECT_FALSE(again->is_done.load());
  EXPECT_EQ(again->state, Call::State::kFree);
}

TEST(CallTable, TakesEntriesBackFromManyThreadsAtOnce) {
  CallTable table;
  std::vector<std::vector<Call*>> shares(4);
  for (int round = 0; round < 50; ++round) {
    std::set<Call*> taken;
    for (std::size_t i = 0; i < 2000; ++i) {
      Call* call = table.take();
      ASSERT_TRUE(taken.insert(call).second);
      shares[i % 4].push_back(call);
    }
    std::vector<std::thread> threads;
    for (auto& share : shares) {
      threads.emplace_back([&table, &share] {
        for (Call* call : share) table.give_back(call);
        share.clear();
      });
    }
    for (auto& thread : threads) thread.join();
  }
}

}  // namespace
}  // namespace bulkhead::pool
