// bulkhead call, tasks, --version and --help.
#include "command_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class CallCommand : public CommandTest {
 protected:
  [[nodiscard]] ProgramRun call(std::vector<std::string> words, const std::string& input = {}) const {
    words.insert(words.begin(), {"call", "-p", fixture("echo")});
    return run(words, input);
  }
  [[nodiscard]] std::string result(std::vector<std::string> words, const std::string& input = {}) const {
    const auto done = call(std::move(words), input);
    EXPECT_EQ(done.ended.exit_code, 0) << done.err;
    EXPECT_EQ(done.err, "");
    return done.out;
  }
};

TEST_F(CallCommand, PrintsTheResultAsJsonOnOneLine) {
  EXPECT_EQ(result({"echo.add", "2", "3"}), "5\n");
  EXPECT_EQ(result({"echo.nothing"}), "null\n");
}

TEST_F(CallCommand, TakesTextsAsTheyStandAndTheRestAsJson) {
  EXPECT_EQ(result({"echo.text", "123"}), "\"123\"\n");
  EXPECT_EQ(result({"echo.greet", "you", "say \"hi\" to", "2"}), "\"say \\\"hi\\\" to you;say \\\"hi\\\" to you;\"\n");
  EXPECT_EQ(result({"echo.list_i64", "[1, 2,3]"}), "[1,2,3]\n");
  EXPECT_EQ(result({"echo.optional_i64", "null"}), "null\n");
}

TEST_F(CallCommand, LeavesEverythingAfterTheTaskToTheTask) {
  EXPECT_EQ(result({"echo.add", "-2", "-3"}), "-5\n");
  EXPECT_EQ(result({"echo.text", "--help"}), "\"--help\"\n");
  EXPECT_EQ(result({"echo.text", "-p"}), "\"-p\"\n");
}

TEST_F(CallCommand, TakesOnlyJsonWithJ) {
  EXPECT_EQ(result({"-J", "echo.text", "\"a\""}), "\"a\"\n");
  expect_one_error(call({"-J", "echo.text", "a"}), 2, "argument 1 must be JSON for str");
}

TEST_F(CallCommand, ReadsStandardInputForADash) {
  EXPECT_EQ(result({"echo.text", "-"}, "two\nlines"), "\"two\\nlines\"\n");
  EXPECT_EQ(result({"echo.size_of", "-"}, std::string(1 << 20, '\xff')), "1048576\n");
  expect_one_error(call({"echo.add", "-", "-"}, "1"), 2, "only one argument can be \"-\"");
}

TEST_F(CallCommand, PrintsTextsRawWhenAsked) {
  EXPECT_EQ(result({"-r", "echo.text", "a \"b\""}), "a \"b\"\n");
  EXPECT_EQ(result({"-r", "echo.bytes", "-"}, "\xff\n\xfe"), "\xff\n\xfe");
  EXPECT_EQ(result({"-r", "echo.i64", "7"}), "7\n");
}

TEST_F(CallCommand, PassesBytesThatAreNotUtf8) {
  EXPECT_EQ(result({"echo.text", "\xff"}), "{\"base64\":\"/w==\"}\n");
  EXPECT_EQ(result({"-r", "echo.text", "a\xff"}), "a\xff\n");
}

TEST_F(CallCommand, NamesTheTasksThatLookLikeAnUnknownOne) {
  expect_one_error(call({"echo.ad", "1", "2"}), 2, "echo.add");
}

TEST_F(CallCommand, RefusesAWrongNumberOfArguments) {
  expect_one_error(call({"echo.add", "1"}), 2, "it takes 2 arguments, got 1");
  expect_one_error(call({"echo.greet"}), 2, "it takes 1 to 3 arguments, got 0");
  expect_one_error(call({"echo.nothing", "-x"}), 2, "options go before the task");
}

