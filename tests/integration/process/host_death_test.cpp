// What is left when the host is gone without a word. Each host is a child process of the test.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>

#include "process_fixture.hpp"
#include "support/child_process.hpp"
#include "support/leak_check.hpp"

namespace bulkhead::process::test {
namespace {

using bulkhead::test::ChildProcess;
using bulkhead::test::Pipe;

// Tells the test these processes, then waits to be killed.
int tell_and_wait(const Pipe& pipe, const std::vector<pid_t>& pids) {
  std::ostringstream text;
  for (const pid_t pid : pids) text << pid << ' ';
  const std::string line = text.str() + "\n";
  if (::write(pipe.writer, line.data(), line.size()) != static_cast<ssize_t>(line.size())) return 1;
  for (;;) ::pause();
}

std::vector<pid_t> hear(Pipe& pipe) {
  pipe.close_writer();
  std::string line;
  for (char byte = 0; ::read(pipe.reader, &byte, 1) == 1 && byte != '\n';) line += byte;
  std::istringstream text(line);
  std::vector<pid_t> pids;
  for (pid_t pid = 0; text >> pid;) pids.push_back(pid);
  return pids;
}

bool all_gone(const std::vector<pid_t>& pids) { return std::none_of(pids.begin(), pids.end(), &process_exists); }

TEST(HostDeath, EndsWardenWorkersAndWhatTheyForked) {
  Pipe pipe;
  auto host_process = ChildProcess::fork_and_run([&] {
    TestHost host;
    TestWorker idle(host, host.config());
    TestWorker busy(host, host.config());
    TestWorker parent(host, host.config());
    TestWorker starting(host, host.config("load_hangs"));
    if (!idle.wait_ready() || !busy.wait_ready() || !parent.wait_ready()) return 1;
    busy.offer(1, "spin");
    const auto answer = parent.echo("fork");
    pid_t grandchild = -1;
    if (!answer) return 2;
    std::memcpy(&grandchild, answer->data(), sizeof grandchild);
    if (!eventually(kPatience, [&] { return starting.process().pid() > 0; })) return 3;
    return tell_and_wait(pipe, {host.warden_pid(), idle.process().pid(), busy.process().pid(), parent.process().pid(),
                                starting.process().pid(), grandchild});
  });
  const auto pids = hear(pipe);
  ASSERT_EQ(pids.size(), 6U);
  for (const pid_t pid : pids) EXPECT_TRUE(process_exists(pid));
  host_process.kill(SIGKILL);
  const pid_t host_pid = host_process.pid();
  EXPECT_EQ(host_process.wait().signal, SIGKILL);
  EXPECT_TRUE(eventually(kPatience, [&] { return all_gone(pids); }));
  EXPECT_TRUE(eventually(kPatience, [&] { return bulkhead::test::shared_names(host_pid).empty(); }));
}

TEST(HostDeath, RemovesTheNamesOfWorkersThatNeverStarted) {
  Pipe pipe;
  auto host_process = ChildProcess::fork_and_run([&] {
    TestHost host;
    TestWorker first(host, host.config(), false);
    TestWorker second(host, host.config(), false);
    return tell_and_wait(pipe, {host.warden_pid()});
  });
  const auto pids = hear(pipe);
  const pid_t host_pid = host_process.pid();
  EXPECT_EQ(bulkhead::test::shared_names(host_pid).size(), 2U);
  host_process.kill(SIGKILL);
  EXPECT_EQ(host_process.wait().signal, SIGKILL);
  EXPECT_TRUE(eventually(kPatience, [&] { return all_gone(pids); }));
  EXPECT_TRUE(eventually(kPatience, [&] { return bulkhead::test::shared_names(host_pid).empty(); }));
}

TEST(HostDeath, RemovesNamesThatAnEarlierWardenWasTold) {
  Pipe pipe;
  auto host_process = ChildProcess::fork_and_run([&] {
    TestHost host;
    TestWorker waiting(host, host.config(), false);
    const pid_t old_warden = host.warden_pid();
    ::kill(old_warden, SIGKILL);
    const bool is_replaced = eventually(kPatience, [&] {
      const pid_t pid = host.warden_pid();
      return pid > 0 && pid != old_warden;
    });
    if (!is_replaced) return 1;
    return tell_and_wait(pipe, {host.warden_pid()});
  });
  const auto pids = hear(pipe);
  ASSERT_EQ(pids.size(), 1U);
  const pid_t host_pid = host_process.pid();
  EXPECT_EQ(bulkhead::test::shared_names(host_pid).size(), 1U);
  host_process.kill(SIGKILL);
  EXPECT_EQ(host_process.wait().signal, SIGKILL);
  EXPECT_TRUE(eventually(kPatience, [&] { return bulkhead::test::shared_names(host_pid).empty(); }));
  EXPECT_TRUE(eventually(kPatience, [&] { return all_gone(pids); }));
}

TEST(HostDeath, IsSeenThoughAForkedChildOfTheHostKeepsItsDescriptors) {
  Pipe pipe;
  auto host_process = ChildProcess::fork_and_run([&] {
    TestHost host;
    TestWorker worker(host, host.config());
    if (!worker.wait_ready()) return 1;
    const pid_t heir = ::fork();
    if (heir == 0) {
      for (;;) ::pause();
    }
    return tell_and_wait(pipe, {heir, host.warden_pid(), worker.process().pid()});
  });
  auto pids = hear(pipe);
  ASSERT_EQ(pids.size(), 3U);
  const pid_t heir = pids.front();
  pids.erase(pids.begin());
  host_process.kill(SIGKILL);
  EXPECT_EQ(host_process.wait().signal, SIGKILL);
  EXPECT_TRUE(eventually(kPatience, [&] { return all_gone(pids); }));
  EXPECT_TRUE(process_exists(heir)) << "it held the sockets open all the time";
  ::kill(heir, SIGKILL);
  EXPECT_TRUE(eventually(kPatience, [&] { return !process_exists(heir); }));
}

TEST(HostDeath, EndsWorkersEvenWhenTheWardenDiedFirst) {
  Pipe pipe;
  auto host_process = ChildProcess::fork_and_run([&] {
    TestHost host;
    TestWorker idle(host, host.config());
    TestWorker busy(host, host.config());
    TestWorker starting(host, host.config("load_hangs"));
    if (!idle.wait_ready() || !busy.wait_ready()) return 1;
    busy.offer(1, "spin");
    // Its watcher runs before any plugin code does.
    const bool is_loading = eventually(kPatience, [&] {
      return starting.process().channel().status().phase == static_cast<std::uint8_t>(Phase::kInit);
    });
    if (!is_loading) return 2;
    return tell_and_wait(pipe,
                         {host.warden_pid(), idle.process().pid(), busy.process().pid(), starting.process().pid()});
  });
  const auto pids = hear(pipe);
  ASSERT_EQ(pids.size(), 4U);
  // Both at once: nobody has the time to start another warden.
  host_process.kill(SIGSTOP);
  ASSERT_EQ(::kill(pids.front(), SIGKILL), 0);
  host_process.kill(SIGKILL);
  EXPECT_EQ(host_process.wait().signal, SIGKILL);
  EXPECT_TRUE(eventually(kPatience, [&] { return all_gone(pids); }));
}

TEST(HostDeath, LeavesNothingAtAnyMomentOfAStart) {
  for (int turn = 0; turn < 20; ++turn) {
    Pipe pipe;
    auto host_process = ChildProcess::fork_and_run([&] {
      TestHost host;
      const pid_t warden = host.warden_pid();
      const std::string line = std::to_string(warden) + " \n";
      if (::write(pipe.writer, line.data(), line.size()) <= 0) return 1;
      std::vector<std::unique_ptr<TestWorker>> workers;
      for (;;) {
        workers.push_back(std::make_unique<TestWorker>(host, host.config()));
        if (workers.size() > 3) workers.erase(workers.begin());
      }
    });
    const auto pids = hear(pipe);
    ASSERT_EQ(pids.size(), 1U);
    std::this_thread::sleep_for(std::chrono::microseconds(turn * 700));  // a different moment each turn
    const pid_t host_pid = host_process.pid();
    host_process.kill(SIGKILL);
    EXPECT_EQ(host_process.wait().signal, SIGKILL);
    // The warden leaves last, when every process below it is reaped.
    EXPECT_TRUE(eventually(kPatience, [&] { return all_gone(pids); }));
    EXPECT_TRUE(bulkhead::test::shared_names(host_pid).empty());
  }
}

}  // namespace
}  // namespace bulkhead::process::test
