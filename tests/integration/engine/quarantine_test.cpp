// PoolOptions::quarantine_after: tasks that cost worker after worker.
#include "limits_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class QuarantineTest : public LimitsTest {
 protected:
  static void die(Pool& pool) { EXPECT_THROW(pool.apply<void>("misbehave.abort"), WorkerLost); }
  static std::string refusal(Pool& pool) {
    return text_thrown<PluginError>([&] { pool.apply<void>("misbehave.abort"); });
  }
  static bool is_refused(Pool& pool, const std::string& task) {
    for (const auto& stats : pool.stats().tasks) {
      if (stats.task == task) return stats.is_refused;
    }
    ADD_FAILURE() << task << " was not called";
    return false;
  }

  std::string file_ = folder_.file("attempts");
};

TEST_F(QuarantineTest, RefusesAPoisonTaskWithTheFirstCauseWhileOthersGoOn) {
  auto pool = engine_.pool({.processes = 2, .quarantine_after = 3});
  EXPECT_THROW(pool.apply<void>("misbehave.abort"), WorkerLost);
  EXPECT_THROW(pool.apply<void>("misbehave.abort"), WorkerLost);
  EXPECT_FALSE(is_refused(pool, "misbehave.abort"));
  EXPECT_THROW(pool.apply<void>("misbehave.abort"), WorkerLost);
  const auto text = refusal(pool);
  EXPECT_THAT(text, AllOf(HasSubstr("task \"misbehave.abort\" is not run any more: 3 calls in a row"),
                          HasSubstr("SIGABRT"), HasSubstr("revive()")));
  try {
    pool.apply<void>("misbehave.abort");
    ADD_FAILURE() << "it ended well";
  } catch (const PluginError& error) {
    EXPECT_EQ(error.reason(), PluginError::Reason::kQuarantined);
    EXPECT_EQ(error.path(), fixture_plugin("misbehave"));
  }
  EXPECT_GT(pool.apply<std::int64_t>("misbehave.pid"), 0) << "of the same plugin";
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  EXPECT_TRUE(is_refused(pool, "misbehave.abort"));
  EXPECT_FALSE(is_refused(pool, "misbehave.pid"));
  EXPECT_TRUE(eventually(kPatience, [&] { return log_.contains(text); }));
}

TEST_F(QuarantineTest, FailsWhatWaitsInTheHostAndInRings) {
  auto pool = engine_.pool({.processes = 1, .quarantine_after = 3});
  std::vector<AsyncResult<void>> results;
  for (int i = 0; i < 100; ++i) results.push_back(pool.apply_async<void>("misbehave.abort"));
  const auto innocent = pool.apply_async<std::int64_t>("misbehave.pid");
  int lost = 0;
  int refused = 0;
  for (const auto& result : results) {
    try {
      result.get();
    } catch (const WorkerLost&) {
      ++lost;
    } catch (const PluginError&) {
      ++refused;
    }
  }
  EXPECT_EQ(lost, 3);
  EXPECT_EQ(refused, 97);
  EXPECT_GT(innocent.get(), 0);
}

TEST_F(QuarantineTest, TakesBackWhatOtherWorkersHaveNotBegun) {
  auto pool = engine_.pool({.processes = 4, .quarantine_after = 2});
  std::vector<AsyncResult<void>> results;
  for (int i = 0; i < 100; ++i) results.push_back(pool.apply_async<void>("misbehave.abort"));
  int lost = 0;
  for (const auto& result : results) {
    try {
      result.get();
    } catch (const WorkerLost&) {
      ++lost;
    } catch (const PluginError&) {
    }
  }
  EXPECT_GE(lost, 2);
  EXPECT_LE(lost, 2 + 3) << "those that the other three were at";
}

TEST_F(QuarantineTest, CountsTheItemsOfAChunk) {
  auto pool = engine_.pool({.processes = 1, .quarantine_after = 3});
  const std::vector<std::int64_t> items(30, 13);
  int lost = 0;
  int refused = 0;
  for (const auto& outcome : pool.imap<std::int64_t>("misbehave.die_at_13", items, {.chunk_size = 30}).outcomes()) {
    ASSERT_FALSE(outcome);
    (outcome.error().code() == ErrorCode::kWorkerLost ? lost : refused) += 1;
  }
  EXPECT_EQ(lost, 3);
  EXPECT_EQ(refused, 27);
}

TEST_F(QuarantineTest, BeginsToCountAnewWhenAResultComes) {
  auto pool = engine_.pool({.processes = 1, .quarantine_after = 3});
  const auto run = [&](std::int64_t value) { return pool.apply<std::int64_t>("misbehave.die_at_13", value); };
  for (int round = 0; round < 3; ++round) {
    EXPECT_THROW((void)run(13), WorkerLost);
    EXPECT_THROW((void)run(13), WorkerLost);
    EXPECT_EQ(run(1), 1);
  }
  die(pool);  // another task's
  for (int i = 0; i < 3; ++i) EXPECT_THROW((void)run(13), WorkerLost);
  EXPECT_THROW((void)run(1), PluginError);
}

