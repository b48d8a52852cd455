// What a task throws, and what the caller catches.
#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

class TaskErrorTest : public EngineTest {
 protected:
  template <class... A>
  TaskError::Info error_of(std::string_view task, const A&... arguments) {
    try {
      pool_.apply<void>(task, arguments...);
    } catch (const TaskError& error) {
      return error.info();
    } catch (const Error& error) {
      ADD_FAILURE() << task << ": " << name_of(error.code()) << ": " << error.what();
      return {};
    }
    ADD_FAILURE() << task << " threw nothing";
    return {};
  }
};
using ::testing::HasSubstr;

TEST_F(TaskErrorTest, IsCaughtAsItsOwnTypeAsOursAndAsAStandardException) {
  EXPECT_THROW(pool_.apply<void>("misbehave.throw_domain", "text"), std::domain_error);
  EXPECT_THROW(pool_.apply<void>("misbehave.throw_domain", "text"), TaskError);
  EXPECT_THROW(pool_.apply<void>("misbehave.throw_domain", "text"), Error);
  EXPECT_THROW(pool_.apply<void>("misbehave.throw_domain", "text"), std::logic_error);
  EXPECT_THROW(pool_.apply<void>("misbehave.throw_domain", "text"), std::exception);
  try {
    pool_.apply<void>("misbehave.throw_domain", "text");
  } catch (const std::exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("text"));
    EXPECT_NE(dynamic_cast<const TaskError*>(&error), nullptr);
  }
}

TEST_F(TaskErrorTest, TellsTypeTextTaskAndWorker) {
  auto pool = engine_.pool({.processes = 1});
  const auto pid = pool.apply<std::int64_t>("echo.pid");
  try {
    pool.apply<void>("misbehave.throw_domain", "no such number");
    FAIL() << "nothing was thrown";
  } catch (const TaskError& error) {
    EXPECT_EQ(error.code(), ErrorCode::kTask);
    EXPECT_EQ(error.type_name(), "std::domain_error");
    EXPECT_EQ(error.text(), "no such number");
    EXPECT_EQ(error.task(), "misbehave.throw_domain");
    EXPECT_EQ(error.phase(), Phase::kRun);
    EXPECT_EQ(error.worker_pid(), pid);
    EXPECT_GT(error.info().task_id, 0u);
    EXPECT_THAT(error.what(), HasSubstr("misbehave.throw_domain"));
    EXPECT_THAT(error.what(), HasSubstr("no such number"));
  }
  EXPECT_EQ(pool.apply<std::int64_t>("echo.pid"), pid) << "the worker stays";
}

TEST_F(TaskErrorTest, OfEveryKindLeavesTheWorkerAlive) {
  auto pool = engine_.pool({.processes = 1});
  const auto pid = pool.apply<std::int64_t>("echo.pid");
  for (const char* task :
       {"misbehave.throw_int", "misbehave.throw_text", "misbehave.throw_own", "misbehave.throw_plain_exception",
        "misbehave.throw_system_error", "misbehave.throw_bad_alloc", "misbehave.throw_nested", "echo.broken_state"}) {
    EXPECT_THROW(pool.apply<void>(task), TaskError) << task;
    EXPECT_THROW(pool.apply<void>(task), std::exception) << task;
  }
  EXPECT_EQ(pool.apply<std::int64_t>("echo.pid"), pid);
}

TEST_F(TaskErrorTest, OfSomethingThatIsNoExceptionNamesItsType) {
  EXPECT_EQ(error_of("misbehave.throw_int").type_name, "int");
  EXPECT_THAT(error_of("misbehave.throw_text").type_name, HasSubstr("char const*"));
  EXPECT_THROW(pool_.apply<void>("misbehave.throw_int"), std::runtime_error);
}

TEST_F(TaskErrorTest, OfThePluginsOwnTypeKeepsItsName) {
  const auto info = error_of("misbehave.throw_own");
  EXPECT_THAT(info.type_name, HasSubstr("OwnError"));
  EXPECT_EQ(info.text, "of the plugin's own");
}

TEST_F(TaskErrorTest, OfASystemErrorKeepsItsCode) {
  try {
    pool_.apply<void>("misbehave.throw_system_error");
    FAIL() << "nothing was thrown";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::error_code(ENOSPC, std::generic_category()));
    EXPECT_THAT(error.what(), HasSubstr("writing the answer"));
  }
  const auto info = error_of("misbehave.throw_system_error");
  EXPECT_EQ(info.category, "generic");
  EXPECT_EQ(info.value, ENOSPC);
}

TEST_F(TaskErrorTest, OfLackingMemoryIsABadAlloc) {
  EXPECT_THROW(pool_.apply<void>("misbehave.throw_bad_alloc"), std::bad_alloc);
}

TEST_F(TaskErrorTest, TellsNestedCausesOutermostFirst) {
  const auto info = error_of("misbehave.throw_nested");
  EXPECT_EQ(info.text, "outermost");
  std::vector<std::string> texts;
  for (const Cause& cause : info.causes) texts.push_back(cause.type + ": " + cause.text);
  EXPECT_THAT(texts, ::testing::IsSupersetOf({"std::domain_error: middle", "std::out_of_range: innermost"}));
  EXPECT_LT(std::ranges::find(texts, "std::domain_error: middle"),
            std::ranges::find(texts, "std::out_of_range: innermost"));
  EXPECT_THROW(pool_.apply<void>("misbehave.throw_nested"), std::invalid_argument);
}

TEST_F(TaskErrorTest, OfAStatesConstructorHasPhaseInit) {
  const auto info = error_of("echo.broken_state");
  EXPECT_EQ(info.phase, Phase::kInit);
  EXPECT_EQ(info.text, "no state today");
}

TEST_F(TaskErrorTest, WithATextOfAnySizeArrives) {
  for (const std::uint64_t size : {0ull, 1ull, 4096ull, 1ull << 20, 4ull << 20}) {
    const auto info = error_of("misbehave.throw_long", size);
    EXPECT_EQ(info.type_name, "std::runtime_error") << size;
    // Long texts may be cut, never lost.
    EXPECT_GE(info.text.size(), std::min<std::uint64_t>(size, 1024)) << size;
    EXPECT_EQ(info.text.find_first_not_of('x') == std::string::npos || info.text.size() > 1024, true) << size;
  }
  EXPECT_EQ(pool_.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(TaskErrorTest, OfAResultThatCannotBeEncodedIsAPayloadError) {
  // Twenty times in a row: no worker is lost by it (multiprocessing's test_unpickleable_result).
  auto pool = engine_.pool({.processes = 1});
  const auto pid = pool.apply<std::int64_t>("echo.pid");
  for (int i = 0; i < 20; ++i) {
    // Beyond what int64 nanoseconds can say.
    EXPECT_THROW((void)pool.apply<std::chrono::hours>("echo.duration", std::chrono::hours::max()), PayloadError);
  }
  EXPECT_EQ(pool.apply<std::int64_t>("echo.pid"), pid);
}

}  // namespace
}  // namespace bulkhead::test
