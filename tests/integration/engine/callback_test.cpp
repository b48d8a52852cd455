// Callbacks and co_await.
#include <condition_variable>

#include "coroutine.hpp"
#include "echo/echo_types.hpp"
#include "engine_fixture.hpp"

// To the plugin it is a Point; this host cannot read one.
class UnreadablePoint {
 public:
  template <class Archive>
  void save(Archive& archive) const {
    archive(cereal::make_nvp("x", x_), cereal::make_nvp("y", y_));
  }
  template <class Archive>
  void load(Archive&) {
    throw std::out_of_range("this point is unreadable");
  }

 private:
  double x_ = 0;
  double y_ = 0;
};
template <>
struct bulkhead::type_name<UnreadablePoint> {
  static constexpr auto value = bulkhead::sdk::Text("Point");
};

namespace bulkhead::test {
namespace {

// A place where one thread waits for another.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    opened_.notify_all();
  }
  // False: it did not open within the patience of a test.
  [[nodiscard]] bool pass() {
    std::unique_lock lock(mutex_);
    return opened_.wait_for(lock, kPatience, [this] { return is_open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool is_open_ = false;
};

class CallbackTest : public EngineTest {
 protected:
  std::atomic<int> results_ = 0;
  std::atomic<int> errors_ = 0;
  CallOptions<std::int64_t> counting() {
    return {.on_result = [this](const std::int64_t&) { ++results_; }, .on_error = [this](const Error&) { ++errors_; }};
  }
};

TEST_F(CallbackTest, ExactlyOneIsCalledBeforeWaitReturns) {
  for (int i = 0; i < 200; ++i) {
    const bool fails = i % 2 == 1;
    const auto result = pool_.apply_async<std::int64_t>("echo.positive", counting(), fails ? -1 : 1);
    result.wait();
    ASSERT_EQ(results_, (i + 2) / 2);
    ASSERT_EQ(errors_, (i + 1) / 2);
  }
}

TEST_F(CallbackTest, GetsTheResultOrTheError) {
  std::int64_t value = 0;
  std::string text;
  ErrorCode code = ErrorCode::kUsage;
  const auto good =
      pool_.apply_async<std::int64_t>("echo.add", {.on_result = [&](const std::int64_t& sum) { value = sum; }}, 2, 3);
  const auto bad = pool_.apply_async<std::int64_t>(
      "echo.positive",
      {.on_error =
           [&](const Error& error) {
             text = error.what();
             code = error.code();
             EXPECT_NE(dynamic_cast<const std::domain_error*>(&error.as_std()), nullptr);
           }},
      -2);
  good.wait();
  bad.wait();
  EXPECT_EQ(value, 5);
  EXPECT_EQ(code, ErrorCode::kTask);
  EXPECT_THAT(text, ::testing::HasSubstr("is negative: -2"));
}

TEST_F(CallbackTest, OfAMapGetsAllResultsOnceOrTheFirstErrorOnce) {
  std::vector<std::vector<std::int64_t>> seen;
  pool_
      .map_async<std::int64_t>("echo.i64", std::vector<int>{1, 2, 3},
                               {.chunk_size = 1, .on_result = [&](const auto& all) { seen.push_back(all); }})
      .wait();
  EXPECT_EQ(seen, (std::vector<std::vector<std::int64_t>>{{1, 2, 3}}));
  std::vector<std::string> texts;
  pool_
      .map_async<std::int64_t>("misbehave.fail_at_3_and_5", std::views::iota(0, 8),
                               {.chunk_size = 1,
                                .on_result = [&](const auto&) { texts.emplace_back("a result"); },
                                .on_error = [&](const Error& error) { texts.emplace_back(error.what()); }})
      .wait();
  ASSERT_EQ(texts.size(), 1u);
  EXPECT_THAT(texts[0], ::testing::HasSubstr("item 3"));
}

TEST_F(CallbackTest, OfAnEmptyMapIsCalledToo) {
  int calls = 0;
  pool_
      .map_async<std::int64_t>("echo.i64", std::vector<int>{},
                               {.on_result = [&](const auto& all) { calls += all.empty() ? 1 : 100; }})
      .wait();
  EXPECT_EQ(calls, 1);
}

TEST_F(CallbackTest, OfATaskWithoutResultTakesNoArgument) {
  int calls = 0;
  pool_.apply_async<void>("echo.nothing", {.on_result = [&] { ++calls; }}).wait();
  pool_.map_async<void>("echo.positive", std::vector<int>{1, 2}, {.on_result = [&] { ++calls; }}).wait();
  EXPECT_EQ(calls, 2);
}

TEST_F(CallbackTest, RunsThoughNobodyWaits) {
  for (int i = 0; i < 100; ++i) (void)pool_.apply_async<std::int64_t>("echo.add", counting(), i, 1);
  EXPECT_TRUE(eventually(kPatience, [&] { return results_ == 100; }));
}

TEST_F(CallbackTest, ThatThrowsIsLoggedAndHarmsNothing) {
  const auto thrower = pool_.apply_async<std::int64_t>(
      "echo.add", {.on_result = [](const std::int64_t&) { throw std::runtime_error("a callback's own trouble"); }}, 2,
      3);
  EXPECT_EQ(thrower.get(), 5);
  const auto odd =
      pool_.apply_async<std::int64_t>("echo.add", {.on_result = [](const std::int64_t&) { throw 5; }}, 2, 3);
  EXPECT_EQ(odd.get(), 5);
  EXPECT_TRUE(log_.contains("a callback's own trouble")) << log_.text();
  EXPECT_EQ(pool_.apply_async<std::int64_t>("echo.add", counting(), 1, 1).get(), 2);
  EXPECT_EQ(results_, 1);
  EXPECT_EQ(errors_, 0);
}

TEST_F(CallbackTest, ExactlyOneIsCalledAlsoForAResultThatTheHostsOwnTypeRefuses) {
  std::vector<std::string> called;
  const auto result =
      pool_.apply_async<UnreadablePoint>("echo.point",
                                         {.on_result = [&](const UnreadablePoint&) { called.emplace_back("result"); },
                                          .on_error = [&](const Error& error) { called.emplace_back(error.what()); }},
                                         Point{1, 2});
  result.wait();
  ASSERT_EQ(called.size(), 1u);
  EXPECT_THAT(called[0], ::testing::HasSubstr("unreadable"));
  EXPECT_THROW((void)result.get(), PayloadError);
}

TEST_F(CallbackTest, HearsOfALostWorker) {
  std::atomic<bool> is_right = false;
  pool_
      .apply_async<void>("misbehave.segv", {.on_error =
                                                [&](const Error& error) {
                                                  const auto* lost = dynamic_cast<const WorkerLost*>(&error);
                                                  EXPECT_THAT(error.what(), ::testing::HasSubstr("SIGSEGV"));
                                                  is_right = lost != nullptr && lost->signal() == SIGSEGV;
                                                }})
      .wait();
  EXPECT_TRUE(is_right);
}

TEST_F(CallbackTest, MaySubmitToThePoolAndWaitForThat) {
  std::atomic<std::int64_t> sum = 0;
  pool_
      .apply_async<std::int64_t>(
          "echo.add",
          {.on_result = [&](const std::int64_t& five) { sum = pool_.apply<std::int64_t>("echo.add", five, 10); }}, 2, 3)
      .wait();
  EXPECT_EQ(sum, 15);
}

TEST_F(CallbackTest, MayTerminateThePool) {
  auto pool = engine_.pool({.processes = 2});
  const auto queued = pool.apply_async<std::int64_t>("misbehave.sleep_ms", 600'000);
  const auto result =
      pool.apply_async<std::int64_t>("echo.add", {.on_result = [&](const std::int64_t&) { pool.terminate(); }}, 2, 3);
  EXPECT_EQ(result.get(), 5);
  EXPECT_THROW((void)queued.get(), PoolClosed);
  pool.join();
}

TEST_F(CallbackTest, MayCloseAndJoinThePool) {
  auto pool = engine_.pool({.processes = 1});
  const auto result = pool.apply_async<std::int64_t>("echo.add",
                                                     {.on_result =
                                                          [&](const std::int64_t&) {
                                                            pool.close();
                                                            pool.join();
                                                          }},
                                                     2, 3);
  EXPECT_TRUE(result.wait(kPatience));
}

TEST_F(CallbackTest, HaveAllRunWhenJoinReturns) {
  auto pool = engine_.pool({.processes = 2});
  Gate gate;
  auto options = counting();
  options.on_result = [&, count = options.on_result](const std::int64_t& value) {
    EXPECT_TRUE(gate.pass());
    count(value);
  };
  for (int i = 0; i < 20; ++i) (void)pool.apply_async<std::int64_t>("echo.add", options, i, 1);
  pool.close();
  std::thread joiner([&] {
    pool.join();
    EXPECT_EQ(results_, 20);
  });
  EXPECT_EQ(results_, 0);
  gate.open();
  joiner.join();
}

TEST_F(CallbackTest, MayHoldTheLastHandleOfPoolAndEngine) {
  struct Both {
    Engine engine;
    Pool pool;
  };
  Gate submitted;
  Gate called;
  {
    auto engine = make_engine();
    auto pool = engine.pool({.processes = 1});
    auto both = std::make_shared<Both>(Both{std::move(engine), std::move(pool)});
    auto& kept = *both;
    auto result = kept.pool.apply_async<std::int64_t>(
        "echo.add",
        {.on_result =
             [both = std::move(both), &submitted, &called](const std::int64_t&) mutable {
               EXPECT_TRUE(submitted.pass());
               both.reset();
               called.open();
             }},
        2, 3);
    submitted.open();
    EXPECT_TRUE(called.pass());
    EXPECT_TRUE(result.wait(kPatience));
  }
}

TEST_F(CallbackTest, StallsNoOtherResult) {
  Gate gate;
  const auto blocked = pool_.apply_async<std::int64_t>(
      "echo.add", {.on_result = [&](const std::int64_t&) { EXPECT_TRUE(gate.pass()); }}, 1, 1);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(pool_.apply<std::int64_t>("echo.add", i, 1), i + 1);
  EXPECT_FALSE(blocked.ready());
  gate.open();
  EXPECT_EQ(blocked.get(), 2);
}

TEST_F(CallbackTest, OfWhatIsLeftWhenThePoolGoesGetPoolClosed) {
  {
    auto pool = engine_.pool({.processes = 1});
    for (int i = 0; i < 10; ++i) (void)pool.apply_async<std::int64_t>("misbehave.sleep_ms", counting(), 600'000);
  }
  EXPECT_TRUE(eventually(kPatience, [&] { return errors_ == 10; }));
  EXPECT_EQ(results_, 0);
}

// --- coroutines

class CoroutineTest : public EngineTest {};

Coroutine add_twice(Pool& pool, std::atomic<std::int64_t>& sum) {
  const auto first = co_await pool.apply_async<std::int64_t>("echo.add", 2, 3);
  sum = co_await pool.apply_async<std::int64_t>("echo.add", first, 10);
}
TEST_F(CoroutineTest, IsResumedWithEachResult) {
  std::atomic<std::int64_t> sum = 0;
  add_twice(pool_, sum);
  EXPECT_TRUE(eventually(kPatience, [&] { return sum == 15; }));
}

Coroutine await_error(AsyncResult<std::int64_t> result, std::atomic<int>& caught) {
  try {
    (void)co_await result;
    caught = 1;
  } catch (const std::domain_error&) {
    caught = 2;
  } catch (const PoolClosed&) {
    caught = 3;
  }
}
TEST_F(CoroutineTest, GetsTheErrorThrown) {
  std::atomic<int> caught = 0;
  await_error(pool_.apply_async<std::int64_t>("echo.positive", -1), caught);
  EXPECT_TRUE(eventually(kPatience, [&] { return caught == 2; }));
}

TEST_F(CoroutineTest, GoesOnAtOnceWhenTheResultIsThere) {
  const auto result = pool_.apply_async<std::int64_t>("echo.positive", -1);
  result.wait();
  std::atomic<int> caught = 0;
  await_error(result, caught);
  EXPECT_EQ(caught, 2);
}

TEST_F(CoroutineTest, IsResumedThoughTheResultLayReadyBehindALongTask) {
  auto pool = engine_.pool({.processes = 1});
  const ScratchFolder folder;
  const std::string gate = folder.file("gate");
  const std::string began = folder.file("began");
  touch(gate);
  const auto result = pool.apply_async<std::int64_t>("echo.positive", -1);
  const auto behind = pool.apply_async<std::int64_t>("misbehave.run_while_exists", gate, began);
  ASSERT_TRUE(eventually(kPatience, [&] { return !lines_of(began).empty(); }));
  std::atomic<int> caught = 0;
  await_error(result, caught);
  EXPECT_TRUE(eventually(kPatience, [&] { return caught == 2; }));
  std::filesystem::remove(gate);
  behind.wait();
}

TEST_F(CoroutineTest, ThatWaitsWhenThePoolGoesGetsPoolClosed) {
  std::atomic<int> caught = 0;
  {
    auto pool = engine_.pool({.processes = 1});
    await_error(pool.apply_async<std::int64_t>("misbehave.sleep_ms", 600'000), caught);
  }
  EXPECT_TRUE(eventually(kPatience, [&] { return caught == 3; }));
}

TEST_F(CoroutineTest, OneResultResumesSeveral) {
  std::vector<std::unique_ptr<std::atomic<int>>> caught;
  const auto result = pool_.apply_async<std::int64_t>("echo.after", 20, -1);
  for (int i = 0; i < 10; ++i) await_error(result, *caught.emplace_back(std::make_unique<std::atomic<int>>(0)));
  EXPECT_TRUE(
      eventually(kPatience, [&] { return std::ranges::all_of(caught, [](const auto& one) { return *one == 1; }); }));
}

Coroutine await_then_cancel(AsyncResult<std::int64_t> awaited, AsyncResult<std::int64_t> other, Gate& done) {
  (void)co_await awaited;
  (void)other.cancel();
  done.open();
}
TEST_F(CoroutineTest, MayUseOtherResultsAlsoWhenThePoolIsGoneMeanwhile) {
  auto in_callback = std::make_shared<Gate>();
  auto may_return = std::make_shared<Gate>();
  Gate done;
  {
    auto pool = engine_.pool({.processes = 1});
    auto other = pool.apply_async<std::int64_t>("echo.add", 1, 1);
    auto result = pool.apply_async<std::int64_t>("echo.add",
                                                 {.on_result =
                                                      [in_callback, may_return](const std::int64_t&) {
                                                        in_callback->open();
                                                        EXPECT_TRUE(may_return->pass());
                                                      }},
                                                 2, 3);
    ASSERT_TRUE(in_callback->pass());
    await_then_cancel(result, other, done);
  }
  may_return->open();
  EXPECT_TRUE(done.pass());
}

}  // namespace
}  // namespace bulkhead::test
