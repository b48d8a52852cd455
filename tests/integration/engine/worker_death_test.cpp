// Every way a task can end its process: it is lost, nothing else is.
#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

struct Way {
  const char* name;
  std::string task;
  std::optional<std::int32_t> argument;
  int signal;     // -1: any
  int exit_code;  // -1: none or any
};

class WorkerDeathTest : public EngineTest, public ::testing::WithParamInterface<Way> {};
class WorkerLostTest : public EngineTest {};
using ::testing::HasSubstr;

TEST_P(WorkerDeathTest, CostsTheOneTaskAmongThirtyOthers) {
  const Way& way = GetParam();
  for (const int processes : {1, 2}) {
    auto pool = engine_.pool({.processes = processes});
    std::vector<AsyncResult<std::int64_t>> innocents;
    const auto submit_innocents = [&] {
      for (int i = 0; i < 15; ++i) innocents.push_back(pool.apply_async<std::int64_t>("echo.add", i, 1));
    };
    submit_innocents();
    const auto guilty =
        way.argument ? pool.apply_async<void>(way.task, *way.argument) : pool.apply_async<void>(way.task);
    submit_innocents();
    try {
      guilty.get();
      FAIL() << "it ended well";
    } catch (const WorkerLost& lost) {
      EXPECT_TRUE(way.signal < 0 || lost.signal() == way.signal) << lost.what();
      EXPECT_TRUE(way.exit_code < 0 || lost.exit_code() == way.exit_code) << lost.what();
      EXPECT_EQ(lost.task(), way.task);
      EXPECT_EQ(lost.phase(), Phase::kRun);
      EXPECT_GT(lost.worker_pid(), 0);
      EXPECT_GT(lost.info().task_id, 0u);
      EXPECT_THAT(lost.what(), HasSubstr(way.task));
      EXPECT_TRUE(eventually(kPatience, [&] { return !process_exists(lost.worker_pid()); }));
    }
    for (std::size_t i = 0; i < innocents.size(); ++i) {
      EXPECT_EQ(innocents[i].get(), static_cast<std::int64_t>(i % 15 + 1));
    }
    EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5) << "the pool goes on";
  }
}

INSTANTIATE_TEST_SUITE_P(By, WorkerDeathTest,
                         ::testing::Values(Way{"Segv", "misbehave.segv", {}, SIGSEGV, -1},
                                           Way{"Abort", "misbehave.abort", {}, SIGABRT, -1},
                                           Way{"Trap", "misbehave.trap", {}, SIGILL, -1},
                                           Way{"Exit0", "misbehave.leave_with", 0, 0, 0},
                                           Way{"Exit3", "misbehave.leave_with", 3, 0, 3},
                                           Way{"UnderscoreExit0", "misbehave.leave_at_once_with", 0, 0, 0},
                                           Way{"UnderscoreExit9", "misbehave.leave_at_once_with", 9, 0, 9},
                                           Way{"QuickExit", "misbehave.leave_quickly", {}, 0, 0},
                                           Way{"SigKill", "misbehave.kill_self", SIGKILL, SIGKILL, -1},
                                           Way{"SigTerm", "misbehave.kill_self", SIGTERM, SIGTERM, -1},
                                           Way{"SigInt", "misbehave.kill_self", SIGINT, SIGINT, -1},
                                           Way{"SigHup", "misbehave.kill_self", SIGHUP, SIGHUP, -1},
                                           Way{"SigBus", "misbehave.kill_self", SIGBUS, SIGBUS, -1},
                                           Way{"Exec", "misbehave.exec_true", {}, 0, 0},
                                           Way{"PthreadExit", "misbehave.end_thread", {}, 0, -1},
                                           Way{"NoexceptViolation", "misbehave.throw_out_of_noexcept", {}, SIGABRT, -1},
                                           Way{"ExceptionInAThread", "misbehave.throw_in_a_thread", {}, SIGABRT, -1},
                                           Way{"StackOverflow", "misbehave.overflow_stack", {}, SIGSEGV, -1}),
                         [](const auto& way) { return std::string(way.param.name); });

TEST_F(WorkerLostTest, IsToldInWords) {
  EXPECT_THAT(text_thrown<WorkerLost>([&] { pool_.apply<void>("misbehave.segv"); }), HasSubstr("SIGSEGV"));
  EXPECT_THAT(text_thrown<WorkerLost>([&] { pool_.apply<void>("misbehave.leave_with", 3); }), HasSubstr("3"));
  EXPECT_THAT(text_thrown<WorkerLost>([&] { pool_.apply<void>("misbehave.leave_with", 0); }), HasSubstr("exit"));
  EXPECT_THROW(pool_.apply<void>("misbehave.segv"), std::runtime_error);
}

TEST_F(WorkerLostTest, AHundredTimesInARowLeavesThePoolWhole) {
  auto pool = engine_.pool({.processes = 1});
  for (int i = 0; i < 100; ++i) {
    ASSERT_THROW(pool.apply<void>("misbehave.leave_at_once_with", 0), WorkerLost) << i;
    ASSERT_EQ(pool.apply<std::int64_t>("echo.add", i, 1), i + 1);
  }
}

TEST_F(WorkerLostTest, OfAnIdleWorkerCostsNothing) {
  auto pool = engine_.pool({.processes = 1});
  for (int i = 0; i < 20; ++i) {
    const auto pid = pool.apply<std::int64_t>("misbehave.pid");
    ASSERT_EQ(::kill(static_cast<pid_t>(pid), SIGKILL), 0);
    // The task may still have been given to the dying one, but then it was not begun there.
    ASSERT_TRUE(eventually(kPatience, [&] { return !process_exists(pid); }));
    ASSERT_NE(pool.apply<std::int64_t>("misbehave.pid"), pid);
  }
}

