// What puts a worker's process back into the state it was in. Each test in a process of its own, which it spoils.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <string>

#include "faults/surroundings.hpp"
#include "worker/process_state.hpp"

namespace bulkhead::worker::test {
namespace {

using bulkhead::test::kForGood;
using bulkhead::test::kSurroundings;
using bulkhead::test::Surrounding;
using ::testing::HasSubstr;

// What `work` says in a forked child; "ended: …" with its wait status when it did not come to that.
std::string in_child(const std::function<std::string()>& work) {
  int ends[2] = {-1, -1};
  if (::pipe(ends) != 0) return "no pipe";
  const pid_t pid = ::fork();
  if (pid == 0) {
    std::string said;
    try {
      said = work();
    } catch (const std::exception& error) {
      said = std::string("threw: ") + error.what();
    }
    ::_exit(::write(ends[1], said.data(), said.size()) < 0 ? 1 : 0);
  }
  ::close(ends[1]);
  std::string said;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
    said.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  int status = -1;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) return "ended: signal " + std::to_string(WTERMSIG(status));
  return status == 0 ? said : "ended: status " + std::to_string(status);
}

itimerval once_in(long microseconds) { return {.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = microseconds}}; }

class ProcessStateTest : public ::testing::TestWithParam<Surrounding> {};

std::string name_for_gtest(const ::testing::TestParamInfo<Surrounding>& info) {
  std::string name;
  for (const char c : info.param.name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
  }
  return name;
}

TEST_P(ProcessStateTest, IsPutBackAgainAndAgain) {
  const Surrounding& it = GetParam();
  EXPECT_EQ(in_child([&] {
              ProcessState state;
              const std::string before = it.look();
              for (int round = 0; round < 3; ++round) {
                it.change();
                if (it.look() == before) return std::string("the change is not seen");
                if (auto left = state.put_back(); !left.empty()) return left;
                if (it.look() != before) return "it was " + before + ", and is " + it.look();
              }
              return std::string("as it was");
            }),
            "as it was");
}

INSTANTIATE_TEST_SUITE_P(Each, ProcessStateTest, ::testing::ValuesIn(kSurroundings), name_for_gtest);

class ProcessStateForGoodTest : public ::testing::TestWithParam<Surrounding> {};

TEST_P(ProcessStateForGoodTest, IsNamedWhenItCannotBePutBack) {
  const Surrounding& it = GetParam();
  EXPECT_EQ(in_child([&] {
              ProcessState state;
              it.change();
              return state.put_back();
            }),
            "its " + std::string(it.name));
}

INSTANTIATE_TEST_SUITE_P(Each, ProcessStateForGoodTest, ::testing::ValuesIn(kForGood), name_for_gtest);

TEST(ProcessState, IsLeftAloneWhereNothingWasChanged) {
  EXPECT_EQ(in_child([] {
              const char* const* const variables = environ;
              ProcessState state;
              std::string left;
              for (int i = 0; i < 3; ++i) left += state.put_back();
              return left + (environ == variables ? "the same" : "another environment");
            }),
            "the same");
}

TEST(ProcessState, PutsAllOfItBackAtOnce) {
  EXPECT_EQ(in_child([] {
              ProcessState state;
              std::string before;
              for (const auto& it : kSurroundings) before += it.look() + "\n";
              for (const auto& it : kSurroundings) it.change();
              std::string after = state.put_back();
              for (const auto& it : kSurroundings) after += it.look() + "\n";
              return after == before ? "as it was" : before + "\n" + after;
            }),
            "as it was");
}

TEST(ProcessState, NamesAllThatCannotBePutBack) {
  EXPECT_EQ(in_child([] {
              ProcessState state;
              for (const auto& it : kForGood) it.change();
              return state.put_back();
            }),
            "its resource limit nofile, its nice value");
}

