// bulkhead map: Ctrl-C, and a reader that goes away.
#include <sys/stat.h>

#include "command_fixture.hpp"

namespace bulkhead::test {
namespace {

using std::chrono::seconds;

class MapEnd : public CommandTest {};

TEST_F(MapEnd, InterruptedLeavesWholeLinesAndNoProcess) {
  std::string items;
  for (int i = 0; i < 50; ++i) items += "1\n";
  for (int i = 0; i < 50; ++i) items += "600000\n";
  auto program = start({"map", "-p", fixture("misbehave"), "-j", "2", "-o", path("out"), "misbehave.sleep_ms"},
                       write("in", items), path("stdout"), path("err"));
  ASSERT_TRUE(eventually(seconds(60), [this] { return !read_file(path("out")).empty(); })) << read_file(path("err"));
  EXPECT_GE(processes().size(), 3u);  // the mark reaches warden and workers: what follows can fail
  program.kill(SIGINT);
  EXPECT_EQ(program.wait().exit_code, 130);
  const auto lines = lines_of(read_file(path("out")));
  EXPECT_FALSE(lines.empty());
  EXPECT_TRUE(std::ranges::all_of(lines, [](const auto& line) { return line == "1"; }));
  EXPECT_TRUE(read_file(path("out")).ends_with('\n'));
  EXPECT_TRUE(eventually(seconds(20), [this] { return processes().empty(); }));
}

TEST_F(MapEnd, InterruptedWhileItWaitsForInput) {
  const auto fifo = path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const int keep = ::open(fifo.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(::write(keep, "1\n", 2), 2);
  auto program = start({"map", "-p", fixture("echo"), "echo.i64"}, fifo, path("out"), path("err"));
  ASSERT_TRUE(eventually(seconds(60), [this] { return read_file(path("out")) == "1\n"; }));
  program.kill(SIGTERM);
  EXPECT_EQ(program.wait().exit_code, 143);
  ::close(keep);
}

TEST_F(MapEnd, KilledLeavesNoProcess) {
  auto program = start({"map", "-p", fixture("misbehave"), "misbehave.sleep_ms"}, write("in", "600000\n600000\n"),
                       path("out"), path("err"));
  ASSERT_TRUE(eventually(seconds(60), [this] { return processes().size() >= 3; }));
  program.kill(SIGKILL);
  EXPECT_EQ(program.wait().signal, SIGKILL);
  EXPECT_TRUE(eventually(seconds(20), [this] { return processes().empty(); }));
}

TEST_F(MapEnd, IsQuietWhenNobodyReadsAnyMore) {
  const auto fifo = path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  // Endless input: every NUL ends an empty text.
  auto program = start({"map", "-p", fixture("echo"), "-0", "echo.text"}, "/dev/zero", fifo, path("err"));
  std::array<char, 3> line{};
  ASSERT_TRUE(eventually(seconds(60), [&] { return ::read(reader, line.data(), line.size()) == 3; }));
  EXPECT_EQ(std::string(line.data(), line.size()), "\"\"\n");
  ::close(reader);
  EXPECT_EQ(program.wait().exit_code, 0);
  EXPECT_EQ(read_file(path("err")), "");
}

}  // namespace
}  // namespace bulkhead::test
