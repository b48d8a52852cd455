// A process that may do anything, and what is kept of it.
#include "watched_child.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

namespace bulkhead::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::array<int, 2> kOutputAndReport{1, 3};

TEST(WatchedChild, KeepsWhatItWroteAndHowItEnded) {
  const auto child = run_watched(kOutputAndReport, 60s, [] {
    (void)!::write(1, "out", 3);
    (void)!::write(2, "lost", 4);
    (void)!::write(3, "report", 6);
    return 5;
  });
  EXPECT_EQ(child.written[0].text, "out");
  EXPECT_EQ(child.written[1].text, "report");
  EXPECT_EQ(how_it_ended(child), "left with exit code 5");
}

TEST(WatchedChild, TellsOfACrash) {
  const auto child = run_watched(kOutputAndReport, 60s, [] {
    ::signal(SIGABRT, SIG_DFL);
    ::raise(SIGABRT);
    return 0;
  });
  EXPECT_EQ(how_it_ended(child), "was killed by signal 6 (Aborted)");
}

TEST(WatchedChild, IsKilledWhenItTakesTooLong) {
  const auto child = run_watched(kOutputAndReport, 50ms, [] {
    for (;;) ::pause();
    return 0;
  });
  EXPECT_TRUE(child.was_too_slow);
  EXPECT_EQ(how_it_ended(child), "did not come to an end");
}

TEST(WatchedChild, CountsMoreThanItKeeps) {
  constexpr std::size_t kBytes = 1 << 20;
  const auto child = run_watched(kOutputAndReport, 60s, [] {
    const std::string block(4096, 'x');
    for (std::size_t written = 0; written < kBytes; written += block.size()) {
      if (::write(1, block.data(), block.size()) != 4096) return 1;
    }
    return 0;
  });
  EXPECT_EQ(child.status, 0);
  EXPECT_EQ(child.written[0].bytes, kBytes);
  EXPECT_EQ(child.written[0].text.size(), 64u << 10);
}

TEST(WatchedChild, DoesNotWaitForWhatItLeavesBehind) {
  const auto child = run_watched(kOutputAndReport, 600s, [] {
    const pid_t grandchild = ::fork();
    if (grandchild == 0) {
      ::alarm(60);  // holds the pipes until then
      for (;;) ::pause();
    }
    const std::string pid = std::to_string(grandchild);
    (void)!::write(3, pid.data(), pid.size());
    return 0;
  });
  EXPECT_FALSE(child.was_too_slow);
  const pid_t grandchild = std::atoi(child.written[1].text.c_str());
  ASSERT_GT(grandchild, 0);
  EXPECT_EQ(::kill(grandchild, SIGKILL), 0);  // it was still there
}

TEST(WatchedChild, HasNoneOfOurDescriptors) {
  const int ours = ::dup2(0, 40);
  ASSERT_EQ(ours, 40);
  const auto child = run_watched(kOutputAndReport, 60s, [] { return ::write(40, "", 0) == 0 || ::close(40) == 0; });
  ::close(ours);
  EXPECT_EQ(child.status, 0);
}

}  // namespace
}  // namespace bulkhead::cli
