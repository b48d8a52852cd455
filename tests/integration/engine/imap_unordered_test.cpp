// imap_unordered: every result once, as they come; lazy and bounded as imap.
#include <algorithm>
#include <ranges>

#include "engine_fixture.hpp"
#include "inputs.hpp"

namespace bulkhead::test {
namespace {

class ImapUnorderedTest : public EngineTest {};

Generator<std::int64_t> numbers_until(std::int64_t broken_at, std::int64_t& read) {
  for (std::int64_t i = 0;; ++i) {
    if (i == broken_at) throw SourceBroke();
    read = i + 1;
    co_yield std::int64_t(i);
  }
}
Generator<std::string> words(int count) {
  for (int i = 0; i < count; ++i) co_yield "word " + std::to_string(i);
}
List sorted(List list) {
  std::ranges::sort(list);
  return list;
}

TEST_F(ImapUnorderedTest, GivesEveryResultOnce) {
  for (const std::int64_t count : {0, 1, 10, 1000}) {
    for (const int chunk : {1, 3, 100}) {
      List got;
      for (const std::int64_t value :
           pool_.imap_unordered<std::int64_t>("echo.i64", numbers(count), {.chunk_size = chunk})) {
        got.push_back(value);
      }
      EXPECT_EQ(sorted(got), numbers(count)) << "in chunks of " << chunk;
    }
  }
}

TEST_F(ImapUnorderedTest, DoesNotWaitForASlowItemBeforeOthers) {
  const ScratchFolder folder;
  const std::string gate = folder.file("gate");
  touch(gate);
  std::vector<std::string> paths(20, "/nowhere");
  paths.front() = gate;
  auto results = pool_.imap_unordered<std::int64_t>("misbehave.run_while_exists", paths);
  for (int i = 1; i < 20; ++i) ASSERT_TRUE(results.next().has_value());
  EXPECT_THROW((void)results.next(1ms), TimeoutError);
  EXPECT_THROW((void)results.next(0ms), TimeoutError);
  std::filesystem::remove(gate);
  EXPECT_TRUE(results.next(kPatience).has_value());
  EXPECT_EQ(results.next(), std::nullopt);
  EXPECT_EQ(results.next(1s), std::nullopt);
}

TEST_F(ImapUnorderedTest, ThrowsAnItemsErrorAndGoesOn) {
  for (const int chunk : {1, 2, 3, 10}) {
    auto results = pool_.imap_unordered<std::int64_t>("misbehave.fail_at_3_and_5", numbers(8), {.chunk_size = chunk});
    List good;
    int bad = 0;
    for (int i = 0; i < 8; ++i) {
      try {
        good.push_back(results.next().value());
      } catch (const std::domain_error&) {
        ++bad;
      }
    }
    EXPECT_EQ(sorted(good), (List{0, 1, 2, 4, 6, 7})) << chunk;
    EXPECT_EQ(bad, 2) << chunk;
    EXPECT_EQ(results.next(), std::nullopt) << chunk;
  }
}

TEST_F(ImapUnorderedTest, GivesWhatWasReadBeforeTheRangeBroke) {
  for (int round = 0; round < 2; ++round) {
    for (const std::int64_t at : {0, 3, 7}) {
      for (const int chunk : {1, 2, 4}) {
        std::int64_t read = 0;
        auto results = pool_.imap_unordered<std::int64_t>("echo.i64", numbers_until(at, read), {.chunk_size = chunk});
        List got;
        try {
          while (const auto value = results.next()) got.push_back(*value);
          ADD_FAILURE() << "the range's exception was lost";
        } catch (const SourceBroke&) {
        }
        EXPECT_EQ(sorted(got), numbers(at / chunk * chunk)) << at << " in chunks of " << chunk;
        EXPECT_EQ(results.next(), std::nullopt);
      }
    }
  }
}

TEST_F(ImapUnorderedTest, ReadsABoundedWindowAheadOfAnEndlessRange) {
  std::int64_t read = 0;
  auto results = pool_.imap_unordered<std::int64_t>("echo.i64", numbers_until(-1, read));
  EXPECT_EQ(read, 0);
  for (std::int64_t i = 0; i < 500; ++i) {
    ASSERT_TRUE(results.next().has_value());
    ASSERT_LE(read, i + 64);
  }
}

TEST_F(ImapUnorderedTest, TakesASinglePassRangeOfTemporaries) {
  std::vector<std::string> got;
  for (auto& word : pool_.imap_unordered<std::string>("echo.text", words(30))) got.push_back(std::move(word));
  EXPECT_EQ(got.size(), 30u);
  EXPECT_THAT(got, ::testing::Contains("word 29"));
}

TEST_F(ImapUnorderedTest, KeepsTheFinishedItemsOfAChunkThatWasLost) {
  auto results = pool_.imap_unordered<std::int64_t>("misbehave.die_at_13", numbers(30), {.chunk_size = 4});
  List good;
  int lost = 0;
  for (int i = 0; i < 30; ++i) {
    try {
      good.push_back(results.next().value());
    } catch (const WorkerLost&) {
      ++lost;
    }
  }
  EXPECT_EQ(lost, 1);
  EXPECT_EQ(good.size(), 29u);
}

TEST_F(ImapUnorderedTest, DroppedHalfWayLeavesWhatHasNotBegunUndone) {
  const ScratchFolder folder;
  const std::string gate = folder.file("gate");
  const std::string began = folder.file("began");
  touch(gate);
  auto pool = engine_.pool({.processes = 1});
  {
    auto results = pool.imap_unordered<std::int64_t>("misbehave.run_while_exists", std::vector<std::string>(50, gate));
    EXPECT_THROW((void)results.next(1ms), TimeoutError);
  }
  std::filesystem::remove(gate);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(ImapUnorderedTest, OfAPoolThatWasTerminatedGivesPoolClosed) {
  auto pool = engine_.pool({.processes = 1});
  auto results = pool.imap_unordered<std::int64_t>("misbehave.sleep_ms", std::vector<int>(100, 600'000));
  EXPECT_THROW((void)results.next(1ms), TimeoutError);
  pool.terminate();
  EXPECT_THROW((void)results.next(), PoolClosed);
}

TEST_F(ImapUnorderedTest, OutlivesPoolAndEngine) {
  std::optional<Imap<std::int64_t>> results;
  {
    auto engine = make_engine();
    auto pool = engine.pool({.processes = 1});
    results.emplace(pool.imap_unordered<std::int64_t>("misbehave.sleep_ms", std::vector<int>(5, 600'000)));
    EXPECT_THROW((void)results->next(1ms), TimeoutError);
  }
  int closed = 0;
  for (int i = 0; i < 5; ++i) {
    try {
      (void)results->next();
    } catch (const PoolClosed&) {
      ++closed;
    }
  }
  EXPECT_GE(closed, 3) << "those that were read ahead, and the one error of reading on";
}

TEST_F(ImapUnorderedTest, RefusesCallbacks) {
  EXPECT_THROW((void)pool_.imap_unordered<std::int64_t>("echo.i64", numbers(1), {.on_result = [](const auto&) {}}),
               UsageError);
}

}  // namespace
}  // namespace bulkhead::test
