// CPython's _TestPool: calls, maps and how a pool ends.
#include <map>
#include <set>

#include "parity/parity_types.hpp"
#include "parity_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::HasSubstr;

class PoolTest : public ParityPoolTest {
 protected:
  // Ends with its pool only; a thread's pool cannot end it, so it looks whether it still should go on.
  [[nodiscard]] AsyncResult<std::int64_t> run_for_ever(Pool& pool) const {
    return pool.apply_async<std::int64_t>("misbehave.run_while_exists", folder_.file("running"), folder_.file("began"));
  }
  // What the pool is still good for after a call failed.
  void expect_usable() { EXPECT_EQ(pool_.map<std::int64_t>("parity.square", numbers(10)), squares(10)); }
};

TEST_P(PoolTest, ApplyReturnsWhatTheTaskReturns) {
  EXPECT_EQ(pool_.apply<std::int64_t>("parity.square", 5), 25);
  EXPECT_EQ(pool_.apply<std::int64_t>("parity.multiply", 5), 10);
  EXPECT_EQ(pool_.apply<std::int64_t>("parity.multiply", 5, 3), 15);
}

TEST_P(PoolTest, MapEqualsTheSerialMap) {
  EXPECT_EQ(pool_.map<std::int64_t>("parity.square", numbers(10)), squares(10));
  EXPECT_EQ(pool_.map<std::int64_t>("parity.square", numbers(100), {.chunk_size = 20}), squares(100));
}

TEST_P(PoolTest, StarmapUnpacksTuples) {
  std::vector<std::tuple<std::int64_t, std::int64_t>> pairs;
  for (std::int64_t i = 0; i < 10; ++i) pairs.emplace_back(i, i);
  EXPECT_EQ(pool_.starmap<std::int64_t>("parity.multiply", pairs), squares(10));
  EXPECT_EQ(pool_.starmap<std::int64_t>("parity.multiply", pairs, {.chunk_size = 3}), squares(10));
}

TEST_P(PoolTest, StarmapAsyncEqualsTheSerialMap) {
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs;
  for (std::int64_t i = 0; i < 100; ++i) pairs.emplace_back(i, i);
  EXPECT_EQ(pool_.starmap_async<std::int64_t>("parity.multiply", pairs).get(), squares(100));
}

TEST_P(PoolTest, MapAsyncEqualsTheSerialMap) {
  EXPECT_EQ(pool_.map_async<std::int64_t>("parity.square", numbers(10)).get(), squares(10));
}

TEST_P(PoolTest, MapAsyncCallsExactlyOneCallbackBeforeWaitReturns) {
  std::vector<Numbers> results;
  std::vector<std::string> errors;
  const auto options = [&] {
    return MapOptions<std::int64_t>{.on_result = [&](const Numbers& list) { results.push_back(list); },
                                    .on_error =
                                        [&](const Error& error) {
                                          EXPECT_NE(dynamic_cast<const std::domain_error*>(&error), nullptr);
                                          errors.emplace_back(error.what());
                                        }};
  };
  pool_.map_async<std::int64_t>("parity.square", numbers(10), options()).wait();
  EXPECT_EQ(results, std::vector<Numbers>{squares(10)});
  EXPECT_TRUE(errors.empty());

  pool_.map_async<std::int64_t>("misbehave.fail_at_3_and_5", numbers(10), options()).wait();
  EXPECT_EQ(results.size(), 1u);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_THAT(errors[0], HasSubstr("item 3"));
}

TEST_P(PoolTest, MapThrowsWhenAnArgumentCannotBeEncoded) {
  // What the caller's own type throws is the caller's.
  const std::vector<Awkward> items(10, Awkward{.is_hopeless = true});
  EXPECT_THROW(pool_.map<void>("parity.take", items), ValueHasNoForm);
  EXPECT_THROW(pool_.map<void>("parity.take", items, {.chunk_size = 1}), ValueHasNoForm);
  const std::vector<std::chrono::hours> durations(10, std::chrono::hours::max());
  EXPECT_THROW(pool_.map<void>("echo.duration", durations), PayloadError);
  expect_usable();
}

