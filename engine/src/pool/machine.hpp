// What this machine lets this process have.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>

namespace bulkhead::pool {

inline constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

struct Allowance {
  std::uint64_t used = 0;
  std::uint64_t limit = kUnlimited;  // that holds now
  std::uint64_t most = kUnlimited;   // to which this process may raise it
  [[nodiscard]] std::uint64_t left() const noexcept { return limit > used ? limit - used : 0; }
};

struct Machine {
  unsigned processors = 1;  // that are switched on
  unsigned in_mask = 1;     // of them, this process's
  std::optional<unsigned> by_quota;
  std::uint64_t free_memory = kUnlimited;  // bytes that could be had without swapping
  Allowance group_memory;                  // of the control group with the least left
  Allowance descriptors;                   // of this process
  Allowance processes;                     // of this user, threads included; not limited for root
  Allowance group_processes;               // of the control group with the least left
  std::string semaphores_error;            // why none can be made; empty: one can
  std::string missing_call;                // of the kernel, that the engine cannot do without; empty: none
  std::string kernel;                      // its release
};

// Never throws but for memory: what cannot be read stays as above.
[[nodiscard]] Machine read_machine();
// The two that are in files below `root`.
[[nodiscard]] Allowance group_memory(const std::filesystem::path& root = "/");
[[nodiscard]] Allowance group_processes(const std::filesystem::path& root = "/");

}  // namespace bulkhead::pool
