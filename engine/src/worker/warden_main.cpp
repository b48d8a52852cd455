#include "worker/warden_main.hpp"

#include <fcntl.h>
#include <poll.h>
#include <stdio_ext.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bulkhead/error.hpp"
#include "ipc/control_socket.hpp"
#include "protocol/control.hpp"
#include "protocol/outbox.hpp"
#include "support/deadline.hpp"
#include "support/fault_point.hpp"
#include "support/pidfd.hpp"
#include "support/system_error.hpp"
#include "support/unique_fd.hpp"
#include "worker/bootstrap.hpp"
#include "worker/descendants.hpp"
#include "worker/memory_pressure.hpp"
#include "worker/probe_main.hpp"
#include "worker/template_main.hpp"
#include "worker/warden_copy.hpp"

namespace bulkhead::worker {

namespace {

using ipc::ControlSocket;
using support::Deadline;
using support::UniqueFd;

constexpr auto kHelloLimit = std::chrono::seconds(10);
// A process that does not even end by SIGKILL sits in the kernel; waiting longer would not help.
constexpr auto kKillLimit = std::chrono::seconds(10);

// Its stdout goes where stderr goes, so that a plugin's printf cannot corrupt the host's output;
// its stdin is at its end.
void settle_stdio() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fd != STDIN_FILENO && ::fcntl(fd, F_GETFD) >= 0) continue;
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) continue;
    if (null == fd) {
      ::fcntl(fd, F_SETFD, 0);
    } else {
      ::dup2(null, fd);
      ::close(null);
    }
  }
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
}

// Whatever the host let slip is closed.
void settle_descriptors() {
  settle_stdio();
  ::close_range(protocol::kSocketFd + 1, ~0U, 0);
  // Executed workers must not inherit the warden's own socket.
  ::fcntl(protocol::kSocketFd, F_SETFD, FD_CLOEXEC);
}

// SIGCHLD comes by descriptor. The others are for the host to heed: a service manager that signals
// the whole group must not take the workers' keeper away while the host still shuts down in order.
sigset_t warden_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}) {
    sigaddset(&signals, signal);
  }
  return signals;
}

std::int64_t nanoseconds(const timeval& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + std::int64_t{time.tv_usec} * 1'000;
}

// Of a warden that is a copy of the host: what its workers get back.
struct HostState {
  UniqueFd program;
  std::string program_name;
  sigset_t signals{};
  struct sigaction on_child {};
};

// The last thing to run in a copy of the host that leaves: before whatever the host registered for exit.
void leave_copy(int status, void*) {
  std::fflush(stdout);
  std::fflush(stderr);
  ::_exit(status);
}

