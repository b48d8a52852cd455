// What a call and a rest cost the machine: no system call between hot sides, no wake-up at rest.
#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

class QuietTest : public EngineTest {
 protected:
  // Processor time and wake-ups of a process so far, over all threads but this one.
  struct Use {
    std::uint64_t ticks = 0;
    std::uint64_t wakeups = 0;
    bool operator==(const Use&) const = default;
  };
  static Use use_of(pid_t pid) {
    Use use;
    std::error_code error;
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", error)) {
      if (task.path().filename() == std::to_string(::gettid())) continue;
      std::ifstream stat(task.path() / "stat");
      std::string line;
      std::getline(stat, line);
      std::istringstream fields(line.substr(line.rfind(')') + 2));
      std::string skipped;
      for (int i = 0; i < 11; ++i) fields >> skipped;
      std::uint64_t user = 0;
      std::uint64_t system = 0;
      fields >> user >> system;
      use.ticks += user + system;
      std::ifstream status(task.path() / "status");
      while (std::getline(status, line)) {
        if (line.starts_with("voluntary_ctxt_switches:")) use.wakeups += std::stoull(line.substr(24));
      }
    }
    return use;
  }
};

TEST_F(QuietTest, AnIdleEngineUsesNoProcessorTimeAndNeverWakes) {
  auto pool = engine_.pool({.processes = 3});
  for (int i = 0; i < 1000; ++i) (void)pool.apply<std::int64_t>("echo.add", i, 1);
  (void)pool.map<std::int64_t>("echo.i64", std::views::iota(0, 1000));
  std::vector<pid_t> processes = watched_processes();
  EXPECT_GE(processes.size(), 4u) << "the warden and the workers are seen by their pidfds";
  processes.push_back(::getpid());
  const auto all = [&] {
    std::vector<Use> uses;
    for (const pid_t pid : processes) uses.push_back(use_of(pid));
    return uses;
  };
  // A whole second without change; the first ones may still see the end of the work before.
  std::vector<Use> before;
  std::vector<Use> after;
  for (int second = 0; second < 10; ++second) {
    before = all();
    std::this_thread::sleep_for(1s);
    after = all();
    if (before == after) break;
  }
  for (std::size_t i = 0; i < processes.size(); ++i) {
    EXPECT_EQ(before[i].ticks, after[i].ticks) << name_of_process(processes[i]);
    EXPECT_EQ(before[i].wakeups, after[i].wakeups) << name_of_process(processes[i]);
  }
}

TEST_F(QuietTest, AnEngineWithALongTaskUsesNoProcessorTime) {
  auto pool = engine_.pool({.processes = 1});
  (void)pool.apply<std::int64_t>("echo.add", 2, 3);
  const auto running = pool.apply_async<std::int64_t>("misbehave.sleep_ms", 3'600'000);
  std::thread waiter([&] {
    try {
      (void)running.get();
    } catch (const PoolClosed&) {
    }
  });
  Use before;
  Use after;
  for (int second = 0; second < 10; ++second) {
    before = use_of(::getpid());
    std::this_thread::sleep_for(1s);
    after = use_of(::getpid());
    if (before == after) break;
  }
  EXPECT_EQ(before.ticks, after.ticks);
  EXPECT_EQ(before.wakeups, after.wakeups);
  pool.terminate();
  waiter.join();
}

class SystemCallTest : public ::testing::Test {};

TEST_F(SystemCallTest, NoneIsMadeByEitherSideWhileBothAreHot) {
  const ScratchFolder folder;
  const std::string strace = "/usr/bin/strace";
  if (::access(strace.c_str(), X_OK) != 0) GTEST_SKIP() << "there is no strace";
  const auto probe = ProgramRun::run({strace, "-f", "-o", folder.file("probe"), "/bin/true"});
  if (probe.ended.exit_code != 0) GTEST_SKIP() << "tracing is not permitted: " << probe.err;
  std::size_t fewest = ~std::size_t{0};
  // Both sides must run at the same time for a while: on a loaded machine that may need several attempts.
  for (int attempt = 0; attempt < 5 && fewest > 0; ++attempt) {
    const auto host = ProgramRun::run({strace, "-f", "-ttt", "-o", folder.file("trace"), TEST_HOST, "hot-loop"});
    ASSERT_EQ(host.ended.exit_code, 0) << host.err;
    std::vector<double> calls;  // when each was made
    for (const std::string& line : lines_of(folder.file("trace"))) {
      std::istringstream fields(line);
      std::string pid;
      double when = 0;
      if (fields >> pid >> when) calls.push_back(when);
    }
    ASSERT_GT(calls.size(), 100u) << "the trace is not understood";
    std::ranges::sort(calls);
    std::istringstream rounds(host.out);
    double from = 0;
    double to = 0;
    int count = 0;
    while (rounds >> from >> to) {
      ++count;
      const auto first = std::ranges::lower_bound(calls, from);
      const auto last = std::ranges::upper_bound(calls, to);
      fewest = std::min(fewest, static_cast<std::size_t>(last - first));
    }
    ASSERT_EQ(count, 400);
  }
  EXPECT_EQ(fewest, 0u) << "system calls in the quietest of the rounds of 200 calls";
}

}  // namespace
}  // namespace bulkhead::test
