// What /proc tells of processes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace bulkhead::bench {

// Resident memory of this process, in bytes.
[[nodiscard]] std::uint64_t own_memory();
// Resident memory of a process without what is mapped from files whose names end like this; 0 when it is gone.
[[nodiscard]] std::uint64_t memory_beyond(pid_t pid, const std::string& file_ending);
// 0 when it is gone.
[[nodiscard]] pid_t parent_of(pid_t pid);

}  // namespace bulkhead::bench
