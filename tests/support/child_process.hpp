// Runs programs and functions in processes of their own, for tests.
//
// Ownership: a ChildProcess kills and reaps its process when destroyed; nothing is left behind by a
//            failing test.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "eventually.hpp"

namespace bulkhead::test {

// Both ends of a pipe, close-on-exec.
struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
      throw std::system_error(errno, std::generic_category(), "pipe2");
    }
    reader = ends[0];
    writer = ends[1];
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_reader();
    close_writer();
  }
  void close_reader() {
    if (reader >= 0) ::close(std::exchange(reader, -1));
  }
  void close_writer() {
    if (writer >= 0) ::close(std::exchange(writer, -1));
  }

  int reader = -1;
  int writer = -1;
};

// How a process ended.
struct Ended {
  int signal = 0;      // 0: it exited
  int exit_code = -1;  // -1: ended by a signal
};

class ChildProcess {
 public:
  // Takes over a child of this program.
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  // Forks, and runs `body` in the child, whose exit status it returns. Fork only while this program
  // has one thread.
  [[nodiscard]] static ChildProcess fork_and_run(const std::function<int()>& body) {
    const pid_t pid = ::fork();
    if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid == 0) {
      int status = 99;  // an exception
      try {
        status = body();
      } catch (const std::exception& error) {
        ::dprintf(2, "child: %s\n", error.what());
      }
      ::_exit(status);
    }
    return ChildProcess(pid);
  }

  ChildProcess(ChildProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  void kill(int signal) const { ::kill(pid_, signal); }

  // Waits for its end; kills it, and throws, when it is still there after `limit`.
  Ended wait(std::chrono::seconds limit = std::chrono::seconds(60)) {
    int status = 0;
    const bool has_ended = eventually(limit, [&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
    if (!has_ended) throw std::runtime_error("the child process hangs");
    pid_ = -1;
    if (WIFSIGNALED(status)) return {WTERMSIG(status), -1};
    return {0, WEXITSTATUS(status)};
  }

 private:
  pid_t pid_;
};

// What a program wrote and how it ended.
struct ProgramRun {
  Ended ended;
  std::string out;
  std::string err;

  // Runs `arguments` (the program's path first) with `input` on its stdin; `environment` entries
  // "NAME=value" are added to this program's. Throws when it cannot be started or takes longer than
  // `limit`.
  [[nodiscard]] static ProgramRun run(const std::vector<std::string>& arguments, const std::string& input = {},
                                      const std::vector<std::string>& environment = {},
                                      std::chrono::seconds limit = std::chrono::seconds(120)) {
    Pipe in;
    Pipe out;
    Pipe err;
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in.reader, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, out.writer, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, err.writer, STDERR_FILENO);
    std::vector<char*> argv;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    std::vector<char*> envp;
    for (const auto& entry : environment) envp.push_back(const_cast<char*>(entry.c_str()));
    for (char** entry = environ; *entry != nullptr; ++entry) {
      // The first of two entries counts for getenv(): the added ones are in front.
      envp.push_back(*entry);
    }
    envp.push_back(nullptr);
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), envp.data());
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::system_error(error, std::generic_category(), arguments[0]);
    ChildProcess child(pid);
    in.close_reader();
    out.close_writer();
    err.close_writer();
    ProgramRun run;
    run.exchange(in, out, err, input, std::chrono::steady_clock::now() + limit);
    run.ended = child.wait();
    return run;
  }

 private:
  void exchange(Pipe& in, Pipe& out_pipe, Pipe& err_pipe, const std::string& input,
                std::chrono::steady_clock::time_point end) {
    ::fcntl(in.writer, F_SETFL, O_NONBLOCK);
    std::size_t written = 0;
    if (input.empty()) in.close_writer();
    while (out_pipe.reader >= 0 || err_pipe.reader >= 0) {
      if (std::chrono::steady_clock::now() >= end) throw std::runtime_error("the program hangs");
      // A negative descriptor is left out.
      std::array<pollfd, 3> fds{{{out_pipe.reader, POLLIN, 0}, {err_pipe.reader, POLLIN, 0}, {in.writer, POLLOUT, 0}}};
      ::poll(fds.data(), fds.size(), 100);
      if (fds[0].revents != 0 && !read_some(out_pipe.reader, out)) out_pipe.close_reader();
      if (fds[1].revents != 0 && !read_some(err_pipe.reader, err)) err_pipe.close_reader();
      if (fds[2].revents != 0) {
        const auto count = write_without_signal(in.writer, input, written);
        if (count > 0) written += static_cast<std::size_t>(count);
        if (count < 0 || written == input.size()) in.close_writer();
      }
    }
  }
  // A program that does not read its input must not end the test by SIGPIPE.
  static ssize_t write_without_signal(int fd, const std::string& text, std::size_t from) {
    sigset_t pipe_only;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigset_t old;
    ::pthread_sigmask(SIG_BLOCK, &pipe_only, &old);
    const auto count = ::write(fd, text.data() + from, text.size() - from);
    const bool is_broken = count < 0 && errno == EPIPE;
    if (is_broken) {
      const timespec none{};
      ::sigtimedwait(&pipe_only, nullptr, &none);
    }
    ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
    return count < 0 && !is_broken ? 0 : count;  // EAGAIN: later
  }
  static bool read_some(int fd, std::string& to) {
    std::array<char, 65536> buffer;
    const auto count = ::read(fd, buffer.data(), buffer.size());
    if (count > 0) to.append(buffer.data(), static_cast<std::size_t>(count));
    return count > 0;
  }
};

}  // namespace bulkhead::test
