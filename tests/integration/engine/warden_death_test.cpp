// The warden killed: running tasks go on, workers are still replaced, every task ends right.
#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

class WardenDeathTest : public EngineTest {
 protected:
  static pid_t wait_for_warden() {
    pid_t warden = 0;
    EXPECT_TRUE(eventually(kPatience, [&] { return (warden = find_warden()) != 0; }));
    return warden;
  }
};

TEST_F(WardenDeathTest, CostsNoTask) {
  auto pool = engine_.pool({.processes = 2});
  const auto running = pool.apply_async<std::int64_t>("echo.after", 200, 7);
  ASSERT_EQ(::kill(wait_for_warden(), SIGKILL), 0);
  EXPECT_EQ(running.get(), 7);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(WardenDeathTest, TwentyTimesUnderLoadWithCrashesInBetweenLeavesEveryTaskRight) {
  const auto seed = random_seed();
  std::mt19937 random(seed);
  auto pool = engine_.pool({.processes = 3});
  std::atomic<bool> is_over = false;
  std::atomic<int> wrong = 0;
  std::atomic<int> crashes = 0;
  std::vector<std::thread> threads;
  for (std::int64_t t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (std::int64_t i = 0; !is_over; ++i) {
        try {
          wrong += pool.apply<std::int64_t>("echo.add", i, t) != i + t ? 1 : 0;
        } catch (const Error& error) {
          ++wrong;
          ADD_FAILURE() << error.what();
          return;
        }
      }
    });
  }
  threads.emplace_back([&] {
    while (!is_over) {
      try {
        pool.apply<void>("misbehave.abort");
        ++wrong;
      } catch (const WorkerLost&) {
        ++crashes;
      } catch (const Error& error) {
        ++wrong;
        EXPECT_EQ(std::string(error.what()), "") << "an innocent verdict";
        return;
      }
    }
  });
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(::kill(wait_for_warden(), SIGKILL), 0);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 60'000));
  }
  // Workers are still replaced: crashes go on.
  const int before = crashes;
  EXPECT_TRUE(eventually(kPatience, [&] { return crashes > before + 10; }));
  is_over = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(WardenDeathTest, DoesNotHoldUpTheEndOfAPool) {
  auto pool = engine_.pool({.processes = 2});
  const auto never = pool.apply_async<std::int64_t>("misbehave.sleep_ms", 3'600'000);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  ASSERT_EQ(::kill(wait_for_warden(), SIGKILL), 0);
  pool.terminate();
  pool.join();
  EXPECT_THROW((void)never.get(), PoolClosed);
}

TEST_F(WardenDeathTest, TogetherWithAWorkerStillLosesOnlyItsTask) {
  auto pool = engine_.pool({.processes = 1});
  const auto pid = pool.apply<std::int64_t>("misbehave.pid");
  const auto running = pool.apply_async<std::int64_t>("misbehave.sleep_ms", 3'600'000);
  EXPECT_FALSE(running.wait(20ms));
  ASSERT_EQ(::kill(wait_for_warden(), SIGKILL), 0);
  ASSERT_EQ(::kill(static_cast<pid_t>(pid), SIGKILL), 0);
  EXPECT_THROW((void)running.get(), WorkerLost);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(WardenDeathTest, WhileStoppedStartsNobodyAndLosesNothing) {
  auto pool = engine_.pool({.processes = 1});
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  const pid_t warden = wait_for_warden();
  ASSERT_EQ(::kill(warden, SIGSTOP), 0);
  const auto lost = pool.apply_async<void>("misbehave.abort");
  EXPECT_TRUE(lost.wait(kPatience)) << "a death is seen without the warden";
  const auto later = pool.apply_async<std::int64_t>("echo.add", 2, 3);
  ASSERT_EQ(::kill(warden, SIGCONT), 0);
  EXPECT_EQ(later.get(), 5);
  EXPECT_THROW(lost.get(), WorkerLost);
}

}  // namespace
}  // namespace bulkhead::test
