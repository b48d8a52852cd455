#include "process/worker_process.hpp"

#include <csignal>

#include "process_fixture.hpp"
#include "support/child_process.hpp"
#include "support/leak_check.hpp"

namespace bulkhead::process::test {
namespace {

using ::testing::TestWithParam;

class StartedBy : public TestWithParam<StartMethod> {};

TEST_P(StartedBy, BecomesReadyAndAnswersCalls) {
  TestHost host;
  auto config = host.config();
  config->start_method = GetParam();
  TestWorker worker(host, config);
  ASSERT_TRUE(worker.wait_ready()) << describe(worker.wait_ended());
  EXPECT_TRUE(worker.process().is_ready());
  EXPECT_TRUE(process_exists(worker.process().pid()));
  EXPECT_EQ(worker.process().slot(), 3U);
  EXPECT_EQ(worker.process().generation(), 7U);
  EXPECT_EQ(worker.echo("hello"), "hello");
  EXPECT_EQ(worker.echo("again"), "again");
}

TEST_P(StartedBy, HasNoNameLeftOnceItIsReady) {
  TestHost host;
  auto config = host.config();
  config->start_method = GetParam();
  TestWorker worker(host, config);
  ASSERT_TRUE(worker.wait_ready());
  EXPECT_TRUE(bulkhead::test::shared_names(::getpid()).empty());
}

TEST_P(StartedBy, LeadsAProcessGroupAndHasOnlyItsOwnDescriptors) {
  TestHost host;
  auto config = host.config();
  config->start_method = GetParam();
  TestWorker worker(host, config);
  ASSERT_TRUE(worker.wait_ready());
  const pid_t pid = worker.process().pid();
  EXPECT_EQ(::getpgid(pid), pid);
  EXPECT_NE(::getsid(pid), ::getsid(0));
  const auto fds = "/proc/" + std::to_string(pid) + "/fd";
  int signal_fds = 0;
  for (const auto& entry : std::filesystem::directory_iterator(fds)) {
    const std::string target = std::filesystem::read_symlink(entry.path());
    if (target == "anon_inode:[signalfd]") ++signal_fds;
  }
  EXPECT_EQ(signal_fds, 0) << "the warden's descriptors are not the worker's";
  EXPECT_EQ(std::filesystem::read_symlink(fds + "/0"), "/dev/null");
  EXPECT_EQ(std::filesystem::read_symlink(fds + "/1"), std::filesystem::read_symlink(fds + "/2"));
}

TEST_P(StartedBy, IsReportedWithItsSignalWhenKilledIdle) {
  TestHost host;
  auto config = host.config();
  config->start_method = GetParam();
  TestWorker worker(host, config);
  ASSERT_TRUE(worker.wait_ready());
  worker.process().kill(SIGKILL);
  const ExitReason reason = worker.wait_ended();
  EXPECT_TRUE(reason.known);
  EXPECT_EQ(reason.signal, SIGKILL);
  EXPECT_EQ(reason.exit_code, -1);
  EXPECT_TRUE(reason.was_ready);
  EXPECT_EQ(reason.phase, Phase::kIdle);
  EXPECT_EQ(reason.text, "");
  EXPECT_GT(reason.max_rss_bytes, 0U);
}

INSTANTIATE_TEST_SUITE_P(Worker, StartedBy, ::testing::Values(StartMethod::kForkserver, StartMethod::kSpawn),
                         [](const auto& which) { return which.param == StartMethod::kSpawn ? "Spawn" : "Forkserver"; });

TEST(WorkerProcess, IsReportedInPhaseRunWhenKilledInATask) {
  TestHost host;
  TestWorker worker(host, host.config());
  ASSERT_TRUE(worker.wait_ready());
  const auto sequence = worker.offer(1, "spin");
  auto& channel = worker.process().channel();
  ASSERT_TRUE(eventually(kPatience, [&] { return channel.status().phase == static_cast<std::uint8_t>(Phase::kRun); }));
  worker.process().condemn("its time is over");
  worker.process().condemn("a later reason");
  const ExitReason reason = worker.wait_ended();
  EXPECT_EQ(reason.signal, SIGKILL);
  EXPECT_EQ(reason.phase, Phase::kRun);
  EXPECT_EQ(reason.text, "its time is over");
  EXPECT_TRUE(channel.was_claimed(sequence));
}

TEST(WorkerProcess, IsReportedExactlyOnce) {
  TestHost host;
  TestWorker worker(host, host.config());
  ASSERT_TRUE(worker.wait_ready());
  for (int i = 0; i < 3; ++i) worker.process().kill(SIGKILL);
  static_cast<void>(worker.wait_ended());
  worker.process().kill(SIGKILL);
  worker.process().condemn("too late");
  // Longer than the process layer waits for a late status.
  EXPECT_FALSE(eventually(400ms, [&] { return worker.ended_count() != 1; }));
}

TEST(WorkerProcess, EndsWithoutAWordWhenDestroyed) {
  TestHost host;
  TestWorker worker(host, host.config());
  ASSERT_TRUE(worker.wait_ready());
  const pid_t pid = worker.process().pid();
  worker.destroy();
  EXPECT_TRUE(eventually(kPatience, [&] { return !process_exists(pid); }));
  EXPECT_FALSE(worker.has_ended());
}

TEST(WorkerProcess, MayBeDestroyedAtAnyMomentOfItsStart) {
  TestHost host;
  for (int i = 0; i < 30; ++i) {
    TestWorker worker(host, host.config());
    std::this_thread::sleep_for(std::chrono::microseconds(i * 100));  // spread over a whole start
    worker.destroy();
    EXPECT_FALSE(worker.has_ended());
  }
}

TEST(WorkerProcess, MayBeKilledBeforeItIsKnown) {
  TestHost host;
  TestWorker worker(host, host.config(), false);
  worker.process().kill(SIGKILL);
  host.loop.run_sync([&] { worker.process().start(); });
  const ExitReason reason = worker.wait_ended();
  EXPECT_EQ(reason.signal, SIGKILL);
  EXPECT_FALSE(reason.was_ready);
}

TEST(WorkerProcess, TellsWhyItsPluginCannotBeLoaded) {
  TestHost host;
  TestWorker worker(host, host.config("wrong_abi"));
  const ExitReason reason = worker.wait_ended();
  EXPECT_EQ(reason.phase, Phase::kLoad);
  EXPECT_FALSE(reason.was_ready);
  EXPECT_NE(reason.text.find("wrong_abi.so"), std::string::npos) << reason.text;
  EXPECT_NE(reason.text.find("ABI"), std::string::npos) << reason.text;
}

TEST(WorkerProcess, TellsTheErrorOfAFailedInitialiser) {
  TestHost host;
  TestWorker worker(host, host.config("load_fails"));
  const ExitReason reason = worker.wait_ended();
  EXPECT_EQ(reason.phase, Phase::kInit);
  EXPECT_NE(reason.text.find("plugin \"load_fails\" failed"), std::string::npos) << reason.text;
  EXPECT_NE(reason.text.find("no model file"), std::string::npos) << reason.text;
}

TEST(WorkerProcess, NamesThePluginWhoseInitialiserLeft) {
  TestHost host;
  TestWorker worker(host, host.config("load_exits"));
  const ExitReason reason = worker.wait_ended();
  EXPECT_TRUE(reason.known);
  EXPECT_EQ(reason.exit_code, 0);
  EXPECT_EQ(reason.phase, Phase::kInit);
  EXPECT_FALSE(reason.was_ready);
  EXPECT_NE(reason.text.find("initialiser of plugin \"load_exits\""), std::string::npos) << reason.text;
}

TEST(WorkerProcess, NamesThePluginWhoseConstructorCrashed) {
  TestHost host;
  TestWorker worker(host, host.config("constructor_crashes"));
  const ExitReason reason = worker.wait_ended();
  EXPECT_EQ(reason.signal, SIGSEGV);
  EXPECT_EQ(reason.phase, Phase::kLoad);
  EXPECT_NE(reason.text.find("loading plugin \"constructor_crashes\""), std::string::npos) << reason.text;
}

TEST(WorkerProcess, IsKilledWhenItsInitialiserTakesTooLong) {
  TestHost host;
  auto config = host.config("load_hangs");
  config->init_limit = 200ms;
  TestWorker worker(host, config);
  const ExitReason reason = worker.wait_ended();
  EXPECT_EQ(reason.signal, SIGKILL);
  EXPECT_EQ(reason.phase, Phase::kInit);
  EXPECT_NE(reason.text.find("not ready within 200ms"), std::string::npos) << reason.text;
  EXPECT_NE(reason.text.find("\"load_hangs\""), std::string::npos) << reason.text;
}

TEST(WorkerProcess, RefusesAConfigurationThatIsTooLarge) {
  TestHost host;
  auto config = host.config();
  config->plugins[0].config_json = std::string(200'000, ' ');
  TestWorker worker(host, config);
  EXPECT_NE(worker.wait_ended().text.find("200000 bytes"), std::string::npos);
}

TEST(WorkerProcess, TellsWhenItIsStoppedAndGoesOn) {
  TestHost host;
  TestWorker worker(host, host.config());
  ASSERT_TRUE(worker.wait_ready());
  worker.process().kill(SIGSTOP);
  EXPECT_TRUE(eventually(kPatience, [&] { return worker.process().is_stopped(); }));
  worker.process().kill(SIGCONT);
  EXPECT_TRUE(eventually(kPatience, [&] { return !worker.process().is_stopped(); }));
  EXPECT_EQ(worker.echo("still there"), "still there");
}

TEST(WorkerProcess, TakesWhatItsTasksForkedWithIt) {
  TestHost host;
  TestWorker worker(host, host.config());
  ASSERT_TRUE(worker.wait_ready());
  const auto answer = worker.echo("fork");
  ASSERT_TRUE(answer && answer->size() == sizeof(pid_t));
  pid_t grandchild = -1;
  std::memcpy(&grandchild, answer->data(), sizeof grandchild);
  EXPECT_TRUE(process_exists(grandchild));
  worker.process().kill(SIGKILL);
  static_cast<void>(worker.wait_ended());
  EXPECT_TRUE(eventually(kPatience, [&] { return !process_exists(grandchild); }));
}

TEST(WorkerProcess, LeavesByItselfWhenToldTo) {
  TestHost host;
  TestWorker worker(host, host.config());
  ASSERT_TRUE(worker.wait_ready());
  auto& channel = worker.process().channel();
  const protocol::CallHeader header{.kind = protocol::CallKind::kShutdown};
  const auto room = channel.try_reserve(sizeof header);
  ASSERT_FALSE(room.empty());
  protocol::write_record(room, header, {});
  channel.stage(sizeof header);
  channel.flush();
  channel.ring_if_parked();
  const ExitReason reason = worker.wait_ended();
  EXPECT_TRUE(reason.known);
  EXPECT_EQ(reason.exit_code, 0);
  EXPECT_TRUE(reason.was_ready);
}

TEST(WorkerProcess, ReceivesBlocksOnlyWhileItLives) {
  TestHost host;
  TestWorker worker(host, host.config());
  ASSERT_TRUE(worker.wait_ready());
  const auto block = ipc::SharedBlock::create(1, ipc::Writer::kHost, 1);
  EXPECT_TRUE(worker.process().send_block(1, block, false));
  worker.process().kill(SIGKILL);
  static_cast<void>(worker.wait_ended());
  EXPECT_FALSE(worker.process().send_block(2, block, false));
}

TEST(WorkerProcess, RefusesABlockRatherThanWaitForAWorkerThatDoesNotRead) {
  TestHost host;
  TestWorker worker(host, host.config());
  ASSERT_TRUE(worker.wait_ready());
  const auto block = ipc::SharedBlock::create(1, ipc::Writer::kHost, 1);
  bool was_refused = false;
  for (std::uint32_t id = 1; id < 100'000 && !was_refused; ++id) {
    was_refused = !worker.process().send_block(id, block, false);
  }
  EXPECT_TRUE(was_refused);
}

TEST(WorkerProcess, KeepsTheHostsStdoutClean) {
  bulkhead::test::Pipe output;
  auto child = bulkhead::test::ChildProcess::fork_and_run([&] {
    ::dup2(output.writer, STDOUT_FILENO);
    TestHost host;
    TestWorker worker(host, host.config("prints"));
    return worker.wait_ready() && worker.echo("x") == "x" ? 0 : 1;
  });
  output.close_writer();
  EXPECT_EQ(child.wait().exit_code, 0);
  char byte = 0;
  EXPECT_EQ(::read(output.reader, &byte, 1), 0) << "the plugin's output must go to stderr";
}

TEST(WorkerProcess, StartsManyAtOnce) {
  TestHost host;
  std::vector<std::unique_ptr<TestWorker>> workers;
  for (int i = 0; i < 32; ++i) {
    workers.push_back(std::make_unique<TestWorker>(host, host.config()));
  }
  for (auto& worker : workers) EXPECT_TRUE(worker->wait_ready());
  for (auto& worker : workers) worker->process().kill(SIGKILL);
  for (auto& worker : workers) EXPECT_EQ(worker->wait_ended().signal, SIGKILL);
}

}  // namespace
}  // namespace bulkhead::process::test
