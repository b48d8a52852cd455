// Every operator new of this program is a fault point of its own: "new.<site>", where a site is the chain of callers
// within this program (so what the standard library's shared object does in between, or a plugin, is its caller's).
//
// Linked into the fault points' test only, whose program is host, warden and workers at once. Counts from
// count_allocations() on, and only with
//
//   $BULKHEAD_FAULT_ALLOCATIONS  a file, made when it is missing, in which all processes count (AllocationCounts).
//   $BULKHEAD_FAULT              "host:new.1f2e3d4c5b6a7988=fail@2+": as for other points.
//
// Ownership: none. The file stays mapped.
// Threads:   any.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "support/fault_point.hpp"

namespace bulkhead::test {

inline constexpr std::string_view kAllocationPoint = "new.";

// What lies in $BULKHEAD_FAULT_ALLOCATIONS. Sites are only ever added.
struct AllocationCounts {
  static constexpr std::size_t kCallers = 12;
  struct Site {
    std::atomic<std::uint64_t> id{0};  // 0: free
    std::array<std::atomic<std::uint32_t>, support::kFaultRoles.size()> passed{};
    // Innermost first, from the program's beginning: addr2line knows them.
    std::array<std::atomic<std::uint32_t>, kCallers> callers{};
  };
  static constexpr std::size_t kSites = 1 << 14;
  std::atomic<std::uint32_t> fired{0};
  std::atomic<std::uint32_t> overflowed{0};  // passages that found no room
  std::array<Site, kSites> sites{};
};

// From here on this process, and those it forks, count and fail.
void count_allocations() noexcept;
// No longer: what is left to do is not the engine's.
void forget_allocations() noexcept;

// Within its scope the thread's allocations are the test's own: they are not counted and do not fail.
class OwnAllocations {
 public:
  OwnAllocations() noexcept;
  ~OwnAllocations();
  OwnAllocations(const OwnAllocations&) = delete;
  OwnAllocations& operator=(const OwnAllocations&) = delete;
};

// As it stands in $BULKHEAD_FAULT.
[[nodiscard]] std::string allocation_point(std::uint64_t site);

}  // namespace bulkhead::test
