#include "ipc/fork_guard.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bulkhead::ipc {
namespace {

int exit_code_of(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(ForkGuard, KnowsTheProcessThatMadeIt) {
  const ForkGuard guard;
  EXPECT_FALSE(guard.is_forked_child());
}

TEST(ForkGuard, KnowsAForkedChildAndItsChildren) {
  const ForkGuard guard;
  const pid_t child = ::fork();
  if (child == 0) {
    const pid_t grandchild = ::fork();
    if (grandchild == 0) ::_exit(guard.is_forked_child() ? 1 : 0);
    ::_exit((guard.is_forked_child() ? 2 : 0) + exit_code_of(grandchild));
  }
  EXPECT_EQ(exit_code_of(child), 3);
  EXPECT_FALSE(guard.is_forked_child()) << "the parent stays what it is";
}

TEST(ForkGuard, AChildMayHaveAGuardOfItsOwn) {
  const pid_t child = ::fork();
  if (child == 0) {
    const ForkGuard guard;
    ::_exit(guard.is_forked_child() ? 1 : 0);
  }
  EXPECT_EQ(exit_code_of(child), 0);
}

}  // namespace
}  // namespace bulkhead::ipc
