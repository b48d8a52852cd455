#include "fault_run.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <thread>

#include "../engine/engine_fixture.hpp"
#include "failing_allocations.hpp"

namespace bulkhead::test {

namespace {

using support::FaultCounts;
using support::FaultRole;

// What waits longest, and gives up, waits 60 s (a worker for a host that is neither there nor gone).
constexpr auto kWatchdog = 120s;
// Within a second, says the design; the bound here is for loaded machines.
constexpr auto kLeaveLimit = 20s;

class Run {
 public:
  Run(const std::filesystem::path& program, const Fault& fault, Count count)
      : fault_(fault), count_(fault.is_of_allocation() ? Count::kAllocations : count) {
    static std::atomic<int> number = 0;
    mark_ = "BULKHEAD_TEST_MARK=" + std::to_string(::getpid()) + "." + std::to_string(++number);
    start(program);
  }
  ~Run() {
    for (const pid_t pid : processes_with_mark(mark_)) ::kill(pid, SIGKILL);
  }

  FaultOutcome finish() {
    FaultOutcome outcome;
    outcome.broken = watch();
    count_ == Count::kAllocations ? read_allocations(outcome) : read_counts(outcome);
    if (outcome.broken.empty()) outcome.broken = what_is_left();
    if (!outcome.broken.empty()) outcome.broken += "\n" + said();
    return outcome;
  }

 private:
  void start(const std::filesystem::path& program) {
    std::filesystem::create_directory(folder_.file("tmp"));
    const char* const counts = count_ == Count::kAllocations ? "BULKHEAD_FAULT_ALLOCATIONS=" : "BULKHEAD_FAULT_COUNTS=";
    std::vector<std::string> entries{mark_, counts + folder_.file("counts"), "TMPDIR=" + folder_.file("tmp")};
    if (fault_.passage != 0) entries.push_back("BULKHEAD_FAULT=" + fault_.text());
    std::vector<char*> environment;
    for (auto& entry : entries) environment.push_back(entry.data());
    for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
    environment.push_back(nullptr);
    std::string path = program;
    std::string mode = kWorkloadArgument;
    std::string where = folder_.file("tmp");
    std::string limits = fault_.action == "stop" ? "limits" : "";
    char* const arguments[] = {path.data(), mode.data(), where.data(), limits.data(), nullptr};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    const std::string out = folder_.file("out");
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    const int error = ::posix_spawn(&pid_, path.c_str(), &actions, nullptr, arguments, environment.data());
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::system_error(error, std::generic_category(), path);
  }

  [[nodiscard]] bool is_of_host(const char* action) const {
    return fault_.passage != 0 && fault_.role == FaultRole::kHost && fault_.action == action;
  }

  // What the host's end says.
  std::string watch() {
    ChildProcess host(pid_);
    int status = 0;
    const bool has_ended = eventually(kWatchdog, [&] {
      // The host, and those it waits for inside one system call, go on: nobody else could make them.
      if (is_of_host("stop")) let_go_on();
      return ::waitid(P_PID, static_cast<id_t>(pid_), &info_, WEXITED | WNOHANG | WNOWAIT) == 0 && info_.si_pid == pid_;
    });
    if (!has_ended) return "it hangs";
    ::waitpid(host.pid(), &status, 0);
    const bool was_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (is_of_host("kill") && was_killed) return {};
    if (WIFSIGNALED(status)) return "the host died of signal " + std::to_string(WTERMSIG(status));
    if (WEXITSTATUS(status) != 0) return "the host left with status " + std::to_string(WEXITSTATUS(status));
    return what_it_cost();
  }

  void let_go_on() const {
    for (const pid_t pid : processes_with_mark(mark_)) {
      std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
      std::string line;
      std::getline(file, line);
      const auto at = line.rfind(')');
      if (at != std::string::npos && line.substr(at, 3) == ") T") ::kill(pid, SIGCONT);
    }
  }

