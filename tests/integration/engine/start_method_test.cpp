// How workers come to be: threads of this program, and copies of it.
#include <fcntl.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <tuple>

#include "engine_fixture.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::test {
namespace {

using ::testing::HasSubstr;

class ThreadPoolTest : public EngineTest {
 protected:
  [[nodiscard]] Pool thread_pool(int workers = 2) {
    return engine_.pool({.processes = workers, .start_method = StartMethod::kThread});
  }

  const ScratchFolder folder_;
};

TEST_F(ThreadPoolTest, RunsTasksInThisProcess) {
  auto pool = thread_pool();
  EXPECT_EQ(pool.apply<std::int64_t>("echo.pid"), ::getpid());
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  EXPECT_NE(pool_.apply<std::int64_t>("echo.pid"), ::getpid());
}

TEST_F(ThreadPoolTest, MapsInOrder) {
  auto pool = thread_pool(3);
  const auto results = pool.map<std::int64_t>("echo.i64", std::views::iota(0, 10'000), {.chunk_size = 7});
  ASSERT_EQ(results.size(), 10'000u);
  for (std::size_t i = 0; i < results.size(); ++i) ASSERT_EQ(results[i], static_cast<std::int64_t>(i));
}

TEST_F(ThreadPoolTest, ThrowsWhatATaskThrew) {
  auto pool = thread_pool();
  EXPECT_THAT(text_thrown<TaskError>([&] { (void)pool.apply<std::int64_t>("echo.positive", -1); }),
              HasSubstr("is negative: -1"));
  EXPECT_THROW((void)pool.apply<std::int64_t>("echo.positive", -1), std::domain_error);
  EXPECT_THROW(pool.map<std::int64_t>("misbehave.fail_at_3_and_5", std::views::iota(0, 10)), TaskError);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(ThreadPoolTest, CarriesPayloadsLargerThanARing) {
  auto pool = thread_pool();
  const std::vector<std::byte> large(20u << 20, std::byte{42});
  EXPECT_EQ(pool.apply<std::uint64_t>("echo.size_of", large), large.size());
  EXPECT_EQ(pool.apply<std::vector<std::byte>>("echo.bytes", large), large);
  EXPECT_EQ(pool.apply<std::vector<std::byte>>("echo.zeros", 30u << 20).size(), 30u << 20);
}

TEST_F(ThreadPoolTest, LoadsItsPluginsOnceInEveryWorker) {
  auto engine = make_misbehaving_engine(R"({"count_in": ")" + folder_.file("starts") + R"("})");
  auto pool = engine.pool({.processes = 3, .start_method = StartMethod::kThread});
  EXPECT_TRUE(eventually(kPatience, [&] { return lines_of(folder_.file("starts")).size() == 3; }));
  EXPECT_EQ(pool.apply<std::int64_t>("misbehave.sleep_ms", 0), 0);
  EXPECT_EQ(lines_of(folder_.file("starts")), std::vector<std::string>(3, std::to_string(::getpid())));
}

TEST_F(ThreadPoolTest, RunsItsInitializerOnceInEveryWorker) {
  auto pool = engine_.pool({.processes = 3,
                            .initializer = "misbehave.append",
                            .initargs = bulkhead::args(folder_.file("starts"), "x"),
                            .start_method = StartMethod::kThread});
  EXPECT_TRUE(eventually(kPatience, [&] { return lines_of(folder_.file("starts")).size() == 3; }));
  EXPECT_EQ(pool.map<std::int64_t>("echo.i64", std::views::iota(0, 300), {.chunk_size = 1}).size(), 300u);
  EXPECT_EQ(lines_of(folder_.file("starts")).size(), 3u);
}

TEST_F(ThreadPoolTest, KeepsAStateForEveryWorker) {
  auto one = thread_pool(1);
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(one.apply<std::int64_t>("echo.count", 1), i);
  auto other = thread_pool(1);
  EXPECT_EQ(other.apply<std::int64_t>("echo.count", 1), 1);
}

TEST_F(ThreadPoolTest, GivesEveryEngineItsOwnConfiguration) {
  const auto label_of = [](const std::string& config) {
    Manifest manifest;
    auto& plugin = manifest.plugins.emplace_back();
    plugin.path.value = fixture_plugin("echo");
    plugin.config.value = config;
    auto engine = Engine::from_manifest(std::move(manifest));
    auto pool = engine.pool({.processes = 2, .start_method = StartMethod::kThread});
    return pool.apply<std::string>("echo.label");
  };
  EXPECT_EQ(label_of(R"({"label": "first"})"), "first");
  EXPECT_EQ(label_of(R"({"label": "second"})"), "second");
}

TEST_F(ThreadPoolTest, CloseLetsEverythingRunToItsEnd) {
  auto pool = thread_pool();
  std::vector<AsyncResult<std::int64_t>> results;
  for (int i = 0; i < 200; ++i) results.push_back(pool.apply_async<std::int64_t>("echo.after", 1, i));
  pool.close();
  pool.join();
  for (int i = 0; i < 200; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i);
  EXPECT_EQ(log_.text(), "");
}

TEST_F(ThreadPoolTest, TerminateWaitsForTheRunningTaskAndDropsTheOthers) {
  auto pool = thread_pool();
  touch(folder_.file("running"));
  std::vector<AsyncResult<std::int64_t>> results;
  for (int i = 0; i < 20; ++i) {
    results.push_back(
        pool.apply_async<std::int64_t>("misbehave.run_while_exists", folder_.file("running"), folder_.file("began")));
  }
  EXPECT_TRUE(eventually(kPatience, [&] { return lines_of(folder_.file("began")).size() == 2; }));
  pool.terminate();
  for (const auto& result : results) EXPECT_THROW((void)result.get(), PoolClosed);
  EXPECT_TRUE(eventually(kPatience, [&] { return log_.contains("cannot be killed"); }));
  std::filesystem::remove(folder_.file("running"));
  pool.join();
  EXPECT_EQ(lines_of(folder_.file("began")).size(), 2u);
}

TEST_F(ThreadPoolTest, WithoutWorkTerminatesAtOnceAndQuietly) {
  for (int i = 0; i < 10; ++i) {
    auto pool = thread_pool();
    for (int j = 0; j < 100; ++j) (void)pool.apply_async<std::int64_t>("echo.add", j, 1);
    pool.terminate();
    pool.join();
  }
  for (int i = 0; i < 10; ++i) (void)thread_pool();
  EXPECT_FALSE(log_.contains("left to itself"));
}

TEST_F(ThreadPoolTest, DroppedWhileATaskRunsLeavesItToItself) {
  touch(folder_.file("running"));
  AsyncResult<std::int64_t> result;
  {
    auto engine = make_engine({.on_log = log_.sink()});
    auto pool = engine.pool({.processes = 1, .start_method = StartMethod::kThread});
    result =
        pool.apply_async<std::int64_t>("misbehave.run_while_exists", folder_.file("running"), folder_.file("began"));
    EXPECT_TRUE(eventually(kPatience, [&] { return lines_of(folder_.file("began")).size() == 1; }));
  }
  EXPECT_THROW((void)result.get(), PoolClosed);
  EXPECT_TRUE(log_.contains("left to itself"));
  std::filesystem::remove(folder_.file("running"));  // the thread ends: the leak check sees that
}

TEST_F(ThreadPoolTest, LeftToItselfBeginsNoOtherItemOfItsChunk) {
  touch(folder_.file("running"));
  {
    auto engine = make_engine({.on_log = log_.sink()});
    auto pool = engine.pool({.processes = 1, .start_method = StartMethod::kThread, .ring_bytes = 64u << 10});
    const std::vector<std::tuple<std::string, std::string>> items(5000,
                                                                  {folder_.file("running"), folder_.file("began")});
    (void)pool.starmap_async<std::int64_t>("misbehave.run_while_exists", items, {.chunk_size = 5000});
    EXPECT_TRUE(eventually(kPatience, [&] { return lines_of(folder_.file("began")).size() == 1; }));
  }
  EXPECT_TRUE(log_.contains("left to itself"));
  const auto threads = thread_count();
  std::filesystem::remove(folder_.file("running"));
  EXPECT_TRUE(eventually(kPatience, [&] { return thread_count() < threads; }));
  EXPECT_EQ(lines_of(folder_.file("began")).size(), 1u);
}

TEST_F(ThreadPoolTest, OutlivesItsEngine) {
  std::optional<Pool> pool;
  {
    auto engine = make_engine();
    pool.emplace(engine.pool({.processes = 2, .start_method = StartMethod::kThread}));
  }
  EXPECT_EQ(pool->apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(ThreadPoolTest, ReplacesAThreadThatATaskEnded) {
  auto pool = thread_pool(1);
  EXPECT_THAT(text_thrown<WorkerLost>([&] { pool.apply<void>("misbehave.end_thread"); }), HasSubstr("pthread_exit"));
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(ThreadPoolTest, EndsTheChildOfATaskThatForkedAndReturned) {
  auto pool = thread_pool(1);
  EXPECT_EQ(pool.apply<std::int64_t>("misbehave.fork_and_return"), 1);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  // The task's own child, which nobody else may wait for.
  int status = 0;
  EXPECT_GT(::wait(&status), 0);
}

TEST_F(ThreadPoolTest, WhoseInitialiserFailsIsBrokenWithItsText) {
  auto engine = make_misbehaving_engine(R"({"on_load": "throw"})", {.on_log = log_.sink()});
  auto pool = engine.pool({.processes = 2, .start_method = StartMethod::kThread});
  const auto text = text_thrown<PoolBroken>([&] { (void)pool.apply<std::int64_t>("misbehave.pid"); });
  EXPECT_THAT(text, HasSubstr("the initialiser of plugin \"misbehave\" failed: the model file is damaged"));
}

TEST_F(ThreadPoolTest, WhoseInitializerHangsIsBrokenAfterItsTime) {
  touch(folder_.file("running"));
  auto pool = engine_.pool({.processes = 1,
                            .initializer = "misbehave.run_while_exists",
                            .initargs = bulkhead::args(folder_.file("running"), folder_.file("began")),
                            .start_method = StartMethod::kThread,
                            .init_timeout = 50ms});
  const auto text = text_thrown<PoolBroken>([&] { (void)pool.apply<std::int64_t>("echo.add", 2, 3); });
  EXPECT_THAT(text, HasSubstr("50ms"));
  EXPECT_THAT(text, HasSubstr("in the initializer \"misbehave.run_while_exists\""));
  std::filesystem::remove(folder_.file("running"));
}

TEST_F(ThreadPoolTest, WhoseInitializerHangsCanBeTerminated) {
  touch(folder_.file("running"));
  auto pool = engine_.pool({.processes = 2,
                            .initializer = "misbehave.run_while_exists",
                            .initargs = bulkhead::args(folder_.file("running"), folder_.file("began")),
                            .start_method = StartMethod::kThread});
  EXPECT_TRUE(eventually(kPatience, [&] { return lines_of(folder_.file("began")).size() == 2; }));
  pool.terminate();
  pool.join();
  EXPECT_TRUE(log_.contains("left to itself"));
  std::filesystem::remove(folder_.file("running"));
}

TEST_F(ThreadPoolTest, IsTheDefaultOfAnEngineThatSaysSo) {
  auto engine = make_engine({.start_method = StartMethod::kThread});
  EXPECT_EQ(engine.pool({.processes = 1}).apply<std::int64_t>("echo.pid"), ::getpid());
  EXPECT_NE(engine.pool({.processes = 1, .start_method = StartMethod::kSpawn}).apply<std::int64_t>("echo.pid"),
            ::getpid());
}

TEST_F(ThreadPoolTest, OfTheManifestWinsOverTheEnginesDefault) {
  Manifest manifest;
  manifest.plugins.emplace_back().path.value = fixture_plugin("echo");
  manifest.start_method.value = "thread";
  auto engine = Engine::from_manifest(std::move(manifest), {.start_method = StartMethod::kSpawn});
  EXPECT_EQ(engine.pool({.processes = 1}).apply<std::int64_t>("echo.pid"), ::getpid());
}

// A copy needs a host with one thread, so there is no engine before the test's own.
class ForkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (kSanitizerThreads != 0) GTEST_SKIP() << "ThreadSanitizer's own thread would be lost in a copy";
  }
  [[nodiscard]] Engine make_engine(EngineOptions options = {}) {
    options.start_method = StartMethod::kFork;
    options.on_log = log_.sink();
    return Engine::from_plugins({fixture_plugin("echo"), fixture_plugin("misbehave")}, std::move(options));
  }
  // A worker sees the file that this process has open: it is a copy.
  [[nodiscard]] bool is_copy(Pool& pool) {
    const auto open = pool.apply<std::vector<std::string>>("misbehave.descriptors");
    return std::find(open.begin(), open.end(), folder_.file("mark")) != open.end();
  }

  const ScratchFolder folder_;
  const support::UniqueFd mark_{::open(folder_.file("mark").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  LogLines log_;
};

TEST_F(ForkTest, CopiesThisProcess) {
  auto engine = make_engine();
  auto pool = engine.pool({.processes = 2});
  EXPECT_TRUE(is_copy(pool));
  EXPECT_NE(pool.apply<std::int64_t>("echo.pid"), ::getpid());
  EXPECT_EQ(pool.map<std::int64_t>("echo.i64", std::views::iota(0, 1000)).size(), 1000u);
  EXPECT_FALSE(has_child());
}

TEST_F(ForkTest, LeavesTheOtherStartMethodsAsTheyAre) {
  auto engine = make_engine();
  for (const auto method : {StartMethod::kForkserver, StartMethod::kSpawn}) {
    auto pool = engine.pool({.processes = 1, .start_method = method});
    EXPECT_FALSE(is_copy(pool));
    EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  }
  auto threads = engine.pool({.processes = 1, .start_method = StartMethod::kThread});
  EXPECT_EQ(threads.apply<std::int64_t>("echo.pid"), ::getpid());
}

TEST_F(ForkTest, ReplacesAKilledWorkerWithACopy) {
  auto engine = make_engine();
  auto pool = engine.pool({.processes = 1});
  EXPECT_TRUE(is_copy(pool));
  EXPECT_THROW(pool.apply<void>("misbehave.kill_self", SIGKILL), WorkerLost);
  EXPECT_TRUE(is_copy(pool));
}

TEST_F(ForkTest, GoesOnWithoutCopiesWhenTheWardenIsKilled) {
  auto engine = make_engine();
  auto pool = engine.pool({.processes = 1});
  EXPECT_TRUE(is_copy(pool));
  ASSERT_GT(find_warden(), 0);
  ::kill(find_warden(), SIGKILL);
  EXPECT_TRUE(eventually(kPatience, [&] { return log_.contains("was a copy of this program"); }));
  EXPECT_TRUE(is_copy(pool)) << "running workers go on";
  EXPECT_THROW(pool.apply<void>("misbehave.kill_self", SIGKILL), WorkerLost);
  EXPECT_FALSE(is_copy(pool));
}

TEST_F(ForkTest, IsRefusedWhenThereAreThreads) {
  std::atomic<bool> must_end = false;
  std::thread other([&] {
    while (!must_end) std::this_thread::sleep_for(1ms);
  });
  EXPECT_THAT(text_thrown<UsageError>([&] { (void)make_engine(); }), HasSubstr("it has 2 threads"));
  must_end = true;
  other.join();
}

TEST_F(ForkTest, OfAPoolNeedsAnEngineMadeForIt) {
  auto engine = Engine::from_plugins({fixture_plugin("echo")});
  EXPECT_THAT(text_thrown<UsageError>([&] { (void)engine.pool({.start_method = StartMethod::kFork}); }),
              HasSubstr("EngineOptions::start_method"));
}

TEST_F(ForkTest, IsUnderstoodInTheManifest) {
  Manifest manifest;
  manifest.plugins.emplace_back().path.value = fixture_plugin("misbehave");
  manifest.start_method.value = "fork";
  auto engine = Engine::from_manifest(std::move(manifest));
  auto pool = engine.pool({.processes = 1});
  EXPECT_TRUE(is_copy(pool));
}

std::string atexit_file;  // where this process's own handler writes

TEST_F(ForkTest, RunsNothingThatThisProcessRegisteredForItsExit) {
  atexit_file = folder_.file("atexit");
  std::atexit([] { touch(atexit_file); });
  auto engine = make_engine();
  auto pool = engine.pool({.processes = 1});
  EXPECT_THROW(pool.apply<void>("misbehave.leave_with", 7), WorkerLost);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  pool.close();
  pool.join();
  EXPECT_TRUE(lines_of(atexit_file).empty());
  EXPECT_FALSE(std::filesystem::exists(atexit_file));
}

TEST_F(ForkTest, DoesNotWriteAgainWhatThisProcessHasInItsBuffer) {
  std::fflush(stdout);
  ::testing::internal::CaptureStderr();
  std::fputs("[ held back ]", stdout);
  {
    auto engine = make_engine();
    auto pool = engine.pool({.processes = 1});
    pool.apply<void>("misbehave.print", "from the task");
    EXPECT_THROW(pool.apply<void>("misbehave.leave_with", 0), WorkerLost);
    pool.close();
    pool.join();
  }
  const auto written = ::testing::internal::GetCapturedStderr();
  std::fputs("\n", stdout);
  EXPECT_THAT(log_.text(), HasSubstr("from the task"));
  EXPECT_THAT(log_.text() + written, ::testing::Not(HasSubstr("held back")));
}

TEST_F(ForkTest, ReapsItsWorkersWhenThisProcessIgnoresItsChildren) {
  const auto before = ::signal(SIGCHLD, SIG_IGN);
  {
    auto engine = make_engine();
    auto pool = engine.pool({.processes = 1});
    EXPECT_THAT(text_thrown<WorkerLost>([&] { pool.apply<void>("misbehave.leave_with", 7); }), HasSubstr("status 7"));
    EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  }
  ::signal(SIGCHLD, before);
}

}  // namespace
}  // namespace bulkhead::test