TEST_P(PoolTest, MapAsyncOfNothingIsDoneAtOnce) {
  const auto result = pool_.map_async<std::int64_t>("parity.square", Numbers{}, {.chunk_size = 1});
  EXPECT_TRUE(result.ready());
  EXPECT_EQ(result.get(), Numbers{});
}

TEST_P(PoolTest, MapHandlesAnInputThatThrows) {
  for (int round = 0; round < 2; ++round) {
    for (const std::int64_t at : {0, 3, 9, 10}) {
      EXPECT_THROW((void)pool_.map<std::int64_t>("parity.square", breaking(10, at)), SourceBroke) << at;
      EXPECT_THROW((void)pool_.map<std::int64_t>("parity.square", breaking(10, at), {.chunk_size = 1}), SourceBroke);
      // Its length is known, so chunks leave before it throws.
      auto sized = std::views::iota(std::int64_t{0}, std::int64_t{10}) |
                   std::views::transform([&](std::int64_t i) { return i == at ? throw SourceBroke() : i; });
      static_assert(std::ranges::sized_range<decltype(sized)>);
      if (at < 10) {
        EXPECT_THROW((void)pool_.map<std::int64_t>("parity.square", sized), SourceBroke) << at;
      }
    }
    expect_usable();
  }
}

TEST_P(PoolTest, GetWaitsForTheTask) {
  const auto from = std::chrono::steady_clock::now();
  const auto result = pool_.apply_async<std::int64_t>("echo.after", 100, 7);
  EXPECT_EQ(result.get(), 7);
  EXPECT_GE(std::chrono::steady_clock::now() - from, 100ms);
}

TEST_P(PoolTest, GetTimesOutWhileTheTaskRuns) {
  touch(folder_.file("running"));
  auto pool = make_pool({.processes = 1});
  const auto result = run_for_ever(pool);
  const auto from = std::chrono::steady_clock::now();
  EXPECT_THROW((void)result.get(100ms), TimeoutError);
  EXPECT_GE(std::chrono::steady_clock::now() - from, 100ms);
  EXPECT_FALSE(result.ready());
  pool.terminate();
  std::filesystem::remove(folder_.file("running"));
  pool.join();
}

TEST_P(PoolTest, ImapYieldsInTheOrderOfTheInput) {
  Numbers results;
  for (const auto value : pool_.imap<std::int64_t>("parity.square", numbers(10))) results.push_back(value);
  EXPECT_EQ(results, squares(10));

  auto chunked = pool_.imap<std::int64_t>("parity.square", numbers(1000), {.chunk_size = 100});
  for (std::int64_t i = 0; i < 1000; ++i) ASSERT_EQ(chunked.next(), std::optional(i * i));
  EXPECT_EQ(chunked.next(), std::nullopt);
}

TEST_P(PoolTest, ImapHandlesAnInputThatThrows) {
  // chunk size, where it throws, results before that: whole chunks only
  const std::vector<std::tuple<int, std::int64_t, std::int64_t>> cases{{1, 0, 0}, {1, 3, 3},   {2, 7, 6},
                                                                       {4, 7, 4}, {1, 10, 10}, {4, 10, 8}};
  for (int round = 0; round < 2; ++round) {
    for (const auto& [chunk, at, before] : cases) {
      auto results = pool_.imap<std::int64_t>("parity.square", breaking(10, at), {.chunk_size = chunk});
      for (std::int64_t i = 0; i < before; ++i) ASSERT_EQ(results.next(), std::optional(i * i)) << chunk << ", " << at;
      EXPECT_THROW((void)results.next(), SourceBroke) << chunk << ", " << at;
    }
    expect_usable();
  }
}

TEST_P(PoolTest, ImapUnorderedYieldsEachResultOnce) {
  const auto sorted = [](Imap<std::int64_t> results) {
    Numbers list;
    for (const auto value : results) list.push_back(value);
    std::ranges::sort(list);
    return list;
  };
  EXPECT_EQ(sorted(pool_.imap_unordered<std::int64_t>("parity.square", numbers(10))), squares(10));
  EXPECT_EQ(sorted(pool_.imap_unordered<std::int64_t>("parity.square", numbers(1000), {.chunk_size = 100})),
            squares(1000));
}

