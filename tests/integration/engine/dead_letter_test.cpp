// What a pool keeps of the calls that killed their worker.
#include <algorithm>

#include "engine_fixture.hpp"
#include "protocol/dead_letter.hpp"

namespace bulkhead::test {
namespace {

class DeadLettersTest : public EngineTest {
 protected:
  [[nodiscard]] PoolOptions keeping(PoolOptions options = {.processes = 2}) const {
    options.dead_letters = folder_.file("letters");
    return options;
  }
  // Once there are so many; they are written after the verdict.
  [[nodiscard]] std::vector<protocol::DeadLetter> letters(std::size_t count) const {
    std::vector<std::filesystem::path> files;
    EXPECT_TRUE(eventually(kPatience, [&] {
      files.clear();
      std::error_code error;
      for (const auto& entry : std::filesystem::directory_iterator(folder_.file("letters"), error)) {
        if (entry.path().extension() == ".letter") files.push_back(entry.path());
      }
      return files.size() >= count;
    })) << files.size();
    std::sort(files.begin(), files.end());
    std::vector<protocol::DeadLetter> found;
    for (const auto& file : files) found.push_back(protocol::read_dead_letter(file));
    return found;
  }
  const ScratchFolder folder_;
};

TEST_F(DeadLettersTest, AreNotKeptUnlessAskedFor) {
  EXPECT_THROW(pool_.apply<void>("misbehave.segv"), WorkerLost);
  auto pool = engine_.pool(keeping());
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  EXPECT_THROW(pool.apply<void>("misbehave.throw_domain", "no"), TaskError);
  pool.close();
  pool.join();
  EXPECT_FALSE(std::filesystem::exists(folder_.file("letters")));
}

TEST_F(DeadLettersTest, HoldWhatACrashHadAndHowItDied) {
  auto pool = engine_.pool(keeping());
  EXPECT_THROW(pool.apply<void>("misbehave.leave_with", 7), WorkerLost);
  const auto kept = letters(1);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].task, "misbehave.leave_with");
  EXPECT_EQ(kept[0].plugin_path, fixture_plugin("misbehave"));
  EXPECT_EQ(kept[0].plugin_sha256.size(), 64u);
  EXPECT_EQ(kept[0].attempt, 1u);
  EXPECT_THAT(kept[0].why, ::testing::HasSubstr("status 7"));
  EXPECT_EQ(kept[0].arguments, (std::vector<std::byte>{std::byte{7}, {}, {}, {}}));
}

TEST_F(DeadLettersTest, AreOneForEachAttempt) {
  auto pool = engine_.pool(keeping());
  EXPECT_THROW(pool.apply_async<void>("misbehave.segv", {.retries = 2}).get(), WorkerLost);
  const auto kept = letters(3);
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_EQ(kept[0].attempt, 1u);
  EXPECT_EQ(kept[2].attempt, 3u);
  EXPECT_THAT(kept[0].backtrace, ::testing::HasSubstr("segv"));
}

TEST_F(DeadLettersTest, HoldTheOneItemOfAChunkThatDied) {
  auto pool = engine_.pool(keeping({.processes = 1}));
  const auto outcomes = [&] {
    std::size_t failed = 0;
    for (auto& outcome :
         pool.imap<std::int64_t>("misbehave.die_at_13", std::views::iota(0, 30), {.chunk_size = 30}).outcomes()) {
      failed += outcome.has_value() ? 0 : 1;
    }
    return failed;
  }();
  EXPECT_EQ(outcomes, 1u);
  const auto kept = letters(1);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].item, 13u);
  ASSERT_EQ(kept[0].arguments.size(), 8u);
  EXPECT_EQ(kept[0].arguments[0], std::byte{13});
}

TEST_F(DeadLettersTest, HoldWhatWasKilledForItsLimit) {
  auto pool = engine_.pool(keeping());
  EXPECT_THROW((void)pool.apply_async<std::int64_t>("misbehave.sleep_ms", {.timeout = 100ms}, 600'000).get(),
               TaskTimeout);
  const auto kept = letters(1);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].task, "misbehave.sleep_ms");
  EXPECT_THAT(kept[0].why, ::testing::HasSubstr("100ms"));
}

TEST_F(DeadLettersTest, AreOnlySoMany) {
  auto options = keeping();
  options.max_dead_letters = 3;
  auto pool = engine_.pool(options);
  for (int i = 0; i < 6; ++i) EXPECT_THROW(pool.apply<void>("misbehave.leave_with", i), WorkerLost);
  EXPECT_TRUE(eventually(kPatience, [&] {
    const auto kept = letters(3);
    return kept.size() == 3 && kept.back().arguments.front() == std::byte{5};
  }));
}

TEST_F(DeadLettersTest, ThatCannotBeKeptAreLoggedAndHarmNothing) {
  touch(folder_.file("letters"));
  auto pool = engine_.pool(keeping());
  EXPECT_THROW(pool.apply<void>("misbehave.leave_with", 7), WorkerLost);
  EXPECT_TRUE(eventually(kPatience, [&] { return log_.contains("cannot keep the input of task"); }));
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(DeadLettersTest, ComeFromTheManifestToo) {
  const std::string file = folder_.file("bulkhead.toml");
  std::ofstream(file) << "[pool]\ndead_letters = \"letters\"\nmax_dead_letters = 2\n[[plugin]]\npath = \""
                      << fixture_plugin("misbehave").string() << "\"\nconfig = { count_in = \"\" }\n";
  auto engine = Engine::from_manifest(file);
  auto pool = engine.pool({.processes = 1});
  EXPECT_THROW(pool.apply<void>("misbehave.leave_with", 7), WorkerLost);
  const auto kept = letters(1);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].manifest, file);
  EXPECT_THAT(kept[0].plugin_config, ::testing::HasSubstr("count_in"));
}

}  // namespace
}  // namespace bulkhead::test
