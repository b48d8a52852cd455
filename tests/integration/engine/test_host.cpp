// A host in a process of its own, for what a test cannot do to itself. The first argument says what it does; the
// fixture plugins are where $BULKHEAD_TEST_PLUGINS says. It prints what the test compares, and ends with 0 when all
// went as it should.
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bulkhead/engine.hpp"

namespace {

using bulkhead::Engine;
using bulkhead::Pool;

Engine make_engine() {
  const char* folder = std::getenv("BULKHEAD_TEST_PLUGINS");
  const std::string base = folder != nullptr ? folder : ".";
  return Engine::from_plugins({base + "/echo.so", base + "/misbehave.so"});
}

struct Host {
  Engine engine = make_engine();
  Pool pool = engine.pool({.processes = 2});
  [[nodiscard]] bool works() { return pool.apply<std::int64_t>("echo.add", 2, 3) == 5; }
  [[nodiscard]] bool survives_a_crash() {
    try {
      pool.apply<void>("misbehave.segv");
      return false;
    } catch (const bulkhead::WorkerLost& lost) {
      return lost.signal() == SIGSEGV && works();
    }
  }
};

// Load of every kind, until it is killed. "busy" is printed when it is under way.
int load() {
  Host host;
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&host] {
      for (;;) (void)host.pool.apply<std::int64_t>("misbehave.spin_us", 50);
    });
  }
  (void)host.works();
  std::puts("busy");
  std::fflush(stdout);
  for (;;) {
    std::vector<std::vector<std::byte>> large(4, std::vector<std::byte>(400'000));
    (void)host.pool.map<std::vector<std::byte>>("echo.bytes", large);
    try {
      host.pool.apply<void>("misbehave.abort");
    } catch (const bulkhead::WorkerLost&) {
    }
  }
}

// One long task, nobody waits; a forked child that keeps every descriptor. "busy" and the child's pid are printed.
int leave_a_child() {
  Host host;
  const auto never = host.pool.apply_async<std::int64_t>("misbehave.sleep_ms", 3'600'000);
  (void)host.works();
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) ::pause();
  }
  std::printf("%d\n", static_cast<int>(child));
  std::fflush(stdout);
  for (;;) ::pause();
}

// The clock of strace -ttt, read without a system call.
double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}
// Prints from when to when each of many rounds of calls went on.
int hot_loop() {
  auto engine = make_engine();
  auto pool = engine.pool({.processes = 1});
  const auto add = pool.task<std::int64_t(std::int64_t, std::int64_t)>("echo.add");
  std::vector<std::pair<double, double>> rounds;
  for (int round = 0; round < 400; ++round) {
    for (std::int64_t i = 0; i < 200; ++i) (void)add(i, 1);
    const double from = wall_seconds();
    for (std::int64_t i = 0; i < 200; ++i) (void)add(i, 1);
    rounds.emplace_back(from, wall_seconds());
  }
  for (const auto& [from, to] : rounds) std::printf("%.6f %.6f\n", from, to);
  return 0;
}

int with_sigchld_ignored() {
  ::signal(SIGCHLD, SIG_IGN);
  Host host;
  for (int i = 0; i < 5; ++i) {
    if (!host.works() || !host.survives_a_crash()) return 1;
  }
  host.pool.close();
  host.pool.join();
  return 0;
}

