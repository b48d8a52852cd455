#include "watched_child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "failures.hpp"

namespace bulkhead::cli {

namespace {

constexpr std::size_t kMostKept = 64 << 10;

[[noreturn]] void cannot(const char* what) {
  throw IoFailure(std::string("cannot ") + what + ": " + std::strerror(errno));
}

// One descriptor, closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() { close(); }
  [[nodiscard]] int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

struct Pipe {
  Descriptor reader;
  Descriptor writer;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) cannot("make a pipe");
  Pipe pipe{Descriptor(ends[0]), Descriptor(ends[1])};
  ::fcntl(pipe.reader.get(), F_SETFL, O_NONBLOCK);
  return pipe;
}

// In the child: only async-signal-safe calls until `body`, which has the process to itself.
void take_places(std::span<const int> descriptors, std::span<const Pipe> pipes, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_DFL);
  // Above all numbers asked for, lest one of them be overwritten before it is used.
  constexpr int kAbove = 64;
  std::array<int, 8> writers{};
  for (std::size_t i = 0; i < pipes.size(); ++i) writers[i] = ::fcntl(pipes[i].writer.get(), F_DUPFD, kAbove);
  const int nothing = ::open("/dev/null", O_RDWR);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing, fd);
  int highest = STDERR_FILENO;
  for (std::size_t i = 0; i < pipes.size(); ++i) {
    ::dup2(writers[i], descriptors[i]);
    highest = std::max(highest, descriptors[i]);
  }
  ::close_range(static_cast<unsigned>(highest) + 1, ~0U, 0);
}

// False: the other end is closed.
bool read_some(int fd, WatchedChild::Written& written) {
  std::array<char, 4096> block;
  for (;;) {
    const auto count = ::read(fd, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == EAGAIN;
    if (count == 0) return false;
    const auto size = static_cast<std::size_t>(count);
    written.bytes += size;
    written.text.append(block.data(), std::min(size, kMostKept - written.text.size()));
    if (size < block.size()) return true;
  }
}

// Until it is gone, or time is up.
void watch(WatchedChild& child, int process, std::span<const Pipe> pipes, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  std::vector<pollfd> polled{{process, POLLIN, 0}};
  for (const auto& pipe : pipes) polled.push_back({pipe.reader.get(), POLLIN, 0});
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left <= left.zero()) {
      child.was_too_slow = true;
      return;
    }
    const int ready =
        ::poll(polled.data(), polled.size(), static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
    if (ready <= 0) continue;
    for (std::size_t i = 0; i < pipes.size(); ++i) {
      if (polled[i + 1].revents != 0 && !read_some(polled[i + 1].fd, child.written[i])) polled[i + 1].fd = -1;
    }
    // Its own children may hold the pipes for ever: its end is what counts.
    if (polled[0].revents != 0) return;
  }
}

}  // namespace

WatchedChild run_watched(std::span<const int> descriptors, std::chrono::milliseconds limit,
                         const std::function<int()>& body) {
  std::vector<Pipe> pipes;
  for (std::size_t i = 0; i < descriptors.size(); ++i) pipes.push_back(make_pipe());
  WatchedChild child;
  child.written.resize(descriptors.size());

  const pid_t self = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) cannot("start a process");
  if (pid == 0) {
    take_places(descriptors, pipes, self);
    ::_exit(body());
  }
  for (auto& pipe : pipes) pipe.writer.close();
  const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (process.get() >= 0) watch(child, process.get(), pipes, limit);
  if (process.get() < 0 || child.was_too_slow) ::kill(pid, SIGKILL);
  while (::waitpid(pid, &child.status, 0) < 0 && errno == EINTR) {
  }
  if (process.get() < 0) throw IoFailure("cannot watch a process: this kernel has no pidfd_open()");
  for (std::size_t i = 0; i < pipes.size(); ++i) (void)read_some(pipes[i].reader.get(), child.written[i]);
  return child;
}

std::string how_it_ended(const WatchedChild& child) {
  if (child.was_too_slow) return "did not come to an end";
  if (WIFSIGNALED(child.status)) {
    const int signal = WTERMSIG(child.status);
    return "was killed by signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
  }
  return "left with exit code " + std::to_string(WEXITSTATUS(child.status));
}

}  // namespace bulkhead::cli
