// Another attempt for a task that failed, lost its worker or took too long.
#include "limits_fixture.hpp"

namespace bulkhead::test {
namespace {

class RetryTest : public LimitsTest {
 protected:
  Pool pool_ = engine_.pool({.processes = 2});
  std::string file_ = folder_.file("attempts");
};

TEST_F(RetryTest, AFailedTaskIsTriedAgainAndKnowsWhichAttemptItIs) {
  EXPECT_EQ(pool_.apply<std::uint32_t>("limits.fail_until", {.retries = 3}, file_, 3), 3u);
  EXPECT_EQ(lines_of(file_).size(), 3u);
}

TEST_F(RetryTest, ATaskThatLostItsWorkerIsTriedAgain) {
  EXPECT_EQ(pool_.apply<std::uint32_t>("limits.die_until", {.retries = 2}, file_, 3), 3u);
}

TEST_F(RetryTest, APoisonTaskEndsAfterItsAttemptsWithEveryCause) {
  const auto result = pool_.apply_async<std::uint32_t>("limits.die_until", {.retries = 2}, file_, 100);
  try {
    (void)result.get();
    FAIL();
  } catch (const WorkerLost& error) {
    ASSERT_EQ(error.info().attempts.size(), 2u);
    for (const auto& attempt : error.info().attempts) {
      EXPECT_EQ(attempt.type, "WorkerLost");
      EXPECT_THAT(attempt.text, ::testing::HasSubstr("SIGABRT"));
    }
  }
  EXPECT_THAT(text_thrown<WorkerLost>([&] { (void)result.get(); }), ::testing::HasSubstr("attempt 3"));
  EXPECT_EQ(lines_of(file_).size(), 3u);
}

TEST_F(RetryTest, TheLastErrorOfAFailingTaskKnowsTheEarlierOnes) {
  try {
    (void)pool_.apply<std::uint32_t>("limits.fail_until", {.retries = 1}, file_, 100);
    FAIL();
  } catch (const TaskError& error) {
    EXPECT_EQ(error.text(), "attempt 2");
    ASSERT_EQ(error.info().attempts.size(), 1u);
    EXPECT_EQ(error.info().attempts.front().type, "std::domain_error");
    EXPECT_EQ(error.info().attempts.front().text, "attempt 1");
  }
}

TEST_F(RetryTest, AfterALimitTheNextAttemptStartsOnlyWhenTheOldProcessIsDead) {
  auto pool = engine_.pool({.processes = 2, .kill_grace = 20ms});
  const auto result = pool.apply_async<std::uint32_t>("limits.hang_until", {.timeout = 1s, .retries = 1}, file_, 2);
  EXPECT_EQ(result.get(), 2u);
  const auto pids = begun(file_, 2);
  EXPECT_NE(pids[0], pids[1]);
  EXPECT_FALSE(process_exists(pids[0]));
}

TEST_F(RetryTest, WithoutRetriesNothingRunsTwice) {
  EXPECT_THROW((void)pool_.apply<std::uint32_t>("limits.fail_until", file_, 2), std::domain_error);
  EXPECT_EQ(lines_of(file_).size(), 1u);
}

TEST_F(RetryTest, AnIdempotentTasksOwnRetriesCount) {
  EXPECT_EQ(pool_.apply<std::uint32_t>("limits.fail_once_idempotently", file_), 2u);
}

TEST_F(RetryTest, WhatHasNoFormIsNotTriedAgain) {
  EXPECT_THROW((void)pool_.apply_json("limits.fail_until", "[not json"), PayloadError);
}

TEST_F(RetryTest, EachItemOfAMapHasItsOwnAttempts) {
  std::vector<std::pair<std::string, std::int64_t>> items;
  for (int i = 0; i < 20; ++i) items.emplace_back(folder_.file(std::to_string(i)), 1 + i % 3);
  const auto attempts = pool_.starmap<std::uint32_t>("limits.fail_until", items, {.chunk_size = 10, .retries = 2});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(attempts[static_cast<std::size_t>(i)], 1u + static_cast<std::uint32_t>(i % 3));
}

TEST_F(RetryTest, LargeArgumentsAreKeptForTheNextAttempt) {
  const std::string path = folder_.file(std::string(200, 'x'));
  EXPECT_EQ(pool_.apply<std::uint32_t>("limits.die_until", {.retries = 1}, path, 2), 2u);
}

TEST_F(RetryTest, ACancelledTaskIsNotTriedAgain) {
  const auto result = pool_.apply_async<void>("limits.run_until_told", {.retries = 5}, file_);
  (void)begun(file_);
  EXPECT_EQ(result.cancel(CancelMode::kCooperative, kNoLimit), CancelOutcome::kStoppedCooperatively);
  EXPECT_EQ(lines_of(file_).size(), 1u);
}

TEST_F(RetryTest, ATaskThatWaitsForItsNextAttemptCanBeCancelled) {
  const auto result = pool_.apply_async<std::uint32_t>("limits.fail_until", {.retries = 1000}, file_, 1000);
  (void)begun(file_, 6);  // its pauses have grown
  EXPECT_TRUE(eventually(kPatience, [&] { return pool_.stats().pending_tasks == 1; }));
  EXPECT_EQ(result.cancel(CancelMode::kCooperative, 10s), CancelOutcome::kStoppedCooperatively);
  EXPECT_THROW((void)result.get(), TaskCancelled);
}

TEST_F(RetryTest, AClosedPoolStillDoesTheRetries) {
  const auto result = pool_.apply_async<std::uint32_t>("limits.fail_until", {.retries = 2}, file_, 3);
  pool_.close();
  pool_.join();
  EXPECT_EQ(result.get(), 3u);
}

}  // namespace
}  // namespace bulkhead::test
