// What a WorkerLost tells of a crash, and what it costs nobody.
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <optional>

#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class CrashReportTest : public EngineTest {
 protected:
  template <class... Args>
  std::optional<WorkerLost::Info> loss_of(const std::string& task, Args... args) {
    try {
      crash_pool_.apply<void>(task, args...);
    } catch (const WorkerLost& lost) {
      text_ = lost.what();
      return lost.info();
    }
    ADD_FAILURE() << task << " ended well";
    return std::nullopt;
  }

  static bool has_symbol(const WorkerLost::Info& info, std::string_view symbol) {
    return std::any_of(info.backtrace.begin(), info.backtrace.end(), [&](const StackFrame& frame) {
      return frame.symbol.find(symbol) != std::string::npos && frame.file == fixture_plugin("crash");
    });
  }

  std::string text_;
  Engine crash_engine_ = [this] {
    Manifest manifest;
    manifest.plugins.emplace_back().path.value = fixture_plugin("crash");
    return Engine::from_manifest(std::move(manifest), {.on_log = log_.sink()});
  }();
  Pool crash_pool_ = crash_engine_.pool({.processes = 1});
};

TEST_F(CrashReportTest, NamesTheFunctionAndTheAddress) {
  const auto info = loss_of("crash.bad_write", std::uint64_t{0x18});
  ASSERT_TRUE(info);
  EXPECT_EQ(text_,
            "task \"crash.bad_write\" lost its worker: killed by signal 11 (SIGSEGV) at address 0x18 in "
            "crash::write_to(unsigned long) (phase run)" +
                std::string(info->core_dumped ? ", core dumped" : ""));
  EXPECT_EQ(info->plugin, "crash");
  ASSERT_GE(info->backtrace.size(), 3u);
  EXPECT_EQ(info->backtrace[0].symbol, "crash::write_to(unsigned long)");
  EXPECT_EQ(info->backtrace[0].file, fixture_plugin("crash"));
  EXPECT_EQ(info->backtrace[1].symbol, "crash::bad_write(unsigned long)");
  EXPECT_LT(info->backtrace[0].offset, info->backtrace[0].address);
  EXPECT_THAT(info->terminate_text, IsEmpty());
}

TEST_F(CrashReportTest, GoesThroughTheEngineAndTheSystemsLibraries) {
  const auto info = loss_of("crash.bad_abort");
  ASSERT_TRUE(info);
  EXPECT_TRUE(std::any_of(info->backtrace.begin(), info->backtrace.end(), [](const StackFrame& frame) {
    return frame.symbol == "abort" && frame.file.find("libc.so") != std::string::npos;
  }));
  EXPECT_TRUE(std::any_of(info->backtrace.begin(), info->backtrace.end(), [](const StackFrame& frame) {
    return frame.symbol == "main" && frame.file.ends_with("bulkhead-worker");
  }));
  EXPECT_THAT(text_, HasSubstr("(SIGABRT)"));
  EXPECT_THAT(text_, HasSubstr("in crash::bad_abort() (phase run)"));
}

TEST_F(CrashReportTest, NamesWhoCalledNowhere) {
  const auto info = loss_of("crash.bad_call");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->signal, SIGSEGV);
  EXPECT_THAT(text_, HasSubstr("at address 0x0 in crash::bad_call() (phase run)"));
}

TEST_F(CrashReportTest, TellsOfADivisionByZero) {
  const auto info = loss_of("crash.bad_division", std::int64_t{1});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->signal, SIGFPE);
  EXPECT_THAT(text_, HasSubstr("(SIGFPE)"));
  EXPECT_THAT(text_, HasSubstr(" in crash::bad_division(long) (phase run)"));
}

TEST_F(CrashReportTest, TellsOfAStackThatIsFull) {
  const auto info = loss_of("crash.bad_recursion");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->signal, SIGSEGV);
  EXPECT_THAT(text_, HasSubstr(", stack overflow, at address 0x"));
  EXPECT_THAT(text_, HasSubstr(" in crash::deeper(long) (phase run)"));
  EXPECT_EQ(info->backtrace.size(), 64u);
}

TEST_F(CrashReportTest, TellsWhatWasThrownThroughNoexcept) {
  const auto info = loss_of("crash.bad_promise");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->signal, SIGABRT);
  EXPECT_EQ(info->terminate_text, "std::domain_error: nobody may catch this (thrown through a noexcept function)");
  EXPECT_THAT(text_, HasSubstr(": " + info->terminate_text));
  EXPECT_TRUE(has_symbol(*info, "crash::bad_promise()"));
}

TEST_F(CrashReportTest, TellsWhatWasThrownInAThread) {
  const auto info = loss_of("crash.bad_thread");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->terminate_text,
            "std::runtime_error: in a thread of the task's own (not caught in a thread of the task's own)");
  EXPECT_TRUE(has_symbol(*info, "crash::bad_thread()")) << "the thread's function";
}

