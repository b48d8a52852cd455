// outcomes(): a range that tells errors instead of throwing them.
#include <algorithm>
#include <ranges>

#include "engine_fixture.hpp"
#include "inputs.hpp"

namespace bulkhead::test {
namespace {

class OutcomeTest : public EngineTest {};

TEST_F(OutcomeTest, TellsResultsAndErrorsInTheOrderOfTheInput) {
  std::uint64_t index = 0;
  for (auto& outcome : pool_.imap<std::int64_t>("misbehave.fail_at_3_and_5", std::views::iota(0, 8)).outcomes()) {
    EXPECT_EQ(outcome.index(), index);
    EXPECT_EQ(outcome.has_value(), index != 3 && index != 5);
    EXPECT_EQ(static_cast<bool>(outcome), outcome.has_value());
    if (outcome) {
      EXPECT_EQ(outcome.value(), static_cast<std::int64_t>(index));
      EXPECT_EQ(outcome.exception_ptr(), nullptr);
    } else {
      EXPECT_EQ(outcome.error().code(), ErrorCode::kTask);
      EXPECT_THAT(outcome.error().what(), ::testing::HasSubstr("item " + std::to_string(index)));
      EXPECT_THROW((void)outcome.value(), std::domain_error);
      EXPECT_THROW(std::rethrow_exception(outcome.exception_ptr()), TaskError);
    }
    ++index;
  }
  EXPECT_EQ(index, 8u);
}

TEST_F(OutcomeTest, OfAnUnorderedMapTellsWhoseItIs) {
  for (const int chunk : {1, 3}) {
    std::vector<bool> seen(8, false);
    for (const auto& outcome :
         pool_.imap_unordered<std::int64_t>("misbehave.fail_at_3_and_5", std::views::iota(0, 8), {.chunk_size = chunk})
             .outcomes()) {
      const std::size_t index = outcome.index();
      ASSERT_FALSE(seen.at(index));
      seen[index] = true;
      if (outcome) {
        EXPECT_EQ(outcome.value(), static_cast<std::int64_t>(index));
      }
      EXPECT_EQ(outcome.has_value(), index != 3 && index != 5);
    }
    EXPECT_EQ(std::ranges::count(seen, true), 8);
  }
}

TEST_F(OutcomeTest, TellsALostWorkerToo) {
  int lost = 0;
  for (auto& outcome :
       pool_.imap_unordered<std::int64_t>("misbehave.die_at_13", std::views::iota(0, 30), {.chunk_size = 4})
           .outcomes()) {
    if (outcome) continue;
    ++lost;
    EXPECT_EQ(outcome.index(), 13u);
    EXPECT_NE(dynamic_cast<const WorkerLost*>(&outcome.error()), nullptr);
  }
  EXPECT_EQ(lost, 1);
}

TEST_F(OutcomeTest, OutlivesTheRangeItCameFrom) {
  std::vector<Outcome<std::string>> kept;
  for (auto& outcome : pool_.imap<std::string>("echo.text", std::vector<std::string>{"a", "b"}).outcomes()) {
    kept.push_back(std::move(outcome));
  }
  const auto copies = kept;
  EXPECT_EQ(copies.at(1).value(), "b");
  EXPECT_EQ(std::move(kept.at(0)).value(), "a");
}

TEST_F(OutcomeTest, KeepsItsErrorThroughCopies) {
  std::optional<Outcome<std::int64_t>> kept;
  {
    auto outcomes = pool_.imap<std::int64_t>("echo.positive", std::vector<int>{-1}).outcomes();
    kept = outcomes.next();
  }
  const auto copy = *kept;
  kept.reset();
  EXPECT_THAT(copy.error().what(), ::testing::HasSubstr("is negative: -1"));
}

TEST_F(OutcomeTest, ErrorOfAResultIsAUsageError) {
  auto outcomes = pool_.imap<std::int64_t>("echo.i64", std::vector<int>{7}).outcomes();
  const auto outcome = outcomes.next();
  EXPECT_THAT(text_thrown<UsageError>([&] { (void)outcome->error(); }), ::testing::HasSubstr("item 0"));
}

TEST_F(OutcomeTest, OfATaskWithoutResultSucceedsWithNothing) {
  int good = 0;
  int bad = 0;
  for (const auto& outcome : pool_.imap<void>("echo.positive", std::vector<int>{1, -1, 2}).outcomes()) {
    if (outcome) {
      outcome.value();
      ++good;
    } else {
      EXPECT_THROW(outcome.value(), std::domain_error);
      ++bad;
    }
  }
  EXPECT_EQ(good, 2);
  EXPECT_EQ(bad, 1);
}

TEST_F(OutcomeTest, ThrowsAtTheEndWhatTheInputRangeThrew) {
  for (const bool is_ordered : {true, false}) {
    auto outcomes = is_ordered ? pool_.imap<std::int64_t>("echo.i64", breaking_at(5)).outcomes()
                               : pool_.imap_unordered<std::int64_t>("echo.i64", breaking_at(5)).outcomes();
    int seen = 0;
    EXPECT_THROW(
        {
          while (outcomes.next()) ++seen;
        },
        SourceBroke);
    EXPECT_EQ(seen, 5);
    EXPECT_FALSE(outcomes.next().has_value());
  }
}

TEST_F(OutcomeTest, GoOnWhereTheResultsWereLeft) {
  auto results = pool_.imap<std::int64_t>("echo.i64", std::views::iota(0, 6), {.chunk_size = 2});
  EXPECT_EQ(results.next(), std::optional<std::int64_t>(0));
  EXPECT_EQ(*results.begin(), 1);  // looked at, not passed
  auto outcomes = results.outcomes();
  for (std::uint64_t index = 1; index < 6; ++index) EXPECT_EQ(outcomes.next()->index(), index);
  EXPECT_FALSE(outcomes.next().has_value());
  EXPECT_EQ(results.next(), std::nullopt) << "they were given away";
  EXPECT_FALSE(results.outcomes().next().has_value());
}

TEST_F(OutcomeTest, TimeOutAndCanBeAskedAgain) {
  const ScratchFolder folder;
  const std::string gate = folder.file("gate");
  touch(gate);
  auto outcomes =
      pool_.imap_unordered<std::int64_t>("misbehave.run_while_exists", std::vector<std::string>{gate}).outcomes();
  EXPECT_THROW((void)outcomes.next(1ms), TimeoutError);
  std::filesystem::remove(gate);
  EXPECT_TRUE(outcomes.next(kPatience)->has_value());
}

}  // namespace
}  // namespace bulkhead::test
