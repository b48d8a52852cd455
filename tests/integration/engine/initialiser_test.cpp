// Plugins whose initialiser fails, crashes, leaves or hangs.
#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

class InitialiserTest : public EngineTest {
 protected:
  // What a pool says when its workers never get ready.
  std::string broken_by(const std::string& config, PoolOptions options = {.processes = 2}) {
    auto engine = make_misbehaving_engine(config, {.on_log = log_.sink()});
    auto pool = engine.pool(options);
    const auto queued = pool.apply_async<std::int64_t>("misbehave.pid");
    const auto mapped = pool.map_async<std::int64_t>("misbehave.sleep_ms", std::vector<int>(10, 1));
    if (!queued.wait(kPatience)) {
      ADD_FAILURE() << "the pool is not given up";
      return {};
    }
    const auto text = text_thrown<PoolBroken>([&] { (void)queued.get(); });
    EXPECT_THROW((void)mapped.get(), PoolBroken);
    EXPECT_EQ(text_thrown<PoolBroken>([&] { (void)pool.apply<std::int64_t>("misbehave.pid"); }), text) << "later calls";
    pool.close();
    pool.join();
    return text;
  }
};
using ::testing::HasSubstr;

TEST_F(InitialiserTest, ThatThrowsBreaksThePoolWithItsText) {
  const auto text = broken_by(R"({"on_load": "throw"})");
  EXPECT_THAT(text, HasSubstr("misbehave"));
  EXPECT_THAT(text, HasSubstr("the model file is damaged"));
}

TEST_F(InitialiserTest, ThatCrashesBreaksThePoolWithTheSignal) {
  const auto text = broken_by(R"({"on_load": "abort"})");
  EXPECT_THAT(text, HasSubstr("SIGABRT"));
  EXPECT_THAT(text, HasSubstr("initialiser of plugin \"misbehave\""));
}

TEST_F(InitialiserTest, ThatLeavesBreaksThePoolWithTheStatus) {
  const auto text = broken_by(R"({"on_load": "exit"})");
  EXPECT_THAT(text, HasSubstr("exit"));
  EXPECT_THAT(text, HasSubstr("misbehave"));
}

TEST_F(InitialiserTest, ThatHangsBreaksThePoolAfterItsTime) {
  const auto text = broken_by(R"({"on_load": "hang"})", {.processes = 2, .init_timeout = 200ms});
  EXPECT_THAT(text, HasSubstr("misbehave"));
  EXPECT_THAT(text, HasSubstr("200ms"));
}

TEST_F(InitialiserTest, IsNotTriedWithoutEnd) {
  const ScratchFolder folder;
  (void)broken_by(R"({"on_load": "abort", "count_in": ")" + folder.file("starts") + R"("})", {.processes = 1});
  EXPECT_GE(lines_of(folder.file("starts")).size(), 2u);
  EXPECT_LE(lines_of(folder.file("starts")).size(), 10u);
}

TEST_F(InitialiserTest, ThatLeavesAThreadThatCrashesSoonIsNotRestartedWithoutPause) {
  const ScratchFolder folder;
  auto engine = make_misbehaving_engine(R"({"on_load": "abort_later", "count_in": ")" + folder.file("starts") + R"("})",
                                        {.on_log = log_.sink()});
  {
    auto pool = engine.pool({.processes = 1});
    EXPECT_TRUE(eventually(kPatience, [&] { return lines_of(folder.file("starts")).size() >= 2; }));
    std::this_thread::sleep_for(1s);
  }
  // Ready every time, and never of use: a worker that lives for milliseconds is no reason to start one after the other.
  EXPECT_LE(lines_of(folder.file("starts")).size(), 40u);
}

TEST_F(InitialiserTest, RunsOncePerWorkerBeforeItsFirstTask) {
  const ScratchFolder folder;
  auto engine = make_misbehaving_engine(R"({"count_in": ")" + folder.file("starts") + R"("})");
  auto pool = engine.pool({.processes = 3});
  EXPECT_TRUE(eventually(kPatience, [&] { return lines_of(folder.file("starts")).size() == 3; }));
  const auto pid = std::to_string(pool.apply<std::int64_t>("misbehave.pid"));
  EXPECT_THAT(lines_of(folder.file("starts")), ::testing::Contains(pid));
  EXPECT_EQ(pool.map<std::int64_t>("misbehave.sleep_ms", std::vector<int>(100, 0)).size(), 100u);
  EXPECT_EQ(lines_of(folder.file("starts")).size(), 3u);
}

TEST_F(InitialiserTest, ThatWorksAgainAfterAFailureKeepsThePoolAlive) {
  const ScratchFolder folder;
  touch(folder.file("broken"));
  auto engine = make_misbehaving_engine(R"({"on_load": "throw", "only_if": ")" + folder.file("broken") +
                                            R"(", "count_in": ")" + folder.file("starts") + R"("})",
                                        {.on_log = log_.sink()});
  auto pool = engine.pool({.processes = 1});
  const auto result = pool.apply_async<std::int64_t>("misbehave.pid");
  EXPECT_TRUE(eventually(kPatience, [&] { return lines_of(folder.file("starts")).size() >= 2; }));
  std::filesystem::remove(folder.file("broken"));
  EXPECT_GT(result.get(), 0);
}

TEST_F(InitialiserTest, ThatHangsDoesNotHoldUpTheEndOfThePool) {
  auto engine = make_misbehaving_engine(R"({"on_load": "hang"})");
  {
    auto pool = engine.pool({.processes = 2});
    (void)pool.apply_async<std::int64_t>("misbehave.pid");
  }
  auto pool = engine.pool({.processes = 2});
  const auto result = pool.apply_async<std::int64_t>("misbehave.pid");
  EXPECT_FALSE(result.wait(20ms));
  pool.terminate();
  pool.join();
  EXPECT_THROW((void)result.get(), PoolClosed);
}

TEST_F(InitialiserTest, ThatHangsWithNothingSubmittedDoesNotHoldUpClose) {
  auto engine = make_misbehaving_engine(R"({"on_load": "hang"})");
  auto pool = engine.pool({.processes = 2});
  pool.close();
  pool.join();
}

}  // namespace
}  // namespace bulkhead::test
