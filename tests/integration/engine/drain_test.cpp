// drain(): finish, then stop, then kill; stats(); progress.
#include <map>

#include "limits_fixture.hpp"

namespace bulkhead::test {
namespace {

using Outcome = DrainedTask::Outcome;

class DrainTest : public LimitsTest {
 protected:
  std::string began_ = folder_.file("began");
};
class StatsTest : public LimitsTest {};
class ProgressTest : public LimitsTest {};

TEST_F(DrainTest, LetsEverythingFinishThatCan) {
  auto pool = engine_.pool({.processes = 2});
  std::vector<AsyncResult<std::int64_t>> results;
  for (int i = 0; i < 50; ++i) results.push_back(pool.apply_async<std::int64_t>("misbehave.sleep_ms", 2));
  const auto report = pool.drain(kPatience);
  EXPECT_EQ(report.count(Outcome::kFinished), report.tasks.size());
  for (const auto& result : results) EXPECT_EQ(result.get(), 2);
  EXPECT_THROW((void)pool.apply_async<std::int64_t>("echo.add", 1, 2), PoolClosed);
}

TEST_F(DrainTest, StopsThenKillsWhatDoesNot) {
  auto pool = engine_.pool({.processes = 2, .kill_grace = 20ms});
  const auto soft = pool.apply_async<void>("limits.run_until_told", began_);
  (void)begun(began_);
  const auto hard = pool.apply_async<void>("limits.run_for_ever", began_);
  (void)begun(began_, 2);
  const auto never = pool.apply_async<std::int64_t>("limits.note", folder_.file("ran"), "x");
  const auto report = pool.drain(20ms, 2s);
  std::map<std::string, Outcome> outcomes;
  for (const auto& task : report.tasks) outcomes[task.task] = task.outcome;
  EXPECT_EQ(outcomes.at("limits.run_until_told"), Outcome::kStopped);
  EXPECT_EQ(outcomes.at("limits.run_for_ever"), Outcome::kKilled);
  EXPECT_EQ(outcomes.at("limits.note"), Outcome::kNeverRan);
  EXPECT_THROW(soft.get(), TaskCancelled);
  EXPECT_THROW(hard.get(), TaskCancelled);
  EXPECT_THROW((void)never.get(), TaskCancelled);
  EXPECT_TRUE(lines_of(folder_.file("ran")).empty());
}

TEST_F(DrainTest, OfAnIdlePoolReportsNothing) {
  auto pool = engine_.pool({.processes = 2});
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  EXPECT_TRUE(pool.drain(1s).tasks.empty());
}

TEST_F(StatsTest, EveryItemIsCountedOnce) {
  auto pool = engine_.pool({.processes = 2});
  (void)pool.map<std::int64_t>("echo.i64", std::views::iota(0, 1000));
  for (int i = 0; i < 3; ++i) EXPECT_THROW(pool.apply<void>("misbehave.throw_domain", "x"), std::domain_error);
  EXPECT_THROW(pool.apply<void>("misbehave.abort"), WorkerLost);
  EXPECT_THROW(pool.apply<void>("limits.short_by_nature", folder_.file("began")), TaskTimeout);
  EXPECT_EQ(pool.apply<std::uint32_t>("limits.fail_until", {.retries = 2}, folder_.file("attempts"), 3), 3u);
  const auto stats = pool.stats();
  std::map<std::string, TaskStats> tasks;
  for (const auto& task : stats.tasks) {
    tasks[task.task] = task;
    EXPECT_EQ(task.submitted, task.queued + task.running + task.done + task.failed + task.lost + task.timed_out +
                                  task.cancelled + task.dropped)
        << task.task;
  }
  EXPECT_EQ(tasks.at("echo.i64").done, 1000u);
  EXPECT_EQ(tasks.at("echo.i64").argument_bytes, 8000u);
  EXPECT_EQ(tasks.at("echo.i64").result_bytes, 8000u);
  EXPECT_EQ(tasks.at("misbehave.throw_domain").failed, 3u);
  EXPECT_EQ(tasks.at("misbehave.abort").lost, 1u);
  EXPECT_EQ(tasks.at("limits.short_by_nature").timed_out, 1u);
  EXPECT_EQ(tasks.at("limits.fail_until").retried, 2u);
  EXPECT_EQ(tasks.at("limits.fail_until").done, 1u);
  ASSERT_EQ(stats.workers.size(), 2u);
  Counts all;
  for (const auto& worker : stats.workers) {
    all.submitted += worker.submitted;
    all.done += worker.done;
    all.failed += worker.failed;
    all.lost += worker.lost;
    all.timed_out += worker.timed_out;
    all.retried += worker.retried;
    all.argument_bytes += worker.argument_bytes;
    all.result_bytes += worker.result_bytes;
    EXPECT_EQ(worker.submitted,
              worker.done + worker.failed + worker.lost + worker.timed_out + worker.cancelled + worker.retried);
  }
  EXPECT_EQ(all.submitted, 1008u);  // the retried one three times
  EXPECT_EQ(all.done, 1001u);
  EXPECT_EQ(all.failed, 3u);
  EXPECT_EQ(all.lost, 1u);
  EXPECT_EQ(all.timed_out, 1u);
  EXPECT_EQ(all.retried, 2u);
  EXPECT_GT(all.argument_bytes, 8000u);
  EXPECT_GE(all.result_bytes, 8000u);
}

TEST_F(StatsTest, TimesAreThoseOfTheTasks) {
  auto pool = engine_.pool({.processes = 1});
  (void)pool.map<std::int64_t>("misbehave.sleep_ms", std::vector<std::int64_t>(40, 5), {.chunk_size = 1});
  const auto stats = pool.stats();
  ASSERT_EQ(stats.tasks.size(), 1u);
  const Histogram& run = stats.tasks[0].run_time;
  ASSERT_GT(run.samples, 0u);
  EXPECT_GE(run.quantile(0.5), 5ms);
  EXPECT_GE(run.buckets.front().from, 4ms);
  EXPECT_GT(stats.tasks[0].queue_time.samples, 0u);
}

TEST_F(StatsTest, ShowWhatRunsAndWhatWaits) {
  auto pool = engine_.pool({.processes = 1});
  const std::string began = folder_.file("began");
  const auto running = pool.apply_async<void>("limits.run_until_told", began);
  (void)begun(began);
  std::vector<AsyncResult<std::int64_t>> queued;
  for (int i = 0; i < 100; ++i) queued.push_back(pool.apply_async<std::int64_t>("echo.add", i, 1));
  const auto stats = pool.stats();
  EXPECT_EQ(stats.workers[0].running_task, "limits.run_until_told");
  EXPECT_GT(stats.workers[0].pid, 0);
  for (const auto& task : stats.tasks) {
    EXPECT_EQ(task.running, task.task == "limits.run_until_told" ? 1u : 0u);
    EXPECT_EQ(task.queued, task.task == "echo.add" ? 100u : 0u);
  }
  running.cancel();
  for (const auto& one : queued) (void)one.get();
}

TEST_F(ProgressTest, ReachesTheCallerInOrderAndBeforeTheResult) {
  auto pool = engine_.pool({.processes = 1});
  std::vector<Progress> told;
  bool is_over = false;
  bool was_late = false;
  const auto result = pool.apply_async<std::int64_t>("limits.report",
                                                     {.on_result = [&](std::int64_t) { is_over = true; },
                                                      .on_progress =
                                                          [&](const Progress& progress) {
                                                            was_late |= is_over;
                                                            told.push_back(progress);
                                                          }},
                                                     10);
  EXPECT_EQ(result.get(), 10);
  ASSERT_FALSE(told.empty());
  EXPECT_FALSE(was_late);
  for (std::size_t i = 0; i < told.size(); ++i) {
    EXPECT_EQ(told[i].total, 10u);
    EXPECT_EQ(told[i].note, "step " + std::to_string(told[i].done));
    EXPECT_TRUE(i == 0 || told[i].done > told[i - 1].done);
  }
}

TEST_F(ProgressTest, OfAMapTellsWhichItem) {
  auto pool = engine_.pool({.processes = 2});
  std::map<std::uint64_t, std::uint64_t> furthest;
  bool is_over = false;
  const auto result = pool.map_async<std::int64_t>(
      "limits.report", std::vector<std::int64_t>{3, 4, 5},
      {.on_result = [&](const auto&) { is_over = true; },
       .on_progress = [&](const Progress& progress) { furthest[progress.index] = progress.total; }});
  (void)result.get();
  EXPECT_TRUE(is_over);
  EXPECT_EQ(furthest, (std::map<std::uint64_t, std::uint64_t>{{0, 3}, {1, 4}, {2, 5}}));
}

}  // namespace
}  // namespace bulkhead::test
