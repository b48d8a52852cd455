// What workers write, by log() and by themselves: in the host's log, and in what their deaths leave.
#include <algorithm>
#include <csignal>
#include <optional>

#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A WorkerLine that is kept.
struct Line {
  int level;
  bool is_log;
  std::uint32_t worker;
  std::int64_t worker_pid;
  WorkerLine::Moment moment;
  std::string plugin;
  std::string task;
  std::uint64_t task_id;
  std::uint32_t attempt;
  std::string text;
};

class WorkerLines {
 public:
  [[nodiscard]] std::function<void(const WorkerLine&)> sink() {
    return [kept = kept_](const WorkerLine& line) {
      const std::lock_guard lock(kept->mutex);
      kept->lines.push_back({line.level, line.is_log, line.worker, line.worker_pid, line.moment,
                             std::string(line.plugin), std::string(line.task), line.task_id, line.attempt,
                             std::string(line.text)});
    };
  }
  [[nodiscard]] std::vector<Line> all() const {
    const std::lock_guard lock(kept_->mutex);
    return kept_->lines;
  }
  [[nodiscard]] std::vector<std::string> texts() const {
    std::vector<std::string> texts;
    for (const auto& line : all()) texts.push_back(line.text);
    return texts;
  }
  // The line with this text, once it is there.
  [[nodiscard]] std::optional<Line> find(const std::string& text) const {
    std::optional<Line> found;
    (void)eventually(kPatience, [&] {
      const auto lines = all();
      const auto at = std::ranges::find(lines, text, &Line::text);
      if (at != lines.end()) found = *at;
      return found.has_value();
    });
    return found;
  }

 private:
  struct Kept {
    std::mutex mutex;
    std::vector<Line> lines;
  };
  std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();
};

[[nodiscard]] Engine make_output_engine(EngineOptions options = {}, Manifest manifest = {}) {
  manifest.plugins.emplace_back().path.value = fixture_plugin("output");
  return Engine::from_manifest(std::move(manifest), std::move(options));
}

class OutputTest : public ::testing::Test {
 protected:
  // After its end every line is there.
  void end_pool() {
    pool_->close();
    pool_->join();
  }
  template <class... Args>
  WorkerLost::Info loss_of(const std::string& task, Args... args) {
    try {
      pool_->apply<void>(task, args...);
    } catch (const WorkerLost& lost) {
      EXPECT_THAT(lost.what(), Not(HasSubstr("\n")));
      return lost.info();
    }
    ADD_FAILURE() << task << " ended well";
    return {};
  }

  WorkerLines lines_;
  LogLines log_;
  std::optional<Engine> engine_ = make_output_engine({.on_log = log_.sink(), .on_worker_line = lines_.sink()});
  std::optional<Pool> pool_ = engine_->pool({.processes = 1});
};

TEST_F(OutputTest, TellsWhereAPrintedLineComesFrom) {
  const auto pid = pool_->apply<std::int64_t>("output.pid");
  pool_->apply<void>("output.print", "hello\n");
  const auto line = lines_.find("hello");
  ASSERT_TRUE(line);
  EXPECT_FALSE(line->is_log);
  EXPECT_EQ(line->level, 3);
  EXPECT_EQ(line->worker, 0u);
  EXPECT_EQ(line->worker_pid, pid);
  EXPECT_EQ(line->plugin, "output");
  EXPECT_EQ(line->task, "output.print");
  EXPECT_GT(line->task_id, 0u);
  EXPECT_EQ(line->attempt, 1u);
}

TEST_F(OutputTest, HasWhateverWayALineIsWritten) {
  pool_->apply<void>("output.print_to_stderr", "by write\n");
  pool_->apply<void>("output.print_with_stdio", "by stdio");
  EXPECT_EQ(pool_->apply<std::string>("output.print_in_a_child", "by a child\\n"), "0");
  end_pool();
  EXPECT_THAT(lines_.texts(), ElementsAre("by write", "by stdio", "by stdio", "by a child", "by a child"));
}

TEST_F(OutputTest, TellsOfEveryLogLineTaskAndAttempt) {
  pool_->apply_async<void>("output.log_until_it_returns", CallOptions<void>{.retries = 3}, 2).get();
  end_pool();
  const auto lines = lines_.all();
  ASSERT_EQ(lines.size(), 3u);
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(lines[i].is_log);
    EXPECT_EQ(lines[i].attempt, i + 1);
    EXPECT_EQ(lines[i].text, "this is attempt " + std::to_string(i + 1));
    EXPECT_EQ(lines[i].task, "output.log_until_it_returns");
    EXPECT_EQ(lines[i].moment, WorkerLine::Moment::kInTask);
  }
}

TEST_F(OutputTest, KeepsTheOrderOfLogAndPrint) {
  pool_->apply<void>("output.log_and_print_in_turn", 100);
  end_pool();
  std::vector<std::string> wanted;
  for (int i = 0; i < 100; ++i) wanted.push_back(std::to_string(i));
  EXPECT_EQ(lines_.texts(), wanted);
}

