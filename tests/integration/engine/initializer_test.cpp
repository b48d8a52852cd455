// PoolOptions::initializer: a task that every worker runs before any other.
#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::HasSubstr;

class InitializerTest : public EngineTest {
 protected:
  // What a pool says whose initializer fails in every worker.
  std::string broken_by(PoolOptions options) {
    options.processes = 2;
    auto pool = engine_.pool(std::move(options));
    const auto queued = pool.apply_async<std::int64_t>("echo.add", 2, 3);
    if (!queued.wait(kPatience)) {
      ADD_FAILURE() << "the pool is not given up";
      return {};
    }
    const auto text = text_thrown<PoolBroken>([&] { (void)queued.get(); });
    pool.close();
    pool.join();
    return text;
  }
  // A manifest of both plugins.
  static Manifest manifest() {
    Manifest made;
    for (const char* name : {"echo", "misbehave"}) made.plugins.emplace_back().path.value = fixture_plugin(name);
    return made;
  }

  const ScratchFolder folder_;
};

TEST_F(InitializerTest, RunsOnceInEveryWorkerWithItsArguments) {
  auto pool = engine_.pool(
      {.processes = 3, .initializer = "misbehave.append", .initargs = bulkhead::args(folder_.file("starts"), "hello")});
  EXPECT_EQ(pool.map<std::int64_t>("echo.i64", std::views::iota(0, 300), {.chunk_size = 1}).size(), 300u);
  EXPECT_TRUE(eventually(kPatience, [&] { return lines_of(folder_.file("starts")).size() == 3; }));
  pool.close();
  pool.join();
  EXPECT_EQ(lines_of(folder_.file("starts")), std::vector<std::string>(3, "hello"));
}

TEST_F(InitializerTest, RunsInAReplacementToo) {
  auto pool = engine_.pool(
      {.processes = 1, .initializer = "misbehave.append", .initargs = bulkhead::args(folder_.file("starts"), "x")});
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  EXPECT_THROW(pool.apply<void>("misbehave.abort"), WorkerLost);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  EXPECT_EQ(lines_of(folder_.file("starts")).size(), 2u);
}

TEST_F(InitializerTest, MakesTheStateThatLaterCallsUse) {
  auto pool = engine_.pool({.processes = 1, .initializer = "echo.count", .initargs = bulkhead::args(40)});
  EXPECT_EQ(pool.apply<std::int64_t>("echo.count", 2), 42);
}

TEST_F(InitializerTest, NeedsNoArgumentsForATaskWithoutParameters) {
  auto pool = engine_.pool({.processes = 1, .initializer = "echo.nothing"});
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(InitializerTest, MayTakeMoreThanAControlMessage) {
  const std::vector<std::byte> large(5u << 20, std::byte{7});
  auto pool = engine_.pool({.processes = 2, .initializer = "echo.size_of", .initargs = bulkhead::args(large)});
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(InitializerTest, MayGiveALargeResultThatNobodyGets) {
  auto pool = engine_.pool({.processes = 1, .initializer = "echo.zeros", .initargs = bulkhead::args(5u << 20)});
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(InitializerTest, KeepsTheTextsItWasGiven) {
  PoolOptions options{.processes = 1, .initializer = "misbehave.append"};
  {
    const std::string path = folder_.file("starts");
    const std::string line = "gone by then";
    options.initargs = bulkhead::args(std::string_view(path), line.c_str());
  }
  auto pool = engine_.pool(options);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  EXPECT_EQ(lines_of(folder_.file("starts")), std::vector<std::string>{"gone by then"});
}

TEST_F(InitializerTest, ThatDoesNotExistIsNamedWithItsNeighbours) {
  EXPECT_THAT(text_thrown<TaskNotFound>([&] { (void)engine_.pool({.initializer = "echo.nothin"}); }),
              HasSubstr("\"echo.nothing\""));
}

TEST_F(InitializerTest, RefusesArgumentsOfOtherTypesBeforeAnythingStarts) {
  EXPECT_THROW((void)engine_.pool({.initializer = "echo.count", .initargs = bulkhead::args("one")}), SignatureMismatch);
  EXPECT_THROW((void)engine_.pool({.initializer = "echo.count"}), SignatureMismatch);
  EXPECT_THROW((void)engine_.pool({.initializer = "echo.i8", .initargs = bulkhead::args(1000)}), ArgumentError);
  EXPECT_THROW((void)engine_.pool({.initargs = bulkhead::args(1)}), UsageError);
  EXPECT_EQ(log_.text(), "");
}

TEST_F(InitializerTest, ThatThrowsBreaksThePoolWithItsText) {
  const auto text =
      broken_by({.initializer = "misbehave.throw_domain", .initargs = bulkhead::args("no such database")});
  EXPECT_THAT(text, HasSubstr("the initializer \"misbehave.throw_domain\" failed"));
  EXPECT_THAT(text, HasSubstr("no such database"));
  EXPECT_THAT(text, HasSubstr("std::domain_error"));
}

TEST_F(InitializerTest, WhoseStateCannotBeMadeBreaksThePoolWithItsText) {
  EXPECT_THAT(broken_by({.initializer = "echo.broken_state"}), HasSubstr("no state today"));
}

TEST_F(InitializerTest, ThatLeavesBreaksThePoolWithTheStatus) {
  const auto text = broken_by({.initializer = "misbehave.leave_with", .initargs = bulkhead::args(7)});
  EXPECT_THAT(text, HasSubstr("status 7"));
  EXPECT_THAT(text, HasSubstr("in the initializer \"misbehave.leave_with\""));
}

TEST_F(InitializerTest, ThatCrashesBreaksThePoolWithTheSignal) {
  const auto text = broken_by({.initializer = "misbehave.abort"});
  EXPECT_THAT(text, HasSubstr("SIGABRT"));
  EXPECT_THAT(text, HasSubstr("in the initializer \"misbehave.abort\""));
}

TEST_F(InitializerTest, ThatHangsBreaksThePoolAfterItsTime) {
  const auto text =
      broken_by({.initializer = "misbehave.sleep_ms", .initargs = bulkhead::args(3'600'000), .init_timeout = 200ms});
  EXPECT_THAT(text, HasSubstr("200ms"));
  EXPECT_THAT(text, HasSubstr("in the initializer \"misbehave.sleep_ms\""));
}

TEST_F(InitializerTest, OfTheManifestTakesItsArgumentsAsJson) {
  auto made = manifest();
  made.initializer.value = "misbehave.append";
  made.initargs.value = "[\"" + folder_.file("starts") + "\", \"from the manifest\"]";
  auto engine = Engine::from_manifest(std::move(made));
  auto pool = engine.pool({.processes = 1});
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  EXPECT_EQ(lines_of(folder_.file("starts")), std::vector<std::string>{"from the manifest"});
}

TEST_F(InitializerTest, OfTheProgramWinsOverTheManifest) {
  auto made = manifest();
  made.initializer.value = "misbehave.throw_domain";
  made.initargs.value = "[\"the manifest's\"]";
  auto engine = Engine::from_manifest(std::move(made));
  auto pool = engine.pool({.processes = 1, .initializer = "echo.count", .initargs = bulkhead::args(1)});
  EXPECT_EQ(pool.apply<std::int64_t>("echo.count", 1), 2);
}

}  // namespace
}  // namespace bulkhead::test
