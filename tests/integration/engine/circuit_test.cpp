// Plugins that keep workers from getting ready: their circuit opens, the others go on, revive() tries again.
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <optional>
#include <thread>

#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class CircuitTest : public EngineTest {
 protected:
  // echo, and misbehave, whose initialiser fails as long as the folder has a file "broken".
  Engine half_broken_engine(const std::string& how = "throw") { return half_broken_engine(how, log_.sink()); }
  Engine half_broken_engine(const std::string& how, std::function<void(int, std::string_view)> on_log) {
    Manifest manifest;
    ManifestPlugin misbehave;
    misbehave.path.value = fixture_plugin("misbehave");
    misbehave.config.value = R"({"on_load": ")" + how + R"(", "only_if": ")" + folder_.file("broken") +
                             R"(", "count_in": ")" + folder_.file("starts") + R"("})";
    ManifestPlugin echo;
    echo.path.value = fixture_plugin("echo");
    manifest.plugins = {misbehave, echo};
    return Engine::from_manifest(std::move(manifest), {.on_log = std::move(on_log)});
  }
  static std::string unusable(Pool& pool) {
    return text_thrown<PluginError>([&] { (void)pool.apply<std::int64_t>("misbehave.pid"); });
  }

  // Of a thread of this process.
  static bool is_asleep(pid_t thread) {
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string line;
    std::getline(file, line);
    const auto name_end = line.rfind(')');
    return name_end != std::string::npos && line.substr(name_end, 3) == ") S";
  }

  const ScratchFolder folder_;
};

TEST_F(CircuitTest, GivesAPluginsTasksTheFirstCauseWhileOthersGoOn) {
  touch(folder_.file("broken"));
  auto engine = half_broken_engine();
  auto pool = engine.pool({.processes = 2});
  auto innocent = pool.map_async<std::int64_t>("echo.i64", std::views::iota(0, 30));
  const auto waiting = pool.apply_async<std::int64_t>("misbehave.pid");
  const auto mapped = pool.map_async<std::int64_t>("misbehave.sleep_ms", std::vector<int>(10, 1));

  const auto text = text_thrown<PluginError>([&] { (void)waiting.get(); });
  EXPECT_THAT(text, AllOf(HasSubstr("plugin \"misbehave\" is not used any more"),
                          HasSubstr("the model file is damaged"), HasSubstr("revive()")));
  EXPECT_THROW((void)mapped.get(), PluginError);
  EXPECT_EQ(innocent.get().size(), 30u);
  EXPECT_EQ(unusable(pool), text) << "later calls, at once";
  EXPECT_THROW((void)pool.map<std::int64_t>("misbehave.sleep_ms", std::vector<int>(3, 1)), PluginError);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  try {
    (void)pool.apply<std::int64_t>("misbehave.pid");
  } catch (const PluginError& error) {
    EXPECT_EQ(error.reason(), PluginError::Reason::kCircuitOpen);
    EXPECT_EQ(error.path(), fixture_plugin("misbehave"));
  }
  EXPECT_LE(lines_of(folder_.file("starts")).size(), 7u) << "two workers at a time";
}

TEST_F(CircuitTest, OpensForCrashesAndHangsToo) {
  touch(folder_.file("broken"));
  for (const std::string how : {"abort", "exit", "hang", "abort_later"}) {
    auto engine = half_broken_engine(how);
    auto pool = engine.pool({.processes = 1, .init_timeout = how == "hang" ? 500ms : 8s});
    EXPECT_TRUE(eventually(kPatience, [&] {
      try {
        (void)pool.apply<std::int64_t>("misbehave.pid");
        return false;
      } catch (const WorkerLost&) {  // abort_later: the thread's crash met the task
        return false;
      } catch (const PluginError&) {
        return true;
      }
    })) << how;
    EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5) << how;
  }
}

TEST_F(CircuitTest, IsClosedByReviveAndThePluginWorksAgain) {
  touch(folder_.file("broken"));
  auto engine = half_broken_engine();
  auto pool = engine.pool({.processes = 2});
  const auto waiting = pool.apply_async<std::int64_t>("misbehave.pid");
  EXPECT_THROW((void)waiting.get(), PluginError);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5) << "by a worker without it";

  std::filesystem::remove(folder_.file("broken"));
  pool.revive();
  for (int i = 0; i < 100; ++i) {
    EXPECT_GT(pool.apply<std::int64_t>("misbehave.pid"), 0);
    EXPECT_EQ(pool.apply<std::int64_t>("echo.add", i, 1), i + 1);
  }
  EXPECT_THROW((void)waiting.get(), PluginError) << "what got its error keeps it";
}

TEST_F(CircuitTest, OpensAgainWhenNothingWasMended) {
  touch(folder_.file("broken"));
  auto engine = half_broken_engine();
  auto pool = engine.pool({.processes = 2});
  for (int i = 0; i < 3; ++i) {
    const auto waiting = pool.apply_async<std::int64_t>("misbehave.pid");
    EXPECT_THROW((void)waiting.get(), PluginError);
    EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
    pool.revive();
  }
}

