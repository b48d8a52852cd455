// Workers killed at random moments under load: every task has exactly one verdict, and few are lost.
#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

class ChaosTest : public EngineTest {
 protected:
  // $BULKHEAD_TEST_KILLS sets another number, for nights.
  static int kills_wanted(int everyday) {
    const char* given = std::getenv("BULKHEAD_TEST_KILLS");
    return given != nullptr ? std::atoi(given) : everyday;
  }
  // A worker of this engine, by chance; 0 while there is none.
  static pid_t any_worker(std::mt19937& random) {
    std::vector<pid_t> workers;
    for (const pid_t pid : watched_processes()) {
      if (name_of_process(pid) == "bulkhead-worker") workers.push_back(pid);
    }
    return workers.empty() ? 0 : workers[random() % workers.size()];
  }
};

TEST_F(ChaosTest, WorkersKilledUnderLoadCostAtMostTheTasksThatRan) {
  const auto seed = random_seed();
  const int wanted = kills_wanted(1000);
  auto pool = engine_.pool({.processes = 4});
  std::atomic<bool> is_over = false;
  std::atomic<int> submitted = 0;
  std::atomic<int> done = 0;
  std::atomic<int> lost = 0;
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(seed + t + 1);
      while (!is_over) {
        std::vector<AsyncResult<std::int64_t>> results;
        const auto count = 1 + random() % 40;
        for (std::uint32_t i = 0; i < count; ++i) {
          results.push_back(pool.apply_async<std::int64_t>("misbehave.spin_us", random() % 200));
        }
        submitted += static_cast<int>(results.size());
        for (const auto& result : results) {
          try {
            (void)result.get();
            ++done;
          } catch (const WorkerLost&) {
            ++lost;
          }
        }
      }
    });
  }
  std::mt19937 random(seed);
  int kills = 0;
  while (kills < wanted) {
    if (const pid_t worker = any_worker(random); worker != 0 && ::kill(worker, SIGKILL) == 0) ++kills;
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 10'000));
  }
  is_over = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(submitted, done + lost);
  EXPECT_LE(lost, kills);
  EXPECT_GT(done, 0);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  std::cout << submitted << " tasks, " << kills << " kills, " << lost << " lost" << std::endl;
}

