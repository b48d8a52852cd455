// The engine in odd hosts: whatever they do with signals, children and descriptors, it works and disturbs nothing.
#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class EmbeddingTest : public ::testing::Test {
 protected:
  static ProgramRun run(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.insert(arguments.begin(), TEST_HOST);
    return ProgramRun::run(arguments, input);
  }
  static void expect_good(const std::string& mode) {
    const auto host = run({mode});
    EXPECT_EQ(host.ended.exit_code, 0) << mode << ", signal " << host.ended.signal << "\n" << host.out << host.err;
  }
};
class DispositionTest : public EngineTest {};

TEST_F(EmbeddingTest, AHostThatIgnoresSigchldSeesNoDifference) { expect_good("sigchld-ignored"); }

TEST_F(EmbeddingTest, AHostThatWaitsForAllChildrenSeesOnlyItsOwn) { expect_good("wait-loop"); }

TEST_F(EmbeddingTest, TasksPrintToStderrAndReadAnEmptyStdin) {
  const auto host = run({"output"}, "for the host\n");
  EXPECT_EQ(host.ended.exit_code, 0) << host.err;
  EXPECT_EQ(host.out, "the task read 0, the host: for the host\n");
  // In the log; the descriptor itself leads there too.
  EXPECT_THAT(host.err, HasSubstr(": from the task\nbulkhead: warning: "));
  EXPECT_TRUE(host.err.ends_with(": from the task\n")) << host.err;
}

TEST_F(EmbeddingTest, TheHostsDescriptorsStayItsOwn) {
  const ScratchFolder folder;
  touch(folder.file("secret"));
  const auto host = run({"descriptors", folder.file("secret")});
  EXPECT_EQ(host.ended.exit_code, 0) << host.err;
  EXPECT_THAT(host.out, HasSubstr("/dev/null"));
  EXPECT_THAT(host.out, Not(HasSubstr(folder.file("secret"))));
}

TEST_F(EmbeddingTest, AHostWithoutStdinStdoutAndStderrWorks) { expect_good("closed-stdio"); }

TEST_F(EmbeddingTest, SignalHandlersThatInterruptEveryWaitChangeNothing) { expect_good("alarm"); }

TEST_F(EmbeddingTest, SignalsToTheGroupAreTheHostsAffair) { expect_good("group-signals"); }

TEST_F(EmbeddingTest, AForkedChildThatDestroysPoolAndEngineEndsAndHarmsNothing) {
  const auto host = run({"forked-child-ends"});
  EXPECT_EQ(host.ended.exit_code, 0) << host.err;
  EXPECT_EQ(host.out, "destroys: 0\n") << host.err;
}

TEST_F(EmbeddingTest, AForkedChildThatCallsGetsAUsageErrorAndHarmsNothing) {
  const auto host = run({"forked-child-calls"});
  EXPECT_EQ(host.ended.exit_code, 0) << host.err;
  EXPECT_EQ(host.out, "apply: 0\nwait: 0\nany: 0\ncompleted: 0\npool: 0\nterminate: 0\n") << host.err;
}

TEST_F(EmbeddingTest, APoolInAStaticIsTornDownAfterMain) { expect_good("statics"); }

TEST_F(DispositionTest, OfSignalsMasksAndDirectoryIsUntouched) {
  const auto now = [] {
    std::vector<const void*> handlers;
    for (int signal = 1; signal < 32; ++signal) {
      struct sigaction action {};
      ::sigaction(signal, nullptr, &action);
      handlers.push_back(reinterpret_cast<const void*>(action.sa_handler));
    }
    return handlers;
  };
  sigset_t mask_before;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_before);
  const auto before = now();
  const auto folder_before = std::filesystem::current_path();
  {
    auto engine = make_engine();
    auto pool = engine.pool({.processes = 1});
    EXPECT_THROW(pool.apply<void>("misbehave.segv"), WorkerLost);
    EXPECT_EQ(now(), before);
  }
  EXPECT_EQ(now(), before);
  sigset_t mask_after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_after);
  for (int signal = 1; signal < 32; ++signal)
    EXPECT_EQ(sigismember(&mask_before, signal), sigismember(&mask_after, signal));
  EXPECT_EQ(std::filesystem::current_path(), folder_before);
  EXPECT_FALSE(has_child());
}

}  // namespace
}  // namespace bulkhead::test
