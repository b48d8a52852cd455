// What a task does to its own process: limits it runs into, a mess it leaves.
#include "fault_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::HasSubstr;

class ProcessFaultTest : public ::testing::Test {
 protected:
  static void expect_killed_by(int signal, const std::function<void()>& call) {
    try {
      call();
      ADD_FAILURE() << "it ended well";
    } catch (const WorkerLost& lost) {
      EXPECT_EQ(lost.signal(), signal) << lost.what();
      EXPECT_THAT(lost.what(), HasSubstr(::sigabbrev_np(signal)));
    }
  }

  LogLines log_;
  Engine engine_ = make_fault_engine({.on_log = log_.sink()});
  Pool pool_ = engine_.pool({.processes = 1, .kill_grace = 50ms});
};

TEST_F(ProcessFaultTest, UsingUpItsProcessorTimeCostsTheOneTask) {
  expect_killed_by(SIGXCPU, [&] { pool_.apply<void>("faults.use_up_processor_time"); });
  EXPECT_EQ(pool_.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(ProcessFaultTest, WritingMoreThanItMayCostsTheOneTask) {
  const ScratchFolder folder;
  expect_killed_by(SIGXFSZ, [&] { pool_.apply<void>("faults.write_beyond_limit", folder.file("large")); });
  EXPECT_EQ(pool_.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(ProcessFaultTest, TakingMoreMemoryThanItMayIsABadAllocAndTheWorkerStays) {
  const auto pid = pool_.apply<std::int64_t>("misbehave.pid");
  EXPECT_THROW((void)pool_.apply<std::int64_t>("faults.allocate_beyond_limit"), std::bad_alloc);
  EXPECT_EQ(pool_.apply<std::int64_t>("misbehave.pid"), pid);
}

TEST_F(ProcessFaultTest, AStopIsToldAndCostsNothing) {
  const auto pid = static_cast<pid_t>(pool_.apply<std::int64_t>("misbehave.pid"));
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  const auto waiting = pool_.apply_async<std::int64_t>("misbehave.pid");
  EXPECT_TRUE(eventually(kPatience, [&] { return log_.contains("is stopped by a signal"); }));
  ASSERT_EQ(::kill(pid, SIGCONT), 0);
  EXPECT_EQ(waiting.get(), pid);
  EXPECT_TRUE(eventually(kPatience, [&] { return log_.contains("goes on"); }));
}

TEST_F(ProcessFaultTest, AThreadLocalThatCrashesAfterTheResultCostsNothing) {
  auto pool = engine_.pool({.processes = 1, .max_tasks_per_child = 1});
  for (int i = 0; i < 5; ++i) {
    const auto result = pool.apply_async<std::int64_t>("faults.leave_a_bomb");
    const auto next = pool.apply_async<std::int64_t>("misbehave.pid");
    EXPECT_NE(next.get(), result.get());
    EXPECT_TRUE(eventually(kPatience, [&] { return !process_exists(result.get()); }));
  }
}

TEST_F(ProcessFaultTest, WhatItChangesInItsProcessReachesNoOtherTaskWhereEachHasAFreshOne) {
  auto pool = engine_.pool({.processes = 1, .max_tasks_per_child = 1});
  const auto before = pool.apply<std::string>("faults.surroundings");
  pool.apply<void>("faults.change_surroundings");
  EXPECT_EQ(pool.apply<std::string>("faults.surroundings"), before);
}

TEST_F(ProcessFaultTest, WhatItChangesInItsProcessDoesNotDisturbTheWorker) {
  const auto pid = pool_.apply<std::int64_t>("misbehave.pid");
  pool_.apply<void>("faults.change_surroundings");
  EXPECT_EQ(pool_.apply<std::vector<std::byte>>("echo.pattern", 3 << 20, 1).size(), std::size_t{3} << 20);
  EXPECT_EQ(pool_.apply<std::int64_t>("misbehave.pid"), pid);
  const auto endless = pool_.apply_async<void>("misbehave.sleep_ms", {.timeout = 50ms}, 3'600'000);
  EXPECT_THROW(endless.get(), TaskTimeout) << "it blocks SIGTERM now";
  EXPECT_THROW(pool_.apply<void>("misbehave.abort"), WorkerLost);
}

}  // namespace
}  // namespace bulkhead::test
