// apply, apply_async, AsyncResult and typed handles.
#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

class ApplyTest : public EngineTest {};
class AsyncResultTest : public EngineTest {};
class TaskHandleTest : public EngineTest {};
class TasksTest : public EngineTest {};

TEST_F(ApplyTest, GivesTheResultOfTheTask) { EXPECT_EQ(pool_.apply<std::int64_t>("echo.add", 2, 3), 5); }

TEST_F(ApplyTest, OfATaskWithoutResultReturnsWhenItHasRun) {
  pool_.apply<void>("echo.nothing");
  const ScratchFolder folder;
  pool_.apply<void>("misbehave.append", folder.file("lines"), "once");
  EXPECT_EQ(lines_of(folder.file("lines")), std::vector<std::string>{"once"});
}

TEST_F(ApplyTest, RunsInAnotherProcess) { EXPECT_NE(pool_.apply<std::int64_t>("echo.pid"), ::getpid()); }

TEST_F(ApplyTest, OfAnUnknownTaskNamesTheNearestOnes) {
  try {
    (void)pool_.apply<std::int64_t>("echo.ad", 2, 3);
    FAIL() << "nothing was thrown";
  } catch (const TaskNotFound& error) {
    EXPECT_THAT(error.nearest(), ::testing::Contains("echo.add"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("echo.ad"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("echo.add"));
  }
}

TEST_F(ApplyTest, TakesManyCallsOneAfterTheOther) {
  for (std::int64_t i = 0; i < 5000; ++i) ASSERT_EQ(pool_.apply<std::int64_t>("echo.add", i, 1), i + 1);
}

TEST_F(ApplyTest, KeepsAStateForEachWorker) {
  auto pool = engine_.pool({.processes = 1});
  EXPECT_EQ(pool.apply<std::int64_t>("echo.count", 2), 2);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.count", 3), 5);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.load_count"), 1);
}

TEST_F(ApplyTest, WorksWithWorkersOfBothStartMethods) {
  for (const auto method : {StartMethod::kForkserver, StartMethod::kSpawn}) {
    auto pool = engine_.pool({.processes = 3, .start_method = method});
    EXPECT_EQ(pool.processes(), 3);
    EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  }
}

TEST_F(AsyncResultTest, IsReadyAfterTheTaskEndedAndNotBefore) {
  const ScratchFolder folder;
  const std::string gate = folder.file("gate");
  touch(gate);
  const auto result = pool_.apply_async<std::int64_t>("misbehave.run_while_exists", gate);
  EXPECT_TRUE(result.valid());
  EXPECT_FALSE(result.ready());
  EXPECT_FALSE(result.wait(1ms));
  std::filesystem::remove(gate);
  result.wait();
  EXPECT_TRUE(result.ready());
  EXPECT_TRUE(result.successful());
  EXPECT_GT(result.get(), 0);
}

TEST_F(AsyncResultTest, BecomesReadyThoughNobodyWaits) {
  const auto result = pool_.apply_async<std::int64_t>("echo.add", 2, 3);
  EXPECT_TRUE(eventually(kPatience, [&] { return result.ready(); }));
}

TEST_F(AsyncResultTest, BecomesReadyThoughNobodyWaitsAndItsWorkerIsBusyWithTheNext) {
  auto pool = engine_.pool({.processes = 1});
  const ScratchFolder folder;
  const std::string gate = folder.file("gate");
  const std::string began = folder.file("began");
  touch(gate);
  const auto result = pool.apply_async<std::int64_t>("echo.add", 2, 3);
  const auto behind = pool.apply_async<std::int64_t>("misbehave.run_while_exists", gate, began);
  ASSERT_TRUE(eventually(kPatience, [&] { return !lines_of(began).empty(); }));
  EXPECT_TRUE(eventually(kPatience, [&] { return result.ready(); }));
  std::filesystem::remove(gate);
  behind.wait();
}

TEST_F(AsyncResultTest, SuccessfulBeforeReadyIsAUsageError) {
  const ScratchFolder folder;
  const std::string gate = folder.file("gate");
  touch(gate);
  const auto result = pool_.apply_async<std::int64_t>("misbehave.run_while_exists", gate);
  EXPECT_THAT(text_thrown<UsageError>([&] { (void)result.successful(); }), ::testing::HasSubstr("before"));
  std::filesystem::remove(gate);
  (void)result.get();
}

TEST_F(AsyncResultTest, SuccessfulIsFalseAfterAnError) {
  const auto result = pool_.apply_async<std::int64_t>("echo.positive", -1);
  result.wait();
  EXPECT_TRUE(result.ready());
  EXPECT_FALSE(result.successful());
  EXPECT_THROW((void)result.get(), std::domain_error);
}

