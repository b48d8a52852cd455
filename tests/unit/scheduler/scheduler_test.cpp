#include <gtest/gtest.h>

#include "thread_workers.hpp"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include "ipc/spin.hpp"
#include "support/eventually.hpp"

namespace bulkhead::pool {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using testing::kBlock;
using testing::kDie;
using testing::kFail;
using testing::ThreadWorkers;

TEST(Scheduler, GivesEveryCallItsOwnResult) {
  ThreadWorkers workers(2);
  for (std::int64_t i = 0; i < 2000; ++i) ASSERT_EQ(ThreadWorkers::value_of(workers.submit(i)), i);
}

TEST(Scheduler, RunsMoreCallsThanRingsHold) {
  ThreadWorkers workers(2);
  std::vector<detail::CompletionRef> calls;
  for (std::int64_t i = 0; i < 20000; ++i) calls.push_back(workers.submit(i));
  for (std::int64_t i = 0; i < 20000; ++i) ASSERT_EQ(ThreadWorkers::value_of(calls[static_cast<std::size_t>(i)]), i);
}

// More than a ring takes, so that a block carries it.
std::vector<std::int64_t> large_chunk() {
  std::vector<std::int64_t> values(5000);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

TEST(Scheduler, AsksAWorkerToLookWhenItsSocketTakesNoMore) {
  ThreadWorkers workers(1);
  workers.refuse_blocks(3);
  const auto call = workers.submit_chunk(large_chunk());
  EXPECT_EQ(ThreadWorkers::value_of(call, 4999), 4999);
  EXPECT_GT(workers.looks(), 0);
  EXPECT_EQ(workers.condemned(), 0);
  EXPECT_EQ(ThreadWorkers::value_of(workers.submit(7)), 7);
}

TEST(Scheduler, ReplacesIdleWorkersWhoseSocketsTakeNothingAnyMore) {
  ThreadWorkers workers(2, 64u << 10, Callbacks::kOwnThread, {.refused_limit = 20ms});
  workers.refuse_blocks(1'000'000);
  const auto call = workers.submit_chunk(large_chunk());
  const auto behind = workers.submit(7);
  ASSERT_TRUE(eventually(20s, [&] { return workers.condemned() >= 2; }));
  workers.refuse_blocks(0);
  EXPECT_EQ(ThreadWorkers::value_of(call, 4999), 4999);
  EXPECT_EQ(ThreadWorkers::value_of(behind), 7);
}

TEST(Scheduler, FinishesWhatNobodyWaitsFor) {
  ThreadWorkers workers(2);
  std::vector<detail::CompletionRef> calls;
  for (std::int64_t i = 0; i < 5000; ++i) calls.push_back(workers.submit(i));
  // Nobody calls wait: the pump thread must be rung.
  ASSERT_TRUE(eventually(20s, [&] {
    return std::all_of(calls.begin(), calls.end(), [](const auto& call) { return detail::is_done(*call); });
  }));
}

TEST(Scheduler, ServesManySubmittingAndWaitingThreads) {
  ThreadWorkers workers(2);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (std::int64_t thread = 0; thread < 6; ++thread) {
    threads.emplace_back([&, thread] {
      std::vector<detail::CompletionRef> ahead;
      for (std::int64_t i = 0; i < 1000; ++i) {
        const std::int64_t value = thread * 1'000'000 + i;
        if (i % 3 != 0) {
          wrong += ThreadWorkers::value_of(workers.submit(value)) != value;
        } else {
          ahead.push_back(workers.submit(value));
          if (ahead.size() == 20) ahead.clear();  // dropped while they run
        }
      }
      for (const auto& call : ahead) wrong += !ThreadWorkers::value_of(call).has_value();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Scheduler, LetsATimedWaitEndWhileTheTaskGoesOn) {
  ThreadWorkers workers(1);
  const auto call = workers.submit(kBlock);
  EXPECT_FALSE(detail::wait_until(*call, std::chrono::steady_clock::now() + 5ms));
  workers.release_blocked();
  EXPECT_EQ(ThreadWorkers::value_of(call), kBlock);
}

TEST(Scheduler, MovesWhatWaitsBehindALongTaskToAnIdleWorker) {
  ThreadWorkers workers(2);
  // One worker is held; whatever was queued behind it must run on the other.
  const auto held = workers.submit(kBlock);
  ASSERT_TRUE(eventually(10s, [&] { return workers.blocked() == 1; }));
  std::vector<detail::CompletionRef> calls;
  for (std::int64_t i = 0; i < 500; ++i) calls.push_back(workers.submit(i));
  for (std::int64_t i = 0; i < 500; ++i) ASSERT_EQ(ThreadWorkers::value_of(calls[static_cast<std::size_t>(i)]), i);
  EXPECT_FALSE(detail::is_done(*held));
}

TEST(Scheduler, MovesWhatWaitsBehindATaskThatIsLongerThanThoseBefore) {
  ThreadWorkers workers(2);
  // One worker is hot and quick, so what comes next is put behind what it has; the first of that takes long, and nobody waits.
  for (std::int64_t i = 0; i < 2000; ++i) ASSERT_EQ(ThreadWorkers::value_of(workers.submit(i)), i);
  const auto held = workers.submit(kBlock);
  std::vector<detail::CompletionRef> calls;
  for (std::int64_t i = 0; i < 20; ++i) calls.push_back(workers.submit(i));
  EXPECT_TRUE(eventually(
      10s, [&] { return std::ranges::all_of(calls, [](const auto& call) { return detail::is_done(*call); }); }));
  EXPECT_FALSE(detail::is_done(*held));
}

TEST(Scheduler, WakesNoMoreWorkersForQuickCallsThanThereAreProcessors) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "no call is quick here";
#endif
  const std::size_t processors = ipc::usable_cpus();
  ThreadWorkers workers(static_cast<std::uint32_t>(4 * processors));
  const auto begun = [&] {
    std::vector<std::uint64_t> counts;
    for (const auto& worker : workers.scheduler().stats().workers) counts.push_back(worker.submitted);
    return counts;
  };
  // Not in the first burst, of which it is not known how quick it is, nor where something else has the processors meanwhile.
  EXPECT_TRUE(eventually(60s, [&] {
    const auto before = begun();
    std::vector<detail::CompletionRef> calls;
    for (std::int64_t i = 0; i < 2000; ++i) calls.push_back(workers.submit(i));
    for (const auto& call : calls) (void)ThreadWorkers::value_of(call);
    const auto after = begun();
    std::size_t used = 0;
    for (std::size_t i = 0; i < after.size(); ++i) used += after[i] != before[i];
    return used <= processors;
  }));
}

TEST(Scheduler, TellsAFailureFromAResult) {
  ThreadWorkers workers(1);
  const auto call = workers.submit(kFail);
  EXPECT_EQ(ThreadWorkers::value_of(call), std::nullopt);
  EXPECT_EQ(detail::first_failure(*call), 0u);
}

TEST(Scheduler, LosesOnlyTheRunningItemOfAChunk) {
  ThreadWorkers workers(2);
  const auto chunk = workers.submit_chunk({1, 2, kDie, 4, 5});
  EXPECT_EQ(ThreadWorkers::value_of(chunk, 0), 1);
  EXPECT_EQ(ThreadWorkers::value_of(chunk, 1), 2);
  EXPECT_EQ(ThreadWorkers::value_of(chunk, 2), std::nullopt);
  EXPECT_EQ(ThreadWorkers::value_of(chunk, 3), 4);
  EXPECT_EQ(ThreadWorkers::value_of(chunk, 4), 5);
}

TEST(Scheduler, LosesOnlyTheTasksThatRanWhenWorkersDie) {
  const auto seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  std::mt19937 random(seed);
  ThreadWorkers workers(3);
  std::vector<std::pair<std::int64_t, detail::CompletionRef>> calls;
  for (std::int64_t i = 0; i < 3000; ++i) {
    const std::int64_t value = random() % 100 == 0 ? kDie : i;
    calls.emplace_back(value, workers.submit(value));
  }
  for (const auto& [value, call] : calls) {
    ASSERT_EQ(ThreadWorkers::value_of(call), value == kDie ? std::nullopt : std::optional(value));
  }
}

TEST(Scheduler, CancelsExactlyWhatHasNotBegun) {
  ThreadWorkers workers(1);
  const auto running = workers.submit(kBlock);
  ASSERT_TRUE(eventually(10s, [&] { return workers.blocked() == 1; }));
  std::vector<detail::CompletionRef> queued;
  for (std::int64_t i = 0; i < 100; ++i) queued.push_back(workers.submit(i));
  for (const auto& call : queued)
    EXPECT_EQ(detail::cancel(*call, CancelMode::kCooperative, {}), CancelOutcome::kNeverRan);
  EXPECT_EQ(detail::cancel(*running, CancelMode::kCooperative, {}), CancelOutcome::kStillRunning);
  workers.release_blocked();
  EXPECT_EQ(ThreadWorkers::value_of(running), kBlock);
  EXPECT_EQ(detail::cancel(*running, CancelMode::kCooperative, {}), CancelOutcome::kFinishedFirst);
  for (const auto& call : queued) EXPECT_EQ(ThreadWorkers::value_of(call), std::nullopt);
  EXPECT_EQ(workers.items_run(), 1);
}

TEST(Scheduler, CallsBackBeforeTheWaiterIsWoken) {
  ThreadWorkers workers(2);
  std::atomic<int> called{0};
  for (int i = 0; i < 300; ++i) {
    const auto call = workers.submit(i, [&](detail::Completion&) { called.fetch_add(1); });
    ASSERT_EQ(ThreadWorkers::value_of(call), i);
    ASSERT_EQ(called.load(), i + 1);
  }
}

TEST(Scheduler, CallsBackWithoutAnybodyWaiting) {
  ThreadWorkers workers(2);
  std::atomic<int> called{0};
  for (int i = 0; i < 1000; ++i) (void)workers.submit(i, [&](detail::Completion&) { called.fetch_add(1); });
  EXPECT_TRUE(eventually(20s, [&] { return called == 1000; }));
}

TEST(Scheduler, FailsEveryOpenCallWhenItMust) {
  ThreadWorkers workers(2);
  const auto running = workers.submit(kBlock);
  std::vector<detail::CompletionRef> calls;
  for (std::int64_t i = 0; i < 5000; ++i) calls.push_back(workers.submit(kBlock));
  std::thread waiter([&] { EXPECT_EQ(ThreadWorkers::value_of(calls.back()), std::nullopt); });
  workers.scheduler().fail_all(ErrorCode::kPoolClosed, "for the test");
  waiter.join();
  for (const auto& call : calls) ASSERT_TRUE(detail::is_done(*call));
  EXPECT_THROW(std::rethrow_exception(detail::item_error(*running, 0)), PoolClosed);
  EXPECT_THROW((void)workers.submit(1), PoolClosed);
}

TEST(Scheduler, KeepsResultsAfterItIsGone) {
  detail::CompletionRef kept;
  {
    ThreadWorkers workers(1);
    kept = workers.submit(42);
    (void)ThreadWorkers::value_of(kept);
  }
  EXPECT_EQ(ThreadWorkers::value_of(kept), 42);
}

TEST(Scheduler, GivesAMapItsVerdictWhenSealedAndDone) {
  ThreadWorkers workers(2);
  const auto map = workers.scheduler().begin_map(workers.task(), {});
  auto& inner = static_cast<Map&>(*map);
  std::vector<std::int64_t> values(10);
  for (std::int64_t chunk = 0; chunk < 50; ++chunk) {
    std::iota(values.begin(), values.end(), chunk * 10);
    workers.scheduler().add_chunk(inner, {.task = &workers.task(),
                                          .count = 10,
                                          .stride = 8,
                                          .bytes = std::as_bytes(std::span(values)),
                                          .first_index = static_cast<std::uint64_t>(chunk * 10)});
  }
  EXPECT_FALSE(detail::wait_until(*map, std::chrono::steady_clock::now() + 1ms));
  workers.scheduler().seal_map(inner);
  for (std::int64_t i = 0; i < 500; ++i) {
    ASSERT_EQ(ThreadWorkers::value_of(map, static_cast<std::size_t>(i)), i);
  }
  EXPECT_EQ(detail::item_count(*map), 500u);
}

TEST(Scheduler, CancelsWhatAnAbandonedMapHasNotBegun) {
  ThreadWorkers workers(1);
  const auto held = workers.submit(kBlock);
  ASSERT_TRUE(eventually(10s, [&] { return workers.blocked() == 1; }));
  const auto map = workers.scheduler().begin_map(workers.task(), {});
  const std::int64_t value = 7;
  for (std::uint64_t i = 0; i < 20; ++i) {
    workers.scheduler().add_chunk(
        static_cast<Map&>(*map),
        {.task = &workers.task(), .stride = 8, .bytes = std::as_bytes(std::span(&value, 1)), .first_index = i});
  }
  workers.scheduler().abandon_map(static_cast<Map&>(*map));
  workers.release_blocked();
  (void)ThreadWorkers::value_of(held);
  EXPECT_TRUE(detail::wait_until(*map, std::chrono::steady_clock::now() + 20s));
  EXPECT_EQ(workers.items_run(), 1);
}

}  // namespace
}  // namespace bulkhead::pool
