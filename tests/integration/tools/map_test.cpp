// bulkhead map: where items come from and what becomes of them.
#include <sys/stat.h>

#include "command_fixture.hpp"

namespace bulkhead::test {
namespace {

class MapCommand : public CommandTest {
 protected:
  [[nodiscard]] ProgramRun map(std::vector<std::string> words, const std::string& input) const {
    words.insert(words.begin(), {"map", "-p", fixture("echo")});
    return run(words, input);
  }
  [[nodiscard]] std::string results(std::vector<std::string> words, const std::string& input) const {
    const auto done = map(std::move(words), input);
    EXPECT_EQ(done.ended.exit_code, 0) << done.err;
    EXPECT_EQ(done.err, "");
    return done.out;
  }
};

TEST_F(MapCommand, TakesALineAsTheArgument) { EXPECT_EQ(results({"echo.i64"}, "1\n2\n\n 3 \n4"), "1\n2\n3\n4\n"); }

TEST_F(MapCommand, TakesALineAsTheArrayOfSeveralArguments) {
  EXPECT_EQ(results({"echo.add"}, "[1,2]\n[3,4]\n"), "3\n7\n");
}

TEST_F(MapCommand, DoesNothingWithoutItems) {
  EXPECT_EQ(results({"echo.i64"}, ""), "");
  EXPECT_EQ(results({"--lines", "echo.text"}, ""), "");
  EXPECT_EQ(results({"-0", "echo.text"}, ""), "");
}

TEST_F(MapCommand, TakesRawLines) {
  EXPECT_EQ(results({"--lines", "echo.text"}, "a\n\n[1]\n\xff"), "\"a\"\n\"\"\n\"[1]\"\n{\"base64\":\"/w==\"}\n");
}

TEST_F(MapCommand, TakesTextsThatEndWithNul) {
  EXPECT_EQ(results({"-0", "echo.text"}, std::string("a\nb\0c", 5)), "\"a\\nb\"\n\"c\"\n");
}

TEST_F(MapCommand, PutsTheItemWhereTheBracesAre) {
  EXPECT_EQ(results({"echo.greet", "{}", "dear", "2"}, "\"you\"\n"), "\"dear you;dear you;\"\n");
  EXPECT_EQ(results({"echo.greet", "you", "{} and {}"}, "\"a\"\n"), "\"a and a you;\"\n");
  EXPECT_EQ(results({"echo.add", "1", "{}"}, "1\n2\n"), "2\n3\n");
}

TEST_F(MapCommand, ReadsItemsFromAFile) {
  EXPECT_EQ(results({"--input", write("items.jsonl", "1\n2\n"), "echo.i64"}, ""), "1\n2\n");
}

TEST_F(MapCommand, KeepsTheOrderOfManyItems) {
  std::string numbers;
  for (int i = 0; i < 20000; ++i) numbers += std::to_string(i) + "\n";
  EXPECT_EQ(results({"-j", "3", "echo.i64"}, numbers), numbers);
  EXPECT_EQ(results({"-j", "2", "--chunk", "100", "echo.i64"}, numbers), numbers);
}

TEST_F(MapCommand, WritesResultsAsTheyComeWhenOrderDoesNotMatter) {
  const auto done = map({"-j", "2", "--chunk", "1", "--unordered", "echo.after"}, "[2000,1]\n[0,2]\n");
  EXPECT_EQ(done.out, "{\"item\":[0,2],\"result\":2}\n{\"item\":[2000,1],\"result\":1}\n") << done.err;
}

TEST_F(MapCommand, TakesAHugeLine) {
  const std::string line = '"' + std::string(8 << 20, 'x') + '"';
  EXPECT_EQ(results({"echo.text"}, line + "\n\"y\"\n"), line + "\n\"y\"\n");
}

TEST_F(MapCommand, WritesASummaryWhenAsked) {
  const auto done = map({"--summary", "--json", "echo.i64"}, "1\n2\n");
  EXPECT_THAT(done.err, ::testing::StartsWith("{\"items\":2,\"ok\":2,\"failed\":0,\"errors\":{},"));
}

TEST_F(MapCommand, WritesToAFile) {
  EXPECT_EQ(results({"-o", path("out"), "echo.i64"}, "1\n"), "");
  EXPECT_EQ(read_file(path("out")), "1\n");
}

TEST_F(MapCommand, WritesResultsWhileItWaitsForMoreInput) {
  const auto fifo = path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  // Both ends: the program's open must not wait for this one, nor this one for the program's.
  const int keep = ::open(fifo.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(keep, 0);
  auto program = start({"map", "-p", fixture("echo"), "echo.i64"}, fifo, path("out"), path("err"));
  ASSERT_EQ(::write(keep, "1\n2", 3), 3);
  EXPECT_TRUE(eventually(std::chrono::seconds(30), [&] { return read_file(path("out")) == "1\n"; }));
  ::close(keep);
  EXPECT_EQ(program.wait().exit_code, 0);
  EXPECT_EQ(read_file(path("out")), "1\n2\n");
}

}  // namespace
}  // namespace bulkhead::test
