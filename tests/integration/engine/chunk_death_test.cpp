// A worker that dies inside a chunk: finished items are kept, the running one is lost, the rest runs elsewhere.
#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

class ChunkDeathTest : public EngineTest {
 protected:
  // The items of `task` over 0 … count-1 in chunks; lost ones are negative.
  std::vector<std::int64_t> outcomes(Pool& pool, std::string_view task, int count, int chunk) {
    auto results = pool.imap<std::int64_t>(task, std::views::iota(0, count), {.chunk_size = chunk});
    std::vector<std::int64_t> found;
    for (int i = 0; i < count; ++i) {
      try {
        found.push_back(results.next().value());
      } catch (const WorkerLost& lost) {
        EXPECT_EQ(lost.signal(), SIGABRT);
        found.push_back(-1);
      }
    }
    return found;
  }
};

TEST_F(ChunkDeathTest, CostsTheItemThatRan) {
  std::vector<std::int64_t> wanted(40);
  for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i] = i == 13 ? -1 : static_cast<std::int64_t>(i);
  for (const int processes : {1, 2}) {
    auto pool = engine_.pool({.processes = processes});
    for (const int chunk : {1, 2, 13, 14, 15, 40}) {
      EXPECT_EQ(outcomes(pool, "misbehave.die_at_13", 40, chunk), wanted) << "in chunks of " << chunk;
    }
  }
}

TEST_F(ChunkDeathTest, CostsTheFirstAndTheLastItemOfAChunkToo) {
  auto pool = engine_.pool({.processes = 1});
  EXPECT_EQ(outcomes(pool, "misbehave.die_at_13", 14, 14).back(), -1);
  EXPECT_EQ(outcomes(pool, "misbehave.die_at_13", 26, 13)[13], -1);
}

TEST_F(ChunkDeathTest, RunsNoItemTwice) {
  const ScratchFolder folder;
  auto pool = engine_.pool({.processes = 2});
  std::vector<std::pair<std::int64_t, std::int64_t>> items;
  for (int round = 0; round < 10; ++round) {
    const auto file = folder.file(std::to_string(round));
    std::vector<std::pair<std::string, std::string>> lines;
    for (int i = 0; i < 40; ++i) lines.emplace_back(i == 20 ? "/nowhere/at/all" : file, std::to_string(i));
    std::vector<AsyncResult<void>> killers;
    const auto mapped = pool.starmap_async<std::int64_t>("misbehave.append", lines, {.chunk_size = 8});
    for (int i = 0; i < 3; ++i) killers.push_back(pool.apply_async<void>("misbehave.abort"));
    mapped.wait();
    for (const auto& killer : killers) EXPECT_THROW(killer.get(), WorkerLost);
    auto found = lines_of(file);
    EXPECT_EQ(found.size(), 39u);
    std::ranges::sort(found);
    EXPECT_EQ(std::ranges::adjacent_find(found), found.end());
  }
}

TEST_F(ChunkDeathTest, WhereEveryItemIsDeadlyCostsEveryItem) {
  auto pool = engine_.pool({.processes = 2});
  const std::vector<std::pair<int, int>> items(10, {1, 1});
  auto mapped = pool.starmap_async<std::int64_t>("misbehave.die_if", items, {.chunk_size = 5});
  EXPECT_THROW((void)mapped.get(), WorkerLost);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(ChunkDeathTest, KeepsItemsThatAreTooLargeForARing) {
  // Arguments in a block: the rest of a chunk is sent again from where the dead worker stopped.
  auto pool = engine_.pool({.processes = 1, .ring_bytes = 64u << 10});
  std::vector<std::pair<std::string, std::string>> items;
  const ScratchFolder folder;
  for (int i = 0; i < 6; ++i) items.emplace_back(folder.file("lines"), std::to_string(i) + std::string(20'000, 'x'));
  const auto mapped = pool.starmap_async<std::int64_t>("misbehave.append", items, {.chunk_size = 6});
  EXPECT_EQ(mapped.get().size(), 6u);
  EXPECT_EQ(lines_of(folder.file("lines")).size(), 6u);
}

TEST_F(ChunkDeathTest, CostsTheItemThatRanAlsoInLargeChunks) {
  auto pool = engine_.pool({.processes = 1, .ring_bytes = 64u << 10});
  // 80 KB of arguments: more than a quarter of the ring. Item 13 of each thirteen hundred dies.
  std::vector<std::pair<std::int64_t, std::int64_t>> items;
  for (std::int64_t i = 0; i < 5000; ++i) items.emplace_back(i, 1300);
  auto results = pool.starmap_async<std::int64_t>("misbehave.die_if", items, {.chunk_size = 5000});
  EXPECT_THROW((void)results.get(), WorkerLost);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
}

}  // namespace
}  // namespace bulkhead::test
