// Making, closing, joining, terminating and dropping pools and engines.
#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

class LifecycleTest : public EngineTest {
 protected:
  // Tasks that end only with their process.
  static constexpr std::int64_t kForEverMs = 3'600'000;
};
using ::testing::HasSubstr;

TEST_F(LifecycleTest, APoolNeedsAtLeastOneProcess) {
  EXPECT_THAT(text_thrown<UsageError>([&] { (void)engine_.pool({.processes = 0}); }), HasSubstr("got 0"));
  EXPECT_THROW((void)engine_.pool({.processes = -1}), UsageError);
  EXPECT_THROW((void)engine_.pool({.ring_bytes = 1000}), UsageError);
  EXPECT_THROW((void)engine_.pool({.init_timeout = 0s}), UsageError);
  EXPECT_EQ(engine_.pool({.processes = 3}).processes(), 3);
  EXPECT_EQ(engine_.pool().processes(), usable_cpu_count());
}

TEST_F(LifecycleTest, JoinBeforeCloseIsAUsageError) {
  EXPECT_THAT(text_thrown<UsageError>([&] { pool_.join(); }), HasSubstr("before close()"));
  EXPECT_EQ(pool_.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(LifecycleTest, CloseLetsEverythingSubmittedRunToItsEnd) {
  std::vector<AsyncResult<std::int64_t>> results;
  for (int i = 0; i < 200; ++i) results.push_back(pool_.apply_async<std::int64_t>("echo.after", 1, i));
  auto mapped = pool_.map_async<std::int64_t>("echo.i64", std::views::iota(0, 1000), {.chunk_size = 10});
  pool_.close();
  pool_.join();
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(results[static_cast<std::size_t>(i)].ready());
    ASSERT_EQ(results[static_cast<std::size_t>(i)].get(), i);
  }
  EXPECT_EQ(mapped.get().size(), 1000u);
}

TEST_F(LifecycleTest, SubmittingAfterCloseThrowsPoolClosed) {
  pool_.close();
  EXPECT_THAT(text_thrown<PoolClosed>([&] { (void)pool_.apply_async<std::int64_t>("echo.add", 2, 3); }),
              HasSubstr("closed"));
  EXPECT_THROW((void)pool_.map<std::int64_t>("echo.i64", std::vector<int>{1}), PoolClosed);
  EXPECT_THROW((void)pool_.map<std::int64_t>("echo.i64", std::vector<int>{}), PoolClosed);
  EXPECT_THROW((void)pool_.apply_json("echo.add", "[2,3]"), PoolClosed);
  auto results = pool_.imap<std::int64_t>("echo.i64", std::vector<int>{1});
  EXPECT_THROW((void)results.next(), PoolClosed);
  pool_.join();
  EXPECT_THROW((void)pool_.apply<std::int64_t>("echo.add", 2, 3), PoolClosed);
}

TEST_F(LifecycleTest, CloseTerminateAndJoinMayComeAgain) {
  pool_.close();
  pool_.close();
  pool_.join();
  pool_.join();
  pool_.terminate();
  pool_.terminate();
  pool_.join();
}

TEST_F(LifecycleTest, APoolThatDidNothingClosesAtOnce) {
  for (int i = 0; i < 5; ++i) {
    auto pool = engine_.pool({.processes = 2});
    pool.close();
    pool.join();
  }
}

TEST_F(LifecycleTest, CloseCountsAWorkerThatDiesAsUsual) {
  auto pool = engine_.pool({.processes = 1});
  const auto lost = pool.apply_async<void>("misbehave.segv");
  std::vector<AsyncResult<std::int64_t>> results;
  for (int i = 0; i < 20; ++i) results.push_back(pool.apply_async<std::int64_t>("echo.add", i, 1));
  pool.close();
  pool.join();
  EXPECT_THROW(lost.get(), WorkerLost);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i + 1);
}

TEST_F(LifecycleTest, TerminateEndsTenThousandQueuedTasksThatNeverEnd) {
  auto pool = engine_.pool({.processes = 3});
  std::vector<AsyncResult<std::int64_t>> results;
  for (int i = 0; i < 10'000; ++i) results.push_back(pool.apply_async<std::int64_t>("misbehave.sleep_ms", kForEverMs));
  pool.terminate();
  pool.join();
  for (const auto& result : results) {
    ASSERT_TRUE(result.ready());
    ASSERT_THROW((void)result.get(), PoolClosed);
  }
  EXPECT_THROW((void)pool.apply<std::int64_t>("echo.add", 2, 3), PoolClosed);
}

TEST_F(LifecycleTest, TerminateBlamesNobodyInTheLog) {
  for (int i = 0; i < 20; ++i) {
    auto pool = engine_.pool({.processes = 2});
    for (int j = 0; j < 500; ++j) (void)pool.apply_async<std::int64_t>("echo.add", j, 1);
    pool.terminate();
    pool.join();
  }
  EXPECT_EQ(log_.text(), "");
}

TEST_F(LifecycleTest, TerminateWakesWhoeverWaits) {
  auto pool = engine_.pool({.processes = 1});
  std::vector<std::thread> threads;
  std::atomic<int> closed = 0;
  std::atomic<int> waiting = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto result = pool.apply_async<std::int64_t>("misbehave.sleep_ms", kForEverMs);
      ++waiting;
      try {
        (void)result.get();
      } catch (const PoolClosed&) {
        ++closed;
      }
    });
  }
  EXPECT_TRUE(eventually(kPatience, [&] { return waiting == 8; }));
  pool.terminate();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(closed, 8);
}

