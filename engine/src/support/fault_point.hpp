// Fault points: named places where a test lets this process die or stop, or a call fail, at the n-th passage.
//
// They stand at every transition in shared memory and at every wrapped system call, and are compiled in by the CMake
// option BULKHEAD_FAULT_POINTS only. Without it the macros leave nothing behind, not even the names.
//
//   $BULKHEAD_FAULT         "worker:ring.publish=kill@3": who, where, what, at which passage; "@3+": from that one on.
//                           Who: host, warden, worker, probe. What: kill, stop, fail.
//   $BULKHEAD_FAULT_COUNTS  a file, made when it is missing, in which all processes count who passed which point how
//                           often (FaultCounts). Passages are counted over all processes of a role.
//
// Ownership: none. Nothing is allocated and no lock is taken: points may stand between clone() and execve().
// Threads:   any.
#pragma once

#ifdef BULKHEAD_FAULT_POINTS

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bulkhead::support {

enum class FaultRole : std::uint8_t { kHost, kWarden, kWorker, kProbe };
inline constexpr std::array<std::string_view, 4> kFaultRoles{"host", "warden", "worker", "probe"};

// What lies in $BULKHEAD_FAULT_COUNTS. Rows are only ever added.
struct FaultCounts {
  struct Row {
    // A point's name; how a call fails (0: it cannot); passages by role. `state` comes last.
    std::array<char, 48> name{};
    std::atomic<std::int32_t> error{0};
    std::array<std::atomic<std::uint32_t>, kFaultRoles.size()> passed{};
    std::atomic<std::uint32_t> state{0};  // 0 free, 1 being written, 2 complete
  };
  static constexpr std::size_t kRows = 256;
  std::atomic<std::uint32_t> fired{0};  // how often a fault was acted out
  std::array<Row, kRows> rows{};
};

// What this process is, from now on. A program begins as the host.
void set_fault_role(FaultRole role) noexcept;
[[nodiscard]] FaultRole fault_role() noexcept;

class FaultPoint {
 public:
  // `name` begins with kMark. `error`: errno of the call that fails here; 0: none does.
  constexpr explicit FaultPoint(const char* name, int error = 0) noexcept : name_(name), error_(error) {}

  // Counts the passage and dies or stops when it is time for that. True: the call is to fail; errno is set.
  bool pass() noexcept;

 private:
  const char* name_;
  int error_;
  std::atomic<FaultCounts::Row*> row_{nullptr};
};

// Before every name, for whoever looks for points in a program file.
inline constexpr std::string_view kFaultMark = "bulkhead fault point: ";

}  // namespace bulkhead::support

#define BULKHEAD_FAULT_PASS(name, error)                                                          \
  ([]() noexcept {                                                                                \
    static constinit ::bulkhead::support::FaultPoint point("bulkhead fault point: " name, error); \
    return point.pass();                                                                          \
  }())
#define BULKHEAD_FAULT_POINT(name) ((void)BULKHEAD_FAULT_PASS(name, 0))
#define BULKHEAD_FAULT_CALL(name, error, failed, ...) (BULKHEAD_FAULT_PASS(name, error) ? (failed) : (__VA_ARGS__))
#define BULKHEAD_FAULT_THROW(name, error, ...)               \
  do {                                                       \
    if (BULKHEAD_FAULT_PASS(name, error)) throw __VA_ARGS__; \
  } while (false)
#define BULKHEAD_FAULT_ROLE(role) ::bulkhead::support::set_fault_role(::bulkhead::support::FaultRole::role)

#else

// A place between two steps.
#define BULKHEAD_FAULT_POINT(name) ((void)0)
// A call, and what it gives when it fails with errno `error`.
#define BULKHEAD_FAULT_CALL(name, error, failed, ...) (__VA_ARGS__)
// Before a call that throws when it fails.
#define BULKHEAD_FAULT_THROW(name, error, ...) ((void)0)
// A process that begins to be something else.
#define BULKHEAD_FAULT_ROLE(role) ((void)0)

#endif
