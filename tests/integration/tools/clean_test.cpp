// bulkhead clean: only names of processes that are gone.
#include "command_fixture.hpp"

namespace bulkhead::test {
namespace {

class CleanCommand : public CommandTest {
 protected:
  // Removed at the end of the test, should the program not have done it.
  [[nodiscard]] static std::string make_name(pid_t creator) {
    const std::string name =
        "/dev/shm/sem.bulkhead." + std::to_string(creator) + ".cleantest" + std::to_string(::getpid());
    std::ofstream(name) << "x";
    return name;
  }
  [[nodiscard]] static pid_t dead_process() {
    auto child = ChildProcess::fork_and_run([] { return 0; });
    const pid_t pid = child.pid();
    child.wait();
    return pid;
  }
};

TEST_F(CleanCommand, RemovesNamesOfDeadProcessesOnly) {
  const auto stale = make_name(dead_process());
  const auto alive = make_name(::getpid());
  const auto shown = run({"clean", "--dry-run"});
  EXPECT_THAT(shown.out, ::testing::HasSubstr("would remove " + stale));
  EXPECT_TRUE(std::filesystem::exists(stale));
  const auto done = run({"clean"});
  EXPECT_EQ(done.ended.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, ::testing::HasSubstr("removed " + stale));
  EXPECT_FALSE(std::filesystem::exists(stale));
  EXPECT_TRUE(std::filesystem::remove(alive));
}

}  // namespace
}  // namespace bulkhead::test
