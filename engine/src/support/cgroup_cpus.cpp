#include "support/cgroup_cpus.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include "support/cgroup.hpp"
#include "support/joined_path.hpp"

namespace bulkhead::support {

namespace {

namespace fs = std::filesystem;

// Empty: no limit.
std::optional<double> quota_of(const fs::path& folder, bool is_v2) {
  double period = 0;
  if (is_v2) {
    std::ifstream file(joined_path(folder, "cpu.max"));
    std::string quota;
    if (!(file >> quota >> period) || quota == "max" || period <= 0) return std::nullopt;
    std::istringstream number(quota);
    double time = 0;
    return number >> time && time > 0 ? std::optional(time / period) : std::nullopt;
  }
  std::ifstream quota_file(joined_path(folder, "cpu.cfs_quota_us"));
  std::ifstream period_file(joined_path(folder, "cpu.cfs_period_us"));
  double time = 0;
  if (!(quota_file >> time) || !(period_file >> period) || time <= 0 || period <= 0) return std::nullopt;
  return time / period;
}

}  // namespace

std::optional<unsigned> cgroup_cpus(const fs::path& root) {
  std::optional<double> least;
  for (const CgroupFolder& folder : cgroup_folders("cpu", root)) {
    if (const auto quota = quota_of(folder.path, folder.is_v2)) least = std::min(least.value_or(*quota), *quota);
  }
  if (!least) return std::nullopt;
  constexpr double kMost = std::numeric_limits<int>::max();
  return static_cast<unsigned>(std::clamp(std::ceil(*least), 1.0, kMost));
}

}  // namespace bulkhead::support
