// Limits of time and number, retries, priorities and cancelling, with workers as threads.
#include <gtest/gtest.h>

#include "thread_workers.hpp"

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

#include "support/eventually.hpp"

namespace bulkhead::pool {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using testing::kBlock;
using testing::kFail;
using testing::kFailTwice;
using testing::ThreadWorkers;

constexpr auto kPatience = 20s;

template <class E>
[[nodiscard]] bool failed_with(const detail::CompletionRef& call) {
  (void)detail::wait_until(*call, std::chrono::steady_clock::time_point::max());
  const auto error = detail::item_error(*call, 0);
  if (!error) return false;
  try {
    std::rethrow_exception(error);
  } catch (const E&) {
    return true;
  } catch (...) {
    return false;
  }
}

[[nodiscard]] detail::Terms until(std::chrono::nanoseconds time) {
  detail::Terms terms;
  terms.deadline = std::chrono::steady_clock::now() + time;
  return terms;
}
[[nodiscard]] detail::Terms with_priority(std::uint8_t priority) {
  detail::Terms terms;
  terms.priority = priority;
  return terms;
}

TEST(SchedulerLimits, ADeadlinePassesWhileTheCallWaits) {
  ThreadWorkers workers(1);
  const auto blocker = workers.submit(kBlock);
  ASSERT_TRUE(eventually(kPatience, [&] { return workers.blocked() == 1; }));
  const auto late = workers.submit(1, until(20ms));
  EXPECT_TRUE(failed_with<TaskTimeout>(late));
  workers.release_blocked();
  EXPECT_EQ(ThreadWorkers::value_of(blocker), kBlock);
  EXPECT_EQ(workers.order(), std::vector<std::int64_t>{kBlock});
}

// Workers that cannot be killed: the caller gets the verdict, and the worker's late answer is for nobody.
TEST(SchedulerLimits, ATimeoutOfWhatCannotBeKilledIsAVerdictAllTheSame) {
  ThreadWorkers workers(1);
  detail::Terms terms;
  terms.timeout = 20ms;
  const auto call = workers.submit(kBlock, terms);
  EXPECT_TRUE(failed_with<TaskTimeout>(call));
  const auto next = workers.submit(7);
  workers.release_blocked();
  EXPECT_EQ(ThreadWorkers::value_of(next), 7);
}

TEST(SchedulerLimits, AForcedCancelOfWhatCannotBeKilledIsAVerdictAllTheSame) {
  ThreadWorkers workers(1);
  const auto call = workers.submit(kBlock);
  ASSERT_TRUE(eventually(kPatience, [&] { return workers.blocked() == 1; }));
  EXPECT_EQ(detail::cancel(*call, CancelMode::kForce, TimeLimit(0s)), CancelOutcome::kKilled);
  EXPECT_TRUE(failed_with<TaskCancelled>(call));
  workers.release_blocked();
  EXPECT_EQ(ThreadWorkers::value_of(workers.submit(7)), 7);
}

TEST(SchedulerLimits, AFailedCallIsTriedAgain) {
  ThreadWorkers workers(2);
  detail::Terms terms;
  terms.retries = 2;
  EXPECT_EQ(ThreadWorkers::value_of(workers.submit(kFailTwice, terms)), kFailTwice);
  EXPECT_EQ(workers.items_run(), 3);
  terms.retries = 1;
  EXPECT_TRUE(failed_with<Error>(workers.submit(kFailTwice, terms)));
}

TEST(SchedulerLimits, TheMoreUrgentBeginsFirst) {
  ThreadWorkers workers(1);
  const auto blocker = workers.submit(kBlock);
  ASSERT_TRUE(eventually(kPatience, [&] { return workers.blocked() == 1; }));
  std::vector<detail::CompletionRef> calls;
  for (std::int64_t i = 0; i < 24; ++i)
    calls.push_back(workers.submit(i, with_priority(static_cast<std::uint8_t>(i % 8 == 3 ? 4 : i % 8))));
  ASSERT_TRUE(eventually(kPatience, [&] { return workers.scheduler().stats().pending_tasks == 24; }));
  workers.release_blocked();
  for (const auto& call : calls) (void)ThreadWorkers::value_of(call);
  auto order = workers.order();
  order.erase(order.begin());
  const auto priority = [](std::int64_t value) { return value % 8 == 3 ? 4 : value % 8; };
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end(), [&](auto a, auto b) { return priority(a) > priority(b); }));
}

