// What tasks print, and what becomes of it on a terminal: stderr, line by line, from the log's level on.
#include "command_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class OutputOnStderr : public CommandTest {
 protected:
  // What a task of less than a millisecond prints may be carried only when it has ended.
  static auto printed(const std::string& before, const std::string& task, const std::string& rest) {
    return AnyOf(before + task + rest, before + "after " + task + rest);
  }
};

TEST_F(OutputOnStderr, HasWhatATaskPrintsAndStdoutHasNot) {
  const auto done = run({"call", "-p", fixture("output"), "output.print", "by the way\n"});
  EXPECT_EQ(done.out, "null\n");
  EXPECT_THAT(done.err, printed("bulkhead: warning: [output] worker 0, ", "output.print", " #1: by the way\n"));
}

TEST_F(OutputOnStderr, HasLogLinesFromTheLevelOn) {
  const std::vector<std::string> call{"call", "-p", fixture("output"), "output.log", "2", "told"};
  EXPECT_THAT(run(call).err, IsEmpty());
  EXPECT_THAT(run(call, "", {"BULKHEAD_LOG=info"}).err,
              HasSubstr("bulkhead: info: [output] worker 0, output.log #1: told\n"));
  EXPECT_THAT(run(call, "", {"BULKHEAD_LOG=error"}).err, IsEmpty());
}

TEST_F(OutputOnStderr, FollowsTheManifest) {
  const auto manifest = [&](const std::string& log) {
    return write("bulkhead.toml", "[[plugin]]\npath = \"" + fixture("output") + "\"\n[log]\n" + log);
  };
  EXPECT_THAT(run({"call", "-m", manifest("pattern = \"<%v>\"\n"), "output.print", "x\n"}).err,
              printed("<[output] worker 0, ", "output.print", " #1: x>\n"));
  EXPECT_THAT(run({"call", "-m", manifest("level = \"error\"\n"), "output.print", "x\n"}).err, IsEmpty());
  // Whole and unnamed, as where nobody captures it.
  EXPECT_EQ(run({"call", "-m", manifest("capture = false\n"), "output.print", "\x1b[31mx"}).err, "\x1b[31mx");
}

TEST_F(OutputOnStderr, HasTheLastWordsOfACrash) {
  const auto done = run({"call", "-p", fixture("output"), "output.free_twice"});
  EXPECT_EQ(done.ended.exit_code, 1);
  EXPECT_THAT(done.err, HasSubstr("[output] worker 0, output.free_twice #1: "));
}

}  // namespace
}  // namespace bulkhead::test
