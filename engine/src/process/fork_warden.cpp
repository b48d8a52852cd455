#include "process/fork_warden.hpp"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <utility>

#include "bulkhead/error.hpp"
#include "process/spawn.hpp"
#include "protocol/control.hpp"
#include "support/deadline.hpp"
#include "support/directory.hpp"
#include "support/system_error.hpp"
#include "worker/warden_copy.hpp"

namespace bulkhead::process {

namespace {

// A thread that was joined just now is still listed for a moment.
constexpr auto kJoinedLimit = std::chrono::milliseconds(100);

int count_threads() {
  support::Directory threads("/proc/self/task");
  if (!threads.is_open()) {
    support::raise_system_error(errno, "count this process's threads in /proc/self/task", "processes");
  }
  int count = 0;
  while (threads.next() != nullptr) ++count;
  return count;
}

void refuse_threads() {
  const auto deadline = support::Deadline::after(kJoinedLimit);
  auto count = count_threads();
  for (; count > 1 && !deadline.has_passed(); count = count_threads()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (count <= 1) return;
  detail::raise<UsageError, std::logic_error>(
      "cannot make an engine whose workers are forked from this process: it has " + std::to_string(count) +
      " threads, and a copy has only the one that forks, with whatever locks the others hold (make the engine before "
      "any thread is started, or use the start method forkserver)");
}

}  // namespace

ForkedWarden fork_warden(const std::filesystem::path& program, std::span<const int> engine_fds) {
  refuse_threads();
  auto [ours, theirs] = ipc::ControlSocket::pair();
  support::UniqueFd program_fd = open_program(program);

  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  // Twice, so that the copy is not this process's child, and the process between is none that an embedder's wait() could
  // see: it was made without an exit signal, which only the bare system call can do. The C library's fork() then sets
  // its own affairs right in the copy.
  const long between = ::syscall(SYS_clone, 0UL, nullptr, nullptr, nullptr, nullptr);
  if (between == 0) {
    const pid_t copy = ::fork();
    if (copy != 0) ::_exit(copy < 0 ? errno : 0);
    ours.release().reset();
    worker::run_warden_copy({.socket = std::move(theirs),
                             .program = std::move(program_fd),
                             .program_name = program.string(),
                             .signals = before,
                             .engine_fds = engine_fds},
                            protocol::build_id());
  }
  int error = between < 0 ? errno : 0;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error == 0) {
    int status = 0;
    while (::waitpid(static_cast<pid_t>(between), &status, __WALL) < 0 && errno == EINTR) {
    }
    error = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
  }
  if (error != 0) support::raise_system_error(error, "fork this process", "processes");
  return {std::move(ours), std::move(program_fd)};
}

}  // namespace bulkhead::process
