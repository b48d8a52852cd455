// bulkhead map --files: which files, in which order, and those that are gone.
#include <sys/stat.h>

#include "command_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class MapFiles : public CommandTest {
 protected:
  [[nodiscard]] ProgramRun map(std::vector<std::string> words) const {
    words.insert(words.begin(), {"map", "-p", fixture("echo")});
    return run(words);
  }
  [[nodiscard]] std::string line(const std::string& name) const {
    return R"({"item":")" + path(name) + R"(","result":")" + path(name) + "\"}";
  }
};

TEST_F(MapFiles, TakesEveryRegularFileInBytewiseOrderOfPaths) {
  for (const auto* const name : {"d/b", "d/a/z", "d/a.txt", "d/a0", "d/B", "d/\xc3\xa4", "d/.hidden", "e/x"}) {
    write(name, "1");
  }
  fs::create_symlink("b", path("d/link"));
  fs::create_directory_symlink("a", path("d/link_to_folder"));
  ASSERT_EQ(::mkfifo(path("d/fifo").c_str(), 0600), 0);
  const auto done = map({"--files", path("d"), "--files", path("e"), "echo.path"});
  EXPECT_EQ(done.ended.exit_code, 0) << done.err;
  EXPECT_THAT(lines_of(done.out), ElementsAre(line("d/.hidden"), line("d/B"), line("d/a.txt"), line("d/a/z"),
                                              line("d/a0"), line("d/b"), line("d/\xc3\xa4"), line("e/x")));
}

TEST_F(MapFiles, WritesNamesThatAreNotUtf8AsBase64) {
  ASSERT_EQ(::mkdir(path("d").c_str(), 0700), 0);
  write("d/\xff", "abc");
  const auto found = map({"--files", path("d"), "echo.path"});
  EXPECT_EQ(found.ended.exit_code, 0) << found.err;
  EXPECT_THAT(found.out, HasSubstr("{\"item\":{\"base64\":\""));
  EXPECT_THAT(found.out, HasSubstr("\"result\":{\"base64\":\""));
}

TEST_F(MapFiles, PassesContentsToABytesParameter) {
  write("d/three", "abc");
  write("d/none", "");
  const auto done = map({"--files", path("d"), "echo.size_of"});
  EXPECT_THAT(lines_of(done.out), ElementsAre(HasSubstr("\"result\":0"), HasSubstr("\"result\":3"))) << done.err;
}

TEST_F(MapFiles, AsksWhatATextIsToGet) {
  write("d/x", "abc");
  expect_one_error(map({"--files", path("d"), "echo.text"}), 2, "--as path or --as text");
  EXPECT_THAT(map({"--files", path("d"), "--as", "text", "echo.text"}).out, HasSubstr("\"result\":\"abc\""));
  EXPECT_THAT(map({"--files", path("d"), "--as", "path", "echo.text"}).out, HasSubstr(line("d/x")));
}

TEST_F(MapFiles, RefusesTasksThatNoFileFits) {
  write("d/x", "abc");
  expect_one_error(map({"--files", path("d"), "echo.i64"}), 2, "which no file can be");
  expect_one_error(map({"--files", path("missing"), "echo.path"}), 2, "cannot list");
  expect_one_error(map({"--files", path("d/x"), "echo.path"}), 2, "Not a directory");
}

TEST_F(MapFiles, LeavesOutTheFileItWritesTo) {
  write("d/x", "abc");
  const auto done = map({"--files", path("d"), "-o", path("d/out"), "echo.path"});
  EXPECT_EQ(done.ended.exit_code, 0) << done.err;
  EXPECT_EQ(read_file(path("d/out")), line("d/x") + "\n");
}

TEST_F(MapFiles, CountsBytesForTheSummary) {
  write("d/x", "abc");
  write("d/y", "defg");
  EXPECT_THAT(map({"--files", path("d"), "--summary", "--json", "echo.path"}).err, HasSubstr("\"bytes\":7,"));
}

TEST_F(MapFiles, TellsOfAFileThatIsGone) {
  const auto done = run({"map", "-0", "digest.crc32"}, write("there", "abc") + '\0' + path("gone"));
  EXPECT_EQ(done.ended.exit_code, 1);
  const auto lines = lines_of(done.out);
  ASSERT_EQ(lines.size(), 2u) << done.out << done.err;
  EXPECT_THAT(lines[0], ::testing::Not(HasSubstr("error")));
  EXPECT_THAT(lines[1], AllOf(HasSubstr("\"error\""), HasSubstr("gone")));
}

TEST_F(MapFiles, TellsOfAFileAndAFolderThatVanishWhileItRuns) {
  // More lines than the pipe, the program's buffer and its read-ahead hold: it cannot come to the last ones before this
  // test has read the first.
  constexpr int kFiles = 4000;
  const std::string padding(200, 'p');
  for (int i = 0; i < kFiles; ++i) write("first/" + padding + std::to_string(10000 + i), "");
  write("first/z", "abc");
  write("second/x", "abc");
  const auto fifo = path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  auto program = start(
      {"map", "-p", fixture("echo"), "-j", "1", "--files", path("first"), "--files", path("second"), "echo.size_of"},
      "/dev/null", fifo, path("err"));
  std::string out(1, '\0');
  ASSERT_TRUE(eventually(std::chrono::seconds(60), [&] { return ::read(reader, out.data(), 1) == 1; }));
  fs::remove(path("first/z"));
  fs::remove_all(path("second"));
  std::array<char, 65536> buffer{};
  EXPECT_TRUE(eventually(std::chrono::seconds(60), [&] {
    const auto count = ::read(reader, buffer.data(), buffer.size());
    if (count > 0) out.append(buffer.data(), static_cast<std::size_t>(count));
    return count == 0;
  }));
  ::close(reader);
  EXPECT_EQ(program.wait().exit_code, 1);
  EXPECT_THAT(read_file(path("err")), HasSubstr("2 of 4002 items failed (InputError 2)"));
  const auto lines = lines_of(out);
  ASSERT_EQ(lines.size(), kFiles + 2u);
  EXPECT_THAT(lines[kFiles - 1], HasSubstr("\"result\":0"));
  EXPECT_THAT(lines[kFiles], AllOf(HasSubstr("cannot read"), HasSubstr(path("first/z"))));
  EXPECT_THAT(lines[kFiles + 1], AllOf(HasSubstr("cannot list"), HasSubstr(path("second"))));
}

TEST_F(MapFiles, TellsOfAFolderThatCannotBeListed) {
  write("d/x", "abc");
  // A path longer than the system takes.
  const std::string part(200, 'p');
  fs::create_directory(path("d/long"));
  int fd = ::open(path("d/long").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < 25; ++i) {
    ASSERT_EQ(::mkdirat(fd, part.c_str(), 0700), 0);
    const int next = ::openat(fd, part.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    ::close(fd);
    fd = next;
  }
  ::close(fd);
  const auto done = map({"--files", path("d"), "echo.path"});
  EXPECT_EQ(done.ended.exit_code, 1);
  EXPECT_THAT(lines_of(done.out),
              ElementsAre(AllOf(HasSubstr("InputError"), HasSubstr("File name too long")), line("d/x")));
}

}  // namespace
}  // namespace bulkhead::test
