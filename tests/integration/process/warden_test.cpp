#include <csignal>
#include <fstream>

#include "bulkhead/error.hpp"
#include "process/warden_client.hpp"
#include "process_fixture.hpp"
#include "protocol/control.hpp"
#include "support/child_process.hpp"
#include "support/leak_check.hpp"

namespace bulkhead::process::test {
namespace {

std::string error_of(const std::filesystem::path& program) {
  QuietLog log;
  EventLoop loop(&log.log);
  try {
    const Warden warden(loop, log.log, program);
  } catch (const ResourceError& error) {
    return error.what();
  }
  return {};
}

TEST(Warden, IsNoChildOfTheHost) {
  TestHost host;
  EXPECT_FALSE(bulkhead::test::has_child());
  EXPECT_TRUE(process_exists(host.warden_pid()));
}

TEST(Warden, IsGoneOnceItsObjectIs) {
  pid_t pid = -1;
  {
    TestHost host;
    pid = host.warden_pid();
  }
  EXPECT_TRUE(eventually(kPatience, [&] { return !process_exists(pid); }));
}

TEST(Warden, TakesItsWorkersWithIt) {
  pid_t pid = -1;
  {
    TestHost host;
    TestWorker worker(host, host.config());
    ASSERT_TRUE(worker.wait_ready());
    worker.offer(1, "spin");
    pid = worker.process().pid();
  }
  EXPECT_TRUE(eventually(kPatience, [&] { return !process_exists(pid); }));
}

TEST(Warden, CannotStartFromAProgramThatIsNotThere) {
  const std::string error = error_of("/nonexistent/bulkhead-worker");
  EXPECT_NE(error.find("\"/nonexistent/bulkhead-worker\""), std::string::npos) << error;
  EXPECT_NE(error.find("No such file"), std::string::npos) << error;
}

TEST(Warden, CannotStartFromAProgramThatIsNoWorker) {
  const std::string error = error_of("/bin/true");
  EXPECT_NE(error.find("\"/bin/true\""), std::string::npos) << error;
  EXPECT_NE(error.find("$BULKHEAD_WORKER"), std::string::npos) << error;
}

TEST(Warden, RefusesAProgramOfAnotherBuildAndNamesBoth) {
  const std::string error = error_of(OTHER_BUILD_WORKER);
  EXPECT_NE(error.find("\"0.0.9+feedface\""), std::string::npos) << error;
  EXPECT_NE(error.find("\"" + std::string(protocol::build_id()) + "\""), std::string::npos) << error;
}

TEST(Warden, IsReplacedWhenItDiesWhileWorkersGoOn) {
  TestHost host;
  TestWorker old_worker(host, host.config());
  ASSERT_TRUE(old_worker.wait_ready());
  const pid_t old_warden = host.warden_pid();
  ASSERT_EQ(::kill(old_warden, SIGKILL), 0);

  TestWorker new_worker(host, host.config());
  ASSERT_TRUE(new_worker.wait_ready());
  EXPECT_NE(host.warden_pid(), old_warden);
  EXPECT_EQ(old_worker.echo("I go on"), "I go on");
  EXPECT_FALSE(old_worker.has_ended());

  old_worker.process().kill(SIGKILL);
  const ExitReason reason = old_worker.wait_ended();
  EXPECT_FALSE(reason.known) << "nobody could reap it for us";
  EXPECT_EQ(reason.signal, 0);
  EXPECT_EQ(reason.exit_code, -1);
  EXPECT_TRUE(reason.was_ready);
}

TEST(Warden, MayDieInTheMiddleOfStarts) {
  TestHost host;
  std::vector<std::unique_ptr<TestWorker>> workers;
  for (int i = 0; i < 12; ++i) {
    workers.push_back(std::make_unique<TestWorker>(host, host.config()));
    if (i % 4 == 3) {
      pid_t pid = -1;
      ASSERT_TRUE(eventually(kPatience, [&] { return (pid = host.warden_pid()) > 0; }));
      ::kill(pid, SIGKILL);
    }
  }
  for (auto& worker : workers) {
    ASSERT_TRUE(worker->wait_ready()) << describe(worker->wait_ended());
    EXPECT_EQ(worker->echo("here"), "here");
  }
}

TEST(Warden, IsReplacedWhenItIsStopped) {
  TestHost host;
  const pid_t old_warden = host.warden_pid();
  ASSERT_EQ(::kill(old_warden, SIGSTOP), 0);
  TestWorker worker(host, host.config());
  EXPECT_TRUE(worker.wait_ready());
  EXPECT_NE(host.warden_pid(), old_warden);
}

TEST(Warden, OutlivesThePoliteSignalsOfAServiceManager) {
  TestHost host;
  const pid_t pid = host.warden_pid();
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ASSERT_EQ(::kill(pid, signal), 0);
  TestWorker worker(host, host.config());
  EXPECT_TRUE(worker.wait_ready());
  EXPECT_EQ(host.warden_pid(), pid);
}

// The disposition is the whole program's: these run in a child of their own.
TEST(Warden, ServesAHostThatIgnoresItsChildren) {
  auto child = bulkhead::test::ChildProcess::fork_and_run([] {
    ::signal(SIGCHLD, SIG_IGN);
    TestHost host;
    TestWorker worker(host, host.config());
    if (!worker.wait_ready()) return 1;
    worker.process().kill(SIGKILL);
    return worker.wait_ended().signal == SIGKILL ? 0 : 2;
  });
  EXPECT_EQ(child.wait().exit_code, 0);
}

TEST(Warden, ServesAHostThatReapsEveryChild) {
  auto child = bulkhead::test::ChildProcess::fork_and_run([] {
    ::signal(SIGCHLD, [](int) {
      const int saved = errno;
      while (::waitpid(-1, nullptr, WNOHANG) > 0) {
      }
      errno = saved;
    });
    TestHost host;
    TestWorker worker(host, host.config());
    if (!worker.wait_ready()) return 1;
    worker.process().kill(SIGKILL);
    return worker.wait_ended().signal == SIGKILL ? 0 : 2;
  });
  EXPECT_EQ(child.wait().exit_code, 0);
}

TEST(Warden, ServesAHostWhoseStandardDescriptorsAreClosed) {
  auto child = bulkhead::test::ChildProcess::fork_and_run([] {
    for (const int fd : {0, 1, 2}) ::close(fd);
    TestHost host;
    TestWorker worker(host, host.config());
    return worker.wait_ready() && worker.echo("x") == "x" ? 0 : 1;
  });
  EXPECT_EQ(child.wait().exit_code, 0);
}

TEST(Warden, GivesWorkersUnblockedSignalsAndDefaultDispositions) {
  auto child = bulkhead::test::ChildProcess::fork_and_run([] {
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    TestHost host;
    TestWorker worker(host, host.config());
    if (!worker.wait_ready()) return 1;
    std::ifstream status("/proc/" + std::to_string(worker.process().pid()) + "/status");
    int seen = 0;
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("SigBlk:") || line.starts_with("SigIgn:")) {
        // 32 and 33 are the C library's own; its posix_spawn() leaves them ignored.
        const auto mask = std::stoull(line.substr(7), nullptr, 16) & ~(3ULL << 31);
        if (mask != 0) {
          ::dprintf(STDERR_FILENO, "%s\n", line.c_str());
          return 2;
        }
        ++seen;
      }
    }
    return seen == 2 ? 0 : 3;
  });
  EXPECT_EQ(child.wait().exit_code, 0);
}

TEST(Warden, TwoInOneHostKnowNothingOfEachOther) {
  TestHost first;
  TestWorker worker(first, first.config());
  ASSERT_TRUE(worker.wait_ready());
  {
    TestHost second;
    TestWorker other(second, second.config());
    ASSERT_TRUE(other.wait_ready());
  }
  EXPECT_EQ(worker.echo("untouched"), "untouched");
}

}  // namespace
}  // namespace bulkhead::process::test
