// CPython's _TestPoolWorkerLifetime, TestInitializers and test_large_pool; and its default chunk size.
#include <set>

#include "parity_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::HasSubstr;

class PoolLifetimeTest : public ParityPoolTest {
 protected:
  // What the pool says that never got a worker ready.
  std::string broken_by(const std::string& how, PoolOptions options) {
    options.initializer = "parity.fail_at_start";
    options.initargs = bulkhead::args(folder_.file("starts"), how);
    auto pool = make_pool(std::move(options));
    const auto queued = pool.apply_async<std::int64_t>("parity.square", 2);
    const auto text = text_thrown<PoolBroken>([&] { (void)queued.get(kPatience); });
    EXPECT_EQ(text_thrown<PoolBroken>([&] { (void)pool.apply<std::int64_t>("parity.square", 2); }), text);
    pool.close();
    pool.join();
    return text;
  }
  [[nodiscard]] std::size_t starts() const { return lines_of(folder_.file("starts")).size(); }
};

TEST_P(PoolLifetimeTest, EveryWorkerIsReplacedAfterItsTasks) {
  auto pool = make_pool({.processes = 3, .max_tasks_per_child = 10});
  wait_until_ready(pool);
  const auto before = worker_pids(pool);
  std::vector<AsyncResult<std::int64_t>> results;
  for (std::int64_t i = 0; i < 100; ++i) results.push_back(pool.apply_async<std::int64_t>("parity.square", i));
  for (std::int64_t i = 0; i < 100; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i * i);
  // A hundred tasks by workers of ten at most: ten of them have been used up.
  const auto used = [&] {
    std::uint64_t count = 0;
    for (const auto& worker : pool.stats().workers) count += worker.processes;
    return count;
  };
  EXPECT_TRUE(eventually(kPatience, [&] { return used() >= 10; }));
  // One that has used up its tasks may just be leaving.
  EXPECT_TRUE(eventually(kPatience, [&] {
    return std::ranges::all_of(
        worker_pids(pool), [&](std::int64_t pid) { return pid > 0 && std::ranges::find(before, pid) == before.end(); });
  }));
  pool.close();
  pool.join();
}

TEST_P(PoolLifetimeTest, AClosedPoolStillReplacesItsWorkers) {
  auto pool = make_pool({.processes = 3, .max_tasks_per_child = 1});
  std::vector<AsyncResult<std::int64_t>> results;
  for (std::int64_t i = 0; i < 6; ++i) results.push_back(pool.apply_async<std::int64_t>("echo.after", 30, i));
  pool.close();
  pool.join();
  for (std::int64_t i = 0; i < 6; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i);
}

TEST_P(PoolLifetimeTest, RefusesSenselessNumbersOfTasks) {
  EXPECT_THROW((void)make_pool({.max_tasks_per_child = 0}), UsageError);
  EXPECT_THROW((void)make_pool({.max_tasks_per_child = -1}), UsageError);
}

TEST_P(PoolLifetimeTest, TheInitializerRunsOnceInEveryWorker) {
  EXPECT_THROW((void)make_pool({.initializer = "parity.no_such_task"}), TaskNotFound);
  auto pool = make_pool(
      {.processes = 3, .initializer = "misbehave.append", .initargs = bulkhead::args(folder_.file("starts"), "x")});
  wait_until_ready(pool);
  EXPECT_EQ(starts(), 3u);
  EXPECT_EQ(pool.map<std::int64_t>("parity.square", numbers(100)), squares(100));
  EXPECT_EQ(starts(), 3u);
  pool.close();
  pool.join();
}

TEST_P(PoolLifetimeTest, AnInitializerThatThrowsBreaksThePoolWithItsFirstCauseAfterFiveStarts) {
  EXPECT_THAT(broken_by("throw", {.processes = 1}), HasSubstr("start number 1"));
  EXPECT_LE(starts(), 5u);
}

TEST_P(PoolLifetimeTest, TwoHundredWorkersWorkAndSayNothing) {
  ::testing::internal::CaptureStderr();
  {
    auto engine = make_engine();
    auto pool = engine.pool(with_start_method({.processes = 200, .ring_bytes = 64u << 10}));
    wait_until_ready(pool);
    EXPECT_EQ(pool.map<std::int64_t>("parity.square", numbers(1000)), squares(1000));
    pool.close();
    pool.join();
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

INSTANTIATE_TEST_SUITE_P(Parity, PoolLifetimeTest, with_every_start_method, by_name);

// What only a process can do to its pool.
class PoolStartTest : public PoolLifetimeTest {};

TEST_P(PoolStartTest, AnInitializerThatExitsBreaksThePoolWithItsFirstCauseAfterFiveStarts) {
  EXPECT_THAT(broken_by("exit", {.processes = 1}), HasSubstr("status 41"));
  EXPECT_LE(starts(), 5u);
}

TEST_P(PoolStartTest, AnInitializerThatCrashesBreaksThePoolAfterFiveStarts) {
  EXPECT_THAT(broken_by("abort", {.processes = 1}), HasSubstr("SIGABRT"));
  EXPECT_LE(starts(), 5u);
}

// (A thread that hangs cannot be ended.)
TEST_P(PoolStartTest, AnInitializerThatHangsBreaksThePoolAfterFiveStarts) {
  EXPECT_THAT(broken_by("hang", {.processes = 1, .init_timeout = 100ms}), HasSubstr("100ms"));
  EXPECT_LE(starts(), 5u);
}

INSTANTIATE_TEST_SUITE_P(Parity, PoolStartTest, with_every_process_start_method, by_name);

// multiprocessing.pool.Pool._map_async: chunksize, extra = divmod(len(iterable), len(self._pool) * 4), and one more
// when there is a rest.
TEST(ChunkSizeTest, DefaultsToThatOfMultiprocessing) {
  for (std::size_t workers = 1; workers <= 70; ++workers) {
    for (std::size_t items = 1; items <= 1200; ++items) {
      const std::size_t expected = items / (workers * 4) + (items % (workers * 4) != 0 ? 1 : 0);
      ASSERT_EQ(detail::chunk_items(std::nullopt, items, workers), expected) << items << " on " << workers;
    }
  }
  EXPECT_EQ(detail::chunk_items(7, 1000, 4), 7u);
}

TEST(ChunkSizeTest, OfAnImapIsOne) { EXPECT_EQ(detail::chunk_items(std::nullopt), 1u); }

}  // namespace
}  // namespace bulkhead::test
