// map, starmap and their asynchronous forms.
#include <array>
#include <limits>
#include <list>
#include <numeric>
#include <ranges>
#include <set>

#include "echo/echo_types.hpp"
#include "engine_fixture.hpp"
#include "inputs.hpp"

// A user's type that only moves; to the plugin it is a Point.
class MoveOnlyPoint {
 public:
  MoveOnlyPoint() : MoveOnlyPoint(0, 0) {}
  MoveOnlyPoint(double x, double y) : x_(std::make_unique<double>(x)), y_(std::make_unique<double>(y)) {}
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::make_nvp("x", *x_), cereal::make_nvp("y", *y_));
  }
  [[nodiscard]] Point point() const { return {*x_, *y_}; }

 private:
  std::unique_ptr<double> x_;
  std::unique_ptr<double> y_;
};
template <>
struct bulkhead::type_name<MoveOnlyPoint> {
  static constexpr auto value = bulkhead::sdk::Text("Point");
};

namespace bulkhead::test {
namespace {

class MapTest : public EngineTest {};
class StarmapTest : public EngineTest {};
using ::testing::HasSubstr;

Generator<std::int64_t> counting_to(std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) co_yield std::int64_t(i);
}

// A vector whose elements throw when reached, though their number is known.
class SizedBreaking : public std::ranges::view_interface<SizedBreaking> {
 public:
  class iterator {
   public:
    using value_type = std::int64_t;
    using difference_type = std::ptrdiff_t;
    iterator() = default;
    explicit iterator(std::int64_t at) : at_(at) {}
    std::int64_t operator*() const { return at_; }
    iterator& operator++() {
      if (++at_ == 3) throw SourceBroke();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return at_ == 10; }

