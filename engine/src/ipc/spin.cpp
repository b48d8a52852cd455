#include "ipc/spin.hpp"

#include <sched.h>

#include <algorithm>

namespace bulkhead::ipc {

namespace {
// Measured: a wake-up takes 400 to 2000 pauses.
constexpr SpinBudget kBudget{.host_pauses = 2000, .worker_pauses = 2000};
}  // namespace

unsigned usable_cpus() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  // Fails only where there are more processors than the set has bits: many, then.
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return CPU_SETSIZE;
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
}

SpinBudget default_spin_budget() noexcept { return usable_cpus() > 1 ? kBudget : SpinBudget{}; }

}  // namespace bulkhead::ipc