  // The one that ran when a worker is killed, or that a failed call was for; none for warden and probes.
  [[nodiscard]] std::string what_it_cost() const {
    if (fault_.action == "stop" || fault_.goes_on || is_of_host("kill")) return {};
    std::ifstream file(folder_.file("out"));
    int unlike = -1;
    for (std::string line; std::getline(file, line);) {
      if (line == "refused") return {};
      if (line.starts_with("unlike ")) unlike = std::stoi(line.substr(7));
    }
    // A host that runs out of memory may have to give up a pool: that costs whatever was open there.
    if (fault_.is_of_allocation() && fault_.role == FaultRole::kHost) return {};
    const int most = fault_.role == FaultRole::kWorker || fault_.role == FaultRole::kHost ? 1 : 0;
    if (unlike >= 0 && unlike <= most) return {};
    return std::to_string(unlike) + " tasks did not end as they should have";
  }

  [[nodiscard]] std::string what_is_left() const {
    // One look can miss a process that is just being forked by another that is just ending: three must agree.
    const auto left = [&] {
      std::vector<pid_t> found;
      for (int look = 0; look < 3 && found.empty(); ++look) found = processes_with_mark(mark_);
      return found;
    };
    if (!eventually(kLeaveLimit, [&] { return left().empty(); })) {
      std::string names;
      for (const pid_t pid : left()) names += " " + name_of_process(pid);
      return "processes are left:" + names;
    }
    if (!eventually(kLeaveLimit, [&] { return shared_names(pid_).empty(); })) {
      return "left in /dev/shm: " + *shared_names(pid_).begin();
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.file("tmp"))) {
      if (entry.is_directory() || entry.path().extension() == ".letter") continue;
      return "a file is left: " + entry.path().filename().string();
    }
    return {};
  }

  // What the processes counted; null: nothing.
  template <class Counts>
  [[nodiscard]] auto map_counts() const {
    const auto unmap = [](const Counts* at) { ::munmap(const_cast<Counts*>(at), sizeof(Counts)); };
    const int fd = ::open(folder_.file("counts").c_str(), O_RDONLY | O_CLOEXEC);
    void* const at = fd < 0 ? MAP_FAILED : ::mmap(nullptr, sizeof(Counts), PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0) ::close(fd);
    return std::unique_ptr<const Counts, decltype(unmap)>(at == MAP_FAILED ? nullptr : static_cast<const Counts*>(at),
                                                          unmap);
  }

  void read_counts(FaultOutcome& outcome) const {
    const auto counts = map_counts<FaultCounts>();
    if (!counts) return;
    outcome.has_fired = counts->fired != 0;
    for (const auto& row : counts->rows) {
      if (row.state != 2) continue;
      Passages& passages = outcome.passages[row.name.data()];
      passages.error = row.error;
      for (std::size_t role = 0; role < passages.count.size(); ++role) passages.count[role] = row.passed[role];
    }
  }

  void read_allocations(FaultOutcome& outcome) const {
    const auto counts = map_counts<AllocationCounts>();
    if (!counts) return;
    outcome.has_fired = counts->fired != 0;
    if (counts->overflowed != 0 && outcome.broken.empty()) outcome.broken = "there are more sites than room for them";
    for (const auto& site : counts->sites) {
      if (site.id == 0) continue;
      const std::string point = allocation_point(site.id);
      Passages& passages = outcome.passages[point];
      passages.error = ENOMEM;
      for (std::size_t role = 0; role < passages.count.size(); ++role) passages.count[role] = site.passed[role];
      if (point != fault_.point || outcome.broken.empty()) continue;
      std::ostringstream callers;
      for (const auto& caller : site.callers) {
        if (caller != 0) callers << " 0x" << std::hex << caller;
      }
      outcome.broken += "\nallocated by (addr2line -Cpfie):" + callers.str();
    }
  }

  [[nodiscard]] std::string said() const {
    std::ifstream file(folder_.file("out"));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const Fault& fault_;
  const Count count_;
  ScratchFolder folder_;
  std::string mark_;
  pid_t pid_ = -1;
  siginfo_t info_{};
};

}  // namespace

bool Fault::is_of_allocation() const { return point.starts_with(kAllocationPoint); }

std::string Fault::text() const {
  return std::string(support::kFaultRoles[static_cast<std::size_t>(role)]) + ":" + point + "=" + action + "@" +
         std::to_string(passage) + (goes_on ? "+" : "");
}

FaultOutcome run_with_fault(const std::filesystem::path& program, const Fault& fault, Count count) {
  return Run(program, fault, count).finish();
}

}  // namespace bulkhead::test