   private:
    std::int64_t at_ = 0;
  };
  iterator begin() const { return iterator(0); }
  std::default_sentinel_t end() const { return {}; }
  std::size_t size() const { return 10; }
};

TEST_F(MapTest, OfNothingIsNothingAtOnce) {
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", List{}), List{});
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", List{}, {.chunk_size = 1}), List{});
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", counting_to(0)), List{});
  pool_.map<void>("echo.i64", List{});
  const auto result = pool_.map_async<std::int64_t>("echo.i64", List{});
  EXPECT_TRUE(result.wait(kPatience));
  EXPECT_TRUE(result.successful());
}

TEST_F(MapTest, KeepsTheOrderOfTheInput) {
  for (const std::int64_t count : {1, 2, 10, 100, 1000}) {
    EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", numbers(count)), numbers(count));
    EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", numbers(count), {.chunk_size = 20}), numbers(count));
    EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", numbers(count), {.chunk_size = 1}), numbers(count));
    EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", numbers(count), {.chunk_size = 100'000}), numbers(count));
  }
}

TEST_F(MapTest, KeepsTheOrderWhenLaterItemsEndFirst) {
  std::vector<std::pair<std::int64_t, std::int64_t>> items;
  for (std::int64_t i = 0; i < 8; ++i) items.emplace_back(40 - i * 5, i);
  EXPECT_EQ(pool_.starmap<std::int64_t>("echo.after", items, {.chunk_size = 1}), numbers(8));
}

TEST_F(MapTest, TakesAHundredThousandItems) {
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", numbers(100'000)), numbers(100'000));
}

// Numbers travel side by side, in both directions.
TEST_F(MapTest, OfNumbersIsTheSameInAnyChunks) {
  std::vector<std::int64_t> numbers(30'000);
  std::iota(numbers.begin(), numbers.end(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", numbers), numbers);
  for (const int chunk : {1, 2, 2049, 8192, 30'000}) {  // the last two do not fit a run, and the last no ring
    EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", numbers, {.chunk_size = chunk}), numbers) << chunk;
  }
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", std::span(numbers).first(3)),
            std::vector(numbers.begin(), numbers.begin() + 3));
  const std::vector<float> floats{-0.5f, 0.0f, std::numeric_limits<float>::infinity()};
  EXPECT_EQ(pool_.map<float>("echo.f32", floats, {.chunk_size = 3}), floats);
  EXPECT_EQ(pool_.map<double>("echo.f32", floats, {.chunk_size = 3}),
            std::vector<double>(floats.begin(), floats.end()));
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", std::vector<int>{1, 2, 3}, {.chunk_size = 3}),
            (std::vector<std::int64_t>{1, 2, 3}));
  pool_.map<void>("echo.i64", numbers);
}

TEST_F(MapTest, OfNumbersKeepsEachVerdictWhereSomeFail) {
  std::vector<std::int64_t> numbers(5000, 7);
  const std::set<std::size_t> bad{0, 1, 2500, 4999};
  for (const std::size_t index : bad) numbers[index] = -1;
  auto outcomes = pool_.imap<std::int64_t>("echo.positive", numbers, {.chunk_size = 5000}).outcomes();
  std::size_t count = 0;
  for (const auto& outcome : outcomes) {
    ASSERT_EQ(outcome.index(), count);
    ASSERT_EQ(static_cast<bool>(outcome), !bad.contains(count)) << count;
    if (outcome) {
      ASSERT_EQ(outcome.value(), 7);
    }
    ++count;
  }
  EXPECT_EQ(count, numbers.size());
  EXPECT_THROW((void)pool_.map<std::int64_t>("echo.positive", numbers), std::domain_error);
}

// Only a part of it is on its way at any time, but what is must not wait for the oldest.
TEST_F(MapTest, OfNumbersGoesOnBehindAnItemThatTakesLong) {
  constexpr std::uint64_t kOthers = 5000;
  auto pool = engine_.pool({.processes = 2});
  std::vector<std::int64_t> milliseconds(kOthers + 1, 0);
  milliseconds[0] = 600'000;
  std::exception_ptr error;
  std::thread mapping([&] {
    try {
      (void)pool.map<std::int64_t>("misbehave.sleep_ms", milliseconds, {.chunk_size = 1});
    } catch (...) {
      error = std::current_exception();
    }
  });
  EXPECT_TRUE(eventually(kPatience, [&] {
    const auto tasks = pool.stats().tasks;
    return !tasks.empty() && tasks.front().done == kOthers;
  }));
  pool.terminate();
  mapping.join();
  ASSERT_TRUE(error);
  EXPECT_THROW(std::rethrow_exception(error), PoolClosed);
}

TEST_F(MapTest, OfNumbersNeedsNoRoomForAllOfThemInTheQueue) {
  auto pool = engine_.pool({.processes = 1, .max_pending = 2, .when_full = WhenFull::kFail});
  EXPECT_EQ(pool.map<std::int64_t>("echo.i64", numbers(3000), {.chunk_size = 1}), numbers(3000));
}

// Runs a map of many short items in a thread of its own, and `stop` once some of them are done.
template <class Stop>
std::exception_ptr error_of_map_while(Pool& pool, std::size_t items, std::int64_t milliseconds, List& results,
                                      Stop stop) {
  std::exception_ptr error;
  std::thread mapping([&] {
    try {
      results = pool.map<std::int64_t>("misbehave.sleep_ms", List(items, milliseconds), {.chunk_size = 1});
    } catch (...) {
      error = std::current_exception();
    }
  });
  EXPECT_TRUE(eventually(kPatience, [&] {
    const auto tasks = pool.stats().tasks;
    return !tasks.empty() && tasks.front().done > 5;
  }));
  stop();
  mapping.join();
  return error;
}

TEST_F(MapTest, OfNumbersIsFinishedByAPoolThatIsClosedMeanwhile) {
  auto pool = engine_.pool({.processes = 2});
  List results;
  const auto error = error_of_map_while(pool, 3000, 0, results, [&] {
    pool.close();
    pool.join();
    EXPECT_THROW((void)pool.apply<std::int64_t>("echo.i64", 1), PoolClosed);
  });
  EXPECT_FALSE(error);
  EXPECT_EQ(results.size(), 3000u);
}

TEST_F(MapTest, OfNumbersEndsWithTheTimeThatADrainHas) {
  auto pool = engine_.pool({.processes = 2});
  List results;
  const auto error = error_of_map_while(pool, 1'000'000, 2, results, [&] { (void)pool.drain(50ms, 1s); });
  ASSERT_TRUE(error);
  EXPECT_TRUE(results.empty());
}

TEST_F(MapTest, OfNumbersTellsItsFirstErrorThoughTheRestIsRefused) {
  auto pool = engine_.pool({.processes = 1, .quarantine_after = 1});
  List values(5000, 1);
  values[3] = 13;
  EXPECT_THROW((void)pool.map<std::int64_t>("misbehave.die_at_13", values, {.chunk_size = 1}), WorkerLost);
}

TEST_F(MapTest, OfNumbersTellsTheCallbackToo) {
  List told;
  const auto results =
      pool_.map<std::int64_t>("echo.i64", numbers(100), {.on_result = [&](const List& all) { told = all; }});
  EXPECT_EQ(results, numbers(100));
  EXPECT_EQ(told, numbers(100));
}

TEST_F(MapTest, TakesAnyInputRange) {
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", counting_to(50)), numbers(50));
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", counting_to(50), {.chunk_size = 7}), numbers(50));
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", std::views::iota(0, 50)), numbers(50));
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", std::list<int>{0, 1, 2}), numbers(3));
  auto even = std::views::iota(0, 100) | std::views::filter([](int i) { return i % 2 == 0; }) |
              std::views::transform([](int i) { return i / 2; });
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", even), numbers(50));
  std::istringstream stream("0 1 2 3");
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", std::ranges::istream_view<std::int64_t>(stream)), numbers(4));
  const std::vector<bool> bits{true, false, true};
  EXPECT_EQ(pool_.map<bool>("echo.boolean", bits), bits);
  const int raw[] = {0, 1, 2};
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", raw), numbers(3));
}

TEST_F(MapTest, TakesElementsOfAnyKind) {
  EXPECT_EQ(pool_.map<std::string>("echo.text", std::vector<std::string>{"", "a", std::string(5000, 'b')}),
            (std::vector<std::string>{"", "a", std::string(5000, 'b')}));
  EXPECT_EQ(pool_.map<Point>("echo.point", std::vector<Point>{{1, 2}, {3, 4}}), (std::vector<Point>{{1, 2}, {3, 4}}));
  EXPECT_EQ(
      pool_.map<std::uint64_t>("echo.size_of", std::vector<std::vector<std::byte>>{{}, std::vector<std::byte>(9)}),
      (std::vector<std::uint64_t>{0, 9}));
}

TEST_F(MapTest, TakesAndGivesElementsThatOnlyMove) {
  std::vector<MoveOnlyPoint> items;
  items.emplace_back(1, 2);
  items.emplace_back(3, 4);
  const auto results = pool_.map<MoveOnlyPoint>("echo.point", items);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[1].point(), (Point{3, 4}));
}

TEST_F(MapTest, MayHaveNoResults) {
  const ScratchFolder folder;
  std::vector<std::pair<std::string, std::string>> items;
  for (int i = 0; i < 20; ++i) items.emplace_back(folder.file("lines"), std::to_string(i));
  pool_.starmap<void>("misbehave.append", items);
  EXPECT_EQ(lines_of(folder.file("lines")).size(), 20u);
}

TEST_F(MapTest, ThrowsTheFirstErrorByIndexAfterAllHaveRun) {
  const ScratchFolder folder;
  for (const int chunk : {1, 2, 4, 100}) {
    const auto text = text_thrown<TaskError>(
        [&] { (void)pool_.map<std::int64_t>("misbehave.fail_at_3_and_5", numbers(10), {.chunk_size = chunk}); });
    EXPECT_THAT(text, HasSubstr("item 3")) << chunk;
  }
}

TEST_F(MapTest, WaitsForAllItemsThoughOneFails) {
  // The first fails at once, the others take their time (multiprocessing's test_map_no_failfast).
  const ScratchFolder folder;
  auto pool = engine_.pool({.processes = 3});
  std::vector<std::pair<std::string, std::string>> items{{"/nowhere/at/all", "x"}};
  for (int i = 0; i < 50; ++i) items.emplace_back(folder.file("lines"), "x");
  EXPECT_THROW((void)pool.starmap<std::int64_t>("misbehave.append", items, {.chunk_size = 1}), std::system_error);
  EXPECT_EQ(lines_of(folder.file("lines")).size(), 50u);
  pool.close();
  pool.join();
}

TEST_F(MapTest, LeavesByTheRangesOwnExceptionAndThePoolGoesOn) {
  for (int round = 0; round < 2; ++round) {
    for (const std::int64_t at : {0, 3, 100}) {
      EXPECT_THROW((void)pool_.map<std::int64_t>("echo.i64", breaking_at(at)), SourceBroke) << at;
      EXPECT_THROW((void)pool_.map<std::int64_t>("echo.i64", breaking_at(at), {.chunk_size = 2}), SourceBroke) << at;
      EXPECT_THROW((void)pool_.map_async<std::int64_t>("echo.i64", breaking_at(at), {.chunk_size = 2}), SourceBroke);
    }
    EXPECT_THROW((void)pool_.map<std::int64_t>("echo.i64", SizedBreaking()), SourceBroke);
    EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", numbers(10)), numbers(10));
  }
}

TEST_F(MapTest, ThatLeftByAnExceptionCallsNoCallback) {
  std::atomic<int> calls = 0;
  EXPECT_THROW(
      (void)pool_.map_async<std::int64_t>(
          "echo.i64", breaking_at(50),
          {.chunk_size = 2, .on_result = [&](const auto&) { ++calls; }, .on_error = [&](const Error&) { ++calls; }}),
      SourceBroke);
  std::atomic<bool> is_later = false;
  pool_.apply_async<std::int64_t>("echo.add", {.on_result = [&](const std::int64_t&) { is_later = true; }}, 2, 3)
      .wait();
  EXPECT_TRUE(is_later);
  EXPECT_EQ(calls, 0);
}

TEST_F(MapTest, RefusesAChunkSizeBelowOne) {
  EXPECT_THROW((void)pool_.map<std::int64_t>("echo.i64", numbers(3), {.chunk_size = 0}), UsageError);
  EXPECT_THROW((void)pool_.map<std::int64_t>("echo.i64", numbers(3), {.chunk_size = -1}), UsageError);
  EXPECT_THROW((void)pool_.map<std::int64_t>("echo.i64", List{}, {.chunk_size = 0}), UsageError);
  EXPECT_THROW((void)pool_.imap<std::int64_t>("echo.i64", numbers(3), {.chunk_size = 0}), UsageError);
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", numbers(3)), numbers(3));
}

TEST_F(MapTest, RefusesElementsThatDoNotConvert) {
  EXPECT_THROW((void)pool_.map<std::int64_t>("echo.i64", std::vector<std::string>{"1"}), SignatureMismatch);
  EXPECT_THROW((void)pool_.map<std::int64_t>("echo.i64", std::vector<std::string>{}), SignatureMismatch);
  EXPECT_THROW((void)pool_.map<std::int64_t>("echo.unknown", numbers(1)), TaskNotFound);
  EXPECT_THROW((void)pool_.map<std::int64_t>("echo.i64", std::vector<std::uint64_t>{1, ~std::uint64_t{0}}),
               ArgumentError);
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", numbers(10)), numbers(10));
}

TEST_F(MapTest, CarriesLargeItemsAndResultsInOneChunk) {
  std::vector<std::vector<std::byte>> items(5, std::vector<std::byte>(700'000, std::byte{7}));
  items[2].assign(3'000'000, std::byte{9});
  EXPECT_EQ((pool_.map<std::vector<std::byte>>("echo.bytes", items, {.chunk_size = 5})), items);
  EXPECT_EQ((pool_.map<std::vector<std::byte>>("echo.bytes", items, {.chunk_size = 1})), items);
}

TEST_F(MapTest, RunsOnAllWorkers) {
  auto pool = engine_.pool({.processes = 3});
  const ScratchFolder folder;
  touch(folder.file("gate"));
  const std::vector<std::pair<std::string, std::string>> items(3, {folder.file("gate"), folder.file("began")});
  const auto mapped = pool.starmap_async<std::int64_t>("misbehave.run_while_exists", items, {.chunk_size = 1});
  // None of them ends before all three have begun.
  EXPECT_TRUE(eventually(kPatience, [&] { return lines_of(folder.file("began")).size() == 3; }));
  std::filesystem::remove(folder.file("gate"));
  const auto pids = mapped.get();
  EXPECT_EQ(std::set<std::int64_t>(pids.begin(), pids.end()).size(), 3u);
}

TEST_F(MapTest, SeveralAtOnceDoNotMixTheirResults) {
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      List mine = numbers(2000);
      for (auto& value : mine) value += t * 1'000'000;
      for (int round = 0; round < 5; ++round) {
        right += pool_.map<std::int64_t>("echo.i64", mine, {.chunk_size = 1 + round * 7}) == mine ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 30);
}

TEST_F(MapTest, AsyncMayBeDroppedAtOnce) {
  for (int i = 0; i < 100; ++i) (void)pool_.map_async<std::int64_t>("echo.i64", numbers(100), {.chunk_size = 3});
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", numbers(10)), numbers(10));
}

TEST_F(StarmapTest, SpreadsTuplesPairsAndArrays) {
  EXPECT_EQ(pool_.starmap<std::int64_t>("echo.add", std::vector<std::pair<int, int>>{{1, 2}, {3, 4}}), (List{3, 7}));
  EXPECT_EQ(pool_.starmap<std::int64_t>("echo.add", std::vector<std::tuple<int, std::int64_t>>{{1, 2}, {3, 4}}),
            (List{3, 7}));
  EXPECT_EQ(pool_.starmap<std::int64_t>("echo.add", std::vector<std::array<int, 2>>{{1, 2}, {3, 4}}), (List{3, 7}));
  EXPECT_EQ(pool_.starmap<std::int64_t>("echo.add", std::map<int, int>{{1, 2}, {3, 4}}), (List{3, 7}));
  EXPECT_EQ(
      pool_.starmap_async<std::int64_t>("echo.add", std::vector<std::pair<int, int>>{{1, 2}}, {.chunk_size = 4}).get(),
      List{3});
  EXPECT_EQ(pool_.starmap<std::int64_t>("echo.positive", std::vector<std::tuple<int>>{{5}}), List{5});
}

TEST_F(StarmapTest, RefusesTuplesOfTheWrongSize) {
  EXPECT_THROW((void)pool_.starmap<std::int64_t>("echo.add", std::vector<std::tuple<int>>{{5}}), SignatureMismatch);
}

TEST_F(StarmapTest, LeavesTrailingOptionalsOut) {
  EXPECT_EQ((pool_.starmap<std::string>("echo.greet", std::vector<std::tuple<std::string>>{{"you"}, {"me"}})),
            (std::vector<std::string>{"hello you;", "hello me;"}));
}

}  // namespace
}  // namespace bulkhead::test