TEST_F(WorkerLostTest, HappensToEveryTaskOfARowOfDeadlyOnes) {
  std::vector<AsyncResult<void>> results;
  for (int i = 0; i < 50; ++i) results.push_back(pool_.apply_async<void>("misbehave.leave_at_once_with", 1));
  for (const auto& result : results) EXPECT_THROW(result.get(), WorkerLost);
  EXPECT_EQ(pool_.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(WorkerLostTest, IsNotWhatAForkThatReturnsTwiceCosts) {
  // The child that returns into the worker's loop ends before it answers anything.
  auto pool = engine_.pool({.processes = 1});
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(pool.apply<std::int64_t>("misbehave.fork_and_return"), 1);
    EXPECT_EQ(pool.apply<std::int64_t>("echo.add", i, 1), i + 1);
  }
}

TEST_F(WorkerLostTest, EndsWhatTheTaskForked) {
  auto pool = engine_.pool({.processes = 1});
  const auto child = pool.apply<std::int64_t>("misbehave.fork_and_leave_child");
  EXPECT_TRUE(process_exists(child));
  EXPECT_THROW(pool.apply<void>("misbehave.segv"), WorkerLost) << "its child still holds its descriptors";
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  EXPECT_TRUE(eventually(kPatience, [&] { return !process_exists(child); }));
}

TEST_F(WorkerLostTest, EndsWhatATaskForkedWhenThePoolCloses) {
  std::int64_t child = 0;
  {
    auto pool = engine_.pool({.processes = 1});
    child = pool.apply<std::int64_t>("misbehave.fork_and_leave_child");
    pool.close();
    pool.join();
  }
  EXPECT_TRUE(eventually(kPatience, [&] { return !process_exists(child); }));
}

TEST_F(WorkerLostTest, IsAllThatClosingEveryDescriptorCosts) {
  auto pool = engine_.pool({.processes = 1});
  for (int i = 0; i < 5; ++i) {
    const auto pid = pool.apply<std::int64_t>("misbehave.pid");
    // Its own verdict may be either: its process ends, and that may be noticed before it returns.
    const auto closing = pool.apply_async<void>("misbehave.close_all_descriptors");
    std::vector<AsyncResult<std::int64_t>> later;
    for (int j = 0; j < 10; ++j) later.push_back(pool.apply_async<std::int64_t>("echo.add", j, 1));
    EXPECT_TRUE(closing.wait(kPatience));
    int lost = 0;
    for (int j = 0; j < 10; ++j) {
      try {
        EXPECT_EQ(later[static_cast<std::size_t>(j)].get(), j + 1);
      } catch (const WorkerLost&) {
        ++lost;
      }
    }
    EXPECT_LE(lost, 1);
    EXPECT_TRUE(eventually(kPatience, [&] { return !process_exists(pid); })) << "it condemned itself";
    EXPECT_EQ(pool.apply<std::vector<std::byte>>("echo.pattern", 3 << 20, 1).size(), std::size_t{3} << 20)
        << "large results need descriptors";
  }
}

TEST_F(WorkerLostTest, IsTheWorstThatScribblingOverTheSharedMemoryCosts) {
  const auto seed = random_seed();
  auto pool = engine_.pool({.processes = 1, .ring_bytes = 64u << 10});
  for (std::uint32_t round = 0; round < 60; ++round) {
    std::vector<AsyncResult<std::int64_t>> others;
    const auto submit_others = [&] {
      for (int i = 0; i < 5; ++i) others.push_back(pool.apply_async<std::int64_t>("echo.add", i, 1));
    };
    submit_others();
    const std::uint64_t bytes = std::uint64_t{1} << round % 18;
    const auto scribbler = pool.apply_async<std::uint64_t>("misbehave.scribble", seed + round, bytes);
    submit_others();
    // Any verdict, but one each; and the host and its pool live on.
    ASSERT_TRUE(scribbler.wait(kPatience)) << round;
    if (scribbler.successful()) {
      EXPECT_GT(scribbler.get(), 0u) << "nothing was found to scribble over";
    }
    for (const auto& other : others) ASSERT_TRUE(other.wait(kPatience)) << round;
    for (int tries = 0;; ++tries) {
      // The damage may be noticed only by the next calls.
      try {
        if (pool.apply<std::int64_t>("echo.add", 2, 3) == 5) break;
      } catch (const WorkerLost&) {
      } catch (const PayloadError&) {
      }
      ASSERT_LT(tries, 10) << round;
    }
  }
}

TEST_F(WorkerLostTest, CannotBeBroughtAboutByWritingWhatTheHostWrites) {
  EXPECT_EQ(pool_.apply<std::int64_t>("misbehave.make_requests_writable"), 0);
}

TEST_F(WorkerLostTest, StopsAndContinuesWithoutLoss) {
  auto pool = engine_.pool({.processes = 1});
  const auto pid = static_cast<pid_t>(pool.apply<std::int64_t>("misbehave.pid"));
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  const auto result = pool.apply_async<std::int64_t>("misbehave.pid");
  EXPECT_FALSE(result.wait(50ms));
  ASSERT_EQ(::kill(pid, SIGCONT), 0);
  EXPECT_EQ(result.get(), pid);
}

}  // namespace
}  // namespace bulkhead::test
