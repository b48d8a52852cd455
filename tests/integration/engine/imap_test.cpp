// imap: lazy, ordered, bounded.
#include <ranges>

#include "engine_fixture.hpp"
#include "inputs.hpp"

namespace bulkhead::test {
namespace {

class ImapTest : public EngineTest {
 protected:
  // How far a range may have been read when `taken` results were: the documented bound is "a window".
  static constexpr std::int64_t kWindow = 64;
};

Generator<std::int64_t> noting(std::int64_t& read) {
  for (std::int64_t i = 0;; ++i) {
    read = i + 1;
    co_yield std::int64_t(i);
  }
}

List all_of(Imap<std::int64_t> results) {
  List list;
  for (const std::int64_t value : results) list.push_back(value);
  return list;
}

TEST_F(ImapTest, GivesResultsInTheOrderOfTheInput) {
  for (const std::int64_t count : {0, 1, 10, 1000}) {
    EXPECT_EQ(all_of(pool_.imap<std::int64_t>("echo.i64", numbers(count))), numbers(count));
    EXPECT_EQ(all_of(pool_.imap<std::int64_t>("echo.i64", numbers(count), {.chunk_size = 100})), numbers(count));
    EXPECT_EQ(all_of(pool_.imap<std::int64_t>("echo.i64", numbers(count), {.chunk_size = 3})), numbers(count));
  }
}

TEST_F(ImapTest, NextIsEmptyAtTheEndAndStaysSo) {
  auto results = pool_.imap<std::int64_t>("echo.i64", numbers(2));
  EXPECT_EQ(results.next(), std::optional<std::int64_t>(0));
  EXPECT_EQ(results.next(), std::optional<std::int64_t>(1));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(results.next(), std::nullopt);
  EXPECT_EQ(results.next(1s), std::nullopt);
}

TEST_F(ImapTest, ReadsNothingBeforeItIsAsked) {
  std::int64_t read = 0;
  auto results = pool_.imap<std::int64_t>("echo.i64", noting(read));
  EXPECT_EQ(read, 0);
  EXPECT_EQ(results.next(), std::optional<std::int64_t>(0));
  EXPECT_GT(read, 0);
}

TEST_F(ImapTest, ReadsABoundedWindowAheadOfAnEndlessRange) {
  std::int64_t read = 0;
  auto results = pool_.imap<std::int64_t>("echo.i64", noting(read));
  for (std::int64_t i = 0; i < 200; ++i) {
    ASSERT_EQ(results.next(), std::optional(i));
    ASSERT_LE(read, i + kWindow);
  }
  std::int64_t next = 0;
  for (const std::int64_t value : pool_.imap<std::int64_t>("echo.i64", std::views::iota(std::int64_t{0}))) {
    ASSERT_EQ(value, next++);
    if (next == 1000) break;
  }
}

TEST_F(ImapTest, TakeTenNeedsNoEleventhResult) {
  // The eleventh never ends.
  const auto wait_ms = [](int i) { return i < 10 ? 0 : 600'000; };
  auto pool = engine_.pool({.processes = 2});
  List taken;
  for (const std::int64_t value :
       pool.imap<std::int64_t>("misbehave.sleep_ms", std::views::iota(0) | std::views::transform(wait_ms)) |
           std::views::take(10)) {
    taken.push_back(value);
  }
  EXPECT_EQ(taken, List(10, 0));
}

TEST_F(ImapTest, NextTimesOutAndCanBeAskedAgain) {
  const ScratchFolder folder;
  const std::string gate = folder.file("gate");
  touch(gate);
  auto results = pool_.imap<std::int64_t>("misbehave.run_while_exists", std::vector<std::string>{gate, "/nowhere"});
  EXPECT_THROW((void)results.next(0ms), TimeoutError);
  EXPECT_THROW((void)results.next(10ms), TimeoutError);
  EXPECT_THROW((void)results.next(-1ms), UsageError);
  std::filesystem::remove(gate);
  EXPECT_TRUE(results.next().has_value());
  EXPECT_TRUE(results.next(kPatience).has_value());
  EXPECT_EQ(results.next(), std::nullopt);
}

TEST_F(ImapTest, ThrowsAnItemsErrorInItsTurnAndGoesOn) {
  for (const int chunk : {1, 2, 3, 10}) {
    auto results = pool_.imap<std::int64_t>("misbehave.fail_at_3_and_5", numbers(8), {.chunk_size = chunk});
    List good;
    List bad;
    for (std::int64_t i = 0; i < 8; ++i) {
      try {
        good.push_back(results.next().value());
      } catch (const std::domain_error&) {
        bad.push_back(i);
      }
    }
    EXPECT_EQ(good, (List{0, 1, 2, 4, 6, 7})) << chunk;
    EXPECT_EQ(bad, (List{3, 5})) << chunk;
    EXPECT_EQ(results.next(), std::nullopt) << chunk;
  }
}

TEST_F(ImapTest, StepsOverAnErrorAndNothingElseByIncrement) {
  auto results = pool_.imap<std::int64_t>("misbehave.fail_at_3_and_5", numbers(6));
  List good;
  List bad;
  auto at = results.begin();
  for (std::int64_t i = 0; i < 6; ++i, ++at) {
    try {
      good.push_back(*at);
    } catch (const std::domain_error&) {
      bad.push_back(i);
    }
  }
  EXPECT_EQ(good, (List{0, 1, 2, 4}));
  EXPECT_EQ(bad, (List{3, 5}));
}

TEST_F(ImapTest, GivesWhatWasReadBeforeTheRangeBroke) {
  for (int round = 0; round < 2; ++round) {
    for (const std::int64_t at : {0, 3, 7}) {
      for (const int chunk : {1, 2, 4}) {
        auto results = pool_.imap<std::int64_t>("echo.i64", breaking_at(at), {.chunk_size = chunk});
        List got;
        try {
          while (const auto value = results.next()) got.push_back(*value);
          ADD_FAILURE() << "the range's exception was lost";
        } catch (const SourceBroke&) {
        }
        EXPECT_EQ(got, numbers(at / chunk * chunk)) << at << " in chunks of " << chunk;
        EXPECT_EQ(results.next(), std::nullopt);
      }
    }
  }
}

TEST_F(ImapTest, LooksAtAResultAsOftenAsOneLikes) {
  auto results = pool_.imap<std::int64_t>("echo.i64", numbers(2));
  auto at = results.begin();
  EXPECT_EQ(*at, 0);
  EXPECT_EQ(*at, 0);
  EXPECT_FALSE(at == results.end());
  ++at;
  EXPECT_EQ(*at, 1);
  ++at;
  EXPECT_TRUE(at == results.end());
}

TEST_F(ImapTest, IsARangeThatMoves) {
  static_assert(std::ranges::input_range<Imap<std::int64_t>>);
  auto first = pool_.imap<std::int64_t>("echo.i64", numbers(5));
  EXPECT_EQ(first.next(), std::optional<std::int64_t>(0));
  auto second = std::move(first);
  EXPECT_EQ(second.next(), std::optional<std::int64_t>(1));
  List doubled;
  for (const auto value : std::move(second) | std::views::transform([](std::int64_t i) { return 2 * i; }))
    doubled.push_back(value);
  EXPECT_EQ(doubled, (List{4, 6, 8}));
}

TEST_F(ImapTest, MayBeDroppedHalfWay) {
  for (int i = 0; i < 20; ++i) {
    auto results = pool_.imap<std::int64_t>("echo.i64", std::views::iota(0));
    EXPECT_EQ(results.next(), std::optional<std::int64_t>(0));
  }
  EXPECT_EQ(pool_.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(ImapTest, LosesOnlyTheItemThatCrashed) {
  auto results = pool_.imap<std::int64_t>("misbehave.die_at_13", numbers(30), {.chunk_size = 4});
  List good;
  int lost = 0;
  for (std::int64_t i = 0; i < 30; ++i) {
    try {
      good.push_back(results.next().value());
    } catch (const WorkerLost&) {
      ++lost;
      EXPECT_EQ(i, 13);
    }
  }
  EXPECT_EQ(lost, 1);
  EXPECT_EQ(good.size(), 29u);
}

TEST_F(ImapTest, WhosePoolWasTerminatedGetsPoolClosed) {
  auto pool = engine_.pool({.processes = 1});
  auto results = pool.imap<std::int64_t>("misbehave.sleep_ms", std::vector<int>(100, 600'000));
  EXPECT_THROW((void)results.next(1ms), TimeoutError);
  pool.terminate();
  EXPECT_THROW((void)results.next(), PoolClosed);
}

TEST_F(ImapTest, RefusesCallbacks) {
  EXPECT_THROW((void)pool_.imap<std::int64_t>("echo.i64", numbers(1), {.on_error = [](const Error&) {}}), UsageError);
}

TEST_F(ImapTest, RefusesWrongTypesAtOnce) {
  EXPECT_THROW((void)pool_.imap<std::int64_t>("echo.i64", std::vector<std::string>{"a"}), SignatureMismatch);
  EXPECT_THROW((void)pool_.imap<std::int64_t>("echo.unknown", numbers(1)), TaskNotFound);
}

}  // namespace
}  // namespace bulkhead::test