TEST(ProcessState, LeavesTheVariablesToWhoComesAfterIt) {
  EXPECT_EQ(in_child([] {
              ::setenv("KEPT", "1", 1);
              {
                ProcessState state;
                ::unsetenv("KEPT");
                (void)state.put_back();
              }
              const std::string found = std::getenv("KEPT");
              ::setenv("KEPT", "2", 1);
              return found + std::getenv("KEPT");
            }),
            "12");
}

TEST(ProcessState, FollowsNoVariableThatIsGone) {
  EXPECT_EQ(in_child([] {
              ProcessState state;
              auto* const text = static_cast<char*>(std::malloc(8));
              std::copy_n("ADDED=1", 8, text);
              ::putenv(text);
              std::free(text);  // the environment leads there
              return state.put_back() + (std::getenv("ADDED") == nullptr ? "gone" : "there");
            }),
            "gone");
}

TEST(ProcessState, DropsTheSignalOfATimerThatATaskHadBlocked) {
  EXPECT_EQ(in_child([] {
              ProcessState state;
              sigset_t alarms;
              sigemptyset(&alarms);
              sigaddset(&alarms, SIGALRM);
              ::pthread_sigmask(SIG_BLOCK, &alarms, nullptr);
              const itimerval soon = once_in(1);
              ::setitimer(ITIMER_REAL, &soon, nullptr);
              sigset_t pending;
              do {
                ::sigpending(&pending);
              } while (sigismember(&pending, SIGALRM) == 0);
              return state.put_back() + "alive";
            }),
            "alive");
}

TEST(ProcessState, LeavesTheSignalThatIsToEndTheProcess) {
  EXPECT_EQ(in_child([] {
              ProcessState state;
              bulkhead::test::surrounding("signal mask").change();
              ::kill(::getpid(), SIGTERM);
              return state.put_back() + "alive";
            }),
            "ended: signal " + std::to_string(SIGTERM));
}

TEST(ProcessState, LeavesATimerThatRanBefore) {
  EXPECT_EQ(in_child([] {
              const itimerval hourly{.it_interval = {.tv_sec = 3600, .tv_usec = 0},
                                     .it_value = {.tv_sec = 7200, .tv_usec = 0}};
              ::setitimer(ITIMER_REAL, &hourly, nullptr);
              ProcessState state;
              std::string left = state.put_back();
              itimerval now{};
              ::getitimer(ITIMER_REAL, &now);
              left += now.it_value.tv_sec > 3600 ? "goes on, " : "began again, ";
              ::alarm(0);
              left += state.put_back();
              ::getitimer(ITIMER_REAL, &now);
              return left + (now.it_interval.tv_sec == 3600 ? "runs" : "rests");
            }),
            "goes on, runs");
}

TEST(ProcessState, NamesAFolderWhoseDescriptorWasTaken) {
  EXPECT_EQ(in_child([] {
              ProcessState state;
              const auto folder = std::filesystem::current_path();
              const int other = ::open("/", O_RDONLY | O_CLOEXEC);
              for (int fd = 3; fd < 100; ++fd) {
                std::error_code error;
                if (std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), error) == folder) {
                  ::dup2(other, fd);
                }
              }
              return state.put_back();
            }),
            "its working directory");
}

TEST(ProcessState, StaysInAFolderThatIsGoneOrMayNotBeEntered) {
  EXPECT_EQ(in_child([] {
              std::string pattern = std::filesystem::temp_directory_path() / "bulkhead-test-XXXXXX";
              const std::filesystem::path folder = ::mkdtemp(pattern.data());
              std::filesystem::current_path(folder);
              ::chmod(folder.c_str(), 0);
              bulkhead::test::give_up_rights();
              ProcessState state;
              std::string left = state.put_back();
              ::rmdir(folder.c_str());
              left += state.put_back();
              std::filesystem::current_path("/");
              return left + state.put_back();
            }),
            "its working directory");
}

}  // namespace
}  // namespace bulkhead::worker::test