TEST_F(ChaosTest, WorkersKilledUnderAMapCostAtMostAnItemEach) {
  const auto seed = random_seed();
  auto pool = engine_.pool({.processes = 3});
  std::atomic<bool> is_over = false;
  std::atomic<int> kills = 0;
  std::thread killer([&] {
    std::mt19937 random(seed);
    while (!is_over) {
      if (const pid_t worker = any_worker(random); worker != 0 && ::kill(worker, SIGKILL) == 0) ++kills;
      std::this_thread::sleep_for(std::chrono::microseconds(3000 + random() % 10'000));
    }
  });
  int items = 0;
  int lost = 0;
  for (int round = 0; round < 10; ++round) {
    auto results =
        pool.imap<std::int64_t>("misbehave.spin_us", std::vector<std::int64_t>(1000, 50), {.chunk_size = 25});
    for (int i = 0; i < 1000; ++i) {
      try {
        ASSERT_EQ(results.next(), std::optional<std::int64_t>(50));
      } catch (const WorkerLost&) {
        ++lost;
      }
      ++items;
    }
    EXPECT_EQ(results.next(), std::nullopt);
  }
  is_over = true;
  killer.join();
  EXPECT_LE(lost, kills);
  std::cout << items << " items, " << kills << " kills, " << lost << " lost" << std::endl;
}

TEST_F(ChaosTest, WorkersKilledUnderLargePayloadsTearNoResult) {
  const auto seed = random_seed();
  auto pool = engine_.pool({.processes = 2});
  std::atomic<bool> is_over = false;
  std::thread killer([&] {
    std::mt19937 random(seed);
    while (!is_over) {
      if (const pid_t worker = any_worker(random); worker != 0) (void)::kill(worker, SIGKILL);
      std::this_thread::sleep_for(std::chrono::microseconds(5000 + random() % 20'000));
    }
  });
  const std::vector<std::byte> sent(600'000, std::byte{42});
  int lost = 0;
  for (int i = 0; i < 200; ++i) {
    try {
      ASSERT_TRUE(pool.apply<std::vector<std::byte>>("echo.bytes", sent) == sent);
    } catch (const WorkerLost&) {
      ++lost;
    }
  }
  is_over = true;
  killer.join();
  EXPECT_LT(lost, 200);
}

TEST_F(ChaosTest, PoolsDroppedUnderLoadLeaveNothing) {
  const auto seed = random_seed();
  std::mt19937 random(seed);
  for (int i = 0; i < 30; ++i) {
    std::vector<AsyncResult<std::int64_t>> results;
    {
      auto pool = engine_.pool({.processes = 2});
      for (int j = 0; j < 200; ++j) results.push_back(pool.apply_async<std::int64_t>("misbehave.spin_us", 20));
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 5000));
    }
    for (const auto& result : results) {
      ASSERT_TRUE(result.ready());
      try {
        ASSERT_EQ(result.get(), 20);
      } catch (const PoolClosed&) {
      }
    }
  }
}

// What this process holds; see the soak test.
struct Holdings {
  std::size_t threads = thread_count();
  std::size_t descriptors = open_descriptors().size();
  std::size_t mappings = lines_of("/proc/self/maps").size();
  std::uint64_t memory = anonymous_bytes();
};

TEST_F(ChaosTest, ALongRunWithKillsEndsAtItsBaseline) {
  const auto seed = random_seed();
  constexpr int kTasksAKill = 100;
  const int kills = kills_wanted(200);
  auto pool = engine_.pool({.processes = 2});
  std::mt19937 random(seed);
  pid_t last_killed = 0;
  const auto run = [&](int rounds) {
    for (int round = 0; round < rounds; ++round) {
      std::vector<AsyncResult<std::int64_t>> results;
      for (int i = 0; i < kTasksAKill; ++i) {
        results.push_back(pool.apply_async<std::int64_t>("misbehave.spin_us", random() % 20));
      }
      if (const pid_t worker = any_worker(random); worker != 0 && ::kill(worker, SIGKILL) == 0) last_killed = worker;
      for (const auto& result : results) {
        try {
          (void)result.get();
        } catch (const WorkerLost&) {
        }
      }
    }
  };
  const auto settled = [&] {
    // The last one's death may not have been seen yet; it may have been the other pool's.
    const auto is_whole = [&](const Pool& one) {
      const auto workers = one.stats().workers;
      return workers.size() == 2 && std::ranges::all_of(workers, [&](const auto& worker) {
               return worker.is_ready && worker.pid != last_killed;
             });
    };
    EXPECT_TRUE(eventually(kPatience, [&] { return is_whole(pool) && is_whole(pool_); }));
    return Holdings();
  };
  run(kills / 4);  // until everything has its size: stacks, arenas, the task table
  const Holdings before = settled();
  run(kills);
  const auto is_at_baseline = [&] {
    const Holdings now = settled();
    return now.threads == before.threads && now.descriptors == before.descriptors &&
           now.mappings <= before.mappings + 4;
  };
  EXPECT_TRUE(eventually(kPatience, is_at_baseline));
  const Holdings after = settled();
  EXPECT_LE(after.memory, before.memory + (1u << 20));
  std::cout << kills * kTasksAKill << " tasks, " << kills << " kills; threads " << before.threads << " and "
            << after.threads << ", descriptors " << before.descriptors << " and " << after.descriptors << ", mappings "
            << before.mappings << " and " << after.mappings << ", memory + "
            << (static_cast<std::int64_t>(after.memory) - static_cast<std::int64_t>(before.memory)) / 1024 << " KiB"
            << std::endl;
}

}  // namespace
}  // namespace bulkhead::test