TEST_P(PoolTest, ImapUnorderedHandlesAnInputThatThrows) {
  for (int round = 0; round < 2; ++round) {
    for (const std::int64_t at : {0, 3, 7, 10}) {
      auto expected = squares(at);
      auto results = pool_.imap_unordered<std::int64_t>("parity.square", breaking(10, at));
      const auto take_all = [&] {
        while (const auto value = results.next()) {
          const auto found = std::ranges::find(expected, *value);
          ASSERT_NE(found, expected.end()) << "unexpected, or twice: " << *value;
          expected.erase(found);
        }
      };
      EXPECT_THROW(take_all(), SourceBroke) << at;
      EXPECT_TRUE(expected.empty());
    }
    expect_usable();
  }
}

TEST_P(PoolTest, ImapNextTimesOutAndCanBeAskedAgain) {
  touch(folder_.file("running"));
  const std::vector<std::string> items{folder_.file("running")};
  auto results = pool_.imap<std::int64_t>("misbehave.run_while_exists", items);
  EXPECT_THROW((void)results.next(20ms), TimeoutError);
  std::filesystem::remove(folder_.file("running"));
  EXPECT_TRUE(results.next(kPatience).has_value());
  EXPECT_EQ(results.next(kPatience), std::nullopt);
}

TEST_P(PoolTest, HasAsManyWorkersAsItWasAskedFor) {
  EXPECT_THROW((void)make_pool({.processes = -1}), UsageError);
  EXPECT_THROW((void)make_pool({.processes = 0}), UsageError);
  auto pool = make_pool({.processes = 3});
  EXPECT_EQ(pool.processes(), 3);
  EXPECT_EQ(pool.stats().workers.size(), 3u);
  pool.close();
  pool.join();
}

TEST_P(PoolTest, RefusesSenselessChunkSizesAndTimes) {
  const std::vector<std::pair<int, int>> pairs{{1, 2}};
  for (const int size : {0, -1}) {
    EXPECT_THROW((void)pool_.map<std::int64_t>("parity.square", numbers(3), {.chunk_size = size}), UsageError);
    EXPECT_THROW((void)pool_.map_async<std::int64_t>("parity.square", numbers(3), {.chunk_size = size}), UsageError);
    EXPECT_THROW((void)pool_.starmap<std::int64_t>("parity.multiply", pairs, {.chunk_size = size}), UsageError);
    EXPECT_THROW((void)pool_.imap<std::int64_t>("parity.square", numbers(3), {.chunk_size = size}), UsageError);
    EXPECT_THROW((void)pool_.imap_unordered<std::int64_t>("parity.square", numbers(3), {.chunk_size = size}),
                 UsageError);
  }
  EXPECT_THROW((void)pool_.map<std::int64_t>("parity.square", numbers(3), {.timeout = -1s}), UsageError);
  EXPECT_THROW((void)pool_.map<std::int64_t>("parity.square", numbers(3), {.timeout = 0s}), UsageError);
  EXPECT_THROW((void)make_pool({.init_timeout = -1s}), UsageError);
  EXPECT_THROW((void)make_pool({.init_timeout = 0s}), UsageError);
  auto lazy = pool_.imap<std::int64_t>("parity.square", numbers(3));
  EXPECT_THROW((void)lazy.next(-1ms), UsageError);
  EXPECT_EQ(lazy.next(), std::optional<std::int64_t>(0));
  const auto result = pool_.apply_async<std::int64_t>("parity.square", 3);
  EXPECT_THROW((void)result.get(-1ms), UsageError);
  EXPECT_THROW((void)result.wait(-1ms), UsageError);
  EXPECT_EQ(result.get(), 9);
  EXPECT_THROW(pool_.join(), UsageError) << "before close()";
}

