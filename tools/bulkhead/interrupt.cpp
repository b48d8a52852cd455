#include "interrupt.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "failures.hpp"

namespace bulkhead::cli {

namespace {

// Touched by the handler.
volatile ::sig_atomic_t caught_signal = 0;
volatile ::sig_atomic_t is_orderly = 0;
volatile ::sig_atomic_t wake_fd = -1;

void ring(int fd) noexcept {
  const std::uint64_t one = 1;
  // It can only fail when it is rung already.
  (void)!::write(fd, &one, sizeof one);
}

void on_signal(int signal) {
  const int saved = errno;
  if (is_orderly == 0 || caught_signal != 0) ::_exit(kSignalled + signal);
  caught_signal = signal;
  ring(wake_fd);
  errno = saved;
}

void ignore_signal(int) {}

}  // namespace

Interrupt& Interrupt::install() {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throw IoFailure(std::string("no eventfd can be made: ") + std::strerror(errno));
  static auto* const interrupt = new Interrupt(fd);
  wake_fd = fd;
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  // Without SA_RESTART: a write to a pipe that nobody reads must end too.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    // nohup, and a shell's background jobs, have decided otherwise.
    if (before.sa_handler == SIG_IGN) continue;
    action.sa_handler = on_signal;
    ::sigaction(signal, &action, nullptr);
  }
  // A handler rather than SIG_IGN, which programs that are started here would inherit.
  action.sa_handler = ignore_signal;
  ::sigaction(SIGPIPE, &action, nullptr);
  return *interrupt;
}

void Interrupt::begin_orderly() { is_orderly = 1; }

void Interrupt::check() const {
  if (caught_signal != 0) throw Interrupted{caught_signal};
}

void Interrupt::notify() noexcept {
  count_.fetch_add(1);
  if (is_sleeping_.exchange(false)) ring(event_fd_);
}

void Interrupt::sleep(std::uint64_t seen, std::chrono::milliseconds limit, std::array<int, 2> fds) {
  is_sleeping_.store(true);
  if (count_.load() == seen && caught_signal == 0) {
    std::array<pollfd, 3> readable{{{event_fd_, POLLIN, 0}, {fds[0], POLLIN, 0}, {fds[1], POLLIN, 0}}};
    ::poll(readable.data(), readable.size(), static_cast<int>(limit.count()));
    std::uint64_t rings = 0;
    if (readable[0].revents != 0) (void)!::read(event_fd_, &rings, sizeof rings);
  }
  is_sleeping_.store(false);
}

}  // namespace bulkhead::cli