TEST_F(CircuitTest, LeavesWhatARetriedTaskWaitsForTheFirstCause) {
  auto engine = half_broken_engine();
  auto pool = engine.pool({.processes = 1});
  EXPECT_GT(pool.apply<std::int64_t>("misbehave.pid"), 0);
  touch(folder_.file("broken"));
  // Its worker dies with it, and no other gets ready.
  const auto lost = pool.apply_async<void>("misbehave.segv", {.retries = 3});
  EXPECT_THAT(text_thrown<PluginError>([&] { (void)lost.get(); }), HasSubstr("the model file is damaged"));
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(CircuitTest, OfTheOnlyPluginBreaksThePoolUntilItIsRevived) {
  touch(folder_.file("broken"));
  auto engine = make_misbehaving_engine(R"({"on_load": "throw", "only_if": ")" + folder_.file("broken") + R"("})",
                                        {.on_log = log_.sink()});
  auto pool = engine.pool({.processes = 2});
  EXPECT_THROW((void)pool.apply<std::int64_t>("misbehave.pid"), PoolBroken);
  EXPECT_THROW((void)pool.apply<std::int64_t>("misbehave.pid"), PoolBroken);
  std::filesystem::remove(folder_.file("broken"));
  pool.revive();
  EXPECT_GT(pool.apply<std::int64_t>("misbehave.pid"), 0);
  EXPECT_EQ(pool.map<std::int64_t>("misbehave.sleep_ms", std::vector<int>(50, 1)).size(), 50u);
  pool.revive();  // nothing to do
  EXPECT_GT(pool.apply<std::int64_t>("misbehave.pid"), 0);
}

// The pump thread is held while the pool breaks. Then it comes to an array that is gone, sees that nothing will come any
// more and means to end the workers, revives the pool, and comes to the end of the workers.
TEST_F(CircuitTest, RevivesAPoolThatWasStillEnding) {
  std::atomic<bool> is_broken = false;
  std::atomic<pid_t> reviver = 0;
  auto engine = half_broken_engine("throw", [&](int, std::string_view text) {
    if (text.find("a pool is broken") == std::string_view::npos) return;
    is_broken = true;
    EXPECT_TRUE(eventually(kPatience, [&] { return reviver != 0 && is_asleep(reviver); }));
  });
  auto pool = engine.pool({.processes = 1, .initializer = "misbehave.pid"});
  std::optional<SharedArray<std::int64_t>> numbers(std::in_place, 10);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.last_shared", *numbers), 0);
  touch(folder_.file("broken"));
  EXPECT_THROW(pool.apply<void>("misbehave.segv"), WorkerLost);
  ASSERT_TRUE(eventually(kPatience, [&] { return is_broken.load(); }));
  std::filesystem::remove(folder_.file("broken"));
  numbers.reset();
  std::thread([&] {
    reviver = ::gettid();
    pool.revive();
  }).join();
  EXPECT_EQ(pool.apply_async<std::int64_t>("echo.add", 2, 3).get(kPatience), 5);
}

TEST_F(CircuitTest, StaysClosedWhereAWorkerIsLeft) {
  auto engine = make_misbehaving_engine(R"({"on_load": "throw", "only_if": ")" + folder_.file("broken") +
                                            R"(", "count_in": ")" + folder_.file("starts") + R"("})",
                                        {.on_log = log_.sink()});
  auto pool = engine.pool({.processes = 2});
  const auto ready = [&] {
    const auto workers = pool.stats().workers;
    return std::ranges::count_if(workers, [](const auto& worker) { return worker.is_ready; });
  };
  ASSERT_TRUE(eventually(kPatience, [&] { return ready() == 2; }));
  touch(folder_.file("broken"));
  EXPECT_THROW(pool.apply<void>("misbehave.segv"), WorkerLost);
  // Two good starts, five that failed, and one more after a pause.
  ASSERT_TRUE(eventually(kPatience, [&] { return lines_of(folder_.file("starts")).size() >= 8; }));
  EXPECT_GT(pool.apply<std::int64_t>("misbehave.pid"), 0) << "with the one that is left";
  std::filesystem::remove(folder_.file("broken"));
  EXPECT_TRUE(eventually(kPatience, [&] { return ready() == 2; })) << "once a start succeeds";
}

TEST_F(CircuitTest, OfTheInitializersPluginBreaksThePool) {
  touch(folder_.file("broken"));
  auto engine = half_broken_engine();
  auto pool = engine.pool({.processes = 1, .initializer = "misbehave.pid"});
  EXPECT_THAT(text_thrown<PoolBroken>([&] { (void)pool.apply<std::int64_t>("echo.add", 2, 3); }),
              AllOf(HasSubstr("the initializer \"misbehave.pid\" cannot run"), HasSubstr("the model file is damaged")));
  std::filesystem::remove(folder_.file("broken"));
  pool.revive();
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(CircuitTest, CannotReviveAPoolThatWasEnded) {
  auto pool = engine_.pool({.processes = 1});
  pool.close();
  EXPECT_THROW(pool.revive(), PoolClosed);
  pool.join();
  auto other = engine_.pool({.processes = 1});
  other.terminate();
  EXPECT_THROW(other.revive(), PoolClosed);
}

}  // namespace
}  // namespace bulkhead::test
