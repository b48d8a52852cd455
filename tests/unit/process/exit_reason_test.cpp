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

}  // namespace
}  // namespace bulkhead::process
