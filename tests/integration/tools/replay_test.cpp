// bulkhead replay: the calls that --dead-letters kept, again.
#include "command_fixture.hpp"

namespace bulkhead::test {
namespace {

class ReplayCommand : public CommandTest {
 protected:
  // The one letter of this call.
  std::string letter_of(std::vector<std::string> words) {
    std::vector<std::string> arguments{"call", "-p", fixture("misbehave"), "--dead-letters", path("letters")};
    arguments.insert(arguments.end(), words.begin(), words.end());
    const auto ended = run(arguments);
    EXPECT_EQ(ended.ended.exit_code, 1) << ended.err;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(path("letters"), error)) return entry.path();
    ADD_FAILURE() << "nothing was kept: " << ended.err;
    return {};
  }
};
using ::testing::HasSubstr;

TEST_F(ReplayCommand, DiesAsTheWorkerDid) {
  const auto letter = letter_of({"misbehave.kill_self", "9"});
  const auto again = run({"replay", letter});
  EXPECT_EQ(again.ended.signal, 9) << again.err;
  EXPECT_THAT(again.err, HasSubstr("misbehave.kill_self"));
  EXPECT_THAT(again.err, HasSubstr("SIGKILL"));
}

TEST_F(ReplayCommand, RunsTheSameArgumentsAsOftenAsAsked) {
  // The first dies, for the file is there; then it returns.
  const auto gate = write("gate", "x");
  const auto letter = letter_of({"--timeout", "200ms", "misbehave.run_while_exists", gate, path("began")});
  std::filesystem::remove(gate);
  const auto again = run({"replay", "--times", "3", letter});
  EXPECT_EQ(again.ended.exit_code, 0) << again.err;
  EXPECT_EQ(again.out, "run 1 of 3: returned\nrun 2 of 3: returned\nrun 3 of 3: returned\n");
}

TEST_F(ReplayCommand, ShowsTheCrashUnderGdb) {
  if (std::system("command -v gdb >/dev/null") != 0) GTEST_SKIP() << "gdb is not installed";
  const auto letter = letter_of({"misbehave.segv"});
  const auto again = run({"replay", "--gdb", letter}, "run\nbacktrace 1\nquit\n");
  EXPECT_THAT(again.out, HasSubstr("Program received signal SIGSEGV")) << again.err;
  EXPECT_THAT(again.out, HasSubstr("#0  ")) << again.err;
  EXPECT_THAT(again.out, HasSubstr("segv()")) << again.err;  // its symbols were found
}

TEST_F(ReplayCommand, RefusesWhatIsNoLetter) {
  expect_one_error(run({"replay", write("text", "hello")}), 4, "is not a dead letter");
  expect_one_error(run({"replay", path("missing")}), 4, "No such file");
  expect_one_error(run({"replay"}), 2, "FILE");
  expect_one_error(run({"replay", "--times", "0", "x"}), 2, "--times");
}

TEST_F(ReplayCommand, SaysWhenThePluginIsGoneOrAnother) {
  std::filesystem::copy_file(fixture("misbehave"), path("own.so"));
  const auto ended =
      run({"call", "-p", path("own.so"), "--dead-letters", path("letters"), "misbehave.leave_with", "3"});
  EXPECT_EQ(ended.ended.exit_code, 1) << ended.err;
  const auto letter = std::filesystem::directory_iterator(path("letters"))->path();
  std::filesystem::remove(path("own.so"));
  EXPECT_EQ(run({"replay", letter}).ended.exit_code, 3);
  std::filesystem::copy_file(fixture("echo"), path("own.so"));
  const auto other = run({"replay", letter});
  EXPECT_EQ(other.ended.exit_code, 3);
  EXPECT_THAT(other.err, HasSubstr("has no task \"misbehave.leave_with\""));
}

}  // namespace
}  // namespace bulkhead::test
