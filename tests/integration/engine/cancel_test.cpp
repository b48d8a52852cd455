// Taking back what has not begun, and that long tasks hold nothing up.
#include <algorithm>
#include <iterator>
#include <set>

#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

class CancelTest : public EngineTest {
 protected:
  CancelTest() { touch(gate_); }
  // Keeps the only worker busy until open().
  [[nodiscard]] AsyncResult<std::int64_t> block(Pool& pool) {
    auto running = pool.apply_async<std::int64_t>("misbehave.run_while_exists", gate_, began_);
    EXPECT_TRUE(eventually(kPatience, [&] { return !lines_of(began_).empty(); }));
    return running;
  }
  void open() { std::filesystem::remove(gate_); }

  ScratchFolder folder_;
  std::string gate_ = folder_.file("gate");
  std::string began_ = folder_.file("began");
  Pool single_ = engine_.pool({.processes = 1});
};
class SchedulingTest : public CancelTest {};

TEST_F(CancelTest, OfAQueuedTaskMeansItNeverRuns) {
  const auto running = block(single_);
  std::vector<AsyncResult<std::int64_t>> queued;
  for (int i = 0; i < 100; ++i) {
    queued.push_back(single_.apply_async<std::int64_t>("misbehave.append", folder_.file("ran"), std::to_string(i)));
  }
  for (std::size_t i = 0; i < queued.size(); i += 2) {
    ASSERT_EQ(queued[i].cancel(), CancelOutcome::kNeverRan) << i;
    ASSERT_TRUE(queued[i].ready());
    ASSERT_FALSE(queued[i].successful());
    ASSERT_THROW((void)queued[i].get(), TaskCancelled);
    ASSERT_EQ(queued[i].cancel(), CancelOutcome::kFinishedFirst);
  }
  open();
  (void)running.get();
  std::vector<std::string> wanted;
  for (std::size_t i = 1; i < queued.size(); i += 2) {
    EXPECT_GT(queued[i].get(), 0);
    wanted.push_back(std::to_string(i));
  }
  EXPECT_EQ(lines_of(folder_.file("ran")), wanted);
}

TEST_F(CancelTest, OfARunningTaskLeavesItAlone) {
  const auto running = block(single_);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(running.cancel(), CancelOutcome::kStillRunning);
  open();
  EXPECT_GT(running.get(), 0);
}

TEST_F(CancelTest, OfAFinishedTaskChangesNothing) {
  const auto good = single_.apply_async<std::int64_t>("echo.add", 2, 3);
  good.wait();
  EXPECT_EQ(good.cancel(), CancelOutcome::kFinishedFirst);
  EXPECT_EQ(good.get(), 5);
}

TEST_F(CancelTest, OfAMapTakesBackTheItemsThatHaveNotBegun) {
  const auto running = block(single_);
  std::vector<std::pair<std::string, std::string>> items(50, {folder_.file("ran"), "x"});
  const auto mapped = single_.starmap_async<std::int64_t>("misbehave.append", items, {.chunk_size = 5});
  EXPECT_EQ(mapped.cancel(), CancelOutcome::kNeverRan);
  EXPECT_THROW((void)mapped.get(), TaskCancelled);
  open();
  (void)running.get();
  EXPECT_EQ(single_.apply<std::int64_t>("echo.add", 2, 3), 5);
  EXPECT_TRUE(lines_of(folder_.file("ran")).empty());
}

TEST_F(CancelTest, AtAnyMomentTellsTheTruth) {
  // What is said to have never run has not run; all the rest has.
  const auto seed = random_seed();
  std::mt19937 random(seed);
  std::set<std::string> never;
  std::set<std::string> all;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::pair<std::string, AsyncResult<std::int64_t>>> tasks;
    for (int i = 0; i < 8; ++i) {
      const std::string name = std::to_string(round) + "." + std::to_string(i);
      tasks.emplace_back(name, pool_.apply_async<std::int64_t>("misbehave.append", folder_.file("ran"), name));
    }
    const auto spins = random() % 20'000;
    for (std::uint32_t i = 0; i < spins; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
    std::shuffle(tasks.begin(), tasks.end(), random);
    for (const auto& [name, result] : tasks) {
      if (random() % 2 == 0 && result.cancel() == CancelOutcome::kNeverRan) never.insert(name);
    }
    for (const auto& [name, result] : tasks) {
      all.insert(name);
      if (never.contains(name)) {
        ASSERT_THROW((void)result.get(), TaskCancelled);
      } else {
        ASSERT_GT(result.get(), 0);
      }
    }
  }
  const auto lines = lines_of(folder_.file("ran"));
  const std::set<std::string> ran(lines.begin(), lines.end());
  EXPECT_EQ(ran.size(), lines.size()) << "a task ran twice";
  std::set<std::string> wanted;
  std::ranges::set_difference(all, never, std::inserter(wanted, wanted.end()));
  EXPECT_EQ(ran, wanted);
}

