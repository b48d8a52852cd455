#include "process/spawn.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>

#include "protocol/control.hpp"
#include "support/fault_point.hpp"
#include "support/system_error.hpp"

#ifdef __SANITIZE_THREAD__
// ThreadSanitizer takes every clone() for a fork() and, in the memory that is shared here, marks the other threads as
// gone and stops watching this one. This is the C library's own name for the same function.
extern "C" int __clone(int (*function)(void*), void* stack_top, int flags, void* argument, ...);
#endif

namespace bulkhead::process {

namespace {
pid_t clone_sharing_memory(int (*function)(void*), void* stack_top, int flags, void* argument) {
#ifdef __SANITIZE_THREAD__
  return ::__clone(function, stack_top, flags, argument);
#else
  return ::clone(function, stack_top, flags, argument);
#endif
}

// Above the descriptors that spawning rearranges.
constexpr int kFirstSafeFd = 10;

constexpr std::size_t kStackBytes = 32 * 1024;
using Stack = std::array<std::byte, kStackBytes>;

// What the two short-lived processes below need. They share this memory, and the thread that made them is suspended
// meanwhile; they call only what is async-signal-safe.
struct Order {
  int socket;
  const char* path;
  char* const* arguments;
  std::byte* inner_stack_top;
  pid_t pid;
  int error;
};

// By the bare system call: a sanitizer's _exit() would first tidy up the memory of the process that waits for this one.
[[noreturn]] void leave(int status) {
  for (;;) ::syscall(SYS_exit_group, status);
}

// All signals are blocked here, so no handler of the host's runs in this process.
int execute(void* argument) {
  auto& order = *static_cast<Order*>(argument);
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    (void)::sigaction(signal, &action, nullptr);  // those that cannot be changed are at their default
  }
  const bool has_socket = order.socket == protocol::kSocketFd ? ::fcntl(order.socket, F_SETFD, 0) == 0
                                                              : ::dup2(order.socket, protocol::kSocketFd) >= 0;
  ::setsid();
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (has_socket) (void)BULKHEAD_FAULT_CALL("spawn.execve", ENOMEM, -1, ::execve(order.path, order.arguments, environ));
  order.error = errno;
  leave(127);
}

// Its end orphans the program, which therefore never is a child that an embedder's wait() could see. Neither is this
// process: it was made without an exit signal.
int fork_away(void* argument) {
  auto& order = *static_cast<Order*>(argument);
  order.pid = BULKHEAD_FAULT_CALL(
      "spawn.clone_inner", EAGAIN, -1,
      clone_sharing_memory(&execute, order.inner_stack_top, CLONE_VM | CLONE_VFORK | SIGCHLD, argument));
  if (order.pid < 0) order.error = errno;
  leave(0);
}
}  // namespace

support::UniqueFd open_program(const std::filesystem::path& program) {
  const support::UniqueFd low(
      BULKHEAD_FAULT_CALL("spawn.open", EMFILE, -1, ::open(program.c_str(), O_PATH | O_CLOEXEC)));
  const std::string what = "open the worker program \"" + program.string() + "\"";
  if (!low.is_open()) support::raise_system_error(errno, what, "processes");
  support::UniqueFd fd(BULKHEAD_FAULT_CALL("spawn.dup", EMFILE, -1, ::fcntl(low.get(), F_DUPFD_CLOEXEC, kFirstSafeFd)));
  if (!fd.is_open()) support::raise_system_error(errno, what, "descriptors");
  return fd;
}

int spawn_program(int program_fd, const char* shown_name, const char* argument, int socket, pid_t& pid) noexcept {
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", program_fd);
  // execve() does not write to its arguments.
  const std::array<char*, 3> arguments{const_cast<char*>(shown_name), const_cast<char*>(argument), nullptr};
  alignas(16) Stack outer;
  alignas(16) Stack inner;
  Order order{socket, path.data(), arguments.data(), inner.data() + inner.size(), -1, 0};

  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t between = BULKHEAD_FAULT_CALL(
      "spawn.clone", EAGAIN, -1,
      clone_sharing_memory(&fork_away, outer.data() + outer.size(), CLONE_VM | CLONE_VFORK, &order));
  const int error = between < 0 ? errno : 0;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) return error;
  while (::waitpid(between, nullptr, __WALL) < 0 && errno == EINTR) {
  }
  pid = order.pid;
  BULKHEAD_FAULT_POINT("spawn.done");
  return order.error;
}

}  // namespace bulkhead::process
