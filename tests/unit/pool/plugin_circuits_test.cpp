#include "pool/plugin_circuits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bulkhead::pool {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using What = PluginCircuits::Step::What;

class PluginCircuitsTest : public ::testing::Test {
 protected:
  PluginCircuits::Step fail(std::optional<std::size_t> plugin, StartFault fault = StartFault::kFailed,
                            const std::string& cause = "no licence") {
    return circuits_.note_failed_start(plugin, cause, fault);
  }
  PluginCircuits circuits_{{"shop", "img"}};
};

TEST_F(PluginCircuitsTest, RetryWithPausesThatDouble) {
  auto before = 0ns;
  for (int i = 0; i < 4; ++i) {
    const auto step = fail(0);
    EXPECT_EQ(step.what, What::kRetry);
    EXPECT_GE(step.pause, 2 * before);
    EXPECT_GT(step.pause, 0ns);
    before = step.pause;
  }
}

TEST_F(PluginCircuitsTest, OpenAfterFiveFailuresWithTheFirstCause) {
  EXPECT_EQ(fail(1, StartFault::kFailed, "the first").what, What::kRetry);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(fail(1).what, What::kRetry);
  EXPECT_FALSE(circuits_.is_open(1));
  const auto step = fail(1);
  EXPECT_EQ(step.what, What::kOpenCircuit);
  EXPECT_EQ(step.plugin, 1u);
  EXPECT_THAT(step.text,
              AllOf(HasSubstr("\"img\""), HasSubstr("5 workers"), HasSubstr("the first"), HasSubstr("revive()")));
  EXPECT_TRUE(circuits_.is_open(1));
  EXPECT_FALSE(circuits_.is_open(0));
}

TEST_F(PluginCircuitsTest, CountOnlyFailuresInARow) {
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 4; ++i) EXPECT_EQ(fail(0).what, What::kRetry);
    circuits_.note_ready();
  }
}

TEST_F(PluginCircuitsTest, AreKeptApart) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(fail(0).what, What::kRetry);
    EXPECT_EQ(fail(1).what, What::kRetry);
    EXPECT_EQ(fail(std::nullopt).what, What::kRetry);
  }
  EXPECT_EQ(fail(0).plugin, 0u);
}

TEST_F(PluginCircuitsTest, GiveUpWhenItIsNoPluginsFault) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(fail(std::nullopt).what, What::kRetry);
  const auto step = fail(std::nullopt);
  EXPECT_EQ(step.what, What::kGiveUp);
  EXPECT_THAT(step.text, AllOf(HasSubstr("5 failed in a row"), HasSubstr("no licence")));
}

TEST_F(PluginCircuitsTest, GiveUpWithTheLastPlugin) {
  for (int i = 0; i < 5; ++i) (void)fail(0);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(fail(1).what, What::kRetry);
  EXPECT_EQ(fail(1).what, What::kGiveUp);
}

TEST_F(PluginCircuitsTest, BearFourTimesAsManyKillsFromOutside) {
  for (int i = 0; i < 19; ++i) EXPECT_EQ(fail(0, StartFault::kKilled).what, What::kRetry);
  EXPECT_EQ(fail(0, StartFault::kKilled).what, What::kOpenCircuit);
}

TEST_F(PluginCircuitsTest, OpenAtOnceForALateStartWhereNoneWasEverReady) {
  EXPECT_EQ(fail(0, StartFault::kLate).what, What::kOpenCircuit);
}

TEST_F(PluginCircuitsTest, BearALateStartWhereAnotherWasReady) {
  circuits_.note_ready();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(fail(0, StartFault::kLate).what, What::kRetry);
  EXPECT_EQ(fail(0, StartFault::kLate).what, What::kOpenCircuit);
}

TEST_F(PluginCircuitsTest, GiveUpWhenNobodyCanBeAskedForAWorkerTwice) {
  circuits_.note_ready();
  EXPECT_EQ(fail(std::nullopt, StartFault::kCutOff).what, What::kRetry);
  EXPECT_EQ(fail(std::nullopt, StartFault::kCutOff).what, What::kGiveUp);
}

TEST_F(PluginCircuitsTest, GiveUpAtOnceWhenNobodyCouldEverBeAskedForAWorker) {
  EXPECT_EQ(fail(std::nullopt, StartFault::kCutOff).what, What::kGiveUp);
}

TEST_F(PluginCircuitsTest, OpenAfterSixCrashesWithoutATask) {
  auto step = circuits_.note_idle_crash(0, "its thread aborted");
  EXPECT_EQ(step.pause, 0ns) << "it may be the only one";
  for (int i = 0; i < 4; ++i) {
    circuits_.note_ready();  // as every worker gets that crashes idle
    step = circuits_.note_idle_crash(0, "again");
    EXPECT_EQ(step.what, What::kRetry);
    EXPECT_GT(step.pause, 0ns);
  }
  step = circuits_.note_idle_crash(0, "again");
  EXPECT_EQ(step.what, What::kOpenCircuit);
  EXPECT_THAT(step.text, AllOf(HasSubstr("\"shop\""), HasSubstr("its thread aborted")));
}

TEST_F(PluginCircuitsTest, ForgetIdleCrashesOfWorkersThatLived) {
  for (int i = 0; i < 5; ++i) (void)circuits_.note_idle_crash(0, "");
  circuits_.note_steady();
  EXPECT_EQ(circuits_.note_idle_crash(0, "").what, What::kRetry);
}

TEST_F(PluginCircuitsTest, PauseNobodysIdleCrashesButNeverGiveUp) {
  for (int i = 0; i < 100; ++i) {
    const auto step = circuits_.note_idle_crash(std::nullopt, "killed");
    EXPECT_EQ(step.what, What::kRetry);
    EXPECT_LT(step.pause, 1s);
  }
}

TEST_F(PluginCircuitsTest, GiveUpWhenTwentyInARowDiedOfTheWorkTheyWereGiven) {
  using Use = PluginCircuits::Use;
  const auto crash = [&](Use use) { return circuits_.note_idle_crash(std::nullopt, "killed", use); };
  for (int i = 0; i < 19; ++i) EXPECT_EQ(crash(Use::kNone).what, What::kRetry);
  EXPECT_EQ(crash(Use::kSome).what, What::kRetry) << "somebody worked meanwhile";
  for (int i = 0; i < 19; ++i) {
    EXPECT_EQ(crash(Use::kNone).what, What::kRetry);
    EXPECT_EQ(crash(Use::kUnasked).what, What::kRetry) << "says nothing of those that were given some";
  }
  const auto step = crash(Use::kNone);
  EXPECT_EQ(step.what, What::kGiveUp);
  EXPECT_THAT(step.text, AllOf(HasSubstr("20 workers"), HasSubstr("before they began"), HasSubstr("killed")));
  EXPECT_EQ(crash(Use::kNone).what, What::kGiveUp) << "another worker was ready then, and that was no better";
}

TEST_F(PluginCircuitsTest, CloseWhenReset) {
  for (int i = 0; i < 5; ++i) (void)fail(0);
  circuits_.reset();
  EXPECT_FALSE(circuits_.is_open(0));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(fail(0).what, What::kRetry);
  EXPECT_THAT(fail(0).text, HasSubstr("\"shop\""));
}

TEST_F(PluginCircuitsTest, TakeANumberThatNoPluginHasForNobodys) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(fail(17).what, What::kRetry);
  EXPECT_EQ(fail(17).what, What::kGiveUp);
}

}  // namespace
}  // namespace bulkhead::pool