TEST(SchedulerLimits, NoMoreOfATaskRunThanMay) {
  ThreadWorkers workers(3);
  workers.set_max_running(2);
  std::vector<detail::CompletionRef> calls;
  for (int i = 0; i < 3; ++i) calls.push_back(workers.submit(kBlock));
  ASSERT_TRUE(eventually(kPatience, [&] { return workers.blocked() == 2; }));
  EXPECT_EQ(workers.scheduler().stats().pending_tasks, 1u);
  EXPECT_EQ(detail::cancel(*calls[2], CancelMode::kCooperative, {}), CancelOutcome::kNeverRan);
  for (std::int64_t i = 0; i < 100; ++i) calls.push_back(workers.submit(i));
  workers.release_blocked();
  for (std::int64_t i = 0; i < 100; ++i) EXPECT_EQ(ThreadWorkers::value_of(calls[static_cast<std::size_t>(i) + 3]), i);
}

TEST(SchedulerLimits, AFullQueueRefusesOrBlocks) {
  ThreadWorkers refusing(1, 64u << 10, Callbacks::kOwnThread, {.max_pending = 5, .when_full = WhenFull::kFail});
  const auto first = refusing.submit(kBlock);
  ASSERT_TRUE(eventually(kPatience, [&] { return refusing.blocked() == 1; }));
  std::vector<detail::CompletionRef> calls;
  EXPECT_THROW(for (std::int64_t i = 0; i < 10'000; ++i) calls.push_back(refusing.submit(i)), QueueFull);
  refusing.release_blocked();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    EXPECT_EQ(ThreadWorkers::value_of(calls[i]), static_cast<std::int64_t>(i));
  }

  ThreadWorkers blocking(2, 64u << 10, Callbacks::kOwnThread, {.max_pending = 5});
  std::vector<std::thread> submitters;
  std::atomic<int> wrong = 0;
  for (int thread = 0; thread < 3; ++thread) {
    submitters.emplace_back([&] {
      std::vector<detail::CompletionRef> own;
      for (std::int64_t i = 0; i < 3000; ++i) own.push_back(blocking.submit(i));
      for (std::int64_t i = 0; i < 3000; ++i) wrong += ThreadWorkers::value_of(own[static_cast<std::size_t>(i)]) != i;
    });
  }
  for (auto& submitter : submitters) submitter.join();
  EXPECT_EQ(wrong, 0);
}

TEST(SchedulerLimits, DrainTellsWhatBecameOfEach) {
  ThreadWorkers workers(1);
  const auto running = workers.submit(kBlock);
  ASSERT_TRUE(eventually(kPatience, [&] { return workers.blocked() == 1; }));
  const auto queued = workers.submit(1);
  const auto report = workers.scheduler().drain(std::chrono::steady_clock::now() + 10ms, 10ms);
  EXPECT_EQ(report.count(DrainedTask::Outcome::kNeverRan), 1u);
  EXPECT_EQ(report.count(DrainedTask::Outcome::kKilled), 1u);
  EXPECT_TRUE(failed_with<TaskCancelled>(queued));
  workers.release_blocked();
}

TEST(SchedulerLimits, AnythingAtAnyMomentEndsInOneVerdictEach) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  ThreadWorkers workers(3);
  std::vector<std::thread> threads;
  std::atomic<int> verdicts = 0;
  for (std::uint32_t thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&, thread] {
      std::mt19937 random(seed + thread);
      std::vector<detail::CompletionRef> calls;
      for (int i = 0; i < 2000; ++i) {
        detail::Terms terms = random() % 2 == 0 ? until(std::chrono::microseconds(random() % 500)) : detail::Terms{};
        terms.priority = static_cast<std::uint8_t>(random() % 8);
        terms.retries = static_cast<std::uint32_t>(random() % 3);
        if (random() % 4 == 0) terms.timeout = 1s;
        calls.push_back(workers.submit(random() % 10 == 0 ? kFail : i, terms));
        if (random() % 4 == 0) (void)detail::cancel(*calls[random() % calls.size()], CancelMode::kCooperative, {});
      }
      for (const auto& call : calls) {
        verdicts += detail::wait_until(*call, std::chrono::steady_clock::time_point::max()) ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(verdicts, 6000);
  const auto stats = workers.scheduler().stats();
  ASSERT_EQ(stats.tasks.size(), 1u);
  const auto& task = stats.tasks[0];
  EXPECT_EQ(task.submitted, 6000u);
  EXPECT_EQ(task.submitted, task.done + task.failed + task.timed_out + task.cancelled);
  EXPECT_EQ(stats.pending_tasks, 0u);
  EXPECT_EQ(stats.pending_bytes, 0u);
}

}  // namespace
}  // namespace bulkhead::pool
