#include "process/exit_reason.hpp"

#include <gtest/gtest.h>

namespace bulkhead::process {
namespace {

TEST(ExitReason, NamesTheSignal) {
  EXPECT_EQ(describe_status(true, 9, -1, false), "killed by signal 9 (SIGKILL)");
  EXPECT_EQ(describe_status(true, 11, -1, true), "killed by signal 11 (SIGSEGV), core dumped");
}

TEST(ExitReason, NamesTheStatusOfOneThatExited) {
  EXPECT_EQ(describe_status(true, 0, 0, false), "exited with status 0");
}

TEST(ExitReason, SaysWhenNobodyKnows) {
  EXPECT_EQ(describe_status(false, 0, -1, false), "ended, its status is unknown");
}

TEST(ExitReason, TellsPhaseAndText) {
  ExitReason reason{.known = true, .signal = 6, .phase = Phase::kInit, .text = "no model"};
  EXPECT_EQ(describe(reason), "killed by signal 6 (SIGABRT) in phase init: no model");
}

TEST(ExitReason, TellsWhereACrashWasInOneSentence) {
  ExitReason reason{.known = true, .signal = 11, .phase = Phase::kRun};
  reason.crash.address = 0x18;
  reason.crash.place = "shop::price(int)";
  EXPECT_EQ(describe(reason), "killed by signal 11 (SIGSEGV) at address 0x18 in shop::price(int) (phase run)");
  reason.core_dumped = true;
  EXPECT_EQ(describe(reason),
            "killed by signal 11 (SIGSEGV) at address 0x18 in shop::price(int) (phase run), core dumped");
  reason.core_dumped = false;
  reason.crash.is_stack_overflow = true;
  reason.crash.place.clear();
  EXPECT_EQ(describe(reason), "killed by signal 11 (SIGSEGV), stack overflow, at address 0x18 in phase run");
}

TEST(ExitReason, TellsWhatCouldNotBeCaught) {
  ExitReason reason{.known = true, .signal = 6, .phase = Phase::kRun};
  reason.crash.terminate_text = "std::domain_error: no (thrown through a noexcept function)";
  EXPECT_EQ(describe(reason),
            "killed by signal 6 (SIGABRT) in phase run: std::domain_error: no (thrown through a noexcept function)");
}

TEST(ExitReason, GuessesThatMemoryWasShort) {
  ExitReason reason{.known = true, .signal = 9, .phase = Phase::kRun, .max_rss_bytes = 300 << 20, .oom_hint = true};
  EXPECT_EQ(describe(reason),
            "killed by signal 9 (SIGKILL) in phase run: probably for want of memory (it had up to 300 MiB)");
}

}  // namespace
}  // namespace bulkhead::process
