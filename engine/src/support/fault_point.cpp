#include "support/fault_point.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace bulkhead::support {

namespace {

struct FaultPlan {
  std::string_view role;
  std::string_view point;
  std::string_view action;
  std::uint32_t passage = 0;  // 0: nothing is planned
  bool goes_on = false;
};

enum class Setup : std::uint8_t { kNone, kRunning, kDone };

// Of this process, and of those that are forked from it. Views lead into the environment.
constinit std::atomic<Setup> setup{Setup::kNone};
constinit FaultPlan plan;
constinit FaultCounts* counts = nullptr;  // null: no faults are asked for
constinit std::atomic<FaultRole> own_role{FaultRole::kHost};

std::string_view take_up_to(std::string_view& text, char end) noexcept {
  const auto at = text.find(end);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return part;
}

FaultPlan read_plan() noexcept {
  const char* const given = std::getenv("BULKHEAD_FAULT");
  if (given == nullptr) return {};
  std::string_view text = given;
  FaultPlan read;
  read.role = take_up_to(text, ':');
  read.point = take_up_to(text, '=');
  read.action = take_up_to(text, '@');
  read.goes_on = text.ends_with('+');
  std::from_chars(text.data(), text.data() + text.size(), read.passage);
  return read;
}

FaultCounts* map_counts() noexcept {
  const char* const path = std::getenv("BULKHEAD_FAULT_COUNTS");
  const int fd = path == nullptr ? -1 : ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (path != nullptr && (fd < 0 || ::ftruncate(fd, sizeof(FaultCounts)) != 0)) return nullptr;
  void* const at = ::mmap(nullptr, sizeof(FaultCounts), PROT_READ | PROT_WRITE,
                          fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
  if (fd >= 0) ::close(fd);
  // A file of zeros is what an empty one is.
  return at == MAP_FAILED ? nullptr : static_cast<FaultCounts*>(at);
}

void set_up() noexcept {
  auto before = Setup::kNone;
  if (setup.compare_exchange_strong(before, Setup::kRunning)) {
    const int error = errno;
    plan = read_plan();
    if (plan.passage != 0 || std::getenv("BULKHEAD_FAULT_COUNTS") != nullptr) counts = map_counts();
    errno = error;
    setup.store(Setup::kDone);
  }
  while (setup.load() != Setup::kDone) ::syscall(SYS_sched_yield);
}

FaultCounts::Row* find_row(std::string_view name, int error) noexcept {
  for (auto& row : counts->rows) {
    std::uint32_t state = 0;
    if (row.state.compare_exchange_strong(state, 1)) {
      name.copy(row.name.data(), row.name.size() - 1);
      row.error.store(error);
      row.state.store(2);
      return &row;
    }
    // A process that was killed just here leaves a row that nobody completes; it is passed over.
    for (int i = 0; i < 1000 && row.state.load() == 1; ++i) ::syscall(SYS_sched_yield);
    if (row.state.load() == 2 && name == row.name.data()) return &row;
  }
  return nullptr;
}

// By the bare system calls: this may be a process that shares its parent's memory.
void signal_self(int signal) noexcept { ::syscall(SYS_kill, ::syscall(SYS_getpid), signal); }

}  // namespace

void set_fault_role(FaultRole role) noexcept { own_role.store(role); }
FaultRole fault_role() noexcept { return own_role.load(); }

bool FaultPoint::pass() noexcept {
  if (setup.load(std::memory_order_acquire) != Setup::kDone) set_up();
  if (counts == nullptr) return false;
  const std::string_view name = name_ + kFaultMark.size();
  FaultCounts::Row* row = row_.load();
  if (row == nullptr) row_.store(row = find_row(name, error_));
  if (row == nullptr) return false;
  const auto role = static_cast<std::size_t>(own_role.load());
  const std::uint32_t passage = row->passed[role].fetch_add(1) + 1;
  if (plan.passage == 0 || plan.point != name || plan.role != kFaultRoles[role]) return false;
  if (passage != plan.passage && !(plan.goes_on && passage > plan.passage)) return false;
  counts->fired.fetch_add(1);
  if (plan.action == "kill") {
    for (;;) signal_self(SIGKILL);
  }
  if (plan.action == "stop") signal_self(SIGSTOP);
  if (plan.action != "fail" || error_ == 0) return false;
  errno = error_;
  return true;
}

}  // namespace bulkhead::support
