#include "experiment_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <string>
#include <system_error>

#include "child.hpp"
#include "clocks.hpp"
#include "json.hpp"

namespace bulkhead::bench {

namespace {

volatile ::sig_atomic_t caught_signal = 0;

void keep_signal(int signal) { caught_signal = signal; }

void write_all(int fd, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const auto written = ::write(fd, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    done += static_cast<std::size_t>(written);
  }
}

// In the experiment's own process.
void measure(const Experiment& experiment, const Settings& settings, int out) {
  // Ctrl-C is the affair of the process that asked: this one ends by it.
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGTERM, SIG_DFL);
  Findings findings(experiment.figures);
  std::string why;
  try {
    experiment.run(settings, findings);
  } catch (const std::exception& error) {
    why = error.what();
  }
  for (auto& figure : findings.figures()) {
    if (!figure.value && figure.missing.empty()) figure.missing = why.empty() ? "it was not measured" : why;
  }
  write_all(out, pack(findings));
}

enum class End : std::uint8_t { kComplete, kTooLate, kInterrupted };

End read_all(int fd, std::chrono::seconds limit, std::string& text) {
  const auto end = Clock::now() + limit;
  std::array<char, 65536> buffer;
  for (;;) {
    if (caught_signal != 0) return End::kInterrupted;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) return End::kTooLate;
    pollfd readable{fd, POLLIN, 0};
    // A signal may come just before poll(): so it does not wait for long.
    const int got = ::poll(&readable, 1, static_cast<int>(std::min<long long>(left.count(), 200)));
    if (got <= 0) continue;
    const auto size = ::read(fd, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return End::kComplete;
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

// The engine's processes leave by themselves when their host is gone.
void reap_orphans() {
  const auto patience = Clock::now() + std::chrono::seconds(5);
  for (;;) {
    const pid_t ended = ::waitpid(-1, nullptr, WNOHANG);
    if (ended < 0) return;
    if (ended > 0) continue;
    if (Clock::now() > patience) break;
    ::poll(nullptr, 0, 1);
  }
  // What is left are children of ours: /proc lists them.
  const std::string path = "/proc/self/task/" + std::to_string(::getpid()) + "/children";
  if (std::FILE* const list = std::fopen(path.c_str(), "re")) {
    int pid = 0;
    while (std::fscanf(list, "%d", &pid) == 1) ::kill(pid, SIGKILL);
    std::fclose(list);
  }
  while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
}

}  // namespace

void adopt_orphans() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }

void catch_signals() {
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  action.sa_handler = keep_signal;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

Findings run_in_process(const Experiment& experiment, const Settings& settings, std::chrono::seconds limit) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "no pipe");
  std::string text;
  End end = End::kComplete;
  {
    std::fflush(nullptr);
    auto child = Child::fork_and_run([&] {
      ::close(ends[0]);
      measure(experiment, settings, ends[1]);
    });
    ::close(ends[1]);
    end = read_all(ends[0], limit, text);
    ::close(ends[0]);
    // Complete is what it wrote; it may still be taking its pools down.
    if (end == End::kComplete) (void)child.wait(std::chrono::seconds(10));
  }
  reap_orphans();
  if (end == End::kInterrupted) throw Interrupted{caught_signal};
  Findings findings(experiment.figures);
  std::string why = end == End::kTooLate ? "it did not end within " + std::to_string(limit.count()) + " s" : "";
  try {
    if (why.empty()) unpack(text, findings);
  } catch (const std::exception&) {
    why = "its process ended without a result";
  }
  if (!why.empty()) {
    for (auto& figure : findings.figures()) figure.missing = why;
  }
  return findings;
}

}  // namespace bulkhead::bench
