// timeout, soft_timeout and deadline: who is ended, when, and that nobody else is.
#include <random>

#include "limits_fixture.hpp"

namespace bulkhead::test {
namespace {

class TimeLimitTest : public LimitsTest {
 protected:
  Pool pool_ = engine_.pool({.processes = 2});
  std::string began_ = folder_.file("began");
};

TEST_F(TimeLimitTest, ATaskThatRunsTooLongIsKilledAndSaysHowLongItRan) {
  const auto result = pool_.apply_async<void>("limits.run_for_ever", {.timeout = 50ms}, began_);
  const auto info = timeout_of([&] { result.get(); });
  EXPECT_EQ(info.task, "limits.run_for_ever");
  EXPECT_TRUE(info.was_running);
  EXPECT_FALSE(info.was_soft);
  EXPECT_EQ(info.limit, 50ms);
  EXPECT_GE(info.waited, 50ms);
  EXPECT_THAT(text_thrown<TaskTimeout>([&] { result.get(); }), ::testing::HasSubstr("its timeout is 50ms"));
  EXPECT_TRUE(eventually(kPatience, [&] { return !process_exists(begun(began_).front()); }));
  EXPECT_EQ(pool_.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(TimeLimitTest, OneThatIgnoresSigtermIsKilledAfterTheGrace) {
  auto pool = engine_.pool({.processes = 1, .kill_grace = 30ms});
  const auto result = pool.apply_async<void>("limits.run_immortal", {.timeout = 20ms}, began_);
  EXPECT_THROW(result.get(), TaskTimeout);
  EXPECT_FALSE(process_exists(begun(began_).front()));
}

TEST_F(TimeLimitTest, AStoppedWorkerIsKilledToo) {
  auto pool = engine_.pool({.processes = 1, .kill_grace = 30ms});
  const auto result = pool.apply_async<void>("limits.run_for_ever", {.timeout = 100ms}, began_);
  ::kill(static_cast<pid_t>(begun(began_).front()), SIGSTOP);
  EXPECT_THROW(result.get(), TaskTimeout);
}

TEST_F(TimeLimitTest, TheTimeoutDoesNotCountWhileTheTaskIsQueued) {
  auto pool = engine_.pool({.processes = 1});
  const auto first = pool.apply_async<std::int64_t>("misbehave.sleep_ms", 2500);
  const auto second = pool.apply_async<std::int64_t>("misbehave.sleep_ms", {.timeout = 2s}, 1);
  EXPECT_EQ(second.get(), 1);
  EXPECT_EQ(first.get(), 2500);
}

TEST_F(TimeLimitTest, ADeadlinePassesWhileTheTaskIsQueued) {
  auto pool = engine_.pool({.processes = 1});
  const auto blocker = pool.apply_async<void>("limits.run_until_told", began_);
  (void)begun(began_);
  const auto late = pool.apply_async<std::int64_t>("limits.note", {.deadline = std::chrono::steady_clock::now() + 30ms},
                                                   folder_.file("ran"), "x");
  const auto info = timeout_of([&] { (void)late.get(); });
  EXPECT_FALSE(info.was_running);
  EXPECT_GE(info.waited, 20ms);
  EXPECT_EQ(blocker.cancel(CancelMode::kCooperative, kNoLimit), CancelOutcome::kStoppedCooperatively);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  EXPECT_TRUE(lines_of(folder_.file("ran")).empty());
}

TEST_F(TimeLimitTest, ADeadlineThatHasPassedMeansTheTaskNeverRuns) {
  auto pool = engine_.pool({.processes = 1});
  const auto blocker = pool.apply_async<void>("limits.run_until_told", began_);
  (void)begun(began_);
  EXPECT_THROW((void)pool.apply<std::int64_t>("echo.add", {.deadline = std::chrono::steady_clock::now() - 1h}, 2, 3),
               TaskTimeout);
  blocker.cancel();
}

TEST_F(TimeLimitTest, ADeadlineEndsARunningTask) {
  const auto result =
      pool_.apply_async<void>("limits.run_for_ever", {.deadline = std::chrono::steady_clock::now() + 50ms}, began_);
  const auto info = timeout_of([&] { result.get(); });
  EXPECT_TRUE(info.was_running || lines_of(began_).empty());
  EXPECT_EQ(info.limit, 0ns);
}

TEST_F(TimeLimitTest, TheTaskKnowsItsDeadline) {
  EXPECT_EQ(pool_.apply<std::int64_t>("limits.time_left"), -1);
  const auto by_timeout = pool_.apply<std::int64_t>("limits.time_left", {.timeout = 10s});
  EXPECT_GT(by_timeout, 0);
  EXPECT_LE(by_timeout, 10'000);
  const auto both = pool_.apply<std::int64_t>("limits.time_left",
                                              {.timeout = 1h, .deadline = std::chrono::steady_clock::now() + 20s});
  EXPECT_GT(both, 0);
  EXPECT_LE(both, 20'000);
}

TEST_F(TimeLimitTest, PastItsSoftLimitATaskStopsByItselfAndItsWorkerLives) {
  auto pool = engine_.pool({.processes = 1});
  const auto result = pool.apply_async<void>("limits.run_until_told", {.soft_timeout = 40ms}, began_);
  const auto info = timeout_of([&] { result.get(); });
  EXPECT_TRUE(info.was_soft);
  EXPECT_TRUE(info.was_running);
  EXPECT_EQ(info.limit, 40ms);
  EXPECT_EQ(pool.apply<std::int64_t>("misbehave.pid"), begun(began_).front());
}

TEST_F(TimeLimitTest, PastItsSoftLimitATaskMayStillFinish) {
  EXPECT_EQ(pool_.apply<std::string>("limits.tell_what_stopped", {.soft_timeout = 30ms}, began_), "soft limit");
}

TEST_F(TimeLimitTest, TheNextTaskOfTheWorkerIsNotToldToStop) {
  auto pool = engine_.pool({.processes = 1});
  for (int round = 0; round < 20; ++round) {
    EXPECT_EQ(pool.apply<std::string>("limits.tell_what_stopped", {.soft_timeout = 1ms}, began_), "soft limit");
    const auto next = pool.apply_async<std::string>("limits.tell_what_stopped", began_);
    (void)begun(began_, 2 * static_cast<std::size_t>(round) + 2);
    ASSERT_FALSE(next.ready());
    next.cancel();
    ASSERT_EQ(next.get(), "cancelled");
  }
}

TEST_F(TimeLimitTest, AHardLimitEndsWhoIgnoresTheSoftOne) {
  EXPECT_THROW(pool_.apply<void>("limits.run_for_ever", {.timeout = 80ms, .soft_timeout = 20ms}, began_), TaskTimeout);
}

TEST_F(TimeLimitTest, ThePluginsOwnLimitsHold) {
  EXPECT_EQ(timeout_of([&] { pool_.apply<void>("limits.short_by_nature", began_); }).limit, 50ms);
  EXPECT_TRUE(timeout_of([&] { pool_.apply<void>("limits.soft_by_nature", began_); }).was_soft);
}

TEST_F(TimeLimitTest, NoLimitRemovesThePluginsOwn) {
  const auto result = pool_.apply_async<void>("limits.short_by_nature", {.timeout = kNoLimit}, began_);
  (void)begun(began_);
  EXPECT_FALSE(result.wait(200ms));
  EXPECT_EQ(result.cancel(CancelMode::kForce, 0s), CancelOutcome::kKilled);
}

TEST_F(TimeLimitTest, EachItemOfAMapHasItsOwnLimit) {
  const std::vector<std::int64_t> naps{1, 2, 100'000, 3, 100'000, 4};
  const auto mapped = pool_.map_async<std::int64_t>("misbehave.sleep_ms", naps, {.chunk_size = 6, .timeout = 500ms});
  EXPECT_THROW((void)mapped.get(), TaskTimeout);
  // Many in one chunk, each well within its limit.
  const std::vector<std::int64_t> short_naps(60, 25);
  auto single = engine_.pool({.processes = 1});
  EXPECT_EQ(single.map<std::int64_t>("misbehave.sleep_ms", short_naps, {.chunk_size = 60, .timeout = 1s}), short_naps);
  std::vector<std::string> outcomes;
  auto items = pool_.imap<std::int64_t>("misbehave.sleep_ms", naps, {.timeout = 500ms});
  for (std::size_t i = 0; i < naps.size(); ++i) {
    try {
      outcomes.push_back(std::to_string(items.next().value()));
    } catch (const TaskTimeout&) {
      outcomes.push_back("late");
    }
  }
  EXPECT_EQ(outcomes, (std::vector<std::string>{"1", "2", "late", "3", "late", "4"}));
}

TEST_F(TimeLimitTest, AChunksDeadlineKeepsWhatWasDone) {
  auto pool = engine_.pool({.processes = 1});
  std::vector<std::int64_t> naps{1, 1, 1, 100'000, 1, 1};
  auto items = pool.imap<std::int64_t>("misbehave.sleep_ms", naps,
                                       {.chunk_size = 6, .deadline = std::chrono::steady_clock::now() + 2s});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(items.next(), 1);
  for (int i = 3; i < 6; ++i) EXPECT_THROW((void)items.next(), TaskTimeout);
}

TEST_F(TimeLimitTest, SenselessLimitsAreRefused) {
  EXPECT_THROW((void)pool_.apply<std::int64_t>("echo.add", {.timeout = 0s}, 1, 2), UsageError);
  EXPECT_THROW((void)pool_.apply<std::int64_t>("echo.add", {.timeout = -1s}, 1, 2), UsageError);
  EXPECT_THROW((void)pool_.apply<std::int64_t>("echo.add", {.soft_timeout = 0s}, 1, 2), UsageError);
  EXPECT_THROW((void)pool_.apply<std::int64_t>("echo.add", {.retries = -1}, 1, 2), UsageError);
  EXPECT_THROW((void)pool_.apply<std::int64_t>("echo.add", {.priority = 8}, 1, 2), UsageError);
  EXPECT_THROW((void)pool_.apply<std::int64_t>("echo.add", {.priority = -1}, 1, 2), UsageError);
  EXPECT_THROW((void)engine_.pool({.kill_grace = -1s}), UsageError);
}

TEST_F(TimeLimitTest, ADurationTooLargeIsForEver) {
  EXPECT_EQ(pool_.apply<std::int64_t>("echo.add", {.timeout = std::chrono::hours::max()}, 2, 3), 5);
}

// The adversary of architecture.md: limits that pass just when the guilty task ends and the next begins.
TEST_F(TimeLimitTest, KillingOnPurposeNeverCostsAnInnocentTask) {
  std::mt19937 random(random_seed());
  auto pool = engine_.pool({.processes = 2});
  int late = 0;
  for (int round = 0; round < 120; ++round) {
    std::vector<AsyncResult<std::int64_t>> innocent;
    std::vector<AsyncResult<std::int64_t>> guilty;
    for (int i = 0; i < 12; ++i) {
      if (i % 4 == 1) {
        // Ends about when its limit does.
        guilty.push_back(pool.apply_async<std::int64_t>("limits.spin_us", {.timeout = 2ms},
                                                        2000 + static_cast<int>(random() % 400) - 150));
      } else {
        innocent.push_back(pool.apply_async<std::int64_t>("limits.spin_us", static_cast<int>(random() % 200)));
      }
    }
    for (const auto& result : innocent) ASSERT_NO_THROW((void)result.get()) << "round " << round;
    for (const auto& result : guilty) {
      try {
        (void)result.get();
      } catch (const TaskTimeout&) {
        ++late;
      }
    }
  }
  std::cout << late << " of 360 guilty tasks were killed" << std::endl;
  EXPECT_GT(late, 0);
}

}  // namespace
}  // namespace bulkhead::test
