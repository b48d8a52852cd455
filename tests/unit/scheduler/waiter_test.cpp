// Threads that wait for one completion, for any of several, or for several pools at once.
#include <gtest/gtest.h>

#include "thread_workers.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "support/eventually.hpp"

namespace bulkhead::pool {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using detail::CompletionQueue;
using test::eventually;
using testing::kBlock;
using testing::ThreadWorkers;

std::vector<detail::Completion*> pointers(const std::vector<detail::CompletionRef>& calls) {
  std::vector<detail::Completion*> all;
  for (const auto& call : calls) all.push_back(call.get());
  return all;
}

TEST(WaitAny, GivesTheOneThatIsDone) {
  ThreadWorkers workers(2);
  const auto held = workers.submit(kBlock);
  ASSERT_TRUE(eventually(20s, [&] { return workers.blocked() == 1; }));
  for (std::int64_t i = 0; i < 500; ++i) {
    const auto quick = workers.submit(i);
    const std::array<detail::Completion*, 2> both{held.get(), quick.get()};
    ASSERT_EQ(detail::wait_any(both, Clock::time_point::max()), 1u);
    ASSERT_TRUE(detail::is_done(*quick));
  }
}

TEST(WaitAny, SaysThatNoneCameInTime) {
  ThreadWorkers workers(1);
  const auto held = workers.submit(kBlock);
  const std::array<detail::Completion*, 1> one{held.get()};
  EXPECT_EQ(detail::wait_any(one, Clock::now()), 1u);
  EXPECT_EQ(detail::wait_any(one, Clock::now() + 3ms), 1u);
  EXPECT_EQ(detail::wait_any({}, Clock::time_point::max()), 0u);
  workers.release_blocked();
  EXPECT_EQ(detail::wait_any(one, Clock::time_point::max()), 0u);
  EXPECT_EQ(detail::wait_any(one, Clock::now()), 0u);
}

TEST(WaitAny, TakesTheSameCompletionSeveralTimes) {
  ThreadWorkers workers(1);
  const auto call = workers.submit(5);
  const std::array<detail::Completion*, 3> same{call.get(), call.get(), call.get()};
  EXPECT_LT(detail::wait_any(same, Clock::time_point::max()), 3u);
}

TEST(WaitAny, WorksOverSeveralPools) {
  ThreadWorkers held_pool(1);
  ThreadWorkers quick_pool(1);
  const auto held = held_pool.submit(kBlock);
  for (std::int64_t i = 0; i < 300; ++i) {
    const auto quick = quick_pool.submit(i);
    const std::array<detail::Completion*, 2> both{held.get(), quick.get()};
    ASSERT_EQ(detail::wait_any(both, Clock::time_point::max()), 1u);
  }
  const auto other = quick_pool.submit(kBlock);
  const std::array<detail::Completion*, 2> neither{held.get(), other.get()};
  EXPECT_EQ(detail::wait_any(neither, Clock::now() + 3ms), 2u);
  held_pool.release_blocked();
  EXPECT_EQ(detail::wait_any(neither, Clock::time_point::max()), 0u);
}

TEST(WaitAny, StandsBesideThreadsThatWaitForTheSame) {
  ThreadWorkers workers(2);
  for (int round = 0; round < 100; ++round) {
    std::vector<detail::CompletionRef> calls;
    for (std::int64_t i = 0; i < 8; ++i) calls.push_back(workers.submit(i));
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        if (t % 2 == 0) {
          EXPECT_LT(detail::wait_any(pointers(calls), Clock::time_point::max()), 8u);
        } else {
          EXPECT_EQ(ThreadWorkers::value_of(calls[t]), static_cast<std::int64_t>(t));
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }
}

TEST(CompletionQueueTest, GivesEachOnce) {
  ThreadWorkers workers(2);
  std::vector<detail::CompletionRef> calls;
  for (std::int64_t i = 0; i < 3000; ++i) calls.push_back(workers.submit(i));
  CompletionQueue queue(pointers(calls));
  std::set<std::size_t> seen;
  while (const auto tag = queue.next(Clock::time_point::max())) {
    ASSERT_TRUE(detail::is_done(*calls[*tag]));
    ASSERT_TRUE(seen.insert(*tag).second);
  }
  EXPECT_EQ(seen.size(), calls.size());
  EXPECT_EQ(queue.size(), 0u);
}

TEST(CompletionQueueTest, GivesThemInTheOrderOfTheirVerdicts) {
  // One worker answers in the order of submission; they come in the other way round.
  ThreadWorkers workers(1);
  std::vector<detail::CompletionRef> calls{workers.submit(kBlock)};
  for (std::int64_t i = 1; i < 50; ++i) calls.push_back(workers.submit(i));
  CompletionQueue queue({});
  for (std::size_t i = calls.size(); i-- > 0;) queue.add(*calls[i], i);
  EXPECT_EQ(queue.next(Clock::now() + 1ms), std::nullopt);
  workers.release_blocked();
  (void)ThreadWorkers::value_of(calls[25]);
  for (std::size_t i = 0; i < calls.size(); ++i) EXPECT_EQ(queue.next(Clock::time_point::max()), std::optional(i));
}

TEST(CompletionQueueTest, TakesMoreWhileItIsUsed) {
  ThreadWorkers workers(2);
  std::vector<detail::CompletionRef> window(20);
  CompletionQueue queue({});
  std::int64_t submitted = 0;
  for (std::size_t place = 0; place < window.size(); ++place) {
    window[place] = workers.submit(submitted++);
    queue.add(*window[place], place);
  }
  std::set<std::int64_t> seen;
  while (const auto place = queue.next(Clock::time_point::max())) {
    seen.insert(ThreadWorkers::value_of(window[*place]).value());
    window[*place] = {};
    if (submitted == 2000) continue;
    window[*place] = workers.submit(submitted++);
    queue.add(*window[*place], *place);
  }
  EXPECT_EQ(seen.size(), 2000u);
}

TEST(CompletionQueueTest, MayBeDroppedWhileResultsCome) {
  ThreadWorkers workers(2);
  ThreadWorkers others(2);
  for (int round = 0; round < 200; ++round) {
    std::vector<detail::CompletionRef> calls;
    for (std::int64_t i = 0; i < 10; ++i) calls.push_back((round % 2 == 0 || i < 5 ? workers : others).submit(i));
    CompletionQueue queue(pointers(calls));
    for (int taken = 0; taken < round % 4; ++taken) ASSERT_TRUE(queue.next(Clock::time_point::max()).has_value());
  }
}

TEST(CompletionQueueTest, HearsOfResultsThatAnotherThreadFetched) {
  ThreadWorkers workers(2);
  std::atomic<bool> has_ended = false;
  std::thread leader([&] {
    for (std::int64_t i = 0; !has_ended; ++i) (void)ThreadWorkers::value_of(workers.submit(i));
  });
  for (int round = 0; round < 100; ++round) {
    std::vector<detail::CompletionRef> calls;
    for (std::int64_t i = 0; i < 10; ++i) calls.push_back(workers.submit(i));
    CompletionQueue queue(pointers(calls));
    int seen = 0;
    while (queue.next(Clock::time_point::max())) ++seen;
    ASSERT_EQ(seen, 10);
  }
  has_ended = true;
  leader.join();
}

TEST(CompletionQueueTest, WaitsForCallbacksAsAnyWaitDoes) {
  ThreadWorkers workers(2);
  std::atomic<int> called{0};
  std::vector<detail::CompletionRef> calls;
  for (std::int64_t i = 0; i < 300; ++i) {
    calls.push_back(workers.submit(i, [&](detail::Completion&) { called.fetch_add(1); }));
  }
  CompletionQueue queue(pointers(calls));
  int seen = 0;
  while (queue.next(Clock::time_point::max())) ASSERT_GE(called.load(), ++seen);
  EXPECT_EQ(seen, 300);
}

// --- where the embedder runs callbacks

constexpr std::uint32_t kRingBytes = 64u << 10;

TEST(ManualCallbacks, AreRunByTheThreadThatWaitsForTheirResult) {
  ThreadWorkers workers(2, kRingBytes, Callbacks::kManual);
  int called = 0;  // only ever touched by this thread
  for (std::int64_t i = 0; i < 300; ++i) {
    ASSERT_EQ(ThreadWorkers::value_of(workers.submit(i, [&](detail::Completion&) { ++called; })), i);
    ASSERT_EQ(called, i + 1);
  }
}

TEST(ManualCallbacks, AreRunByWhoeverWaitsAndWhoeverDispatches) {
  ThreadWorkers workers(2, kRingBytes, Callbacks::kManual);
  ThreadWorkers others(1, kRingBytes, Callbacks::kManual);
  std::atomic<int> called{0};
  std::atomic<bool> has_ended = false;
  std::thread loop([&] {
    while (!has_ended) {
      if (workers.callbacks().dispatch() == 0) std::this_thread::yield();
    }
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 30; ++round) {
        std::vector<detail::CompletionRef> calls;
        for (std::int64_t i = 0; i < 10; ++i) {
          calls.push_back((t == 2 && i % 2 == 0 ? others : workers).submit(i, [&](detail::Completion&) { ++called; }));
        }
        if (t == 0) {
          for (const auto& call : calls) (void)ThreadWorkers::value_of(call);
        } else {
          CompletionQueue queue(pointers(calls));
          while (queue.next(Clock::time_point::max())) {
          }
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  has_ended = true;
  loop.join();
  EXPECT_EQ(called, 900);
}

TEST(ManualCallbacks, ThatNobodyRanRunWhenTheirOwnerGoes) {
  int called = 0;
  detail::CompletionRef kept;
  {
    ThreadWorkers workers(1, kRingBytes, Callbacks::kManual);
    for (std::int64_t i = 0; i < 10; ++i) kept = workers.submit(i, [&](detail::Completion&) { ++called; });
    EXPECT_FALSE(detail::is_done(*kept));
  }
  EXPECT_EQ(called, 10);
  EXPECT_EQ(ThreadWorkers::value_of(kept), 9);
}

TEST(CallbackThread, MayWaitForAResultWhoseCallbackItMustRun) {
  ThreadWorkers workers(2);
  std::atomic<int> called{0};
  const auto outer = workers.submit(1, [&](detail::Completion&) {
    const auto inner = workers.submit(2, [&](detail::Completion&) { ++called; });
    const std::array<detail::Completion*, 1> one{inner.get()};
    EXPECT_EQ(detail::wait_any(one, Clock::time_point::max()), 0u);
    EXPECT_EQ(ThreadWorkers::value_of(workers.submit(3, [&](detail::Completion&) { ++called; })), 3);
  });
  EXPECT_EQ(ThreadWorkers::value_of(outer), 1);
  EXPECT_EQ(called, 2);
}

}  // namespace
}  // namespace bulkhead::pool
