// A small program that uses the engine in every way it can be used, and checks what is promised of it whatever happens
// to its processes: each task it submitted has exactly one verdict, a right result or an error of ours; what could not
// be submitted said so with an error of ours, or with std::bad_alloc.
#pragma once

#include <string_view>

namespace bulkhead::test {

struct WorkloadOptions {
  std::string_view folder;  // for dead letters
  bool has_limits = false;  // every task has a deadline: for processes that are stopped
};

inline constexpr int kItemsPerChunk = 4;

// The exit status: 0, or 3 with the broken promises on stderr. "unlike <n>" on stdout: how many tasks ended otherwise
// than they do when nothing goes wrong; "refused" when there was no engine or pool at all.
[[nodiscard]] int run_workload(const WorkloadOptions& options);

}  // namespace bulkhead::test
