// One run of the workload with one fault in one of its processes, and what became of the promise.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "support/fault_point.hpp"

namespace bulkhead::test {

struct Fault {
  support::FaultRole role = support::FaultRole::kHost;
  std::string point;
  std::string action;         // kill, stop, fail
  std::uint32_t passage = 0;  // 0: none, only count
  bool goes_on = false;

  // As $BULKHEAD_FAULT wants it.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool is_of_allocation() const;
};

// What one point saw.
struct Passages {
  int error = 0;  // 0: no call fails there
  std::array<std::uint32_t, support::kFaultRoles.size()> count{};
};

struct FaultOutcome {
  std::string broken;  // the promise; empty: it was kept
  bool has_fired = false;
  std::map<std::string, Passages> passages;  // of points, or of allocations
};

enum class Count : std::uint8_t { kPoints, kAllocations };

// `program`: this one, which runs the workload when its first argument is kWorkloadArgument. `count`: with no fault, what
// is to be counted.
[[nodiscard]] FaultOutcome run_with_fault(const std::filesystem::path& program, const Fault& fault,
                                          Count count = Count::kPoints);

inline constexpr const char* kWorkloadArgument = "--workload";

}  // namespace bulkhead::test