TEST_F(CancelTest, OfEverythingLeftLetsAClosedPoolEnd) {
  const auto running = block(single_);
  const auto queued = single_.apply_async<std::int64_t>("echo.add", 1, 1);
  single_.close();
  EXPECT_EQ(queued.cancel(), CancelOutcome::kNeverRan);
  open();
  single_.join();
  EXPECT_GT(running.get(), 0);
}

TEST_F(CancelTest, BeforeAnyWorkerIsReadyLetsAClosedPoolEnd) {
  auto engine = make_misbehaving_engine(R"({"on_load": "hang"})");
  auto pool = engine.pool({.processes = 1});
  const auto result = pool.apply_async<std::int64_t>("misbehave.pid");
  pool.close();
  EXPECT_EQ(result.cancel(), CancelOutcome::kNeverRan);
  pool.join();
}

TEST_F(SchedulingTest, ALongTaskHoldsNoShortOnesBehindIt) {
  auto pool = engine_.pool({.processes = 2});
  (void)pool.map<std::int64_t>("echo.i64", std::views::iota(0, 100), {.chunk_size = 1});  // both are ready
  for (int round = 0; round < 20; ++round) {
    touch(gate_);
    std::vector<AsyncResult<std::int64_t>> shorts;
    for (int i = 0; i < 10; ++i) shorts.push_back(pool.apply_async<std::int64_t>("echo.add", i, 1));
    const auto running = pool.apply_async<std::int64_t>("misbehave.run_while_exists", gate_);
    for (int i = 0; i < 50; ++i) shorts.push_back(pool.apply_async<std::int64_t>("echo.add", i, 1));
    for (const auto& result : shorts) ASSERT_TRUE(result.wait(kPatience));
    EXPECT_FALSE(running.ready());
    open();
    (void)running.get();
  }
}

TEST_F(SchedulingTest, ALongTaskHoldsNoShortOnesBehindItThoughNobodyWaits) {
  auto pool = engine_.pool({.processes = 2});
  const auto running = pool.apply_async<std::int64_t>("misbehave.run_while_exists", gate_);
  std::vector<AsyncResult<std::int64_t>> shorts;
  for (int i = 0; i < 200; ++i) shorts.push_back(pool.apply_async<std::int64_t>("echo.add", i, 1));
  EXPECT_TRUE(
      eventually(kPatience, [&] { return std::ranges::all_of(shorts, [](const auto& one) { return one.ready(); }); }));
  EXPECT_FALSE(running.ready());
  open();
  (void)running.get();
}

TEST_F(SchedulingTest, RunsInTheOrderOfSubmissionOnOneWorker) {
  std::vector<std::string> wanted;
  std::vector<AsyncResult<std::int64_t>> results;
  for (int i = 0; i < 500; ++i) {
    wanted.push_back(std::to_string(i));
    results.push_back(single_.apply_async<std::int64_t>("misbehave.append", folder_.file("order"), wanted.back()));
  }
  for (const auto& result : results) result.wait();
  EXPECT_EQ(lines_of(folder_.file("order")), wanted);
}

TEST_F(SchedulingTest, AHundredThousandQueuedTasksAllEnd) {
  std::vector<AsyncResult<std::int64_t>> results;
  for (std::int64_t i = 0; i < 100'000; ++i) results.push_back(pool_.apply_async<std::int64_t>("echo.add", i, 1));
  for (std::int64_t i = 0; i < 100'000; ++i) ASSERT_EQ(results[static_cast<std::size_t>(i)].get(), i + 1);
}

}  // namespace
}  // namespace bulkhead::test