TEST_F(QuarantineTest, CountsACallOnceWhateverItsRetries) {
  auto pool = engine_.pool({.processes = 1, .quarantine_after = 2});
  const auto run = [&] { (void)pool.apply<std::uint32_t>("limits.die_until", {.retries = 2}, file_, 100); };
  EXPECT_THROW(run(), WorkerLost);
  EXPECT_THROW(run(), WorkerLost);
  EXPECT_THROW(run(), PluginError);
  EXPECT_EQ(lines_of(file_).size(), 6u);
}

TEST_F(QuarantineTest, DoesNotCountACallThatSucceedsInTheEnd) {
  auto pool = engine_.pool({.processes = 1, .quarantine_after = 1});
  EXPECT_EQ(pool.apply<std::uint32_t>("limits.die_until", {.retries = 2}, file_, 3), 3u);
  EXPECT_FALSE(is_refused(pool, "limits.die_until"));
}

TEST_F(QuarantineTest, EndsWhatWaitsForItsNextAttempt) {
  auto pool = engine_.pool({.processes = 1, .quarantine_after = 1});
  const auto patient = pool.apply_async<std::uint32_t>("limits.die_until", {.retries = 1000}, file_, 1000);
  (void)begun(file_, 6);  // its pauses have grown
  EXPECT_THROW((void)pool.apply<std::uint32_t>("limits.die_until", file_, 1000), WorkerLost);
  EXPECT_THROW((void)patient.get(), PluginError);
}

TEST_F(QuarantineTest, DoesNotCountKillsOnPurpose) {
  auto pool = engine_.pool({.processes = 1, .max_rss = 100u << 20, .kill_grace = 0ms, .quarantine_after = 1});
  for (int i = 0; i < 2; ++i) {
    EXPECT_THROW((void)pool.apply<std::int64_t>("misbehave.sleep_ms", {.timeout = 20ms}, 3'600'000), TaskTimeout);
    const std::string began = folder_.file("began" + std::to_string(i));
    const auto cancelled = pool.apply_async<void>("limits.run_for_ever", began);
    (void)begun(began);
    EXPECT_EQ(cancelled.cancel(CancelMode::kForce, 0ms), CancelOutcome::kKilled);
    EXPECT_THROW((void)pool.apply<std::uint64_t>("limits.take_memory", 200u << 20, ""), WorkerLost) << "for max_rss";
  }
}

TEST_F(QuarantineTest, DoesNotCountAnIdleWorkersDeath) {
  auto pool = engine_.pool({.processes = 1, .quarantine_after = 1});
  for (int i = 0; i < 3; ++i) {
    const auto pid = static_cast<pid_t>(pool.apply<std::int64_t>("misbehave.pid"));
    ASSERT_TRUE(eventually(kPatience, [&] { return pool.stats().workers[0].running_task.empty(); }));
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    ASSERT_TRUE(eventually(kPatience, [&] { return pool.stats().workers[0].pid != pid; }));
  }
  EXPECT_GT(pool.apply<std::int64_t>("misbehave.pid"), 0);
}

TEST_F(QuarantineTest, IsEndedByReviveAndTheCountBeginsAnew) {
  auto pool = engine_.pool({.processes = 1, .quarantine_after = 2});
  const auto refused = [&] {
    die(pool);
    die(pool);
    return refusal(pool);
  };
  EXPECT_THAT(refused(), HasSubstr("2 calls in a row"));
  pool.revive();
  EXPECT_FALSE(is_refused(pool, "misbehave.abort"));
  EXPECT_THAT(refused(), HasSubstr("2 calls in a row"));
}

TEST_F(QuarantineTest, IsOffUnlessAskedFor) {
  auto pool = engine_.pool({.processes = 1});
  for (int i = 0; i < 10; ++i) die(pool);
  auto unlimited = engine_.pool({.processes = 1, .quarantine_after = kNoLimit});
  for (int i = 0; i < 3; ++i) die(unlimited);
  EXPECT_THROW((void)engine_.pool({.quarantine_after = 0}), UsageError);
}

TEST_F(QuarantineTest, CanBeSaidByTheManifest) {
  Manifest manifest = parse_manifest("[pool]\nprocesses = 1\nquarantine_after = 1\n", "bulkhead.toml");
  manifest.plugins.emplace_back().path.value = fixture_plugin("misbehave");
  auto engine = Engine::from_manifest(std::move(manifest));
  auto pool = engine.pool();
  die(pool);
  EXPECT_THAT(refusal(pool), AllOf(HasSubstr("a call lost its worker"), Not(HasSubstr("the last one"))));
}

}  // namespace
}  // namespace bulkhead::test
