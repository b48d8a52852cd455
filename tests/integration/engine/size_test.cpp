// How many workers there are, and how long each stays.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "limits_fixture.hpp"
#include "pool/diagnosis.hpp"

namespace bulkhead::test {
namespace {

class SizeTest : public LimitsTest {
 protected:
  [[nodiscard]] static std::size_t ready_workers(const Pool& pool) {
    const auto workers = pool.stats().workers;
    return static_cast<std::size_t>(std::ranges::count_if(workers, [](const auto& one) { return one.is_ready; }));
  }
};

TEST_F(SizeTest, AWorkerTakesAsManyDescriptorsAsTheDiagnosisSays) {
  const auto open_files = [] {
    const std::filesystem::directory_iterator begin("/proc/self/fd");
    return static_cast<std::uint64_t>(std::distance(begin, std::filesystem::directory_iterator()));
  };
  const auto with = [&](int workers) {
    auto pool = engine_.pool({.processes = workers});
    const auto wanted = static_cast<std::size_t>(workers);
    EXPECT_TRUE(eventually(20s, [&] { return ready_workers(pool) == wanted; }));
    return open_files();
  };
  const std::uint64_t few = with(2);
  EXPECT_LE(few, pool::kDescriptorsOfEngine + 2 * pool::kDescriptorsOfWorker + 3);  // and the three standard ones
  EXPECT_EQ(with(7) - few, 5 * pool::kDescriptorsOfWorker);
}

TEST_F(SizeTest, AWorkerIsReplacedAfterItsTasks) {
  auto pool = engine_.pool({.processes = 3, .max_tasks_per_child = 10});
  std::map<std::int64_t, int> tasks;
  for (int i = 0; i < 100; ++i) ++tasks[pool.apply<std::int64_t>("misbehave.pid")];
  for (const auto& [pid, count] : tasks) EXPECT_LE(count, 10);
  EXPECT_GE(tasks.size(), 10u);
  EXPECT_FALSE(log_.contains("ended and is replaced")) << log_.text();
}

TEST_F(SizeTest, QueuedTasksSurviveTheReplacementAfterClose) {
  auto pool = engine_.pool({.processes = 3, .max_tasks_per_child = 1});
  std::vector<AsyncResult<std::int64_t>> results;
  for (int i = 0; i < 20; ++i) results.push_back(pool.apply_async<std::int64_t>("echo.add", i, 1));
  pool.close();
  pool.join();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i + 1);
}

TEST_F(SizeTest, JitterSpreadsTheReplacements) {
  auto pool = engine_.pool({.processes = 1, .max_tasks_per_child = 1, .max_tasks_jitter = 50});
  std::map<std::int64_t, int> tasks;
  for (int i = 0; i < 400; ++i) ++tasks[pool.apply<std::int64_t>("misbehave.pid")];
  std::set<int> lives;
  for (const auto& [pid, count] : tasks) {
    EXPECT_LE(count, 51);
    lives.insert(count);
  }
  EXPECT_GT(lives.size(), 1u);
}

TEST_F(SizeTest, SenselessNumbersOfTasksAreRefused) {
  EXPECT_THROW((void)engine_.pool({.max_tasks_per_child = 0}), UsageError);
  EXPECT_THROW((void)engine_.pool({.max_tasks_per_child = -1}), UsageError);
  EXPECT_THROW((void)engine_.pool({.max_tasks_jitter = -1}), UsageError);
  EXPECT_THROW((void)engine_.pool({.max_rss = 0}), UsageError);
  EXPECT_THROW((void)engine_.pool({.idle_timeout = 0s}), UsageError);
}

TEST_F(SizeTest, ResizingUnderLoadLosesNothing) {
  auto pool = engine_.pool({.processes = 2});
  std::vector<AsyncResult<std::int64_t>> results;
  const int sizes[] = {4, 1, 3, 6, 2, 1, 5};
  std::int64_t sent = 0;
  for (const int size : sizes) {
    for (int i = 0; i < 3000; ++i, ++sent) results.push_back(pool.apply_async<std::int64_t>("echo.add", sent, 1));
    pool.resize(size);
    EXPECT_EQ(pool.processes(), size);
    for (int i = 0; i < 3000; ++i, ++sent) results.push_back(pool.apply_async<std::int64_t>("echo.add", sent, 1));
  }
  for (std::int64_t i = 0; i < sent; ++i) ASSERT_EQ(results[static_cast<std::size_t>(i)].get(), i + 1);
  EXPECT_TRUE(eventually(kPatience, [&] { return ready_workers(pool) == 5; }));
  pool.close();
  pool.join();
}

TEST_F(SizeTest, AGrownPoolRunsMoreAtOnce) {
  auto pool = engine_.pool({.processes = 1});
  pool.resize(3);
  const std::string began = folder_.file("began");
  std::vector<AsyncResult<void>> running;
  for (int i = 0; i < 3; ++i) running.push_back(pool.apply_async<void>("limits.run_until_told", began));
  EXPECT_EQ(begun(began, 3).size(), 3u);
  for (const auto& one : running) one.cancel();
}

TEST_F(SizeTest, AShrunkPoolLetsARunningTaskEnd) {
  auto pool = engine_.pool({.processes = 2});
  const std::string began = folder_.file("began");
  const auto first = pool.apply_async<std::string>("limits.tell_what_stopped", began);
  const auto second = pool.apply_async<std::string>("limits.tell_what_stopped", began);
  (void)begun(began, 2);
  pool.resize(1);
  EXPECT_EQ(pool.processes(), 1);
  first.cancel();
  second.cancel();
  EXPECT_EQ(first.get(), "cancelled");
  EXPECT_EQ(second.get(), "cancelled");
  EXPECT_TRUE(eventually(kPatience, [&] { return ready_workers(pool) == 1; }));
}

TEST_F(SizeTest, SenselessSizesAreRefused) {
  auto pool = engine_.pool({.processes = 1});
  EXPECT_THROW(pool.resize(0), UsageError);
  EXPECT_THROW(pool.resize(-1), UsageError);
  pool.close();
  EXPECT_THROW(pool.resize(2), PoolClosed);
}

TEST_F(SizeTest, IdleWorkersLeaveAndComeBack) {
  auto pool = engine_.pool({.processes = 4, .idle_timeout = 50ms, .min_processes = 1});
  (void)pool.map<std::int64_t>("misbehave.sleep_ms", std::vector<std::int64_t>(8, 5), {.chunk_size = 1});
  EXPECT_TRUE(eventually(kPatience, [&] { return ready_workers(pool) == 1; }));
  const std::string began = folder_.file("began");
  std::vector<AsyncResult<void>> running;
  for (int i = 0; i < 4; ++i) running.push_back(pool.apply_async<void>("limits.run_until_told", began));
  EXPECT_EQ(begun(began, 4).size(), 4u);
  for (const auto& one : running) one.cancel();
}

TEST_F(SizeTest, IdleWorkersComeBackForWhatWaitsBehindALongTask) {
  auto pool = engine_.pool({.processes = 3, .idle_timeout = 20ms, .min_processes = 1});
  EXPECT_TRUE(eventually(kPatience, [&] { return ready_workers(pool) == 1; }));
  // The one that is left has done nothing yet: several tasks at a time are put into its ring.
  const std::string began = folder_.file("began");
  std::vector<AsyncResult<void>> running;
  for (int i = 0; i < 3; ++i) running.push_back(pool.apply_async<void>("limits.run_until_told", began));
  EXPECT_EQ(begun(began, 3).size(), 3u);
  for (const auto& one : running) one.cancel();
}

TEST_F(SizeTest, WhenAllWorkersHaveLeftOneComesBackForTheLastTaskOfAClosedPool) {
  auto pool = engine_.pool({.processes = 2, .idle_timeout = 20ms, .min_processes = 0});
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 1, 1), 2);
  EXPECT_TRUE(eventually(kPatience, [&] { return ready_workers(pool) == 0; }));
  const auto last = pool.apply_async<std::int64_t>("echo.add", 2, 3);
  pool.close();
  pool.join();
  EXPECT_EQ(last.get(), 5);
}