TEST_F(CrashReportTest, TellsOfTheThreadThatCrashed) {
  const auto info = loss_of("crash.bad_write_in_a_thread", std::uint64_t{8});
  ASSERT_TRUE(info);
  EXPECT_THAT(text_, HasSubstr("at address 0x8 in crash::write_to(unsigned long) (phase run)"));
}

TEST_F(CrashReportTest, TellsOfATerminateWithoutAnException) {
  const auto info = loss_of("crash.bad_goodbye");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->terminate_text, "std::terminate() was called without an exception");
  EXPECT_TRUE(has_symbol(*info, "crash::bad_goodbye()"));
}

TEST_F(CrashReportTest, HasNoBacktraceOfWhoLeavesByItself) {
  const auto info = loss_of("crash.leave", 3);
  ASSERT_TRUE(info);
  EXPECT_EQ(text_, "task \"crash.leave\" lost its worker: exited with status 3 in phase run");
  EXPECT_THAT(info->backtrace, IsEmpty());
  EXPECT_EQ(info->exit_code, 3);
}

TEST_F(CrashReportTest, HasNoBacktraceOfWhoIsKilled) {
  const auto info = loss_of("crash.kill_self", int{SIGKILL});
  ASSERT_TRUE(info);
  EXPECT_THAT(text_, HasSubstr("killed by signal 9 (SIGKILL)"));
  EXPECT_THAT(text_, HasSubstr("phase run"));
  EXPECT_THAT(info->backtrace, IsEmpty());
}

TEST_F(CrashReportTest, HasNoAddressOfASignalThatWasSent) {
  const auto info = loss_of("crash.kill_self", int{SIGSEGV});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->signal, SIGSEGV);
  EXPECT_THAT(text_, Not(HasSubstr("at address")));
  EXPECT_TRUE(has_symbol(*info, "crash::kill_self(int)"));
}

TEST_F(CrashReportTest, LeavesAPluginItsOwnHandler) {
  const auto info = loss_of("crash.bad_write_with_own_handler", int{SIGUSR1});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->signal, SIGUSR1);
  EXPECT_THAT(info->backtrace, IsEmpty());
}

TEST_F(CrashReportTest, LeavesAForkedChildItsOwnDeath) {
  const auto status = crash_pool_.apply<std::int32_t>("crash.bad_write_in_a_child");
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGSEGV);
  const auto info = loss_of("crash.bad_write", std::uint64_t{0x20});
  ASSERT_TRUE(info);
  EXPECT_THAT(text_, HasSubstr("at address 0x20 in")) << "the record is still its own";
}

TEST_F(CrashReportTest, CarriesTheLastLogLines) {
  const auto info = loss_of("crash.log_and_abort", 2);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->last_output, "[crash] info line 1\n[crash] info line 2\n");
  const auto many = loss_of("crash.log_and_abort", 1000);
  ASSERT_TRUE(many);
  EXPECT_LE(many->last_output.size(), 4096u);
  EXPECT_TRUE(many->last_output.starts_with("[crash] info line "));
  EXPECT_TRUE(many->last_output.ends_with("[crash] info line 999\n[crash] info line 1000\n"));
}

TEST_F(CrashReportTest, CarriesWhatTheProcessUsed) {
  const auto info = loss_of("crash.own_memory_and_die", std::uint64_t{100} << 20);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->signal, SIGKILL);
  EXPECT_GE(info->max_rss_bytes, std::uint64_t{100} << 20);
  EXPECT_GT(info->user_time + info->system_time, 0ns);
}

TEST_F(CrashReportTest, IsTheSameForEveryWayToStartAProcess) {
  for (const auto method : {StartMethod::kForkserver, StartMethod::kSpawn}) {
    auto pool = crash_engine_.pool({.processes = 1, .start_method = method});
    const auto text = text_thrown<WorkerLost>([&] { pool.apply<void>("crash.bad_write", std::uint64_t{0x18}); });
    EXPECT_THAT(text, HasSubstr("at address 0x18 in crash::write_to(unsigned long) (phase run)"));
  }
}

TEST_F(CrashReportTest, LeavesTheHostsOwnHandlersAlone) {
  struct sigaction before {};
  ::sigaction(SIGSEGV, nullptr, &before);
  const auto terminate_before = std::get_terminate();
  auto pool = crash_engine_.pool({.processes = 2, .start_method = StartMethod::kThread});
  EXPECT_GT(pool.apply<std::int32_t>("crash.bad_write_in_a_child"), 0);
  struct sigaction after {};
  ::sigaction(SIGSEGV, nullptr, &after);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
  EXPECT_EQ(before.sa_flags, after.sa_flags);
  EXPECT_EQ(terminate_before, std::get_terminate());
}

}  // namespace
}  // namespace bulkhead::test
