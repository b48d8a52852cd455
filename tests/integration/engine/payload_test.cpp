// Arguments and results of every size, there and back.
#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

class PayloadTest : public EngineTest {
 protected:
  using Bytes = std::vector<std::byte>;

  // The same as the plugin's.
  static Bytes pattern(std::uint64_t size, std::uint32_t seed) {
    Bytes bytes(size);
    std::uint32_t state = seed | 1;
    for (auto& byte : bytes) {
      state = state * 1664525u + 1013904223u;
      byte = static_cast<std::byte>(state >> 24);
    }
    return bytes;
  }
  static void expect_there_and_back(Pool& pool, std::uint64_t size, std::uint32_t seed) {
    const Bytes wanted = pattern(size, seed);
    EXPECT_TRUE(pool.apply<Bytes>("echo.bytes", wanted) == wanted) << size << " bytes there and back";
    EXPECT_EQ(pool.apply<std::uint64_t>("echo.size_of", wanted), size) << "there";
    EXPECT_TRUE(pool.apply<Bytes>("echo.pattern", size, seed) == wanted) << size << " bytes back";
  }
};

// Blocks that a process has mapped.
struct Mapped {
  std::size_t count = 0;
  std::uint64_t bytes = 0;
};
Mapped blocks_of(std::int64_t pid) {
  Mapped mapped;
  for (const std::string& line : lines_of("/proc/" + std::to_string(pid) + "/maps")) {
    if (line.find("bulkhead-block") == std::string::npos) continue;
    std::size_t dash = 0;
    const auto from = std::stoull(line, &dash, 16);
    ++mapped.count;
    mapped.bytes += std::stoull(line.substr(dash + 1), nullptr, 16) - from;
  }
  return mapped;
}

TEST_F(PayloadTest, UsesTheSameBlocksAgain) {
  auto pool = engine_.pool({.processes = 1});
  const Bytes bytes = pattern(4u << 20, 3);
  const auto worker = pool.apply<std::int64_t>("echo.pid");
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(pool.apply<Bytes>("echo.bytes", bytes) == bytes);
  EXPECT_EQ(blocks_of(::getpid()).count, 2u) << "one there, one back";
  EXPECT_EQ(blocks_of(worker).count, 2u);
}

TEST_F(PayloadTest, KeepsNoMoreBlocksThanItMay) {
  constexpr std::uint64_t kMost = 2 * (std::uint64_t{64} << 20);  // arguments', and results' of one worker
  auto pool = engine_.pool({.processes = 1});
  const auto worker = pool.apply<std::int64_t>("echo.pid");
  const Bytes bytes = pattern(16u << 20, 3);
  std::vector<AsyncResult<Bytes>> results;
  for (int i = 0; i < 12; ++i) results.push_back(pool.apply_async<Bytes>("echo.bytes", bytes));
  for (const auto& result : results) result.wait();
  EXPECT_GT(blocks_of(::getpid()).bytes, kMost) << "else the rest says nothing";
  results.clear();
  // What the host lets go of, the worker is told of with the next call.
  EXPECT_TRUE(eventually(kPatience, [&] {
    (void)pool.apply<std::int64_t>("echo.add", 2, 3);
    return blocks_of(::getpid()).bytes <= kMost && blocks_of(worker).bytes <= kMost;
  }));
}

TEST_F(PayloadTest, OfEverySizeAroundTheRingsBoundariesIsTheSame) {
  constexpr std::uint32_t kRing = 64u << 10;
  auto pool = engine_.pool({.processes = 1, .ring_bytes = kRing});
  std::uint32_t seed = 1;
  for (const std::uint64_t boundary : {kRing / 8, kRing / 4, kRing / 2, kRing, 2 * kRing}) {
    for (std::uint64_t size = boundary - 260; size <= boundary + 20; size += size % 8 < 2 ? 1 : 7) {
      expect_there_and_back(pool, size, seed++);
    }
  }
}

TEST_F(PayloadTest, OfSmallSizesIsTheSameUpToTheInlineLimitAndBeyond) {
  for (std::uint64_t size = 0; size < 130; ++size) expect_there_and_back(pool_, size, 7);
}

TEST_F(PayloadTest, OfMegabytesIsTheSame) {
  for (const std::uint64_t size : {std::uint64_t{1} << 20, (std::uint64_t{1} << 20) + 1, std::uint64_t{16} << 20}) {
    expect_there_and_back(pool_, size, 3);
  }
}

TEST_F(PayloadTest, OfAQuarterOfAGigabyteIsTheSame) { expect_there_and_back(pool_, std::uint64_t{256} << 20, 5); }

// tools/test --long: takes 11 GiB at its largest.
TEST_F(PayloadTest, OfTwoGigabytesIsTheSameAndOneOfMoreIsRefused) {
  if (std::getenv("BULKHEAD_TEST_LARGEST") == nullptr) GTEST_SKIP() << "only where $BULKHEAD_TEST_LARGEST is set";
  auto pool = engine_.pool({.processes = 1});
  constexpr std::uint64_t kLargest = std::uint64_t{2} << 30;
  {
    const Bytes wanted = pattern(kLargest, 3);
    EXPECT_EQ(pool.apply<std::uint64_t>("echo.size_of", wanted), kLargest) << "there";
    EXPECT_TRUE(pool.apply<Bytes>("echo.pattern", kLargest, 3u) == wanted) << "back";
  }
  const std::uint64_t more = kLargest + (64u << 10);
  EXPECT_THAT(text_thrown<PayloadError>([&] { (void)pool.apply<std::uint64_t>("echo.size_of", Bytes(more)); }),
              ::testing::HasSubstr("travel in one call"));
  EXPECT_THAT(text_thrown<PayloadError>([&] { (void)pool.apply<Bytes>("echo.pattern", more, 3u); }),
              ::testing::HasSubstr("result larger than 2 GiB"));
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5) << "and the pool goes on";
}

