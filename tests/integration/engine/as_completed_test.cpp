// Waiting for several results at once.
#include <array>
#include <set>
#include <span>

#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

class WaitAnyTest : public EngineTest {};
class AsCompletedTest : public EngineTest {
 protected:
  void SetUp() override { touch(gate_); }
  // Runs until open() was called.
  AsyncResult<std::int64_t> held() { return pool_.apply_async<std::int64_t>("misbehave.run_while_exists", gate_); }
  void open() { std::filesystem::remove(gate_); }

  const ScratchFolder folder_;
  const std::string gate_ = folder_.file("gate");
};

TEST_F(WaitAnyTest, GivesTheIndexOfOneThatIsThere) {
  const ScratchFolder folder;
  const std::string gate = folder.file("gate");
  touch(gate);
  std::vector<AsyncResult<std::int64_t>> results;
  results.push_back(pool_.apply_async<std::int64_t>("misbehave.run_while_exists", gate));
  EXPECT_EQ(wait_any(results, 1ms), std::nullopt);
  EXPECT_EQ(wait_any(results, 0ms), std::nullopt);
  results.push_back(pool_.apply_async<std::int64_t>("echo.positive", -1));
  EXPECT_EQ(wait_any(results), std::optional<std::size_t>(1)) << "a failure is a verdict";
  EXPECT_TRUE(results[1].ready());
  std::filesystem::remove(gate);
  results[0].wait();
  EXPECT_EQ(wait_any(results), std::optional<std::size_t>(0)) << "the lowest";
}

TEST_F(WaitAnyTest, TakesArraysSpansAndMaps) {
  const std::array results{pool_.apply_async<std::int64_t>("echo.add", 2, 3)};
  EXPECT_EQ(wait_any(results), std::optional<std::size_t>(0));
  EXPECT_EQ(wait_any(std::span(results), 1s), std::optional<std::size_t>(0));
  const std::array maps{pool_.map_async<std::int64_t>("echo.i64", std::vector<int>{1, 2})};
  EXPECT_EQ(wait_any(maps), std::optional<std::size_t>(0));
}

TEST_F(WaitAnyTest, OfNoResultsIsNothingAtOnce) {
  const std::vector<AsyncResult<std::int64_t>> none;
  EXPECT_EQ(wait_any(none), std::nullopt);
}

TEST_F(WaitAnyTest, RefusesNegativeTimesAndResultsOfNoTask) {
  std::vector<AsyncResult<std::int64_t>> results{pool_.apply_async<std::int64_t>("echo.add", 2, 3)};
  EXPECT_THROW((void)wait_any(results, -1ms), UsageError);
  results.emplace_back();
  EXPECT_THROW((void)wait_any(results), UsageError);
}

TEST_F(WaitAnyTest, WorksOverPoolsOfSeveralEngines) {
  auto other_engine = make_engine();
  auto other_pool = other_engine.pool({.processes = 1});
  const ScratchFolder folder;
  const std::string gate = folder.file("gate");
  touch(gate);
  for (int i = 0; i < 50; ++i) {
    const std::array results{pool_.apply_async<std::int64_t>("misbehave.run_while_exists", gate),
                             other_pool.apply_async<std::int64_t>("echo.i64", i)};
    ASSERT_EQ(wait_any(results), std::optional<std::size_t>(1));
    if (i % 10 == 0) {
      EXPECT_EQ(wait_any(std::span(results).first(1), 1ms), std::nullopt);
    }
    (void)results[0].cancel();
  }
  std::filesystem::remove(gate);
}

TEST_F(WaitAnyTest, OverSeveralPoolsSeesAResultThatLayReadyBehindALongTask) {
  auto other_pool = engine_.pool({.processes = 1});
  auto pool = engine_.pool({.processes = 1});
  const ScratchFolder folder;
  const std::string gate = folder.file("gate");
  const std::string began = folder.file("began");
  touch(gate);
  const std::array results{other_pool.apply_async<std::int64_t>("misbehave.run_while_exists", gate),
                           pool.apply_async<std::int64_t>("echo.i64", 7)};
  const auto behind = pool.apply_async<std::int64_t>("misbehave.run_while_exists", gate, began);
  ASSERT_TRUE(eventually(kPatience, [&] { return !lines_of(began).empty(); }));
  // Its worker is busy, and will say no more until the gate opens.
  EXPECT_EQ(wait_any(results, kPatience), std::optional<std::size_t>(1));
  std::filesystem::remove(gate);
  behind.wait();
}

