// bulkhead map: Ctrl-C, and a reader that goes away.
#include <sys/ioctl.h>
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

// The signal has been taken by its handler.
bool has_taken(pid_t pid, int signal) {
  for (const auto& line : lines_of(read_file("/proc/" + std::to_string(pid) + "/status"))) {
    if (!line.starts_with("SigPnd:") && !line.starts_with("ShdPnd:")) continue;
    if ((std::stoull(line.substr(7), nullptr, 16) >> (signal - 1) & 1) != 0) return false;
  }
  return true;
}

TEST_F(MapEnd, InterruptedTwiceLeavesAtOnceAndWholeLinesBehind) {
  // Nobody reads the results: the first Ctrl-C waits for that, the second does not.
  const auto fifo = path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  const std::string text = "\"" + std::string(300, 'x') + "\"";
  std::string items;
  for (int i = 0; i < 2000; ++i) items += text + "\n";
  auto program = start({"map", "-p", fixture("echo"), "-j", "2", "echo.text"}, write("in", items), fifo, path("err"));
  int waiting = 0;
  ASSERT_TRUE(eventually(seconds(60), [&] { return ::ioctl(reader, FIONREAD, &waiting) == 0 && waiting > 50'000; }))
      << waiting << read_file(path("err"));
  program.kill(SIGINT);
  ASSERT_TRUE(eventually(seconds(60), [&] { return has_taken(program.pid(), SIGINT); }));
  program.kill(SIGINT);
  EXPECT_EQ(program.wait().exit_code, 130);
  std::string left(1 << 20, '\0');
  left.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(reader, left.data(), left.size()))));
  ::close(reader);
  EXPECT_GE(left.size(), 50'000u);
  EXPECT_TRUE(left.ends_with('\n'));
  EXPECT_THAT(lines_of(left), ::testing::Each(text));
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
