#include "worker/watcher.hpp"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>

#include "support/blocked_signals.hpp"
#include "support/fault_point.hpp"
#include "support/system_error.hpp"

namespace bulkhead::worker {

namespace {

void watch(int host_pidfd, std::optional<OutputPump> output) {
  for (;;) {
    const auto now = OutputPump::Clock::now();
    std::array<pollfd, 2> fds{{{host_pidfd, POLLIN, 0}, {output ? output->fd_to_wait_for(now) : -1, POLLIN, 0}}};
    const auto patience = output ? output->patience(now) : std::nullopt;
    const int ready = BULKHEAD_FAULT_CALL(
        "watcher.poll", EINTR, -1, ::poll(fds.data(), fds.size(), patience ? static_cast<int>(patience->count()) : -1));
    if (ready < 0 && errno == EINTR) continue;
    const pollfd& host = fds[0];
    if (host.revents == 0 && (fds[1].revents & POLLNVAL) == 0) {
      if ((fds[1].revents & POLLIN) != 0) {
        output->carry();
      } else if (fds[1].revents != 0) {
        output->stop();
      }
      if (output) output->announce_if_due(OutputPump::Clock::now());
      continue;
    }
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

void start_host_watcher(support::UniqueFd host_pidfd, std::optional<OutputPump> output) {
  try {
    const support::BlockedSignals blocked;
    BULKHEAD_FAULT_THROW("watcher.thread", EAGAIN, std::system_error(EAGAIN, std::generic_category()));
    std::thread([fd = host_pidfd.get(), output] { watch(fd, output); }).detach();
  } catch (const std::system_error& error) {
    support::raise_system_error(error.code().value(), "start the thread that watches the host", "threads");
  }
  static_cast<void>(host_pidfd.release());  // the thread's, for ever
}

}  // namespace bulkhead::worker