TEST_F(PayloadTest, OfRandomSizesDoNotMix) {
  const auto seed = random_seed();
  std::mt19937 random(seed);
  auto pool = engine_.pool({.processes = 2, .ring_bytes = 64u << 10});
  for (int round = 0; round < 15; ++round) {
    std::vector<std::pair<Bytes, AsyncResult<Bytes>>> calls;
    for (int i = 0; i < 20; ++i) {
      const std::uint64_t size = std::uint64_t{1} << random() % 20;
      auto bytes = pattern(size + random() % 100, static_cast<std::uint32_t>(random()));
      auto result = pool.apply_async<Bytes>("echo.bytes", bytes);
      calls.emplace_back(std::move(bytes), std::move(result));
    }
    for (const auto& [sent, result] : calls) ASSERT_TRUE(result.get() == sent) << sent.size();
  }
}

TEST_F(PayloadTest, ThatIsLargeIsNotKeptWhenItsResultIsDropped) {
  // Descriptors and mappings: the leak check of descriptors, and the bound of the maps below.
  const auto mappings = [] { return lines_of("/proc/self/maps").size(); };
  for (int i = 0; i < 5; ++i) (void)pool_.apply<Bytes>("echo.pattern", 2u << 20, 1);
  const auto before = mappings();
  for (int i = 0; i < 200; ++i) (void)pool_.apply<Bytes>("echo.bytes", pattern(1u << 20, 1));
  EXPECT_LE(mappings(), before + 20);
}

TEST_F(PayloadTest, GrowsFromBlockToBlockForEachItemOfAMap) {
  // What lies in nodes is written piece by piece, so that each item asks for several blocks, and the next for smaller ones.
  auto pool = engine_.pool({.processes = 1, .ring_bytes = 64u << 10});
  using Texts = std::map<std::string, std::int64_t>;
  std::vector<Texts> items;
  for (const std::int64_t count : {900, 5, 300, 2000, 60}) {
    Texts& texts = items.emplace_back();
    for (std::int64_t i = 0; i < count; ++i) texts.emplace(std::string(1000, 'x') + std::to_string(i), i);
  }
  EXPECT_TRUE(pool.map<Texts>("echo.map_text_i64", items, {.chunk_size = 5}) == items);
}

TEST_F(PayloadTest, OfManyTextsHasRoomInOneBlock) {
  auto pool = engine_.pool({.processes = 1, .ring_bytes = 64u << 10});
  using Texts = std::vector<std::string>;
  const auto worker = pool.apply<std::int64_t>("echo.pid");
  const Texts texts(3000, std::string(1000, 'x'));
  EXPECT_TRUE(pool.apply<Texts>("echo.list_text", texts) == texts);
  EXPECT_EQ(blocks_of(worker).count, 2u) << "one there, one back";
  const std::vector<Texts> items(4, texts);
  EXPECT_TRUE(pool.map<Texts>("echo.list_text", items, {.chunk_size = 1}) == items);
}

TEST_F(PayloadTest, LargeResultsThatAreKeptStayTheSame) {
  std::vector<AsyncResult<Bytes>> results;
  for (std::uint32_t i = 0; i < 20; ++i) results.push_back(pool_.apply_async<Bytes>("echo.pattern", 2u << 20, i));
  for (const auto& result : results) result.wait();
  EXPECT_THROW(pool_.apply<void>("misbehave.segv"), WorkerLost);
  EXPECT_THROW(pool_.apply<void>("misbehave.segv"), WorkerLost);
  pool_.terminate();
  for (std::uint32_t i = 0; i < 20; ++i) EXPECT_TRUE(results[i].get() == pattern(2u << 20, i));
}

TEST_F(PayloadTest, LargeCallsBeforeAndAfterACrashAreRight) {
  auto pool = engine_.pool({.processes = 1});
  std::vector<AsyncResult<Bytes>> results;
  for (std::uint32_t i = 0; i < 10; ++i) {
    results.push_back(pool.apply_async<Bytes>("echo.bytes", pattern(1u << 20, i)));
    if (i == 4) (void)pool.apply_async<void>("misbehave.segv");
  }
  for (std::uint32_t i = 0; i < 10; ++i) EXPECT_TRUE(results[i].get() == pattern(1u << 20, i)) << i;
}

TEST_F(PayloadTest, LargeCallsCancelledBeforeTheyBeganAreForgotten) {
  auto pool = engine_.pool({.processes = 1});
  const ScratchFolder folder;
  touch(folder.file("gate"));
  const auto running = pool.apply_async<std::int64_t>("misbehave.run_while_exists", folder.file("gate"));
  std::vector<AsyncResult<Bytes>> results;
  for (std::uint32_t i = 0; i < 10; ++i) results.push_back(pool.apply_async<Bytes>("echo.bytes", pattern(1u << 20, i)));
  for (std::uint32_t i = 0; i < 10; i += 2) EXPECT_EQ(results[i].cancel(), CancelOutcome::kNeverRan);
  std::filesystem::remove(folder.file("gate"));
  for (std::uint32_t i = 1; i < 10; i += 2) EXPECT_TRUE(results[i].get() == pattern(1u << 20, i));
  (void)running.get();
}

}  // namespace
}  // namespace bulkhead::test
