#include "pool/machine.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

#include "bulkhead/error.hpp"
#include "ipc/doorbell.hpp"
#include "support/cgroup.hpp"
#include "support/cgroup_cpus.hpp"
#include "support/directory.hpp"
#include "support/joined_path.hpp"
#include "support/pidfd.hpp"
#include "support/system_error.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::pool {

namespace {

namespace fs = std::filesystem;
using support::UniqueFd;

// The number behind "Name:" in a file of such lines.
std::optional<std::uint64_t> number_in(const fs::path& path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ':') continue;
    std::uint64_t number = 0;
    return std::sscanf(line.c_str() + name.size() + 1, "%lu", &number) == 1 ? std::optional(number) : std::nullopt;
  }
  return std::nullopt;
}

// "max", and what version 1 writes for it, is none.
std::optional<std::uint64_t> number_of(const fs::path& path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  constexpr std::uint64_t kAnyMachine = std::uint64_t{1} << 60;
  return file >> number && number < kAnyMachine ? std::optional(number) : std::nullopt;
}

// Of the groups above, the one that has the least left.
Allowance tightest(std::string_view controller, const std::array<const char*, 2>& limit_files,
                   const std::array<const char*, 2>& usage_files, const fs::path& root) {
  Allowance least;
  for (const auto& folder : support::cgroup_folders(controller, root)) {
    const std::size_t version = folder.is_v2 ? 0 : 1;
    const auto limit = number_of(support::joined_path(folder.path, limit_files.at(version)));
    const auto used = number_of(support::joined_path(folder.path, usage_files.at(version)));
    if (!limit || !used) continue;
    const Allowance here{.used = *used, .limit = *limit};
    if (here.left() < least.left()) least = here;
  }
  return least;
}

Allowance limit_of(int resource) {
  rlimit limit{};
  const auto value = [](rlim_t number) { return number == RLIM_INFINITY ? kUnlimited : std::uint64_t{number}; };
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) return {};
  return {.used = 0, .limit = value(limit.rlim_cur), .most = value(limit.rlim_max)};
}

std::uint64_t open_descriptors() {
  support::Directory entries("/proc/self/fd");
  std::uint64_t count = 0;
  while (entries.next() != nullptr) ++count;
  return count > 0 ? count - 1 : 0;  // less the one that this reads through
}

// All threads of this user, as the kernel counts them against the limit.
std::uint64_t threads_of_user() {
  std::uint64_t threads = 0;
  support::Directory entries("/proc");
  while (const char* const name = entries.next()) {
    if (std::string_view(name).find_first_not_of("0123456789") != std::string_view::npos) continue;
    const std::string status = "/proc/" + std::string(name) + "/status";
    if (number_in(status, "Uid") == ::getuid()) threads += number_in(status, "Threads").value_or(0);
  }
  return threads;
}

std::string semaphores_error() {
  try {
    // Its destructor takes the name away.
    (void)ipc::WorkerDoorbell::create(ipc::make_doorbell_name());
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

// Shared memory that cannot be cut off under its user, descriptors of processes, and closing what was inherited.
std::string missing_call() {
  if (!support::open_pidfd(::getpid()).is_open()) return "pidfd_open (Linux 5.3)";
  const UniqueFd memory(::memfd_create("bulkhead-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.is_open()) return "memfd_create (Linux 3.17)";
  if (::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE) != 0) return "F_SEAL_FUTURE_WRITE (Linux 5.1)";
  if (::close_range(~0U, ~0U, 0) != 0) return "close_range (Linux 5.9)";
  return {};
}

}  // namespace

Allowance group_memory(const fs::path& root) {
  return tightest("memory", {"memory.max", "memory.limit_in_bytes"}, {"memory.current", "memory.usage_in_bytes"}, root);
}

Allowance group_processes(const fs::path& root) {
  return tightest("pids", {"pids.max", "pids.max"}, {"pids.current", "pids.current"}, root);
}

Machine read_machine() {
  Machine machine;
  machine.processors = static_cast<unsigned>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  cpu_set_t set;
  CPU_ZERO(&set);
  machine.in_mask = ::sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(std::max(1, CPU_COUNT(&set)))
                                                                  : machine.processors;
  machine.by_quota = support::cgroup_cpus();
  if (const auto kib = number_in("/proc/meminfo", "MemAvailable")) machine.free_memory = *kib * 1024;
  machine.group_memory = group_memory();
  machine.descriptors = limit_of(RLIMIT_NOFILE);
  machine.descriptors.used = open_descriptors();
  machine.processes = limit_of(RLIMIT_NPROC);
  machine.processes.used = threads_of_user();
  if (::geteuid() == 0) machine.processes.limit = kUnlimited;  // the kernel does not hold it against root
  machine.group_processes = group_processes();
  machine.semaphores_error = semaphores_error();
  machine.missing_call = missing_call();
  utsname name{};
  if (::uname(&name) == 0) machine.kernel = name.release;
  return machine;
}

}  // namespace bulkhead::pool
