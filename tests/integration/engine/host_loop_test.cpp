// Callbacks in the host's own loop: Callbacks::kManual, event_fd() and dispatch().
#include <poll.h>

#include <set>

#include "coroutine.hpp"
#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

class HostLoopTest : public ::testing::Test {
 protected:
  [[nodiscard]] Engine make_engine() {
    return Engine::from_plugins({fixture_plugin("echo"), fixture_plugin("misbehave")},
                                {.on_log = log_.sink(), .callbacks = Callbacks::kManual});
  }
  [[nodiscard]] bool is_readable(int limit_ms = 0) {
    pollfd entry{.fd = engine_.event_fd(), .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, limit_ms) == 1;
  }
  // The loop of a host: sleeps in poll() and dispatches, until `is_over`. False: nothing came for too long.
  template <class IsOver>
  [[nodiscard]] bool loop_until(IsOver is_over) {
    constexpr int kPatienceMs = 60'000;
    while (!is_over()) {
      if (!is_readable(kPatienceMs)) return false;
      EXPECT_GT(engine_.dispatch(), 0u);
    }
    return true;
  }
  CallOptions<std::int64_t> noting() {
    return {.on_result =
                [this](const std::int64_t& value) {
                  seen_.push_back(value);
                  threads_.insert(std::this_thread::get_id());
                },
            .on_error =
                [this](const Error& error) {
                  errors_.push_back(error.code());
                  threads_.insert(std::this_thread::get_id());
                }};
  }

  LogLines log_;
  std::vector<std::int64_t> seen_;
  std::vector<ErrorCode> errors_;
  std::set<std::thread::id> threads_;
  Engine engine_ = make_engine();
  Pool pool_ = engine_.pool({.processes = 2});
};

TEST_F(HostLoopTest, RunsCallbacksInAPollLoopOnItsOwnThread) {
  for (int i = 0; i < 200; ++i) (void)pool_.apply_async<std::int64_t>("echo.positive", noting(), i % 2 == 0 ? i : -i);
  EXPECT_TRUE(loop_until([&] { return seen_.size() + errors_.size() == 200; }));
  EXPECT_EQ(seen_.size(), 100u);
  EXPECT_EQ(threads_, std::set{std::this_thread::get_id()});
}