TEST_F(AsyncResultTest, CanBeAskedAnyNumberOfTimes) {
  const auto good = pool_.apply_async<std::string>("echo.text", "a text that is longer than what is kept inline, yes");
  EXPECT_EQ(good.get(), good.get());
  EXPECT_EQ(good.get(1s), good.get());
  const auto bad = pool_.apply_async<std::int64_t>("echo.positive", -1);
  for (int i = 0; i < 3; ++i) EXPECT_THROW((void)bad.get(), TaskError);
}

TEST_F(AsyncResultTest, LetsGoOfWhatIsAskedForTheLastTime) {
  const std::string text = "a text that is longer than what is kept inline, yes";
  auto good = pool_.apply_async<std::string>("echo.text", text);
  const auto copy = good;
  EXPECT_EQ(std::move(good).get(), text);
  EXPECT_FALSE(good.valid());  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_THROW((void)good.get(), UsageError);
  EXPECT_EQ(copy.get(), text);

  auto bad = pool_.apply_async<std::int64_t>("echo.positive", -1);
  EXPECT_THROW((void)std::move(bad).get(1h), TaskError);
  EXPECT_FALSE(bad.valid());

  auto nothing = pool_.apply_async<void>("echo.text", text);
  std::move(nothing).get();
  EXPECT_FALSE(nothing.valid());
}

TEST_F(AsyncResultTest, IsKeptWhenTheLastWaitTimesOut) {
  const ScratchFolder folder;
  const std::string gate = folder.file("gate");
  touch(gate);
  auto result = pool_.apply_async<std::int64_t>("misbehave.run_while_exists", gate);
  EXPECT_THROW((void)std::move(result).get(1ms), TimeoutError);
  std::filesystem::remove(gate);
  EXPECT_GT(std::move(result).get(), 0);
}

TEST_F(AsyncResultTest, TimesOutAndWorksAfterwards) {
  const ScratchFolder folder;
  const std::string gate = folder.file("gate");
  touch(gate);
  const auto result = pool_.apply_async<std::int64_t>("misbehave.run_while_exists", gate);
  for (const auto limit : {0ms, 1ms, 20ms}) {
    const auto from = std::chrono::steady_clock::now();
    const auto text = text_thrown<TimeoutError>([&] { (void)result.get(limit); });
    EXPECT_THAT(text, ::testing::HasSubstr("misbehave.run_while_exists"));
    EXPECT_GE(std::chrono::steady_clock::now() - from, limit);
  }
  std::filesystem::remove(gate);
  EXPECT_GT(result.get(), 0);
}

TEST_F(AsyncResultTest, AWaitEndsAtItsLimitWhileOtherCallsKeepTheWorkersBusy) {
  const auto never = pool_.apply_async<std::int64_t>("misbehave.sleep_ms", 15'000);
  std::atomic<bool> has_ended = false;
  std::atomic<std::int64_t> calls = 0;
  std::thread busy([&] {
    while (!has_ended) calls += pool_.apply<std::int64_t>("echo.add", 0, 1);
  });
  EXPECT_TRUE(eventually(kPatience, [&] { return calls > 10; }));
  // Were the limit not kept, the wait would last as long as the task, and succeed.
  EXPECT_FALSE(never.wait(50ms));
  has_ended = true;
  busy.join();
}

TEST_F(AsyncResultTest, RefusesNegativeTimes) {
  const auto result = pool_.apply_async<std::int64_t>("echo.add", 2, 3);
  EXPECT_THROW((void)result.wait(-1ns), UsageError);
  EXPECT_THROW((void)result.get(-1s), UsageError);
  EXPECT_EQ(result.get(), 5);
}

TEST_F(AsyncResultTest, TakesTimesBeyondAllClocksAsForEver) {
  EXPECT_EQ(pool_.apply_async<std::int64_t>("echo.add", 2, 3).get(std::chrono::hours::max()), 5);
  EXPECT_EQ(pool_.apply_async<std::int64_t>("echo.add", 2, 3).get(std::chrono::duration<double>(1e300)), 5);
}

TEST_F(AsyncResultTest, CopiesSpeakOfTheSameResult) {
  auto first = pool_.apply_async<std::int64_t>("echo.add", 2, 3);
  const auto second = first;
  first = AsyncResult<std::int64_t>();
  EXPECT_EQ(second.get(), 5);
  const auto third = second;
  EXPECT_EQ(third.get(), 5);
}

TEST_F(AsyncResultTest, IsAskedByManyThreadsAtOnce) {
  const auto result = pool_.apply_async<std::int64_t>("echo.after", 50, 7);
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&right, result] { right += result.get() == 7 ? 1 : 0; });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 16);
}

