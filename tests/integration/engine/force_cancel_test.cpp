// cancel() of what runs: told to stop, killed, or too late.
#include <map>
#include <random>

#include "limits_fixture.hpp"

namespace bulkhead::test {
namespace {

class ForceCancelTest : public LimitsTest {
 protected:
  Pool pool_ = engine_.pool({.processes = 1, .kill_grace = 50ms});
  std::string began_ = folder_.file("began");
};

TEST_F(ForceCancelTest, ACooperativeTaskStopsAndItsWorkerLives) {
  const auto result = pool_.apply_async<void>("limits.run_until_told", began_);
  const auto worker = begun(began_).front();
  EXPECT_EQ(result.cancel(CancelMode::kCooperative, kNoLimit), CancelOutcome::kStoppedCooperatively);
  EXPECT_THROW(result.get(), TaskCancelled);
  EXPECT_EQ(pool_.apply<std::int64_t>("misbehave.pid"), worker);
}

TEST_F(ForceCancelTest, WithoutAGraceItIsToldAndGoesOnForNow) {
  const auto result = pool_.apply_async<void>("limits.run_until_told", began_);
  (void)begun(began_);
  EXPECT_EQ(result.cancel(), CancelOutcome::kStillRunning);
  EXPECT_THROW(result.get(), TaskCancelled);
  EXPECT_EQ(result.cancel(), CancelOutcome::kFinishedFirst);
}

TEST_F(ForceCancelTest, CooperativeNeverKills) {
  auto pool = engine_.pool({.processes = 1});
  const auto result = pool.apply_async<void>("limits.run_for_ever", began_);
  const auto worker = begun(began_).front();
  EXPECT_EQ(result.cancel(CancelMode::kCooperative, 50ms), CancelOutcome::kStillRunning);
  EXPECT_TRUE(process_exists(worker));
  EXPECT_FALSE(result.ready());
}

TEST_F(ForceCancelTest, ForceKillsWhoDoesNotStopWithinTheGrace) {
  const auto result = pool_.apply_async<void>("limits.run_for_ever", began_);
  const auto worker = begun(began_).front();
  EXPECT_EQ(result.cancel(CancelMode::kForce), CancelOutcome::kKilled);
  EXPECT_THROW(result.get(), TaskCancelled);
  EXPECT_FALSE(process_exists(worker));
  EXPECT_EQ(pool_.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(ForceCancelTest, ForceLetsACooperativeTaskStop) {
  const auto result = pool_.apply_async<void>("limits.run_until_told", began_);
  const auto worker = begun(began_).front();
  EXPECT_EQ(result.cancel(CancelMode::kForce, 60s), CancelOutcome::kStoppedCooperatively);
  EXPECT_TRUE(process_exists(worker));
}

TEST_F(ForceCancelTest, ForceKillsWhoIgnoresSigterm) {
  const auto result = pool_.apply_async<void>("limits.run_immortal", began_);
  (void)begun(began_);
  EXPECT_EQ(result.cancel(CancelMode::kForce, 0s), CancelOutcome::kKilled);
}

TEST_F(ForceCancelTest, ATaskThatFinishesWhenToldHasFinishedFirst) {
  const auto result = pool_.apply_async<std::string>("limits.tell_what_stopped", began_);
  (void)begun(began_);
  EXPECT_EQ(result.cancel(CancelMode::kForce, 60s), CancelOutcome::kFinishedFirst);
  EXPECT_EQ(result.get(), "cancelled");
}

TEST_F(ForceCancelTest, OfAMapStopsEveryItem) {
  const std::vector<std::string> items(20, began_);
  const auto mapped = pool_.map_async<void>("limits.run_until_told", items, {.chunk_size = 5});
  (void)begun(began_);
  EXPECT_EQ(mapped.cancel(CancelMode::kForce, 60s), CancelOutcome::kStoppedCooperatively);
  EXPECT_THROW(mapped.get(), TaskCancelled);
  EXPECT_EQ(lines_of(began_).size(), 1u) << "items of the running chunk began after it was cancelled";
}

TEST_F(ForceCancelTest, OfAMapWhoseWorkerThenDiesStopsTheRestOfTheChunk) {
  const std::vector<std::string> items(3, began_);
  const auto mapped = pool_.map_async<void>("limits.run_for_ever", items, {.chunk_size = 3});
  const auto worker = begun(began_).front();
  EXPECT_EQ(mapped.cancel(CancelMode::kCooperative), CancelOutcome::kStillRunning);
  ::kill(static_cast<pid_t>(worker), SIGKILL);
  EXPECT_TRUE(mapped.wait(20s)) << "an item that was cancelled began elsewhere, and runs for ever";
  EXPECT_EQ(lines_of(began_).size(), 1u);
}

TEST_F(ForceCancelTest, WhatWaitsBehindTheKilledTaskRuns) {
  const auto result = pool_.apply_async<void>("limits.run_for_ever", began_);
  (void)begun(began_);
  std::vector<AsyncResult<std::int64_t>> behind;
  for (int i = 0; i < 100; ++i) behind.push_back(pool_.apply_async<std::int64_t>("echo.add", i, 1));
  EXPECT_EQ(result.cancel(CancelMode::kForce, 0s), CancelOutcome::kKilled);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(behind[static_cast<std::size_t>(i)].get(), i + 1);
}

TEST_F(ForceCancelTest, ANegativeGraceIsRefused) {
  const auto result = pool_.apply_async<std::int64_t>("echo.add", 1, 2);
  EXPECT_THROW((void)result.cancel(CancelMode::kForce, -1s), UsageError);
}

TEST_F(ForceCancelTest, AtAnyMomentNeverCostsAnInnocentTask) {
  std::mt19937 random(random_seed());
  auto pool = engine_.pool({.processes = 2});
  std::map<CancelOutcome, int> outcomes;
  for (int round = 0; round < 150; ++round) {
    std::vector<AsyncResult<std::int64_t>> results;
    for (int i = 0; i < 8; ++i) {
      results.push_back(pool.apply_async<std::int64_t>("limits.spin_us", static_cast<int>(random() % 300)));
    }
    const std::size_t chosen = random() % results.size();
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 1200);
    while (std::chrono::steady_clock::now() < until) {
    }
    const auto outcome = results[chosen].cancel(CancelMode::kForce, 0s);
    ++outcomes[outcome];
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (i != chosen) {
        ASSERT_NO_THROW((void)results[i].get()) << "round " << round;
      } else if (outcome == CancelOutcome::kFinishedFirst) {
        ASSERT_NO_THROW((void)results[i].get());
      } else {
        ASSERT_THROW((void)results[i].get(), TaskCancelled) << name_of(outcome);
      }
    }
  }
  for (const auto& [outcome, count] : outcomes) std::cout << name_of(outcome) << ": " << count << std::endl;
}

}  // namespace
}  // namespace bulkhead::test