TEST_P(PoolTest, TerminateDropsTenThousandTasks) {
  touch(folder_.file("running"));
  auto pool = make_pool({.processes = 3});
  const std::vector<std::string> items(10'000, folder_.file("running"));
  const auto mapped = pool.map_async<std::int64_t>("misbehave.run_while_exists", items, {.chunk_size = 1});
  pool.terminate();
  EXPECT_THROW((void)mapped.get(), PoolClosed);
  std::filesystem::remove(folder_.file("running"));
  pool.join();
}

TEST_P(PoolTest, TakesAnEmptyInputEverywhere) {
  EXPECT_EQ(pool_.map<std::int64_t>("parity.square", Numbers{}), Numbers{});
  EXPECT_EQ(pool_.imap<std::int64_t>("parity.square", Numbers{}).next(), std::nullopt);
  EXPECT_EQ(pool_.imap_unordered<std::int64_t>("parity.square", Numbers{}).next(), std::nullopt);
  EXPECT_EQ(pool_.map_async<std::int64_t>("parity.square", Numbers{}).get(), Numbers{});
}

TEST_P(PoolTest, EndsWithItsScopeAndIsRefusedAfterwards) {
  std::optional<TaskHandle<std::int64_t(std::int64_t)>> square;
  {
    auto pool = make_pool({.processes = 2});
    square.emplace(pool.task<std::int64_t(std::int64_t)>("parity.square"));
    EXPECT_EQ(square->map(numbers(10)), squares(10));
  }
  EXPECT_THROW((void)square->map(numbers(10)), PoolClosed);
}

TEST_P(PoolTest, AFailureArrivesWithItsTypeAndTextAndTheCallersOwnDoesNot) {
  try {
    (void)pool_.apply<std::int64_t>("echo.positive", -123);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const TaskError& error) {
    EXPECT_EQ(error.type_name(), "std::domain_error");
    EXPECT_EQ(error.text(), "is negative: -123");
    EXPECT_EQ(error.task(), "echo.positive");
    EXPECT_EQ(std::filesystem::exists("/proc/self/task/" + std::to_string(error.worker_pid())), !has_processes());
    EXPECT_NE(dynamic_cast<const std::domain_error*>(&error), nullptr);
  }
  try {
    (void)pool_.map<std::int64_t>("parity.square", breaking(2, 1));
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::exception& error) {
    EXPECT_EQ(dynamic_cast<const Error*>(&error), nullptr);
    EXPECT_STREQ(error.what(), "the source broke");
  }
}

TEST_P(PoolTest, ApplyThrowsTheTypeThatTheTaskThrew) {
  EXPECT_THROW((void)pool_.apply<std::int64_t>("echo.positive", -1), std::domain_error);
  EXPECT_THROW(pool_.apply<void>("misbehave.throw_bad_alloc"), std::bad_alloc);
  EXPECT_THROW(pool_.apply<void>("misbehave.throw_system_error"), std::system_error);
}

TEST_P(PoolTest, MapWaitsForAllThoughOneFailsWithALargeError) {
  auto pool = make_pool({.processes = 2});
  std::vector<std::string> items(50, folder_.file("done"));
  items.front().clear();
  EXPECT_THROW(pool.map<void>("parity.fail_large_or_append", items, {.chunk_size = 1}), TaskError);
  EXPECT_EQ(lines_of(folder_.file("done")).size(), 49u) << "all the others had ended when it threw";
  pool.close();
  pool.join();
}

TEST_P(PoolTest, KeepsNoArgumentAndNoResultAlive) {
  auto pool = make_pool({.processes = 1});  // one worker: it can be asked
  const auto here = Counted::alive.load();
  {
    std::vector<Counted> items;
    for (std::int64_t i = 0; i < 10; ++i) items.emplace_back(i);
    const auto results = pool.map<Counted>("parity.counted", items);
    ASSERT_EQ(results.size(), 10u);
    EXPECT_EQ(results[9].value, 9);
    EXPECT_EQ(Counted::alive, here + 20) << "nothing but these";
  }
  EXPECT_EQ(Counted::alive, here);
  EXPECT_EQ(pool.apply<std::int64_t>("parity.counted_alive"), 0) << "in the worker";
}

TEST_P(PoolTest, RefusesEverythingOnceTerminated) {
  auto pool = make_pool({.processes = 2});
  pool.terminate();
  EXPECT_THROW((void)pool.apply<std::int64_t>("parity.square", 2), PoolClosed);
  EXPECT_THROW((void)pool.map<std::int64_t>("parity.square", numbers(2)), PoolClosed);
  auto lazy = pool.imap<std::int64_t>("parity.square", numbers(2));
  EXPECT_THROW((void)lazy.next(), PoolClosed);
  pool.join();
}

INSTANTIATE_TEST_SUITE_P(Parity, PoolTest, with_every_start_method, by_name);

}  // namespace
}  // namespace bulkhead::test
