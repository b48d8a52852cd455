// The progress line: on a terminal only.
#include <stdlib.h>

#include "command_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ProgressLine : public CommandTest {
 protected:
  // What a terminal on stderr was sent.
  [[nodiscard]] std::string shown(const std::vector<std::string>& words, const std::string& input,
                                  std::vector<std::string> environment) const {
    const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT_GE(terminal, 0);
    EXPECT_EQ(::grantpt(terminal), 0);
    EXPECT_EQ(::unlockpt(terminal), 0);
    std::array<char, 128> name{};
    EXPECT_EQ(::ptsname_r(terminal, name.data(), name.size()), 0);
    environment.emplace_back("TERM=xterm");
    auto program = start(words, write("in", input), path("out"), name.data(), environment);
    EXPECT_TRUE(eventually(std::chrono::seconds(60), [&] {
      siginfo_t info{};
      return ::waitid(P_PID, static_cast<id_t>(program.pid()), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
             info.si_pid == program.pid();
    }));
    std::string text;
    std::array<char, 4096> buffer{};
    for (ssize_t count = 0; (count = ::read(terminal, buffer.data(), buffer.size())) > 0;) {
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    ::close(terminal);
    program.wait();
    return text;
  }
};

TEST_F(ProgressLine, ShowsRateTimeLeftAndErrors) {
  const auto text = shown({"map", "-p", fixture("echo"), "-j", "1", "--chunk", "1", "echo.after"},
                          "[0,1]\n[0,\"x\"]\n[400,1]\n[400,1]\n", {});
  EXPECT_THAT(text, AllOf(HasSubstr(" items, "), HasSubstr("/s"), HasSubstr(" left"), HasSubstr("\x1b[31m, 1 error")));
}

TEST_F(ProgressLine, HasNoColourWhenNoneIsWanted) {
  const auto text = shown({"map", "-p", fixture("echo"), "-j", "1", "--chunk", "1", "echo.after"},
                          "[0,\"x\"]\n[400,1]\n", {"NO_COLOR=1"});
  EXPECT_THAT(text, AllOf(HasSubstr(", 1 error"), Not(HasSubstr("\x1b[31m"))));
}

TEST_F(ProgressLine, IsNotThereInAPipe) {
  const auto done = run({"map", "-p", fixture("echo"), "echo.after"}, "[300,1]\n");
  EXPECT_EQ(done.out, "1\n");
  EXPECT_EQ(done.err, "");
}

}  // namespace
}  // namespace bulkhead::test