TEST_F(SizeTest, ATaskThatTakesTooMuchMemoryIsKilledAndNobodyElse) {
  auto pool = engine_.pool({.processes = 2, .max_rss = 200u << 20});
  const auto greedy = pool.apply_async<std::uint64_t>("limits.take_memory", std::uint64_t{400} << 20, "");
  std::vector<AsyncResult<std::int64_t>> others;
  for (int i = 0; i < 200; ++i) others.push_back(pool.apply_async<std::int64_t>("misbehave.sleep_ms", 1));
  const auto text = text_thrown<WorkerLost>([&] { (void)greedy.get(); });
  EXPECT_THAT(text, ::testing::HasSubstr("max_rss"));
  for (const auto& other : others) EXPECT_EQ(other.get(), 1);
}

TEST_F(SizeTest, AWorkerThatLeaksIsReplacedBetweenTasks) {
  auto pool = engine_.pool({.processes = 1, .max_rss = 100u << 20});
  // A little each time, so that no task is long enough to be seen twice above the limit.
  std::set<std::uint64_t> workers;
  for (int i = 0; i < 40; ++i) {
    workers.insert(pool.apply<std::uint64_t>("limits.leak_memory", std::uint64_t{10} << 20));
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_GT(workers.size(), 1u);
}

}  // namespace
}  // namespace bulkhead::test
