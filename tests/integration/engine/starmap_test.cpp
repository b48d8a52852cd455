// starmap: tuples, and several ranges side by side; and the same by a typed handle.
#include <forward_list>
#include <list>
#include <memory>
#include <ranges>

#include "engine_fixture.hpp"
#include "inputs.hpp"

namespace bulkhead::test {
namespace {

class StarmapTest : public EngineTest {};
class TaskHandleMapTest : public EngineTest {};

Generator<std::int64_t> counting_until(std::int64_t end) {
  for (std::int64_t i = 0; i < end; ++i) co_yield std::int64_t(i);
}
Generator<std::unique_ptr<std::int64_t>> owned(std::int64_t end) {
  for (std::int64_t i = 0; i < end; ++i) co_yield std::make_unique<std::int64_t>(i);
}

TEST_F(StarmapTest, TakesRangesSideBySide) {
  const std::vector<int> xs{1, 2, 3};
  EXPECT_EQ(pool_.starmap<std::int64_t>("echo.add", xs, std::vector<std::int64_t>{10, 20, 30}), (List{11, 22, 33}));
  EXPECT_EQ(pool_.starmap_async<std::int64_t>("echo.add", xs, xs).get(), (List{2, 4, 6}));
}

TEST_F(StarmapTest, EndsWithTheShortestRange) {
  EXPECT_EQ(pool_.starmap<std::int64_t>("echo.add", std::views::iota(0), std::vector<int>{5, 6}), (List{5, 7}));
  EXPECT_EQ(pool_.starmap<std::int64_t>("echo.add", std::vector<int>{5, 6}, std::views::iota(0)), (List{5, 7}));
  EXPECT_EQ(pool_.starmap<std::int64_t>("echo.add", std::vector<int>{}, std::views::iota(0)), List{});
  EXPECT_EQ(pool_.starmap<std::int64_t>("echo.add", std::list<int>{1, 2, 3}, std::vector<int>{1}), List{2});
}

TEST_F(StarmapTest, TakesItsOptionsBeforeTheRanges) {
  int calls = 0;
  const auto sums =
      pool_.starmap<std::int64_t>("echo.add", {.chunk_size = 2, .on_result = [&](const List&) { ++calls; }},
                                  std::views::iota(0, 7), std::views::iota(0));
  EXPECT_EQ(sums, (List{0, 2, 4, 6, 8, 10, 12}));
  EXPECT_EQ(calls, 1);
  EXPECT_THROW((void)pool_.starmap<std::int64_t>("echo.add", {.chunk_size = 0}, List{1}, List{1}), UsageError);
}

TEST_F(StarmapTest, WalksSinglePassRangesOnceAndTakesTemporaries) {
  const auto text = [](int i) { return std::string(static_cast<std::size_t>(i), 'x'); };
  const std::vector<std::string> names =
      pool_.starmap<std::string>("echo.greet", std::views::iota(1, 4) | std::views::transform(text),
                                 std::forward_list<std::string>{"a", "b", "c"});
  EXPECT_EQ(names, (std::vector<std::string>{"a x;", "b xx;", "c xxx;"}));
  auto left = counting_until(4);
  EXPECT_EQ(pool_.starmap<std::int64_t>("echo.add", left, counting_until(1000)), (List{0, 2, 4, 6}));
}

TEST_F(StarmapTest, TakesElementsThatOnlyMove) {
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", owned(4) | std::views::transform([](auto&& p) { return *p; })),
            (List{0, 1, 2, 3}));
}

TEST_F(StarmapTest, LetsARangesExceptionOutAndThePoolIsUsableAgain) {
  for (int round = 0; round < 2; ++round) {
    for (const std::int64_t at : {0, 3}) {
      EXPECT_THROW((void)pool_.starmap<std::int64_t>("echo.add", breaking_at(at), std::views::iota(0)), SourceBroke);
    }
    EXPECT_EQ(pool_.apply<std::int64_t>("echo.add", 2, 3), 5);
  }
}

TEST_F(StarmapTest, ThrowsTheFirstErrorByIndex) {
  const auto text = text_thrown<ArgumentError>([&] {
    (void)pool_.starmap<std::int8_t>("echo.i8", std::vector<std::tuple<int>>{{1}, {1000}});
  });
  EXPECT_THAT(text, ::testing::HasSubstr("1000"));
  EXPECT_THROW((void)pool_.starmap<std::int64_t>("misbehave.die_if", std::views::iota(0, 9), std::vector<int>(9, 4)),
               WorkerLost);
}

TEST_F(StarmapTest, RefusesTheWrongNumberOfRangesBeforeReadingThem) {
  EXPECT_THROW((void)pool_.starmap<std::int64_t>("echo.add", List{1}, List{1}, List{1}), SignatureMismatch);
  EXPECT_THROW((void)pool_.starmap<std::int64_t>("echo.add", std::vector<std::string>{"a"}, List{1}),
               SignatureMismatch);
}

TEST_F(TaskHandleMapTest, MapsWithoutLookingTheTaskUpAgain) {
  const auto same = pool_.task<std::int64_t(std::int64_t)>("echo.i64");
  EXPECT_EQ(same.map(std::views::iota(0, 4)), (List{0, 1, 2, 3}));
  EXPECT_EQ(same.map(std::views::iota(0, 4), {.chunk_size = 3}), (List{0, 1, 2, 3}));
  EXPECT_EQ(same.map_async(List{4, 5}).get(), (List{4, 5}));
  List got;
  for (const auto value : same.imap(std::views::iota(0, 100))) got.push_back(value);
  EXPECT_EQ(got.size(), 100u);
  int seen = 0;
  for (const auto& outcome : same.imap_unordered(std::views::iota(0, 100)).outcomes()) seen += outcome ? 1 : 0;
  EXPECT_EQ(seen, 100);
}

TEST_F(TaskHandleMapTest, SpreadsTuples) {
  const auto add = pool_.task<std::int64_t(std::int64_t, std::int64_t)>("echo.add");
  EXPECT_EQ(add.starmap(std::vector<std::pair<int, int>>{{1, 2}, {3, 4}}), (List{3, 7}));
  EXPECT_EQ(add.starmap_async(std::vector<std::tuple<int, int>>{{1, 2}}).get(), List{3});
}

TEST_F(TaskHandleMapTest, TakesOptionsForOneCall) {
  const auto add = pool_.task<std::int64_t(std::int64_t, std::int64_t)>("echo.add");
  std::int64_t told = 0;
  EXPECT_EQ(add.async({.on_result = [&](const std::int64_t& sum) { told = sum; }}, 2, 3).get(), 5);
  EXPECT_EQ(told, 5);
}

TEST_F(TaskHandleMapTest, GivesPoolClosedOnceThePoolIsGone) {
  std::optional<TaskHandle<std::int64_t(std::int64_t)>> same;
  {
    auto pool = engine_.pool({.processes = 1});
    same.emplace(pool.task<std::int64_t(std::int64_t)>("echo.i64"));
    EXPECT_EQ((*same)(7), 7);
  }
  EXPECT_THROW((void)(*same)(7), PoolClosed);
}

}  // namespace
}  // namespace bulkhead::test
