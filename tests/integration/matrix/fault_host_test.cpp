// The host's threads, processes and output: what happens there costs no task.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>

#include "fault_fixture.hpp"

namespace bulkhead::test {
namespace {

// This program's stderr leads to `fd` for as long as it lives.
class StderrTo {
 public:
  explicit StderrTo(int fd) : before_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) { ::dup2(fd, STDERR_FILENO); }
  StderrTo(const StderrTo&) = delete;
  StderrTo& operator=(const StderrTo&) = delete;
  ~StderrTo() {
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
  }

 private:
  int before_;
};

TEST(HostFaultTest, AThreadThatMadeThePoolMayEnd) {
  // PR_SET_PDEATHSIG would end children of a thread, not of a process.
  std::optional<Engine> engine;
  std::optional<Pool> pool;
  std::int64_t pid = 0;
  std::thread([&] {
    engine.emplace(make_fault_engine());
    pool.emplace(engine->pool({.processes = 1}));
    pid = pool->apply<std::int64_t>("misbehave.pid");
  }).join();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pool->apply<std::int64_t>("misbehave.pid"), pid);
  EXPECT_THROW(pool->apply<void>("misbehave.abort"), WorkerLost);
  EXPECT_NE(pool->apply<std::int64_t>("misbehave.pid"), pid);
}

TEST(HostFaultTest, TwoHostsOfOnePluginKnowNothingOfEachOther) {
  const auto use_and_crash = [] {
    auto engine = make_fault_engine({.on_log = [](int, std::string_view) {}});
    auto pool = engine.pool({.processes = 1});
    for (int i = 0; i < 200; ++i) {
      if (pool.apply<std::int64_t>("echo.add", i, 1) != i + 1) return 1;
      if (i % 20 != 0) continue;
      try {
        pool.apply<void>("misbehave.abort");
        return 2;
      } catch (const WorkerLost&) {
      }
    }
    return 0;
  };
  auto one = ChildProcess::fork_and_run(use_and_crash);
  auto other = ChildProcess::fork_and_run(use_and_crash);
  EXPECT_EQ(one.wait().exit_code, 0);
  EXPECT_EQ(other.wait().exit_code, 0);
}

TEST(HostFaultTest, KilledWithItsWardenAndItsWorkersAtOnceLeavesNoProcessAndFewNames) {
  std::mt19937 random(random_seed());
  for (int round = 0; round < 20; ++round) {
    const std::string value = std::to_string(::getpid()) + ".group." + std::to_string(round);
    auto host = ChildProcess::fork_and_run([&] {
      ::setenv("BULKHEAD_TEST_MARK", value.c_str(), 1);
      auto engine = make_fault_engine({.on_log = [](int, std::string_view) {}});
      for (;;) {
        auto pool = engine.pool({.processes = 4});
        (void)pool.apply<std::int64_t>("echo.add", 2, 3);
      }
      return 0;
    });
    const pid_t pid = host.pid();
    const auto others = [&] { return processes_with_mark("BULKHEAD_TEST_MARK=" + value); };
    ASSERT_TRUE(eventually(kPatience, [&] { return !others().empty(); }));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    // Stopped first, so that nobody has the time to tidy up behind another: a container's end is as sudden.
    host.kill(SIGSTOP);
    for (const pid_t other : others()) ::kill(other, SIGSTOP);
    for (const pid_t other : others()) ::kill(other, SIGKILL);
    host.kill(SIGKILL);
    EXPECT_EQ(host.wait().signal, SIGKILL);
    EXPECT_TRUE(eventually(kPatience, [&] { return others().empty(); }));
    // Doorbells that no worker had opened yet. `bulkhead clean` removes them: CleanCommand.
    const auto names = shared_names(pid);
    EXPECT_LE(names.size(), 4u);
    for (const auto& name : names) std::filesystem::remove("/dev/shm/" + name);
  }
}

// All threads of this process's user: what RLIMIT_NPROC counts.
rlim_t threads_of_this_user() {
  rlim_t count = 0;
  std::error_code error;
  for (const auto& folder : std::filesystem::directory_iterator("/proc", error)) {
    std::ifstream file(folder.path() / "status");
    bool is_own = false;
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("Uid:")) is_own = std::stoul(line.substr(4)) == ::getuid();
      if (is_own && line.starts_with("Threads:")) count += std::stoul(line.substr(8));
    }
  }
  return count;
}

TEST(HostFaultTest, ProcessesAndThreadsThatCannotBeHadAreTold) {
  constexpr int kWorks = 0;
  constexpr int kTold = 1;
  constexpr int kCannotTry = 2;
  // From not one more to enough for everything: the warden, the host's threads, a probe, workers and their threads.
  for (rlim_t more = 0; more < 16; ++more) {
    const std::string mark = std::to_string(::getpid()) + ".few." + std::to_string(more);
    auto host = ChildProcess::fork_and_run([&] {
      ::setenv("BULKHEAD_TEST_MARK", mark.c_str(), 1);
      constexpr uid_t kNobody = 65534;  // the limit does not bind root
      if (::getuid() == 0 && ::setuid(kNobody) != 0) return kCannotTry;
      ::prctl(PR_SET_DUMPABLE, 1);  // else /proc/self is root's
      if (::access(fixture_plugin("echo").c_str(), R_OK) != 0) return kCannotTry;
      const rlim_t most = threads_of_this_user() + more;
      const rlimit limit{most, most};
      if (::setrlimit(RLIMIT_NPROC, &limit) != 0) return kCannotTry;
      try {
        auto engine = make_fault_engine({.on_log = [](int, std::string_view) {}});
        auto pool = engine.pool({.processes = 2});
        return pool.apply<std::int64_t>("echo.add", 2, 3) == 5 ? kWorks : 99;
      } catch (const Error& error) {
        const std::string text = error.what();
        if (text.find("Resource temporarily unavailable") != std::string::npos) return kTold;
        throw std::runtime_error(text);
      }
    });
    const int status = host.wait().exit_code;
    if (status == kCannotTry) GTEST_SKIP() << "neither an ordinary user nor one who can become nobody";
    EXPECT_TRUE(status == kTold || (more > 0 && status == kWorks)) << more << " more: " << status;
    EXPECT_TRUE(eventually(kPatience, [&] { return processes_with_mark("BULKHEAD_TEST_MARK=" + mark).empty(); }));
  }
}

TEST(HostFaultTest, ADiskThatIsFullForItsLogCostsNothing) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  {
    const StderrTo nowhere(full);
    auto engine = make_fault_engine();  // logs to stderr
    auto pool = engine.pool({.processes = 1});
    for (int i = 0; i < 10; ++i) {
      pool.apply<void>("faults.log_a_line");
      EXPECT_THROW(pool.apply<void>("misbehave.abort"), WorkerLost) << "which is logged";
      EXPECT_EQ(pool.apply<std::int64_t>("echo.add", i, 1), i + 1);
    }
  }
  ::close(full);
}

TEST(HostFaultTest, ATaskThatFloodsStderrHoldsUpNobody) {
  Pipe unread;
  {
    const StderrTo nobody(unread.writer);
    auto engine = make_fault_engine();  // its log goes where nobody reads
    auto pool = engine.pool({.processes = 2});
    const auto flood = pool.apply_async<void>("faults.flood_stderr", 4u << 20);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(pool.apply<std::int64_t>("echo.add", i, 1), i + 1);
    flood.get();
    for (int i = 0; i < 100; ++i) pool.apply<void>("faults.log_a_line");
    EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  }
}

}  // namespace
}  // namespace bulkhead::test
