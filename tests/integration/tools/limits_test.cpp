// --timeout, --soft-timeout, --retries and --priority of call and map.
#include "command_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Limits : public CommandTest {};

TEST_F(Limits, AreRefusedWhenTheyMakeNoSense) {
  const auto refuse = [&](std::vector<std::string> words, const std::string& says) {
    words.insert(words.end(), {"-p", fixture("echo"), "echo.i64"});
    expect_one_error(run(words, "1\n"), 2, says);
  };
  refuse({"map", "--timeout", "5"}, "--timeout: \"5\" has no unit");
  refuse({"map", "--timeout", "0s"}, "must be more than zero");
  refuse({"map", "--soft-timeout", "5min"}, "\"5m\"");
  refuse({"map", "--retries", "-1"}, "--retries");
  refuse({"map", "--priority", "8"}, "--priority");
  refuse({"call", "--timeout", "fast"}, "--timeout");
}

TEST_F(Limits, DoNotChangeWhatSucceeds) {
  const auto done = run({"map", "--retries", "2", "--timeout", "1h", "--soft-timeout", "none", "--priority", "7",
                         "--chunk", "4", "-p", fixture("echo"), "echo.positive"},
                        "1\n2\n3\n4\n5\n6\n");
  EXPECT_EQ(done.out, "1\n2\n3\n4\n5\n6\n") << done.err;
  EXPECT_EQ(run({"call", "--retries", "1", "--timeout", "1h", "-p", fixture("echo"), "echo.add", "2", "3"}).out, "5\n");
}

TEST_F(Limits, OfRetriedItemsInAChunkGiveEachItsVerdict) {
  const auto done =
      run({"map", "--retries", "1", "--chunk", "4", "-p", fixture("echo"), "echo.positive"}, "1\n-2\n3\n-4\n");
  EXPECT_EQ(done.ended.exit_code, 1);
  EXPECT_THAT(lines_of(done.out), ElementsAre("1", HasSubstr("TaskError"), "3", HasSubstr("TaskError")));
}

TEST_F(Limits, OfTimeEndsTheItemThatPassesIt) {
  const auto done =
      run({"map", "-j", "2", "--timeout", "300ms", "-p", fixture("misbehave"), "misbehave.sleep_ms"}, "1\n20000\n2\n");
  EXPECT_EQ(done.ended.exit_code, 1);
  EXPECT_THAT(lines_of(done.out), ElementsAre("1", HasSubstr("TaskTimeout"), "2")) << done.err;
}

TEST_F(Limits, OfTimeComeFromTheManifestToo) {
  const auto manifest = write("bulkhead.toml", "[[plugin]]\npath = \"" + fixture("misbehave") +
                                                   "\"\n[task.misbehave.sleep_ms]\ntimeout = \"300ms\"\n");
  const auto done = run({"call", "-m", manifest, "misbehave.sleep_ms", "20000"});
  EXPECT_EQ(done.ended.exit_code, 1);
  EXPECT_THAT(done.err, HasSubstr("misbehave.sleep_ms"));
}

TEST_F(Limits, LetAFailedItemRunAgain) {
  const auto done =
      run({"map", "--retries", "2", "--summary", "--json", "-p", fixture("echo"), "echo.positive"}, "1\n-2\n3\n");
  EXPECT_EQ(done.ended.exit_code, 1);
  EXPECT_THAT(done.err, AllOf(HasSubstr("\"retried\":2"), HasSubstr("\"p99\":")));
}

}  // namespace
}  // namespace bulkhead::test
