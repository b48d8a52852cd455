// How to wait for a moment without giving the processor away, and for how long that pays.
#pragma once

#include <cstdint>

namespace bulkhead::ipc {

// Tells the processor that this is a waiting loop: saves power and the sibling's pipeline.
inline void cpu_relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Rounds of "look, cpu_relax()" before a side parks.
struct SpinBudget {
  std::uint32_t host_pauses = 0;
  std::uint32_t worker_pauses = 0;
};

// Processors this process may use: its affinity mask, and its control group's quota rounded up; at least 1. Reads
// files: not for hot paths.
[[nodiscard]] unsigned usable_cpus() noexcept;

// Zero where one processor is usable: spinning there only keeps the peer from running. Otherwise
// the worker's budget exceeds one wake-up, or the pair would park by turns for ever.
[[nodiscard]] SpinBudget default_spin_budget() noexcept;

}  // namespace bulkhead::ipc