void name_this_process() {
  ::prctl(PR_SET_NAME, "bulkhead-warden");
  // Processes that tasks leave behind become ours when their worker ends, instead of outliving
  // everything.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

class WardenProgram {
 public:
  // `arguments` is argv, `host_state` that of a copy, which does not write to its argv.
  WardenProgram(ControlSocket socket, std::span<char* const> arguments, std::optional<HostState> host_state,
                std::string_view build)
      : socket_(std::move(socket)), arguments_(arguments), host_state_(std::move(host_state)), build_(build) {}

  // A template, which has said all that a warden says in its hello.
  WardenProgram(ControlSocket socket, UniqueFd host, std::span<char* const> arguments, const Preloaded& preloaded,
                std::string_view build)
      : socket_(std::move(socket)),
        arguments_(arguments),
        preloaded_(&preloaded),
        build_(build),
        host_(std::move(host)) {}

  // Returns the warden's exit status, in the warden only.
  int run() {
    const sigset_t signals = warden_signals();
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    children_event_ = UniqueFd(
        BULKHEAD_FAULT_CALL("warden.signalfd", EMFILE, -1, ::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK)));
    if (!children_event_.is_open() || (!host_.is_open() && !exchange_hellos())) return 1;
    while (!is_over_) {
      wait();
      serve_host();
      reap();
      if (outbox_.flush(socket_) == protocol::Outbox::State::kPeerGone) is_over_ = true;
    }
    // Its last words: names it announced must be removed.
    serve_host();
    end_everything();
    return 0;
  }

 private:
  bool exchange_hellos() {
    const UniqueFd self = support::open_pidfd(::getpid());
    if (!self.is_open()) return false;
    send(protocol::WardenHello{std::string(build_), ::getpid()}, std::array{self.get()});
    std::vector<std::byte> bytes;
    std::vector<UniqueFd> fds;
    if (socket_.receive(bytes, fds, Deadline::after(kHelloLimit)) != ControlSocket::Received::kReceived) {
      return false;
    }
    if (!protocol::decode<protocol::HostHello>(bytes) || fds.size() != 1) return false;
    host_ = std::move(fds.front());
    return true;
  }

  void wait() {
    std::array<pollfd, 3> fds{{
        {socket_.fd(), static_cast<short>(outbox_.is_empty() ? POLLIN : POLLIN | POLLOUT), 0},
        {children_event_.get(), POLLIN, 0},
        {host_.get(), POLLIN, 0},
    }};
    if (BULKHEAD_FAULT_CALL("warden.poll", EINTR, -1, ::poll(fds.data(), fds.size(), -1)) < 0) return;
    if (fds[1].revents != 0) {
      signalfd_siginfo info;
      // Signals merge: one read may stand for many children, so reap() looks for all.
      while (::read(children_event_.get(), &info, sizeof info) > 0) {
      }
    }
    if (fds[2].revents != 0) is_over_ = true;
  }

  void serve_host() {
    std::vector<std::byte> bytes;
    std::vector<UniqueFd> fds;
    for (;;) {
      switch (socket_.try_receive(bytes, fds)) {
        case ControlSocket::Received::kReceived:
          break;
        case ControlSocket::Received::kDeadlinePassed:
          return;
        case ControlSocket::Received::kPeerGone:
        case ControlSocket::Received::kMalformed:
          is_over_ = true;
          return;
      }
      if (auto start = protocol::decode<protocol::StartProcess>(bytes)) {
        if (fds.size() != 1 || is_over_) continue;
        this->start(*start, std::move(fds.front()));
      } else if (auto announced = protocol::decode<protocol::NameAnnounced>(bytes)) {
        names_.insert(std::move(announced->name));
      } else if (auto forgotten = protocol::decode<protocol::NameForgotten>(bytes)) {
        names_.erase(forgotten->name);
      } else {  // kQuit, or what cannot be understood: a host that talks nonsense is not served
        is_over_ = true;
        return;
      }
    }
  }

  void start(const protocol::StartProcess& request, UniqueFd control) {
    const pid_t pid = BULKHEAD_FAULT_CALL("warden.fork", EAGAIN, -1, ::fork());
    if (pid == 0) become(request, std::move(control));
    if (pid < 0) {
      refuse(request.ticket, "cannot fork", errno);
      return;
    }
    const UniqueFd pidfd = support::open_pidfd(pid);
    if (!pidfd.is_open()) {
      refuse(request.ticket, "cannot watch the new process", errno);
      ::kill(pid, SIGKILL);  // not reaped yet, so the pid is still its own; reap() knows nothing of
                             // it and says nothing
      return;
    }
    BULKHEAD_FAULT_POINT("warden.forked");
    tickets_.emplace(pid, request.ticket);
    send(protocol::ProcessStarted{request.ticket, pid}, std::array{pidfd.get()});
  }

  void refuse(std::uint64_t ticket, const std::string& what, int error_number) {
    std::string text = what + ": " + support::errno_text(error_number);
    if (error_number == EAGAIN) {
      text += " (raise the limit on processes: ulimit -u, or the control group's pids.max)";
    }
    send(protocol::StartFailed{ticket, std::move(text)}, {});
  }

  // The forked child's life. It leaves by exit, never by returning: the warden's objects in
  // this copy of its memory refer to descriptors whose numbers are used for something else now.
  [[noreturn]] void become(const protocol::StartProcess& request, UniqueFd control) {
    // Its own group: a task's kill(0, ...) hits only itself, and what tasks fork can be ended with
    // their worker.
    ::setpgid(0, 0);
    if (request.mode == protocol::StartMode::kProbe) {
      BULKHEAD_FAULT_ROLE(kProbe);
    } else {
      BULKHEAD_FAULT_ROLE(kWorker);
    }
    BULKHEAD_FAULT_POINT("process.forked");
    if (request.how == protocol::StartHow::kExecute) {
      execute(argument_of(request.mode), std::move(control));
    }
    ::prctl(PR_SET_NAME, argument_of(request.mode) + std::strlen("--"));
    if (host_state_) become_copy(request.mode, std::move(control));
    if (preloaded_ != nullptr) become_preloaded(std::move(control));
    BULKHEAD_FAULT_POINT("process.settle");
    unblock_signals();
    ::dup2(control.release(), protocol::kSocketFd);  // this closes the warden's socket here
    ::close_range(protocol::kSocketFd + 1, ~0U, 0);
    show_role(request.mode);
    std::exit(run(request.mode, UniqueFd(protocol::kSocketFd)));
  }

  // In what ps shows there is room for the warden's argument, which all others fit.
  void show_role(protocol::StartMode mode) const noexcept {
    const std::string_view text = argument_of(mode);
    std::memset(arguments_[1], 0, std::string_view(protocol::kWardenArgument).size());
    std::memcpy(arguments_[1], text.data(), text.size());
  }

  static const char* argument_of(protocol::StartMode mode) noexcept {
    switch (mode) {
      case protocol::StartMode::kProbe:
        return protocol::kProbeArgument;
      case protocol::StartMode::kTemplate:
        return protocol::kTemplateArgument;
      case protocol::StartMode::kWorker:
        break;
    }
    return protocol::kWorkerArgument;
  }

  [[nodiscard]] int run(protocol::StartMode mode, UniqueFd control) {
    switch (mode) {
      case protocol::StartMode::kProbe:
        return run_probe(std::move(control), build_);
      case protocol::StartMode::kTemplate:
        return run_template(std::move(control), arguments_, build_);
      case protocol::StartMode::kWorker:
        break;
    }
    return run_worker(std::move(control), build_, preloaded_);
  }

  // What plugins have opened while they were loaded stays open, so only what is this program's own is closed.
  [[noreturn]] void become_preloaded(UniqueFd control) {
    close_own();
    unblock_signals();
    show_role(protocol::StartMode::kWorker);
    std::exit(run(protocol::StartMode::kWorker, std::move(control)));
  }

  void close_own() {
    socket_.release().reset();
    children_event_.reset();
    host_.reset();
    outbox_.clear();
  }

  // As the host was when the warden was forked from it.
  [[noreturn]] void become_copy(protocol::StartMode mode, UniqueFd control) {
    close_own();
    host_state_->program.reset();
    ::sigaction(SIGCHLD, &host_state_->on_child, nullptr);
    ::sigprocmask(SIG_SETMASK, &host_state_->signals, nullptr);
    leave_copy(run(mode, std::move(control)), nullptr);
    ::_exit(kStartFailedStatus);
  }

  [[noreturn]] void execute(const char* role, UniqueFd control) {
    if (control.get() == protocol::kSocketFd) {
      ::fcntl(control.get(), F_SETFD, 0);
    } else {
      ::dup2(control.get(), protocol::kSocketFd);
    }
    ::close_range(protocol::kSocketFd + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    // What the host ignores would stay ignored.
    for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
    unblock_signals();
    // /proc/self/exe: this very program, even when another version was installed over it meanwhile.
    const std::string program =
        host_state_ ? "/proc/self/fd/" + std::to_string(host_state_->program.get()) : "/proc/self/exe";
    ::execl(program.c_str(), host_state_ ? host_state_->program_name.c_str() : arguments_[0], role, nullptr);
    std::fprintf(stderr, "bulkhead-worker: cannot execute %s: %s\n", program.c_str(),
                 support::errno_text(errno).c_str());
    ::_exit(kStartFailedStatus);
  }

  static void unblock_signals() {
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
  }

  void reap() {
    for (;;) {
      siginfo_t info{};
      // Looked at, not taken: until it is reaped its pid, and so its group, cannot be somebody
      // else's.
      const int flags = WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT;
      if (BULKHEAD_FAULT_CALL("warden.waitid", EINTR, -1, ::waitid(P_ALL, 0, &info, flags)) != 0 || info.si_pid == 0)
        return;
      switch (info.si_code) {
        case CLD_EXITED:
        case CLD_KILLED:
        case CLD_DUMPED:
          take_exit(info.si_pid);
          break;
        default:
          take_stop(info.si_pid, info.si_code != CLD_CONTINUED);
      }
    }
  }

  void take_exit(pid_t pid) {
    const auto at = tickets_.find(pid);
    // What its tasks forked ends with the worker. (Adopted processes lead no group of ours.)
    BULKHEAD_FAULT_POINT("warden.reap");
    if (at != tickets_.end()) ::kill(-pid, SIGKILL);
    int status = 0;
    rusage usage{};
    if (::wait4(pid, &status, WNOHANG, &usage) != pid || at == tickets_.end()) return;
    protocol::ProcessExited exited{.ticket = at->second};
    if (WIFSIGNALED(status)) {
      exited.signal = WTERMSIG(status);
      exited.core_dumped = WCOREDUMP(status);
    } else {
      exited.exit_code = WEXITSTATUS(status);
    }
    exited.max_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
    exited.user_time_ns = nanoseconds(usage.ru_utime);
    exited.system_time_ns = nanoseconds(usage.ru_stime);
    exited.is_memory_short = exited.signal == SIGKILL && memory_pressure_.explains_kill(exited.max_rss_bytes);
    BULKHEAD_FAULT_POINT("warden.reaped");
    tickets_.erase(at);
    send(exited, {});
  }

  void take_stop(pid_t pid, bool is_stopped) {
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid), &info, WSTOPPED | WCONTINUED | WNOHANG);
    if (const auto at = tickets_.find(pid); at != tickets_.end()) {
      send(protocol::ProcessStopped{at->second, is_stopped}, {});
    }
  }

  template <class Message>
  void send(const Message& message, std::span<const int> fds) {
    if (outbox_.send(socket_, protocol::encode(message), fds) == protocol::Outbox::State::kPeerGone) {
      is_over_ = true;
    }
  }

  // The host is gone or has said so: nothing may remain.
  void end_everything() {
    BULKHEAD_FAULT_POINT("warden.end");
    for (const auto& name : names_) remove_doorbell(name);
    for (const auto& [pid, ticket] : tickets_) {
      ::kill(-pid, SIGKILL);
      ::kill(pid, SIGKILL);  // one that has no group of its own yet
    }
    BULKHEAD_FAULT_POINT("warden.killed");
    end_descendants(Deadline::after(kKillLimit));
  }

  ControlSocket socket_;
  std::span<char* const> arguments_;
  std::optional<HostState> host_state_;
  const Preloaded* const preloaded_ = nullptr;
  std::string_view build_;
  UniqueFd children_event_;
  UniqueFd host_;
  protocol::Outbox outbox_;
  std::unordered_map<pid_t, std::uint64_t> tickets_;  // processes asked for and not reaped
  std::set<std::string> names_;
  MemoryPressure memory_pressure_;
  bool is_over_ = false;
};

}  // namespace

