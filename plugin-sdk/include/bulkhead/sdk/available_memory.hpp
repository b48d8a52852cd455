// How much memory could still be taken without the kernel killing somebody for it.
//
// Threads: any.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>

#include <sys/sysinfo.h>

namespace bulkhead::sdk {

namespace memory_files {

using File = std::unique_ptr<FILE, int (*)(FILE*)>;

inline File open_text(const char* path) { return {std::fopen(path, "re"), std::fclose}; }

inline std::uint64_t free_bytes() {
  struct sysinfo info {};
  if (::sysinfo(&info) != 0) return 0;
  return static_cast<std::uint64_t>(info.freeram) * info.mem_unit;
}

// Without /proc: what is free.
inline std::uint64_t machine_bytes() {
  if (const File file = open_text("/proc/meminfo")) {
    char line[128];
    while (std::fgets(line, sizeof line, file.get()) != nullptr) {
      unsigned long long kib = 0;
      if (std::sscanf(line, "MemAvailable: %llu kB", &kib) == 1) return std::uint64_t{kib} << 10;
    }
  }
  return free_bytes();
}

// "max", or no such file: no limit.
inline std::uint64_t container_bytes() {
  const File file = open_text("/sys/fs/cgroup/memory.max");
  unsigned long long bytes = 0;
  if (!file || std::fscanf(file.get(), "%llu", &bytes) != 1) {
    return std::numeric_limits<std::uint64_t>::max();
  }
  return bytes;
}

}  // namespace memory_files

// Free memory and cache that can be dropped, and no more than the control group of this container
// may have. An estimate: others take memory too.
[[nodiscard]] inline std::uint64_t available_memory_bytes() noexcept {
  return std::min(memory_files::machine_bytes(), memory_files::container_bytes());
}

// Linux reserves shared memory page by page and, instead of refusing what it does not have, kills
// processes; so this is asked first. Cheap (about a microsecond) while plenty is free.
[[nodiscard]] inline bool can_reserve_memory(std::uint64_t bytes) noexcept {
  // Left to the rest of the machine.
  constexpr std::uint64_t kReserveBytes = std::uint64_t{64} << 20;
  // Beyond this much free memory a container's own limit is the only one worth asking for.
  constexpr std::uint64_t kSmallBytes = std::uint64_t{16} << 20;
  if (bytes <= kSmallBytes && memory_files::free_bytes() >= kSmallBytes + kReserveBytes) return true;
  const std::uint64_t available = available_memory_bytes();
  return available >= kReserveBytes && bytes <= available - kReserveBytes;
}

}  // namespace bulkhead::sdk
