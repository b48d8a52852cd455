// Many threads that submit and wait at the same time, in every way there is.
#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

class SubmittersTest : public EngineTest {
 protected:
  static void run_threads(int count, const std::function<void(int)>& body) {
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) threads.emplace_back([&body, i] { body(i); });
    for (auto& thread : threads) thread.join();
  }
};

TEST_F(SubmittersTest, EightThreadsOfFiveThousandCallsWithMixedWaitsAllGetTheirOwnResults) {
  const auto seed = random_seed();
  std::atomic<int> right = 0;
  std::atomic<int> called_back = 0;
  std::atomic<int> asked_back = 0;
  run_threads(8, [&](int thread) {
    std::mt19937 random(seed + static_cast<std::uint32_t>(thread));
    std::vector<std::pair<std::int64_t, AsyncResult<std::int64_t>>> open;
    for (std::int64_t i = 0; i < 5000; ++i) {
      const std::int64_t value = thread * 100'000 + i;
      switch (random() % 5) {
        case 0:
          right += pool_.apply<std::int64_t>("echo.i64", value) == value ? 1 : 0;
          break;
        case 1: {
          const auto result = pool_.apply_async<std::int64_t>("echo.i64", value);
          while (!result.wait(std::chrono::microseconds(random() % 50))) {
          }
          right += result.get() == value ? 1 : 0;
          break;
        }
        case 2: {
          const auto result = pool_.apply_async<std::int64_t>("echo.i64", value);
          while (!result.ready()) std::this_thread::yield();
          right += result.get() == value ? 1 : 0;
          break;
        }
        case 3:
          ++asked_back;
          open.emplace_back(value, pool_.apply_async<std::int64_t>(
                                       "echo.i64", {.on_result = [&](const std::int64_t&) { ++called_back; }}, value));
          break;
        default:
          open.emplace_back(value, pool_.apply_async<std::int64_t>("echo.i64", value));
      }
      if (open.size() > random() % 200) {
        for (const auto& [wanted, result] : open) right += result.get() == wanted ? 1 : 0;
        open.clear();
      }
    }
    for (const auto& [wanted, result] : open) right += result.get() == wanted ? 1 : 0;
  });
  EXPECT_EQ(right, 8 * 5000);
  EXPECT_EQ(called_back, asked_back);
}

TEST_F(SubmittersTest, WaitWhileOthersOnlySubmit) {
  // Whoever waits does the work of all; nobody may be forgotten when it leaves.
  std::atomic<int> right = 0;
  run_threads(8, [&](int thread) {
    std::vector<AsyncResult<std::int64_t>> results;
    for (std::int64_t i = 0; i < 1000; ++i) results.push_back(pool_.apply_async<std::int64_t>("echo.i64", i));
    if (thread % 2 == 0) {
      for (std::int64_t i = 999; i >= 0; --i) right += results[static_cast<std::size_t>(i)].get() == i ? 1 : 0;
    } else {
      for (std::int64_t i = 0; i < 1000; ++i) {
        const auto& result = results[static_cast<std::size_t>(i)];
        right += eventually(kPatience, [&] { return result.ready(); }) && result.get() == i ? 1 : 0;
      }
    }
  });
  EXPECT_EQ(right, 8 * 1000);
}

TEST_F(SubmittersTest, ShortWaitsAndLongWaitsHandOverToEachOther) {
  std::atomic<int> right = 0;
  run_threads(6, [&](int thread) {
    for (std::int64_t i = 0; i < 300; ++i) {
      const auto result = pool_.apply_async<std::int64_t>("misbehave.spin_us", thread % 2 == 0 ? 300 : 20);
      while (!result.wait(std::chrono::microseconds(thread % 3 == 0 ? 10 : 10'000'000))) {
      }
      right += result.successful() ? 1 : 0;
    }
  });
  EXPECT_EQ(right, 6 * 300);
}

TEST_F(SubmittersTest, MaySubmitWhileThePoolIsTerminated) {
  for (int round = 0; round < 10; ++round) {
    auto pool = engine_.pool({.processes = 2});
    std::atomic<int> verdicts = 0;
    std::atomic<int> submitted = 0;
    std::thread terminator([&] {
      while (submitted < 200) std::this_thread::yield();
      pool.terminate();
    });
    run_threads(4, [&](int) {
      for (;;) {
        AsyncResult<std::int64_t> result;
        try {
          result = pool.apply_async<std::int64_t>("echo.i64", 1);
        } catch (const PoolClosed&) {
          return;
        }
        ++submitted;
        try {
          (void)result.get();
        } catch (const PoolClosed&) {
        }
        ++verdicts;
      }
    });
    terminator.join();
    EXPECT_EQ(verdicts, submitted);
  }
}

}  // namespace
}  // namespace bulkhead::test