TEST_F(LifecycleTest, ADroppedPoolWakesWhoeverWaits) {
  for (int round = 0; round < 20; ++round) {
    std::vector<AsyncResult<std::int64_t>> results;
    std::vector<std::thread> threads;
    std::atomic<int> closed = 0;
    {
      auto pool = engine_.pool({.processes = 1});
      for (int i = 0; i < 6; ++i) results.push_back(pool.apply_async<std::int64_t>("misbehave.sleep_ms", kForEverMs));
      for (const auto& result : results) {
        threads.emplace_back([&closed, &result] {
          try {
            (void)result.get();
          } catch (const PoolClosed&) {
            ++closed;
          }
        });
      }
      std::this_thread::sleep_for(std::chrono::microseconds(round * 200));
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(closed, 6);
  }
}

TEST_F(LifecycleTest, ADroppedPoolLeavesItsResultsPoolClosed) {
  std::vector<AsyncResult<std::int64_t>> results;
  AsyncResult<std::vector<std::int64_t>> mapped;
  {
    auto pool = engine_.pool({.processes = 2});
    for (int i = 0; i < 100; ++i) results.push_back(pool.apply_async<std::int64_t>("misbehave.sleep_ms", kForEverMs));
    mapped = pool.map_async<std::int64_t>("misbehave.sleep_ms", std::vector<std::int64_t>(20, kForEverMs));
  }
  for (const auto& result : results) {
    ASSERT_TRUE(result.ready());
    EXPECT_THAT(text_thrown<PoolClosed>([&] { (void)result.get(); }), HasSubstr("terminated"));
  }
  EXPECT_THROW((void)mapped.get(), PoolClosed);
}

TEST_F(LifecycleTest, APoolOutlivesItsEngine) {
  std::optional<Pool> pool;
  {
    auto engine = make_engine();
    pool.emplace(engine.pool({.processes = 2}));
  }
  EXPECT_EQ(pool->apply<std::int64_t>("echo.add", 2, 3), 5);
  EXPECT_THROW(pool->apply<void>("misbehave.segv"), WorkerLost);
  EXPECT_EQ(pool->apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(LifecycleTest, PoolsAndEnginesMove) {
  auto engine = make_engine();
  auto moved_engine = std::move(engine);
  auto pool = moved_engine.pool({.processes = 1});
  auto moved = std::move(pool);
  EXPECT_EQ(moved.apply<std::int64_t>("echo.add", 2, 3), 5);
  auto other = moved_engine.pool({.processes = 1});
  other = std::move(moved);
  EXPECT_EQ(other.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(LifecycleTest, SeveralPoolsAndEnginesWorkSideBySide) {
  auto second_engine = make_engine();
  auto second = engine_.pool({.processes = 1});
  auto third = second_engine.pool({.processes = 1});
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (Pool* pool : {&pool_, &second, &third}) {
    threads.emplace_back([&right, pool] {
      for (int i = 0; i < 2000; ++i) right += pool->apply<std::int64_t>("echo.add", i, 1) == i + 1 ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 6000);
  EXPECT_NE(second.apply<std::int64_t>("echo.pid"), third.apply<std::int64_t>("echo.pid"));
  third.terminate();
  EXPECT_EQ(second.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(LifecycleTest, ManyPoolsMayBeMadeAtTheSameTime) {
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 5; ++j) {
        auto pool = engine_.pool({.processes = 2});
        right += pool.apply<std::int64_t>("echo.add", 2, 3) == 5 ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 30);
}

TEST_F(LifecycleTest, AnEngineIsMadeAndDroppedManyTimes) {
  for (int i = 0; i < 10; ++i) {
    auto engine = make_engine();
    if (i % 2 == 0) continue;
    auto pool = engine.pool({.processes = 1});
    if (i % 4 == 1) {
      EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
    }
  }
}

TEST_F(LifecycleTest, AnEngineThatCannotBeMadeLeavesNothingBehind) {
  EXPECT_THROW((void)Engine::from_plugins({"/nowhere/at/all.so"}), PluginError);
  EXPECT_THROW((void)Engine::from_plugins({fixture_plugin("echo"), fixture_plugin("echo")}), PluginError);
  EXPECT_THROW((void)make_engine({.worker_program = "/nowhere/at/all"}), ResourceError);
  EXPECT_THROW((void)make_engine({.worker_program = "/bin/true"}), ResourceError);
  EXPECT_THROW((void)Engine::from_manifest("/nowhere/at/all.toml"), ManifestError);
  EXPECT_FALSE(has_child());
}

TEST_F(LifecycleTest, AHundredWorkersStartAndWork) {
  auto pool = engine_.pool({.processes = 100, .ring_bytes = 64u << 10});
  EXPECT_EQ(pool.map<std::int64_t>("echo.i64", std::views::iota(0, 1000), {.chunk_size = 1}).size(), 1000u);
  pool.close();
  pool.join();
}

}  // namespace
}  // namespace bulkhead::test
