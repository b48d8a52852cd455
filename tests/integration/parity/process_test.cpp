// CPython's _TestProcess and its neighbours, where they are about workers.
#include <fcntl.h>

#include "parity_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// The same everywhere.
class WorkerTest : public ParityTest {
 protected:
  static ProgramRun run_host(const std::string& mode) {
    return ProgramRun::run({PARITY_HOST, mode, name_of(GetParam())});
  }
};

TEST(CpuCountTest, IsAtLeastOne) { EXPECT_GE(usable_cpu_count(), 1); }

TEST_P(WorkerTest, RunsTasksInAThreadThatIsNotTheCallers) {
  auto engine = make_engine();
  auto pool = engine.pool(with_start_method({.processes = 1}));
  EXPECT_NE(pool.apply<std::int64_t>("parity.thread_id"), ::gettid());
}

TEST_P(WorkerTest, ThatTheHostStartsWithoutStdoutAndStderrWorks) {
  EXPECT_EQ(run_host("closed-stdio").ended.exit_code, 0);
}

TEST_P(WorkerTest, OfAPoolInAGlobalEndsWithTheProgram) {
  const auto host = run_host("pool-at-exit");
  EXPECT_EQ(host.ended.exit_code, 0) << "signal " << host.ended.signal << "\n" << host.err;
  EXPECT_EQ(host.err, "");
}

TEST_P(WorkerTest, IsStartedAndTerminatedAtOnceManyTimes) {
  auto engine = make_engine({.on_log = log_.sink()});
  for (int i = 0; i < 10; ++i) {
    auto pool = engine.pool(with_start_method({.processes = 10, .ring_bytes = 64u << 10}));
    pool.terminate();
    pool.join();
  }
  EXPECT_EQ(log_.text(), "");
}

INSTANTIATE_TEST_SUITE_P(Parity, WorkerTest, with_every_start_method, by_name);

class ProcessTest : public WorkerTest {
 protected:
  [[nodiscard]] Pool make_pool(PoolOptions options) {
    if (!engine_) engine_.emplace(make_engine({.on_log = log_.sink()}));
    return engine_->pool(with_start_method(std::move(options)));
  }
  [[nodiscard]] AsyncResult<std::int64_t> run_while_exists(Pool& pool, const std::string& file) const {
    return pool.apply_async<std::int64_t>("misbehave.run_while_exists", folder_.file(file), folder_.file("began"));
  }
  [[nodiscard]] bool has_begun() const {
    return eventually(kPatience, [&] { return !lines_of(folder_.file("began")).empty(); });
  }
  // A task runs, the warden gets `signal`; the task ends as if nothing had been, and there are new workers after it.
  void expect_outlived_by_workers(int signal) {
    touch(folder_.file("running"));
    auto pool = make_pool({.processes = 1});
    const auto running = run_while_exists(pool, "running");
    ASSERT_TRUE(has_begun());
    ASSERT_GT(find_warden(), 0);
    ::kill(find_warden(), signal);
    std::filesystem::remove(folder_.file("running"));
    EXPECT_GT(running.get(kPatience), 0);
    EXPECT_THROW(pool.apply<void>("misbehave.leave_with", 3), WorkerLost);
    EXPECT_EQ(pool.apply<std::int64_t>("parity.square", 3), 9) << "by a worker started since";
  }

 private:
  std::optional<Engine> engine_;
};

TEST_P(ProcessTest, IsAliveFromItsStartToTheJoin) {
  auto pool = make_pool({.processes = 2});
  wait_until_ready(pool);
  const auto pids = worker_pids(pool);
  ASSERT_THAT(pids, SizeIs(2));
  for (const auto pid : pids) {
    EXPECT_NE(pid, ::getpid());
    EXPECT_TRUE(process_exists(pid));
  }
  pool.close();
  pool.join();
  for (const auto pid : pids) EXPECT_FALSE(process_exists(pid));
  for (const auto pid : worker_pids(pool)) EXPECT_EQ(pid, 0);
}

TEST_P(ProcessTest, IsEndedByTerminateWhateverItRuns) {
  touch(folder_.file("running"));
  auto pool = make_pool({.processes = 1});
  const auto running = run_while_exists(pool, "running");
  ASSERT_TRUE(has_begun());
  const auto pids = worker_pids(pool);
  pool.terminate();
  pool.join();
  EXPECT_THROW((void)running.get(), PoolClosed);
  for (const auto pid : pids) EXPECT_FALSE(process_exists(pid));
}

TEST_P(ProcessTest, ThatIsKilledTellsTheSignal) {
  auto pool = make_pool({.processes = 1});
  for (const int signal : {SIGTERM, SIGKILL}) {
    touch(folder_.file("running"));
    std::filesystem::remove(folder_.file("began"));
    const auto running = run_while_exists(pool, "running");
    ASSERT_TRUE(has_begun());
    ::kill(static_cast<pid_t>(std::stol(lines_of(folder_.file("began")).front())), signal);
    try {
      (void)running.get(kPatience);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const WorkerLost& lost) {
      EXPECT_EQ(lost.signal(), signal);
    }
  }
}

