#include "worker/watcher.hpp"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>

#include "support/system_error.hpp"

namespace bulkhead::worker {

namespace {

void watch(int host_pidfd) {
  for (;;) {
    pollfd host{host_pidfd, POLLIN, 0};
    const int ready = ::poll(&host, 1, -1);
    if (ready < 0 && errno == EINTR) continue;
    if ((host.revents & POLLIN) != 0) {
      // A worker leads its own process group: what its tasks forked goes with it. Not so in a
      // program that called setpgid(), where only this process ends.
      if (::getpgrp() == ::getpid()) ::kill(0, SIGKILL);
      ::_exit(0);
    }
    ::_exit(kDescriptorsClosedStatus);  // POLLNVAL: a plugin closed the descriptor
  }
}

}  // namespace

void start_host_watcher(support::UniqueFd host_pidfd) {
  sigset_t all;
  sigset_t old;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &old);  // inherited by the thread
  try {
    std::thread([fd = host_pidfd.get()] { watch(fd); }).detach();
  } catch (const std::system_error& error) {
    ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
    support::raise_system_error(error.code().value(), "start the thread that watches the host", "threads");
  }
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  static_cast<void>(host_pidfd.release());  // the thread's, for ever
}

}  // namespace bulkhead::worker
