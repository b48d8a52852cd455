// Priorities, caps and limits of what waits.
#include <algorithm>
#include <thread>

#include "limits_fixture.hpp"

namespace bulkhead::test {
namespace {

class QueueTest : public LimitsTest {
 protected:
  // The only worker is busy from here on, until open().
  void block(Pool& pool) {
    touch(gate_);
    blocker_ = pool.apply_async<std::int64_t>("misbehave.run_while_exists", gate_, folder_.file("began"));
    (void)begun(folder_.file("began"));
  }
  void open() { std::filesystem::remove(gate_); }

  std::string gate_ = folder_.file("gate");
  std::string order_ = folder_.file("order");
  AsyncResult<std::int64_t> blocker_;
};

TEST_F(QueueTest, TheMoreUrgentRunsFirst) {
  auto pool = engine_.pool({.processes = 1});
  block(pool);
  std::vector<AsyncResult<std::int64_t>> results;
  std::vector<std::string> wanted;
  for (int priority = 0; priority < 8; ++priority) {
    for (int i = 0; i < 5; ++i) {
      results.push_back(
          pool.apply_async<std::int64_t>("limits.note", {.priority = priority}, order_, std::to_string(priority)));
      wanted.push_back(std::to_string(priority));
    }
  }
  // What lay in the worker's ring comes back for the more urgent: within a few milliseconds of the long task.
  EXPECT_TRUE(eventually(kPatience, [&] { return pool.stats().pending_tasks == results.size(); }));
  open();
  for (const auto& result : results) (void)result.get();
  std::ranges::reverse(wanted);
  const auto ran = lines_of(order_);
  EXPECT_EQ(std::vector(ran.begin(), ran.begin() + 30), std::vector(wanted.begin(), wanted.begin() + 30));
}

TEST_F(QueueTest, TheLeastUrgentIsNotStarved) {
  auto pool = engine_.pool({.processes = 1});
  block(pool);
  const auto low = pool.apply_async<std::int64_t>("limits.note", {.priority = 0}, order_, "low");
  std::vector<AsyncResult<std::int64_t>> high;
  for (int i = 0; i < 500; ++i) {
    high.push_back(pool.apply_async<std::int64_t>("limits.note", {.priority = 7}, order_, "high"));
  }
  open();
  for (const auto& result : high) (void)result.get();
  (void)low.get();
  const auto ran = lines_of(order_);
  const auto place = std::ranges::find(ran, "low") - ran.begin();
  EXPECT_LT(place, 200);
}

TEST_F(QueueTest, NoMoreOfATaskRunAtOnceThanTheManifestSays) {
  Manifest manifest;
  for (const char* name : {"limits", "echo"}) {
    ManifestPlugin plugin;
    plugin.path.value = fixture_plugin(name);
    manifest.plugins.push_back(plugin);
  }
  manifest.tasks["limits.come_and_go"].max_running.value = 2;
  auto engine = Engine::from_manifest(std::move(manifest));
  auto pool = engine.pool({.processes = 4});
  const std::string file = folder_.file("come and go");
  std::vector<AsyncResult<void>> capped;
  for (int i = 0; i < 12; ++i) capped.push_back(pool.apply_async<void>("limits.come_and_go", file, 5));
  // Others run meanwhile.
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pool.apply<std::int64_t>("echo.add", i, 1), i + 1);
  for (const auto& one : capped) one.get();
  int running = 0;
  int most = 0;
  for (const auto& line : lines_of(file)) {
    running += line == "+" ? 1 : -1;
    most = std::max(most, running);
  }
  EXPECT_EQ(lines_of(file).size(), 24u);
  EXPECT_EQ(most, 2);
}

TEST_F(QueueTest, AFullQueueRefuses) {
  auto pool = engine_.pool({.processes = 1, .max_pending = 10, .when_full = WhenFull::kFail});
  block(pool);
  std::vector<AsyncResult<std::int64_t>> results;
  const auto fill = [&] {
    for (int i = 0; i < 10'000; ++i) results.push_back(pool.apply_async<std::int64_t>("echo.add", i, 1));
  };
  EXPECT_THAT(text_thrown<QueueFull>(fill), ::testing::HasSubstr("max_pending is 10"));
  EXPECT_LT(results.size(), 1000u);
  open();
  for (std::size_t i = 0; i < results.size(); ++i) EXPECT_EQ(results[i].get(), static_cast<std::int64_t>(i) + 1);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(QueueTest, ABytesLimitRefusesToo) {
  auto pool = engine_.pool({.processes = 1, .max_pending_bytes = 100'000, .when_full = WhenFull::kFail});
  block(pool);
  const std::string large(60'000, 'x');
  std::vector<AsyncResult<std::string>> results;
  const auto fill = [&] {
    for (int i = 0; i < 1000; ++i) results.push_back(pool.apply_async<std::string>("echo.text", large));
  };
  EXPECT_THAT(text_thrown<QueueFull>(fill), ::testing::HasSubstr("max_pending_bytes is 100000"));
  open();
  for (const auto& result : results) EXPECT_EQ(result.get(), large);
}

TEST_F(QueueTest, AFullQueueBlocksTheSubmitterUntilThereIsRoom) {
  auto pool = engine_.pool({.processes = 1, .max_pending = 4});
  block(pool);
  std::atomic<int> submitted = 0;
  std::vector<AsyncResult<std::int64_t>> results;
  std::thread submitter([&] {
    for (int i = 0; i < 2000; ++i) {
      results.push_back(pool.apply_async<std::int64_t>("echo.add", i, 1));
      ++submitted;
    }
  });
  EXPECT_TRUE(eventually(kPatience, [&] { return pool.stats().pending_tasks >= 4; }));
  EXPECT_LT(submitted.load(), 2000);
  open();
  submitter.join();
  for (int i = 0; i < 2000; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i + 1);
}

TEST_F(QueueTest, AMapIsFedAsTheQueueHasRoom) {
  auto pool = engine_.pool({.processes = 2, .max_pending = 100});
  std::uint64_t most = 0;
  const auto watched = std::views::iota(0, 20'000) | std::views::transform([&](int i) {
                         if (i % 64 == 0) most = std::max(most, pool.stats().pending_tasks);
                         return static_cast<std::int64_t>(i);
                       });
  const auto results = pool.map<std::int64_t>("echo.i64", watched, {.chunk_size = 1});
  EXPECT_EQ(results.size(), 20'000u);
  // What two workers' rings hold may come back to the queue.
  EXPECT_LE(most, 100u + 2 * 512u);
}

TEST_F(QueueTest, SubmittingGivesUpAfterItsTimeout) {
  auto pool = engine_.pool({.processes = 1, .max_pending = 1, .submit_timeout = 50ms});
  block(pool);
  const auto fill = [&] {
    for (int i = 0; i < 1000; ++i) (void)pool.apply_async<std::int64_t>("echo.add", i, 1);
  };
  EXPECT_THAT(text_thrown<QueueFull>(fill), ::testing::HasSubstr("submit_timeout"));
  open();
}

TEST_F(QueueTest, ABlockedSubmitterIsFreedWhenThePoolEnds) {
  auto pool = engine_.pool({.processes = 1, .max_pending = 1});
  block(pool);
  std::atomic<bool> was_refused = false;
  std::thread submitter([&] {
    try {
      for (int i = 0; i < 1000; ++i) (void)pool.apply_async<std::int64_t>("echo.add", i, 1);
    } catch (const PoolClosed&) {
      was_refused = true;
    }
  });
  EXPECT_TRUE(eventually(kPatience, [&] { return pool.stats().pending_tasks >= 1; }));
  pool.terminate();
  submitter.join();
  EXPECT_TRUE(was_refused);
}

TEST_F(QueueTest, SenselessLimitsAreRefused) {
  EXPECT_THROW((void)engine_.pool({.max_pending = 0}), UsageError);
  EXPECT_THROW((void)engine_.pool({.max_pending_bytes = 0}), UsageError);
  EXPECT_THROW((void)engine_.pool({.submit_timeout = -1s}), UsageError);
}

}  // namespace
}  // namespace bulkhead::test
