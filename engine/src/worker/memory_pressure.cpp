#include "worker/memory_pressure.hpp"

#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace bulkhead::worker {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

// Of version 2 or 1.
constexpr const char* kEventFiles[] = {"memory.events", "memory.oom_control"};
constexpr const char* kLimitFiles[] = {"memory.max", "memory.limit_in_bytes"};

// Lines "4:memory:/user.slice" and, of version 2, "0::/user.slice".
fs::path find_group(const fs::path& root) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && controllers != "memory") continue;
    const fs::path mount = root / "sys/fs/cgroup" / controllers;
    // A container may show its own group at the mount's top.
    for (const fs::path& folder : {mount / fs::path(line.substr(second + 1)).relative_path(), mount}) {
      std::error_code error;
      for (const char* name : kEventFiles) {
        if (fs::exists(folder / name, error)) return folder;
      }
    }
  }
  return {};
}

// Of a line "oom_kill 3". The other lines are like it.
bool read_kills(const fs::path& path, std::uint64_t& kills) {
  std::ifstream file(path);
  std::string name;
  for (std::uint64_t value = 0; file >> name >> value;) {
    if (name != "oom_kill") continue;
    kills = value;
    return true;
  }
  return false;
}

// "max": none.
std::uint64_t read_limit(const fs::path& group) {
  for (const char* name : kLimitFiles) {
    std::ifstream file(group / name);
    if (std::uint64_t bytes = 0; file >> bytes) return bytes;
  }
  return kNoLimit;
}

}  // namespace

MemoryPressure::MemoryPressure(fs::path root)
    : root_(std::move(root)),
      group_(find_group(root_)),
      limit_(group_.empty() ? kNoLimit : read_limit(group_)),
      seen_kills_(kills()) {}

std::uint64_t MemoryPressure::kills() const {
  std::uint64_t kills = 0;
  for (const char* name : kEventFiles) {
    if (!group_.empty() && read_kills(group_ / name, kills)) return kills;
  }
  read_kills(root_ / "proc/vmstat", kills);
  return kills;
}

bool MemoryPressure::explains_kill(std::uint64_t max_rss_bytes) {
  const std::uint64_t seen = std::exchange(seen_kills_, kills());
  return seen_kills_ > seen || max_rss_bytes >= limit_ - limit_ / 10;
}

}  // namespace bulkhead::worker