TEST_F(CallCommand, RefusesArgumentsOfTheWrongType) {
  expect_one_error(call({"echo.add", "1", "two"}), 2, "argument 2 must be JSON for i64, \"two\" is not");
  expect_one_error(call({"echo.add", "1", "\"two\""}), 2, "echo.add");
  expect_one_error(call({"echo.add", "1", "1.5"}), 2, "echo.add");
}

TEST_F(CallCommand, RefusesAValueThatDoesNotFit) {
  expect_one_error(call({"echo.u8", "256"}), 2, "echo.u8");
  expect_one_error(call({"echo.u64", "18446744073709551616"}), 2, "echo.u64");
}

TEST_F(CallCommand, SaysWhatTheTaskThrew) { expect_one_error(call({"echo.positive", "-1"}), 1, "is negative: -1"); }

TEST_F(CallCommand, RefusesUnknownOptionsAndMissingTasks) {
  expect_one_error(call({"--frob", "echo.add"}), 2, "unknown option \"--frob\"");
  expect_one_error(run({"call"}), 2, "which task?");
  expect_one_error(run({"frob"}), 2, "frob");
}

TEST_F(CallCommand, TakesCommonOptionsBeforeTheCommandToo) {
  EXPECT_EQ(run({"-p", fixture("echo"), "call", "echo.add", "1", "1"}).out, "2\n");
}

TEST_F(CallCommand, FindsAPluginOnThePluginPathByItsTasksName) {
  const auto done = run({"call", "math.add", "20", "22"});
  EXPECT_EQ(done.out, "42\n") << done.err;
}

TEST_F(CallCommand, SaysWhenTheWorkerProgramIsMissing) {
  const auto done = run({"call", "--worker", "/nowhere/worker", "-p", fixture("echo"), "echo.add", "1", "1"});
  EXPECT_EQ(done.ended.exit_code, 4);
  EXPECT_THAT(done.err, AllOf(StartsWith("error: "), HasSubstr("/nowhere/worker")));
}

class TasksCommand : public CommandTest {};

TEST_F(TasksCommand, ListsNamesSignaturesPluginsAndDocs) {
  const auto done = run({"tasks", "-p", fixture("echo")});
  EXPECT_EQ(done.ended.exit_code, 0) << done.err;
  EXPECT_THAT(done.out,
              ::testing::ContainsRegex("echo\\.i64 +\\(i64\\)->i64 +echo 1\\.2\\.3 +gives back its number\n"));
}

TEST_F(TasksCommand, WritesJson) {
  const auto done = run({"tasks", "--json", "-p", fixture("echo")});
  EXPECT_THAT(done.out, AllOf(StartsWith("["), HasSubstr("\"name\": \"echo.i64\""), HasSubstr("\"value\"")));
}

TEST_F(TasksCommand, ListsThePluginPathAndWarnsOfWhatCannotBeUsed) {
  std::filesystem::copy_file(fixture("echo"), path("echo.so"));
  write("broken.so", "not a library");
  const auto done = run({"tasks"}, "", {"BULKHEAD_PLUGIN_PATH=" + path("")});
  EXPECT_EQ(done.ended.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("echo.add"));
  EXPECT_THAT(done.err, AllOf(StartsWith("warning: "), HasSubstr("broken.so")));
}

TEST_F(TasksCommand, PrintsVersionAndHelpWithExamples) {
  EXPECT_THAT(run({"--version"}).out, StartsWith("bulkhead "));
  for (const auto& words : std::vector<std::vector<std::string>>{{},
                                                                 {"tasks"},
                                                                 {"call"},
                                                                 {"map"},
                                                                 {"clean"},
                                                                 {"config"},
                                                                 {"config", "check"},
                                                                 {"config", "explain"},
                                                                 {"config", "reference"},
                                                                 {"doctor"}}) {
    auto command = words;
    command.emplace_back("--help");
    const auto done = run(command);
    EXPECT_EQ(done.ended.exit_code, 0);
    EXPECT_THAT(done.out, HasSubstr("Examples:"));
  }
}

}  // namespace
}  // namespace bulkhead::test