TEST_F(AsyncResultTest, OutlivesItsPoolAndItsEngine) {
  AsyncResult<std::string> good;
  AsyncResult<std::int64_t> bad;
  AsyncResult<std::vector<std::int64_t>> mapped;
  {
    auto engine = make_engine();
    auto pool = engine.pool({.processes = 1});
    good = pool.apply_async<std::string>("echo.text", "still here");
    bad = pool.apply_async<std::int64_t>("echo.positive", -4);
    mapped = pool.map_async<std::int64_t>("echo.i64", std::vector<int>{1, 2, 3});
    good.wait();
    bad.wait();
    mapped.wait();
  }
  EXPECT_EQ(good.get(), "still here");
  EXPECT_THAT(text_thrown<TaskError>([&] { (void)bad.get(); }), ::testing::HasSubstr("is negative: -4"));
  EXPECT_EQ(mapped.get(), (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(good.cancel(), CancelOutcome::kFinishedFirst);
}

TEST_F(AsyncResultTest, MayBeDroppedAtOnce) {
  for (int i = 0; i < 1000; ++i) (void)pool_.apply_async<std::int64_t>("echo.add", i, 1);
  EXPECT_EQ(pool_.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(AsyncResultTest, DefaultConstructedIsAUsageErrorToAsk) {
  const AsyncResult<int> none;
  EXPECT_FALSE(none.valid());
  EXPECT_THROW((void)none.ready(), UsageError);
  EXPECT_THROW((void)none.successful(), UsageError);
  EXPECT_THROW(none.wait(), UsageError);
  EXPECT_THROW((void)none.wait(1s), UsageError);
  EXPECT_THROW((void)none.get(), UsageError);
  EXPECT_THROW((void)none.cancel(), UsageError);
  auto moved_from = pool_.apply_async<std::int64_t>("echo.add", 2, 3);
  const auto taken = std::move(moved_from);
  EXPECT_EQ(taken.get(), 5);
  EXPECT_THROW((void)moved_from.ready(), UsageError);  // NOLINT: asked on purpose
}

TEST_F(TaskHandleTest, CallsAndMapsWithTypesCheckedOnce) {
  const auto add = pool_.task<std::int64_t(std::int64_t, std::int64_t)>("echo.add");
  EXPECT_EQ(add(2, 3), 5);
  EXPECT_EQ(add.async(20, 30).get(), 50);
  const auto positive = pool_.task<std::int64_t(std::int32_t)>("echo.positive");
  EXPECT_EQ(positive.map(std::vector<std::int32_t>{3, 1, 2}), (std::vector<std::int64_t>{3, 1, 2}));
  EXPECT_THROW((void)positive(-1), std::domain_error);
  const auto text = pool_.task<std::string(const std::string&)>("echo.text");
  EXPECT_EQ(text("by reference"), "by reference");
  pool_.task<void()>("echo.nothing")();
}

TEST_F(TaskHandleTest, RefusesWrongTypesWhenItIsMade) {
  EXPECT_THROW((void)pool_.task<std::int64_t(std::string)>("echo.positive"), SignatureMismatch);
  EXPECT_THROW((void)pool_.task<std::int64_t()>("echo.nothingness"), TaskNotFound);
}

TEST_F(TasksTest, AreListedWithTheirDescriptions) {
  const auto tasks = engine_.tasks();
  const auto found = std::find_if(tasks.begin(), tasks.end(), [](const auto& task) { return task.name == "echo.i64"; });
  ASSERT_NE(found, tasks.end());
  EXPECT_EQ(found->signature, "(i64)->i64");
  EXPECT_EQ(found->plugin, "echo");
  EXPECT_EQ(found->version, "1.2.3");
  EXPECT_EQ(found->doc, "gives back its number");
  EXPECT_EQ(found->param_names, std::vector<std::string>{"value"});
  EXPECT_EQ(tasks.front().plugin, "echo");
  EXPECT_EQ(tasks.back().plugin, "misbehave");
}

TEST_F(TasksTest, OfOtherPluginsInAManifestSeeTheirConfiguration) {
  const ScratchFolder folder;
  std::ofstream(folder.file("bulkhead.toml"))
      << "[pool]\nprocesses = 3\n[[plugin]]\npath = \"" << fixture_plugin("echo").string()
      << "\"\nconfig = { label = \"from the manifest\" }\n";
  auto engine = Engine::from_manifest(folder.file("bulkhead.toml"));
  auto pool = engine.pool();
  EXPECT_EQ(pool.processes(), 3);
  EXPECT_EQ(pool.apply<std::string>("echo.label"), "from the manifest");
  EXPECT_EQ(pool_.apply<std::string>("echo.label"), "none");
}

}  // namespace
}  // namespace bulkhead::test
