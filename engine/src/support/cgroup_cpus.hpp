// How many CPUs' worth of time this process's control groups allow it.
#pragma once

#include <filesystem>
#include <optional>

namespace bulkhead::support {

// The smallest quota of its own group and the groups above, of version 2 (cpu.max) or 1 (cpu.cfs_quota_us), rounded up
// and at least 1. Empty: none, or none that can be read. Reads below `root`: proc/self/cgroup, proc/self/mountinfo and
// the mounts they name.
[[nodiscard]] std::optional<unsigned> cgroup_cpus(const std::filesystem::path& root = "/");

}  // namespace bulkhead::support
