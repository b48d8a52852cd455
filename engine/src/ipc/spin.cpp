#include "ipc/spin.hpp"

#include <sched.h>

#include <algorithm>

#include "support/cgroup_cpus.hpp"

namespace bulkhead::ipc {

namespace {
// Measured: a wake-up takes 400 to 2000 pauses.
constexpr SpinBudget kBudget{.host_pauses = 2000, .worker_pauses = 2000};
}  // namespace

unsigned usable_cpus() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  // Fails only where there are more processors than the set has bits: many, then.
  const int in_mask = ::sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : CPU_SETSIZE;
  const auto usable = static_cast<unsigned>(in_mask);
  try {
    return std::min(usable, support::cgroup_cpus().value_or(usable));
  } catch (...) {  // no memory to read the files with
    return usable;
  }
}

SpinBudget spin_budget(unsigned cpus, std::uint64_t workers) noexcept {
  if (cpus < 2) return {};
  SpinBudget budget = kBudget;
  if (workers > cpus) budget.worker_pauses /= 10;
  return budget;
}

SpinBudget default_spin_budget() noexcept { return spin_budget(usable_cpus(), 1); }

}  // namespace bulkhead::ipc