int warden_main(std::span<char* const> arguments, std::string_view build) {
  BULKHEAD_FAULT_ROLE(kWarden);
  BULKHEAD_FAULT_POINT("warden.main");
  settle_descriptors();
  name_this_process();
  try {
    return WardenProgram(ControlSocket::attach(UniqueFd(protocol::kSocketFd)), arguments, {}, build).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bulkhead-warden: %s\n", error.what());
  }
  return 1;
}

int keep_workers(ControlSocket socket, UniqueFd host, std::span<char* const> arguments, const Preloaded& preloaded,
                 std::string_view build) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  return WardenProgram(std::move(socket), std::move(host), arguments, preloaded, build).run();
}

void run_warden_copy(HostCopy copy, std::string_view build) noexcept {
  BULKHEAD_FAULT_ROLE(kWarden);
  // The host writes these itself.
  ::__fpurge(stdout);
  ::__fpurge(stderr);
  // For tasks that call exit(): handlers run last in first out, so the host's never come to their turn.
  ::on_exit(&leave_copy, nullptr);
  ::setsid();
  for (const int fd : copy.engine_fds) ::close(fd);
  settle_stdio();
  name_this_process();
  HostState state{
      .program = std::move(copy.program), .program_name = std::move(copy.program_name), .signals = copy.signals};
  // The warden reaps, whatever the host does about its children.
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, &by_default, &state.on_child);
  try {
    ::_exit(WardenProgram(std::move(copy.socket), {}, std::move(state), build).run());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bulkhead-warden: %s\n", error.what());
  }
  ::_exit(1);
}

}  // namespace bulkhead::worker