TEST_F(HostLoopTest, HasNothingToDispatchBeforeAResultAndAfterAll) {
  EXPECT_FALSE(is_readable());
  EXPECT_EQ(engine_.dispatch(), 0u);
  const auto result = pool_.apply_async<std::int64_t>("echo.add", noting(), 2, 3);
  EXPECT_TRUE(is_readable(60'000));
  EXPECT_FALSE(result.ready()) << "its callback has not run";
  EXPECT_TRUE(seen_.empty());
  EXPECT_EQ(engine_.dispatch(), 1u);
  EXPECT_TRUE(result.ready());
  EXPECT_EQ(seen_, std::vector<std::int64_t>{5});
  EXPECT_FALSE(is_readable());
  EXPECT_EQ(engine_.dispatch(), 0u);
}

TEST_F(HostLoopTest, WithoutCallbacksWorksAsEver) {
  EXPECT_EQ(pool_.apply<std::int64_t>("echo.add", 2, 3), 5);
  EXPECT_EQ(pool_.map<std::int64_t>("echo.i64", std::vector<int>{1, 2}), (std::vector<std::int64_t>{1, 2}));
  EXPECT_FALSE(is_readable());
}

TEST_F(HostLoopTest, AWaitOfTheLoopsThreadRunsTheCallbackItWaitsFor) {
  for (int i = 0; i < 100; ++i) {
    const auto result = pool_.apply_async<std::int64_t>("echo.add", noting(), i, 1);
    ASSERT_EQ(result.get(), i + 1);
    ASSERT_EQ(seen_.size(), static_cast<std::size_t>(i) + 1);
  }
  EXPECT_FALSE(is_readable());
  // Its callback was queued before the wait.
  const auto queued = pool_.apply_async<std::int64_t>("echo.add", noting(), 1, 1);
  EXPECT_TRUE(is_readable(60'000));
  EXPECT_TRUE(queued.wait(kPatience));
  EXPECT_EQ(seen_.size(), 101u);
}

TEST_F(HostLoopTest, AWaitForAnyRunsCallbacksToo) {
  std::vector<AsyncResult<std::int64_t>> results;
  for (int i = 0; i < 50; ++i) results.push_back(pool_.apply_async<std::int64_t>("echo.i64", noting(), i));
  EXPECT_TRUE(is_readable(60'000));
  EXPECT_TRUE(wait_any(results).has_value());
  std::size_t completed = 0;
  for ([[maybe_unused]] auto& one : as_completed(results)) {
    ++completed;
    EXPECT_GE(seen_.size(), completed);
  }
  EXPECT_EQ(completed, 50u);
}

TEST_F(HostLoopTest, AWaitForAnyOfSeveralEnginesRunsCallbacksToo) {
  auto other_engine = make_engine();
  auto other_pool = other_engine.pool({.processes = 1});
  std::vector<AsyncResult<std::int64_t>> results;
  for (int i = 0; i < 50; ++i) {
    results.push_back((i % 2 == 0 ? pool_ : other_pool).apply_async<std::int64_t>("echo.i64", noting(), i));
  }
  std::size_t completed = 0;
  for ([[maybe_unused]] auto& one : as_completed(results)) ++completed;
  EXPECT_EQ(completed, 50u);
  EXPECT_EQ(seen_.size(), 50u);
}

TEST_F(HostLoopTest, AWaitWithALimitEndsThoughNobodyDispatches) {
  const auto result = pool_.apply_async<std::int64_t>("misbehave.sleep_ms", noting(), 600'000);
  EXPECT_FALSE(result.wait(5ms));
  EXPECT_FALSE(result.wait(0ms));
}

TEST_F(HostLoopTest, AnotherThreadMayWaitWhileTheLoopRuns) {
  std::vector<AsyncResult<std::int64_t>> results;
  std::atomic<int> called = 0;
  for (int i = 0; i < 100; ++i) {
    results.push_back(
        pool_.apply_async<std::int64_t>("echo.i64", {.on_result = [&](const std::int64_t&) { ++called; }}, i));
  }
  std::atomic<bool> has_ended = false;
  std::thread waiter([&] {
    for (const auto& result : results) result.wait();
    has_ended = true;
  });
  EXPECT_TRUE(eventually(kPatience, [&] {
    engine_.dispatch();
    return has_ended.load();
  }));
  waiter.join();
  EXPECT_EQ(called, 100);
}

TEST_F(HostLoopTest, ACallbackMayWaitForAResultThatHasACallbackToo) {
  (void)pool_.apply_async<std::int64_t>(
      "echo.add",
      {.on_result =
           [&](const std::int64_t& five) {
             EXPECT_EQ(pool_.apply_async<std::int64_t>("echo.add", noting(), five, 10).get(), 15);
           }},
      2, 3);
  EXPECT_TRUE(loop_until([&] { return !seen_.empty(); }));
  EXPECT_EQ(seen_, std::vector<std::int64_t>{15});
}

TEST_F(HostLoopTest, DispatchRunsWhatIsQueuedAtTheCallAndNoMore) {
  // Each callback leads to another one.
  int runs = 0;
  std::function<void()> again = [&] {
    ++runs;
    (void)pool_.apply_async<std::int64_t>("echo.add", {.on_result = [&](const std::int64_t&) { again(); }}, 1, 1);
    EXPECT_TRUE(is_readable(60'000));
  };
  again();
  EXPECT_EQ(engine_.dispatch(), 1u);
  EXPECT_EQ(runs, 2);
  EXPECT_TRUE(is_readable());
  again = [] {};
  EXPECT_EQ(engine_.dispatch(), 1u);
}

TEST_F(HostLoopTest, KeepsOnlyTheLatestProgressOfATaskThatTellsMoreThanIsDispatched) {
  auto engine = Engine::from_plugins({fixture_plugin("limits")}, {.callbacks = Callbacks::kManual});
  auto pool = engine.pool({.processes = 1});
  std::vector<std::uint64_t> told;
  CallOptions<std::int64_t> options;
  options.on_progress = [&](const Progress& progress) { told.push_back(progress.done); };
  EXPECT_EQ(pool.apply_async<std::int64_t>("limits.report", options, 20).get(), 20);
  EXPECT_EQ(engine.dispatch(), 1u);
  EXPECT_EQ(told, std::vector<std::uint64_t>{20});
  // Of each item of a map, in order.
  told.clear();
  MapOptions<std::int64_t> each;
  each.chunk_size = 3;
  each.on_progress = [&](const Progress& progress) { told.push_back(progress.done); };
  EXPECT_EQ(pool.map_async<std::int64_t>("limits.report", std::vector<std::int64_t>{2, 3, 4}, each).get(),
            (std::vector<std::int64_t>{2, 3, 4}));
  EXPECT_EQ(engine.dispatch(), 3u);
  EXPECT_EQ(told, (std::vector<std::uint64_t>{2, 3, 4}));
}

TEST_F(HostLoopTest, LogsWhatACallbackThrowsAndGoesOn) {
  const auto result = pool_.apply_async<std::int64_t>(
      "echo.add", {.on_result = [](const std::int64_t&) { throw std::runtime_error("a callback's own trouble"); }}, 2,
      3);
  EXPECT_TRUE(loop_until([&] { return result.ready(); }));
  EXPECT_EQ(result.get(), 5);
  EXPECT_TRUE(log_.contains("a callback's own trouble")) << log_.text();
}

TEST_F(HostLoopTest, RunsWhatIsLeftWhenTheEngineGoesOnTheThreadThatDropsIt) {
  {
    auto engine = make_engine();
    auto pool = engine.pool({.processes = 1});
    for (int i = 0; i < 5; ++i) (void)pool.apply_async<std::int64_t>("misbehave.sleep_ms", noting(), 600'000);
  }
  EXPECT_EQ(errors_, std::vector<ErrorCode>(5, ErrorCode::kPoolClosed));
  EXPECT_EQ(threads_, std::set{std::this_thread::get_id()});
}

TEST_F(HostLoopTest, DispatchesTheVerdictsOfAPoolThatIsGone) {
  AsyncResult<std::int64_t> dispatched;
  AsyncResult<std::int64_t> waited_for;
  {
    auto pool = engine_.pool({.processes = 1});
    dispatched = pool.apply_async<std::int64_t>("misbehave.sleep_ms", noting(), 600'000);
    waited_for = pool.apply_async<std::int64_t>("misbehave.sleep_ms", noting(), 600'000);
  }
  EXPECT_TRUE(errors_.empty());
  EXPECT_THROW((void)waited_for.get(), PoolClosed);
  EXPECT_TRUE(loop_until([&] { return dispatched.ready(); }));
  EXPECT_EQ(errors_.size(), 2u);
}

TEST_F(HostLoopTest, ACallbackMayHoldTheLastHandleOfPoolAndEngine) {
  struct Both {
    Engine engine;
    Pool pool;
  };
  auto engine = std::make_unique<Engine>(make_engine());
  auto pool = engine->pool({.processes = 1});
  auto both = std::make_shared<Both>(Both{std::move(*engine), std::move(pool)});
  bool has_run = false;
  auto& kept = *both;
  (void)kept.pool.apply_async<std::int64_t>("echo.add",
                                            {.on_result =
                                                 [both, &has_run](const std::int64_t&) mutable {
                                                   both.reset();
                                                   has_run = true;
                                                 }},
                                            2, 3);
  Engine* loop = &both->engine;
  both.reset();  // the callback holds the last one
  ASSERT_TRUE(eventually(kPatience, [&] { return has_run || loop->dispatch() > 0; }));
  EXPECT_TRUE(has_run);
}

TEST_F(HostLoopTest, CallsBackOnceForAMap) {
  std::vector<std::size_t> sizes;
  const auto map = pool_.map_async<std::int64_t>(
      "echo.i64", std::vector<int>(100, 1),
      {.chunk_size = 7, .on_result = [&](const std::vector<std::int64_t>& all) { sizes.push_back(all.size()); }});
  EXPECT_TRUE(loop_until([&] { return map.ready(); }));
  EXPECT_EQ(sizes, std::vector<std::size_t>{100});
}

// --- coroutines

Coroutine add_twice(Pool& pool, std::int64_t& sum, std::set<std::thread::id>& threads) {
  const auto first = co_await pool.apply_async<std::int64_t>("echo.add", 2, 3);
  threads.insert(std::this_thread::get_id());
  sum = co_await pool.apply_async<std::int64_t>("echo.add", first, 10);
  threads.insert(std::this_thread::get_id());
}
TEST_F(HostLoopTest, ResumesCoroutines) {
  std::int64_t sum = 0;
  add_twice(pool_, sum, threads_);
  EXPECT_TRUE(loop_until([&] { return sum == 15; }));
  EXPECT_EQ(threads_, std::set{std::this_thread::get_id()});
}

class CallbackThreadTest : public EngineTest {};

TEST_F(CallbackThreadTest, RefusesToBeDispatchedByTheHost) {
  EXPECT_THAT(text_thrown<UsageError>([&] { (void)engine_.dispatch(); }), ::testing::HasSubstr("kManual"));
  EXPECT_THAT(text_thrown<UsageError>([&] { (void)engine_.event_fd(); }), ::testing::HasSubstr("event_fd"));
}

TEST_F(CallbackThreadTest, MayWaitInACallbackForAResultThatHasACallbackToo) {
  std::atomic<int> called = 0;
  const auto result = pool_.apply_async<std::int64_t>(
      "echo.add",
      {.on_result =
           [&](const std::int64_t& five) {
             EXPECT_EQ(pool_
                           .apply_async<std::int64_t>("echo.add", {.on_result = [&](const std::int64_t&) { ++called; }},
                                                      five, 10)
                           .get(),
                       15);
             ++called;
           }},
      2, 3);
  EXPECT_TRUE(result.wait(kPatience));
  EXPECT_EQ(called, 2);
}

}  // namespace
}  // namespace bulkhead::test
