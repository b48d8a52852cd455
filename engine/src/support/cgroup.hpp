// The control groups that this process is in, as folders of files.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace bulkhead::support {

struct CgroupFolder {
  std::filesystem::path path;
  bool is_v2 = false;
};

// Where the limits of this controller ("cpu", "memory", "pids") are that hold for this process: its own group first, then
// the groups above it, of version 2 or 1. A folder may not exist, or lack the controller's files. Reads below `root`:
// proc/self/cgroup, proc/self/mountinfo and the mounts they name.
[[nodiscard]] std::vector<CgroupFolder> cgroup_folders(std::string_view controller,
                                                       const std::filesystem::path& root = "/");

}  // namespace bulkhead::support
