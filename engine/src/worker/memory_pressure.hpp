// Whether the kernel kills processes for their memory, as far as it tells.
//
// Threads: one. What cannot be read says nothing.
#pragma once

#include <cstdint>
#include <filesystem>

namespace bulkhead::worker {

class MemoryPressure {
 public:
  // Reads below `root`: proc/self/cgroup, proc/vmstat and sys/fs/cgroup.
  explicit MemoryPressure(std::filesystem::path root = "/");

  // For a process that was killed just now: the kernel has killed for memory since this was last asked (in this control
  // group; anywhere, where there is none), or the process had nearly all that the group may have.
  [[nodiscard]] bool explains_kill(std::uint64_t max_rss_bytes);

 private:
  [[nodiscard]] std::uint64_t kills() const;

  const std::filesystem::path root_;
  std::filesystem::path group_;  // its folder; empty: none that knows of memory
  std::uint64_t limit_;
  std::uint64_t seen_kills_;
};

}  // namespace bulkhead::worker