// Reaps everything, as a shell or an init does; must see its own child and nothing of ours.
int with_a_wait_loop() {
  std::atomic<bool> is_over = false;
  std::atomic<int> strangers = 0;
  std::atomic<int> own = 0;
  std::atomic<pid_t> child = 0;
  std::thread reaper([&] {
    while (!is_over) {
      const pid_t pid = ::waitpid(-1, nullptr, WNOHANG);
      if (pid > 0) ++(pid == child ? own : strangers);
      if (pid <= 0) std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  });
  {
    Host host;
    for (int i = 0; i < 5; ++i) {
      if (!host.works() || !host.survives_a_crash()) std::_Exit(1);
    }
    // It ends when its number is known: the reaper may be faster than the assignment.
    int gate[2];
    if (::pipe2(gate, O_CLOEXEC) != 0) return 1;
    const pid_t made = ::fork();
    if (made == 0) {
      ::close(gate[1]);
      char nothing = 0;
      std::_Exit(::read(gate[0], &nothing, 1) == 0 ? 0 : 1);
    }
    child = made;
    ::close(gate[0]);
    ::close(gate[1]);
    while (own == 0) std::this_thread::yield();
  }
  is_over = true;
  reaper.join();
  std::printf("%d strangers\n", strangers.load());
  return strangers == 0 && own == 1 ? 0 : 1;
}

int with_output() {
  Host host;
  host.pool.apply<void>("misbehave.print", "from the task");
  const auto read = host.pool.apply<std::int64_t>("misbehave.read_stdin");
  std::string line;
  std::getline(std::cin, line);
  std::cout << "the task read " << read << ", the host: " << line << std::endl;
  return 0;
}

int with_descriptors(const char* secret) {
  const int fd = ::open(secret, O_RDONLY);  // inheritable
  if (fd < 0) return 1;
  Host host;
  const int later = ::open(secret, O_RDONLY);
  if (later < 0) return 1;
  for (int i = 0; i < 2; ++i) {
    for (const auto& path : host.pool.apply<std::vector<std::string>>("misbehave.descriptors")) std::puts(path.c_str());
    if (!host.survives_a_crash()) return 1;  // a replacement is started after `later` was opened
  }
  return 0;
}

int with_closed_stdio() {
  ::close(0);
  ::close(1);
  ::close(2);
  Host host;
  return host.works() && host.survives_a_crash() ? 0 : 1;
}

void note_nothing(int) {}
// A handler that interrupts every wait, a thousand times a second.
int with_an_alarm() {
  struct sigaction action {};
  action.sa_handler = &note_nothing;  // no SA_RESTART
  ::sigaction(SIGALRM, &action, nullptr);
  const itimerval every{{0, 1000}, {0, 1000}};
  ::setitimer(ITIMER_REAL, &every, nullptr);
  Host host;
  for (int i = 0; i < 200; ++i) {
    if (host.pool.apply<std::int64_t>("echo.after", 2, i) != i) return 1;
  }
  const auto slow = host.pool.apply_async<std::int64_t>("echo.after", 100, 1);
  const auto from = std::chrono::steady_clock::now();
  if (!slow.wait(std::chrono::milliseconds(20)) &&
      std::chrono::steady_clock::now() - from < std::chrono::milliseconds(20)) {
    return 2;
  }
  if (!host.survives_a_crash()) return 3;
  host.pool.close();
  host.pool.join();
  return 0;
}

// Ctrl-C goes to the whole group; what it means is the host's to say.
int with_signals_to_the_group() {
  ::setpgid(0, 0);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::signal(signal, SIG_IGN);
  Host host;
  const auto running = host.pool.apply_async<std::int64_t>("echo.after", 300, 7);
  (void)host.works();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::kill(0, signal);
  return running.get() == 7 && host.works() ? 0 : 1;
}

// The status of a child that runs `body`; -1 when it hangs or crashes.
int status_in_child(const std::function<int()>& body) {
  std::fflush(stdout);  // or the child prints it too
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);  // ends it, should it hang
    std::_Exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int with_a_forked_child_that_calls() {
  Host host;
  if (!host.works()) return 1;
  const auto running = host.pool.apply_async<std::int64_t>("echo.after", 300, 7);
  const auto refused = [](const std::function<void()>& call) {
    try {
      call();
    } catch (const bulkhead::UsageError& error) {
      std::cerr << error.what() << std::endl;
      return true;
    }
    return false;
  };
  std::printf("apply: %d\n", status_in_child([&] { return refused([&] { (void)host.works(); }) ? 0 : 1; }));
  std::printf("wait: %d\n", status_in_child([&] { return refused([&] { running.wait(); }) ? 0 : 1; }));
  const std::vector results{running};
  std::printf("any: %d\n",
              status_in_child([&] { return refused([&] { (void)bulkhead::wait_any(results); }) ? 0 : 1; }));
  auto completed = std::make_unique<bulkhead::AsCompleted<std::int64_t>>(bulkhead::as_completed(results));
  std::printf("completed: %d\n", status_in_child([&] {
                const bool is_refused = refused([&] { (void)completed->next(); });
                completed.reset();
                return is_refused ? 0 : 1;
              }));
  std::printf("pool: %d\n", status_in_child([&] { return refused([&] { (void)host.engine.pool(); }) ? 0 : 1; }));
  std::printf("terminate: %d\n", status_in_child([&] { return refused([&] { host.pool.terminate(); }) ? 0 : 1; }));
  return running.get() == 7 && host.works() && host.survives_a_crash() ? 0 : 1;
}

int with_a_forked_child_that_ends() {
  auto host = std::make_unique<Host>();
  if (!host->works()) return 1;
  const auto running = host->pool.apply_async<std::int64_t>("echo.after", 300, 7);
  std::printf("destroys: %d\n", status_in_child([&] {
                host.reset();
                return 0;
              }));
  return running.get() == 7 && host->works() && host->survives_a_crash() ? 0 : 1;
}

// Destroyed after main, with tasks that never end; what waits for them goes before or after pool and engine.
std::vector<bulkhead::AsyncResult<std::int64_t>> results_that_outlive;
std::optional<bulkhead::AsCompleted<std::int64_t>> completed_that_outlives;
std::optional<bulkhead::Imap<std::int64_t>> items_that_outlive;
std::optional<Host> kept;
std::vector<bulkhead::AsyncResult<std::int64_t>> kept_results;
std::optional<bulkhead::AsCompleted<std::int64_t>> kept_completed;
int with_statics() {
  kept.emplace();
  if (!kept->works()) return 1;
  for (int i = 0; i < 20; ++i) {
    auto& results = i % 2 == 0 ? kept_results : results_that_outlive;
    results.push_back(kept->pool.apply_async<std::int64_t>("misbehave.sleep_ms", 3'600'000));
  }
  kept_completed.emplace(bulkhead::as_completed(kept_results));
  completed_that_outlives.emplace(bulkhead::as_completed(results_that_outlive));
  items_that_outlive.emplace(
      kept->pool.imap_unordered<std::int64_t>("misbehave.sleep_ms", std::vector<int>(20, 3'600'000)));
  try {
    (void)items_that_outlive->next(std::chrono::milliseconds(1));
    return 1;
  } catch (const bulkhead::TimeoutError&) {
    return 0;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, std::function<int()>> modes{
      {"load", &load},
      {"leave-a-child", &leave_a_child},
      {"hot-loop", &hot_loop},
      {"sigchld-ignored", &with_sigchld_ignored},
      {"wait-loop", &with_a_wait_loop},
      {"output", &with_output},
      {"descriptors", [&] { return argc > 2 ? with_descriptors(argv[2]) : 64; }},
      {"closed-stdio", &with_closed_stdio},
      {"alarm", &with_an_alarm},
      {"group-signals", &with_signals_to_the_group},
      {"forked-child-calls", &with_a_forked_child_that_calls},
      {"forked-child-ends", &with_a_forked_child_that_ends},
      {"statics", &with_statics},
  };
  const auto mode = modes.find(argc > 1 ? argv[1] : "");
  if (mode == modes.end()) return 64;
  try {
    return mode->second();
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 70;
  }
}
