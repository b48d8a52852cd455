#include "pool/call_table.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

namespace bulkhead::pool {
namespace {

TEST(CallTable, GivesDifferentEntriesUntilTheyComeBack) {
  CallTable table;
  std::set<Call*> taken;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(taken.insert(table.take()).second);
  for (Call* call : taken) EXPECT_FALSE(table.give_back(call));
}

TEST(CallTable, UsesEntriesAgainInsteadOfGrowing) {
  CallTable table;
  std::set<Call*> ever;
  for (int round = 0; round < 20; ++round) {
    std::vector<Call*> taken;
    for (int i = 0; i < 1000; ++i) taken.push_back(table.take());
    ever.insert(taken.begin(), taken.end());
    for (Call* call : taken) EXPECT_FALSE(table.give_back(call));
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
  EXPECT_FALSE(table.give_back(call));
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

TEST(CallTable, TellsWhoGivesTheLastEntryBackOnceItIsClosed) {
  CallTable table;
  std::vector<Call*> taken;
  for (int i = 0; i < 300; ++i) taken.push_back(table.take());
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(table.give_back(taken[static_cast<std::size_t>(i)]));
  taken[0] = table.take();  // a returned one, or a new one
  EXPECT_FALSE(table.close());
  for (std::size_t i = 100; i < taken.size(); ++i) EXPECT_FALSE(table.give_back(taken[i]));
  EXPECT_TRUE(table.give_back(taken[0]));
}

TEST(CallTable, ClosesAtOnceWhenNothingIsOut) {
  CallTable table;
  EXPECT_FALSE(table.give_back(table.take()));
  EXPECT_TRUE(table.close());
}

TEST(CallTable, ExactlyOneOfManyThreadsGivesTheLastEntryBack) {
  for (int round = 0; round < 200; ++round) {
    CallTable table;
    std::vector<std::vector<Call*>> shares(4);
    for (std::size_t i = 0; i < 400; ++i) shares[i % 4].push_back(table.take());
    std::atomic<int> last{0};
    std::vector<std::thread> threads;
    for (auto& share : shares) {
      threads.emplace_back([&] {
        for (Call* call : share) last += table.give_back(call) ? 1 : 0;
      });
    }
    last += table.close() ? 1 : 0;
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(last.load(), 1);
  }
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
        for (Call* call : share) EXPECT_FALSE(table.give_back(call));
        share.clear();
      });
    }
    for (auto& thread : threads) thread.join();
  }
}

}  // namespace
}  // namespace bulkhead::pool