TEST_P(ProcessTest, ThatExitsTellsItsStatus) {
  auto pool = make_pool({.processes = 1});
  for (const int status : {0, 1, 8}) {
    try {
      pool.apply<void>("misbehave.leave_with", status);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const WorkerLost& lost) {
      EXPECT_EQ(lost.signal(), 0);
      EXPECT_EQ(lost.exit_code(), status);
    }
  }
}

TEST_P(ProcessTest, ThatEndsByAnExceptionNobodyCatchesWritesItToStderr) {
  auto engine = make_engine({.on_log = log_.sink()});
  auto pool = engine.pool(with_start_method({.processes = 1}));
  EXPECT_THROW(pool.apply<void>("misbehave.throw_out_of_noexcept"), WorkerLost);
  // It is in the log before anybody hears of the death.
  EXPECT_THAT(log_.text(), HasSubstr("nobody may catch this"));
}

TEST_P(ProcessTest, RunsTheExitHandlersOfItsPluginsWhenItEndsNormally) {
  auto pool = make_pool({.processes = 1});
  pool.apply<void>("parity.append_at_exit", folder_.file("ended"));
  EXPECT_TRUE(lines_of(folder_.file("ended")).empty());
  pool.close();
  pool.join();
  EXPECT_EQ(lines_of(folder_.file("ended")).size(), 1u);
}

TEST_P(ProcessTest, DoesNotWaitForThreadsThatATaskLeftBehind) {
  auto pool = make_pool({.processes = 1});
  pool.apply<void>("parity.leave_a_thread_behind");
  pool.close();
  pool.join();
  EXPECT_EQ(log_.text(), "");
}

TEST_P(ProcessTest, WithoutStdoutAndStderrWorksAndEndsNormally) {
  auto pool = make_pool({.processes = 1});
  pool.apply<void>("parity.close_stdout_and_stderr");
  pool.apply<void>("misbehave.print", "to nobody");
  EXPECT_EQ(pool.apply<std::int64_t>("parity.square", 3), 9);
  pool.close();
  pool.join();
  EXPECT_EQ(log_.text(), "");
}

TEST_P(ProcessTest, HasAsManyDescriptorsAsTheOthers) {
  touch(folder_.file("gate"));
  auto pool = make_pool({.processes = 5});
  const std::vector<std::pair<std::string, std::string>> items(5, {folder_.file("gate"), folder_.file("began")});
  const auto counted = pool.starmap_async<std::int64_t>("parity.count_descriptors", items, {.chunk_size = 1});
  EXPECT_TRUE(eventually(kPatience, [&] { return lines_of(folder_.file("began")).size() == 5; }));
  std::filesystem::remove(folder_.file("gate"));
  const auto counts = counted.get();
  EXPECT_EQ(counts, std::vector<std::int64_t>(5, counts.front()));
}

TEST_P(ProcessTest, HasNoDescriptorThatTheHostHadOpen) {
  const int high = ::fcntl(STDERR_FILENO, F_DUPFD, 500);  // inheritable
  ASSERT_GE(high, 500);
  auto pool = make_pool({.processes = 1});
  EXPECT_FALSE(pool.apply<bool>("parity.is_open", high));
  EXPECT_THROW(pool.apply<void>("misbehave.leave_with", 1), WorkerLost);
  EXPECT_FALSE(pool.apply<bool>("parity.is_open", high)) << "in the one that replaces it";
  ::close(high);
}

TEST_P(ProcessTest, IsNotHarmedBySigintToTheWarden) { expect_outlived_by_workers(SIGINT); }

TEST_P(ProcessTest, IsNotHarmedByTheDeathOfTheWarden) { expect_outlived_by_workers(SIGKILL); }

TEST_P(ProcessTest, EndsWhenItsHostIsKilled) {
  for (const int signal : {SIGTERM, SIGKILL}) {
    Pipe out;
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      ::dup2(out.writer, STDOUT_FILENO);
      ::execl(PARITY_HOST, PARITY_HOST, "running-task", name_of(GetParam()).c_str(), nullptr);
      ::_exit(127);
    }
    ChildProcess host(pid);
    out.close_writer();
    std::string line;
    for (char byte = 0; ::read(out.reader, &byte, 1) == 1 && byte != '\n';) line += byte;
    ASSERT_FALSE(line.empty());
    const auto worker = std::stol(line);
    EXPECT_TRUE(process_exists(worker));
    host.kill(signal);
    EXPECT_EQ(host.wait().signal, signal);
    EXPECT_TRUE(eventually(kPatience, [&] { return !process_exists(worker); }));
  }
}

TEST_P(ProcessTest, OfAPoolInAForkedChildWorks) {
  auto child = ChildProcess::fork_and_run([] {
    auto engine = make_engine();
    auto pool = engine.pool(with_start_method({.processes = 4}));
    const bool is_right = pool.apply<std::int64_t>("parity.square", 3) == 9;
    pool.close();
    pool.join();
    return is_right ? 0 : 1;
  });
  EXPECT_EQ(child.wait().exit_code, 0);
}

INSTANTIATE_TEST_SUITE_P(Parity, ProcessTest, with_every_process_start_method, by_name);

}  // namespace
}  // namespace bulkhead::test
