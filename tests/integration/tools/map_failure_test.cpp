// bulkhead map: what goes wrong with single items, and with the command itself.
#include "command_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class MapFailure : public CommandTest {
 protected:
  [[nodiscard]] ProgramRun map(const std::string& plugin, std::vector<std::string> words,
                               const std::string& input) const {
    words.insert(words.begin(), {"map", "-p", fixture(plugin)});
    return run(words, input);
  }
  // The second of three items fails like this; the others do not notice.
  void expect_only_second_fails(const std::string& task, const std::string& input, const std::string& type) const {
    const auto done = map("misbehave", {"-j", "2", task}, input);
    const auto lines = lines_of(done.out);
    const auto items = lines_of(input);
    EXPECT_EQ(done.ended.exit_code, 1);
    ASSERT_EQ(lines.size(), 3u) << done.out << done.err;
    EXPECT_THAT(lines[1], StartsWith("{\"item\":" + items[1] + ",\"error\":{\"type\":\"" + type + "\",\"text\":\""));
    EXPECT_THAT(done.err, HasSubstr("error: 1 of 3 items failed (" + type + " 1)"));
    EXPECT_THAT(lines[0], ::testing::Not(HasSubstr("error")));
    EXPECT_THAT(lines[2], ::testing::Not(HasSubstr("error")));
  }
};

TEST_F(MapFailure, OfOneItemIsALineOfItsOwn) {
  const auto done = map("echo", {"echo.positive"}, "1\n-2\n3\n");
  EXPECT_EQ(done.ended.exit_code, 1);
  const auto lines = lines_of(done.out);
  ASSERT_EQ(lines.size(), 3u) << done.out;
  EXPECT_EQ(lines[0], "1");
  EXPECT_THAT(lines[1],
              AllOf(StartsWith("{\"item\":-2,\"error\":{\"type\":\"TaskError\""), HasSubstr("is negative: -2")));
  EXPECT_EQ(lines[2], "3");
  EXPECT_THAT(done.err, StartsWith("error: 1 of 3 items failed (TaskError 1), first -2: "));
}

TEST_F(MapFailure, IsAllThereIsWhenEveryItemFails) {
  for (const auto* const task : {"misbehave.throw_int", "misbehave.throw_text", "misbehave.throw_own",
                                 "misbehave.throw_bad_alloc", "misbehave.throw_nested"}) {
    const auto done = map("misbehave", {task}, "[]\n[]\n");
    EXPECT_EQ(done.ended.exit_code, 1) << task;
    EXPECT_THAT(lines_of(done.out), ElementsAre(HasSubstr("TaskError"), HasSubstr("TaskError"))) << task;
  }
}

TEST_F(MapFailure, OfAWorkerCostsOneItem) {
  expect_only_second_fails("misbehave.die_at_13", "1\n13\n2\n", "WorkerLost");
}

TEST_F(MapFailure, OfAWorkerInAChunkCostsOneItem) {
  const auto done = map("misbehave", {"-j", "1", "--chunk", "8", "misbehave.die_at_13"}, "1\n13\n2\n13\n3\n");
  EXPECT_THAT(lines_of(done.out), ElementsAre("1", HasSubstr("WorkerLost"), "2", HasSubstr("WorkerLost"), "3"));
}

TEST_F(MapFailure, CoversEveryWayToEndAWorker) {
  for (const auto* const task : {"misbehave.segv", "misbehave.abort", "misbehave.throw_out_of_noexcept"}) {
    const auto done = map("misbehave", {task}, "[]\n[]\n");
    EXPECT_EQ(done.ended.exit_code, 1) << task << done.err;
    EXPECT_THAT(lines_of(done.out), ElementsAre(HasSubstr("WorkerLost"), HasSubstr("WorkerLost"))) << task;
  }
  const auto done = map("misbehave", {"misbehave.leave_with"}, "0\n1\n");
  EXPECT_EQ(done.ended.exit_code, 1) << done.err;
  EXPECT_THAT(lines_of(done.out), ElementsAre(HasSubstr("WorkerLost"), HasSubstr("WorkerLost")));
}

TEST_F(MapFailure, OfALineThatIsNotJsonIsThatLines) {
  const auto done = map("echo", {"echo.i64"}, "1\nnot json\n1,2\n\"\xff\"\n2\n");
  EXPECT_EQ(done.ended.exit_code, 1);
  EXPECT_THAT(lines_of(done.out),
              ElementsAre("1",
                          "{\"item\":\"not json\",\"error\":{\"type\":\"InputError\",\"text\":\"line 2 is not JSON "
                          "(--lines takes lines as they stand)\"}}",
                          HasSubstr("line 3 is not JSON"), HasSubstr("line 4 is not JSON"), "2"));
}

TEST_F(MapFailure, OfArgumentsThatDoNotFitIsThatItems) {
  const auto done = map("echo", {"echo.u8"}, "1\n256\n\"x\"\n2\n");
  EXPECT_EQ(done.ended.exit_code, 1);
  EXPECT_THAT(lines_of(done.out), ElementsAre("1", HasSubstr("PayloadError"), HasSubstr("PayloadError"), "2"));
  const auto pairs = map("echo", {"echo.add"}, "[1,2]\n[1]\n3\n[4,5]\n");
  EXPECT_THAT(lines_of(pairs.out), ElementsAre("3", HasSubstr("PayloadError"), HasSubstr("must be the array"), "9"));
}

TEST_F(MapFailure, EndsTheRunWhenAsked) {
  std::string input = "1\n-2\n";
  for (int i = 0; i < 100000; ++i) input += "3\n";
  const auto done = map("echo", {"--on-error", "stop", "echo.positive"}, input);
  EXPECT_EQ(done.ended.exit_code, 1);
  EXPECT_EQ(done.out, "1\n");
  EXPECT_THAT(done.err, HasSubstr("stopped there"));
}

TEST_F(MapFailure, OfUsageIsSaidBeforeAnythingRuns) {
  expect_one_error(map("echo", {"echo.nope"}, "1\n"), 2, "echo.nope");
  expect_one_error(map("echo", {"echo.add", "1", "2"}, "1\n"), 2, "no argument holds {}");
  expect_one_error(map("echo", {"echo.add", "{}"}, "1\n"), 2, "it takes 2 arguments, got 1");
  expect_one_error(map("echo", {"--lines", "echo.i64"}, "1\n"), 2, "is i64");
  expect_one_error(map("echo", {"--lines", "echo.add"}, "1\n"), 2, "takes 2 arguments");
  expect_one_error(map("echo", {"-j", "0", "echo.i64"}, "1\n"), 2, "processes");
  expect_one_error(map("echo", {"--on-error", "explode", "echo.i64"}, "1\n"), 2, "explode");
  expect_one_error(map("echo", {"--input", path("missing"), "echo.i64"}, ""), 2, "missing");
  expect_one_error(map("echo", {"--input", path(""), "echo.i64"}, ""), 2, "folder");
}

TEST_F(MapFailure, OfTheOutputIsNeverSilent) {
  expect_one_error(map("echo", {"-o", path("no/such/folder/out"), "echo.i64"}, "1\n"), 2, "no/such/folder/out");
  expect_one_error(map("echo", {"-o", "/dev/full", "echo.i64"}, "1\n"), 4, "No space left on device");
  auto program = start({"map", "-p", fixture("echo"), "echo.i64"}, write("in", "1\n"), "/dev/full", path("err"));
  EXPECT_EQ(program.wait().exit_code, 4);
  EXPECT_EQ(read_file(path("err")), "error: cannot write to standard output: No space left on device\n");
}

}  // namespace
}  // namespace bulkhead::test