TEST_F(OutputTest, KnowsTheTaskOfALineFromAThreadOfIt) {
  pool_->apply<void>("output.log_in_a_thread", "from beside");
  const auto line = lines_.find("from beside");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->task, "output.log_in_a_thread");
  EXPECT_EQ(line->moment, WorkerLine::Moment::kInTask);
}

TEST_F(OutputTest, ShowsNothingThatATerminalObeys) {
  pool_->apply<void>("output.print", "\x1b[31mred\a \xff zß\r\n");
  pool_->apply<void>("output.log", 3, "\x1b]0;title\x1e\x1f two\nlines");
  end_pool();
  EXPECT_THAT(lines_.texts(), ElementsAre("\\x1b[31mred\\x07 \\xff zß", "\\x1b]0;title   two lines"));
}

TEST_F(OutputTest, CutsLinesThatAreTooLong) {
  pool_->apply<void>("output.print", std::string(10'000, 'x') + "\n");
  pool_->apply<void>("output.log", 3, std::string(10'000, 'y'));
  end_pool();
  const auto texts = lines_.texts();
  ASSERT_EQ(texts.size(), 4u);
  EXPECT_THAT(texts[0], AllOf(StartsWith("xxx"), EndsWith("x…")));
  EXPECT_EQ(texts[2].size(), 10'000u - 2 * 4096u);
  EXPECT_THAT(texts[3], AllOf(StartsWith("yyy"), EndsWith("y…")));
}

TEST_F(OutputTest, CountsAFloodAndKeepsItsEnd) {
  constexpr std::uint64_t kLines = 500'000;
  const auto info = loss_of("output.flood_and_abort", kLines);
  EXPECT_THAT(info.last_output, AllOf(HasSubstr("\nline 499999\n"), EndsWith("\nthe last words\n")));
  EXPECT_LE(info.last_output.size(), 4096u);
  end_pool();
  EXPECT_THAT(log_.text(), HasSubstr("worker 0 wrote more than its log takes: "));
  EXPECT_LT(lines_.all().size(), kLines / 2);
}

TEST_F(OutputTest, LeavesTheHostItsThreadsWhileAWorkerFloods) {
  auto busy = engine_->pool({.processes = 1});
  const auto flood = busy.apply_async<void>("output.flood", std::uint64_t{1'000'000});
  for (int i = 0; i < 200; ++i) EXPECT_GT(pool_->apply<std::int64_t>("output.pid"), 0);
  flood.get();
}

TEST_F(OutputTest, TellsTheLastLinesOfADeath) {
  EXPECT_EQ(loss_of("output.print_and_abort", "cannot go on\nwithout an end").last_output,
            "cannot go on\nwithout an end\n");
  EXPECT_EQ(loss_of("output.print_and_leave", "bye").last_output, "bye\n");
  EXPECT_EQ(loss_of("output.log_and_abort", 2).last_output, "[output] info line 1\n[output] info line 2\n");
  EXPECT_THAT(loss_of("output.free_twice").last_output, HasSubstr("free"));
  // The log has them too, before anybody knows of the death.
  const auto line = lines_.find("without an end");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->task, "output.print_and_abort");
}

// The bytes are on their way from the pipe to the host when the process dies: none may get lost.
TEST_F(OutputTest, LosesNothingThatIsWrittenJustBeforeADeath) {
  for (int i = 0; i < 60; ++i) {
    const std::string text = "death " + std::to_string(i);
    EXPECT_EQ(loss_of("output.print_and_leave", text + "\n").last_output, text + "\n");
  }
  std::vector<std::string> wanted;
  for (int i = 0; i < 60; ++i) wanted.push_back("death " + std::to_string(i));
  EXPECT_EQ(lines_.texts(), wanted);
}

TEST_F(OutputTest, DoesNotWaitForAProcessThatHoldsThePipe) {
  const ScratchFolder folder;
  pool_->apply<void>("output.leave_a_writer_behind", folder.file("pid"));
  EXPECT_EQ(loss_of("output.print_and_leave", "ended").last_output, "ended\n");
  pool_.reset();
  engine_.reset();
  // It was nobody's: the warden ended it.
  ASSERT_TRUE(eventually(kPatience, [&] { return !lines_of(folder.file("pid")).empty(); }));
  const auto left = std::stol(lines_of(folder.file("pid")).at(0));
  EXPECT_TRUE(eventually(kPatience, [&] { return !process_exists(left); }));
}

TEST_F(OutputTest, IsTheSameForEveryWayToStartAProcess) {
  for (const auto method : {StartMethod::kForkserver, StartMethod::kSpawn}) {
    pool_ = engine_->pool({.processes = 1, .start_method = method});
    EXPECT_EQ(loss_of("output.print_and_abort", "spoken").last_output, "spoken\n");
  }
}

TEST_F(OutputTest, OfAThreadIsTheHostsOwnButForItsLog) {
  auto threads = engine_->pool({.processes = 1, .start_method = StartMethod::kThread});
  threads.apply<void>("output.log", 2, "from a thread");
  const auto line = lines_.find("from a thread");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->task, "output.log");
  EXPECT_EQ(line->plugin, "output");
  EXPECT_EQ(threads.apply<std::string>("output.stdout_target"),
            std::filesystem::read_symlink("/proc/self/fd/1").string());
}

TEST_F(OutputTest, CanBeLeftWhereItIs) {
  const std::string hosts_stderr = std::filesystem::read_symlink("/proc/self/fd/2");
  engine_ = make_output_engine({.on_worker_line = lines_.sink(), .capture_output = false});
  pool_ = engine_->pool({.processes = 1});
  EXPECT_EQ(pool_->apply<std::string>("output.stdout_target"), hosts_stderr);
  EXPECT_EQ(loss_of("output.log_and_abort", 1).last_output, "");
  EXPECT_THAT(lines_.all(), ::testing::IsEmpty());
  // The program's word counts more than the manifest's.
  Manifest manifest;
  manifest.log_capture.value = true;
  engine_ = make_output_engine({.capture_output = false}, manifest);
  pool_ = engine_->pool({.processes = 1});
  EXPECT_EQ(pool_->apply<std::string>("output.stdout_target"), hosts_stderr);
  manifest.log_capture.value = false;
  engine_ = make_output_engine({}, manifest);
  pool_ = engine_->pool({.processes = 1});
  EXPECT_EQ(pool_->apply<std::string>("output.stdout_target"), hosts_stderr);
}

TEST_F(OutputTest, GoesIntoTheLogFromItsLevelOn) {
  pool_.reset();
  const auto logged = [&](std::optional<std::string> from_manifest, const char* from_environment) {
    Manifest manifest;
    manifest.log_level.value = std::move(from_manifest);
    if (from_environment != nullptr) ::setenv("BULKHEAD_LOG", from_environment, 1);
    LogLines log;
    {
      auto engine = make_output_engine({.on_log = log.sink()}, manifest);
      auto pool = engine.pool({.processes = 1});
      pool.apply<void>("output.log", 1, "as debug");
      pool.apply<void>("output.log", 2, "as info");
      pool.apply<void>("output.print", "printed\n");
      pool.apply<void>("output.log", 4, "as error");
      pool.close();
      pool.join();
    }
    ::unsetenv("BULKHEAD_LOG");
    std::string levels;
    for (const char* part : {"as debug", "as info", "printed", "as error"}) levels += log.contains(part) ? 'x' : '.';
    return levels;
  };
  EXPECT_EQ(logged({}, nullptr), ".xxx");
  EXPECT_EQ(logged("debug", nullptr), "xxxx");
  EXPECT_EQ(logged("warning", nullptr), "..xx");
  EXPECT_EQ(logged("debug", "error"), "...x");
  EXPECT_EQ(logged("error", "debug"), "xxxx");
  EXPECT_EQ(logged("off", nullptr), "....");
  EXPECT_EQ(logged("info", "no such level"), ".xxx");
}

TEST_F(OutputTest, IsOneSentenceInTheLog) {
  LogLines log;
  auto engine = make_output_engine({.on_log = log.sink()});
  auto pool = engine.pool({.processes = 1});
  pool.apply_async<void>("output.log_until_it_returns", CallOptions<void>{.retries = 1}, 1).get();
  pool.close();
  pool.join();
  EXPECT_THAT(log.text(), HasSubstr("3 [output] worker 0, output.log_until_it_returns #1: this is attempt 1\n"));
  EXPECT_THAT(log.text(),
              HasSubstr("3 [output] worker 0, output.log_until_it_returns #1, attempt 2: this is attempt 2\n"));
}

// The worker carries its own output: what nobody reads is overwritten.
TEST_F(OutputTest, DoesNotWaitForAHostThatIsStopped) {
  pool_.reset();
  engine_.reset();
  const ScratchFolder folder;
  auto host = ChildProcess::fork_and_run([&] {
    auto engine = make_output_engine({.on_log = [](int, std::string_view) {}});
    auto pool = engine.pool({.processes = 1});
    pool.apply<void>("output.flood_between", folder.file("begun"), folder.file("go"), folder.file("done"),
                     std::uint64_t{1'000'000});
    return 0;
  });
  ASSERT_TRUE(eventually(kPatience, [&] { return std::filesystem::exists(folder.file("begun")); }));
  host.kill(SIGSTOP);
  touch(folder.file("go"));
  EXPECT_TRUE(eventually(kPatience, [&] { return std::filesystem::exists(folder.file("done")); }));
  host.kill(SIGCONT);
  EXPECT_EQ(host.wait().exit_code, 0);
}

}  // namespace
}  // namespace bulkhead::test