TEST_F(AsCompletedTest, GivesEachResultOnceAndTheSlowOneLast) {
  std::vector<AsyncResult<std::int64_t>> results{held()};
  for (int i = 1; i < 200; ++i) results.push_back(pool_.apply_async<std::int64_t>("echo.i64", i));
  std::set<std::size_t> seen;
  for (auto& [index, result] : as_completed(results)) {
    EXPECT_TRUE(result.ready());
    EXPECT_TRUE(seen.insert(index).second);
    if (index != 0) {
      EXPECT_EQ(result.get(), static_cast<std::int64_t>(index));
    }
    if (seen.size() == 199) {
      EXPECT_FALSE(seen.contains(0));
      open();
    }
  }
  EXPECT_EQ(seen.size(), 200u);
}

TEST_F(AsCompletedTest, GivesFailuresAsResultsWhoseGetThrows) {
  std::vector<AsyncResult<std::int64_t>> results;
  for (int i = 0; i < 10; ++i) results.push_back(pool_.apply_async<std::int64_t>("echo.positive", i % 2 == 0 ? i : -i));
  int failed = 0;
  for (auto& [index, result] : as_completed(results)) {
    if (result.successful()) continue;
    ++failed;
    EXPECT_THROW((void)result.get(), std::domain_error);
  }
  EXPECT_EQ(failed, 5);
}

TEST_F(AsCompletedTest, TimesOutAndCanBeAskedAgain) {
  auto completed = as_completed(std::vector{held(), pool_.apply_async<std::int64_t>("echo.i64", 1)});
  EXPECT_EQ(completed.next()->index, 1u);
  EXPECT_THAT(text_thrown<TimeoutError>([&] { (void)completed.next(1ms); }), ::testing::HasSubstr("1 open"));
  open();
  EXPECT_EQ(completed.next(kPatience)->index, 0u);
  EXPECT_FALSE(completed.next().has_value());
  EXPECT_FALSE(completed.next(0ms).has_value());
}

TEST_F(AsCompletedTest, OfNoResultsIsEmpty) {
  for ([[maybe_unused]] auto& completed : as_completed(std::vector<AsyncResult<std::int64_t>>())) FAIL();
}

TEST_F(AsCompletedTest, GivesAResultThatIsNamedTwiceTwice) {
  const auto result = pool_.apply_async<std::int64_t>("echo.i64", 1);
  int seen = 0;
  for ([[maybe_unused]] auto& completed : as_completed(std::vector{result, result})) ++seen;
  EXPECT_EQ(seen, 2);
}

TEST_F(AsCompletedTest, MayBeLeftEarly) {
  std::vector<AsyncResult<std::int64_t>> results{held()};
  for (int i = 1; i < 20; ++i) results.push_back(pool_.apply_async<std::int64_t>("echo.i64", i));
  for (auto& completed : as_completed(results)) {
    EXPECT_NE(completed.index, 0u);
    break;
  }
  open();
  for (const auto& result : results) result.wait();
}

TEST_F(AsCompletedTest, GivesPoolClosedWhenThePoolGoes) {
  std::vector<AsyncResult<std::int64_t>> results;
  {
    auto pool = engine_.pool({.processes = 1});
    for (int i = 0; i < 5; ++i) results.push_back(pool.apply_async<std::int64_t>("misbehave.sleep_ms", 600'000));
  }
  int closed = 0;
  for (auto& [index, result] : as_completed(results)) {
    EXPECT_THROW((void)result.get(), PoolClosed);
    ++closed;
  }
  EXPECT_EQ(closed, 5);
}

TEST_F(AsCompletedTest, WorksOverSeveralPools) {
  auto other = engine_.pool({.processes = 1});
  std::vector<AsyncResult<std::int64_t>> results;
  for (int i = 0; i < 200; ++i)
    results.push_back((i % 2 == 0 ? pool_ : other).apply_async<std::int64_t>("echo.i64", i));
  std::set<std::size_t> seen;
  for (auto& [index, result] : as_completed(results)) {
    EXPECT_EQ(result.get(), static_cast<std::int64_t>(index));
    seen.insert(index);
  }
  EXPECT_EQ(seen.size(), 200u);
}

}  // namespace
}  // namespace bulkhead::test
