// Tells an object that it is a copy in a child made by fork(), where its threads and locks are not.
//
// Threads: any. Costs a load, no system call.
#pragma once

#include <cstdint>

namespace bulkhead::support {

// How many forks lie between the program's start and this process. Remember it; another number later means "copied".
[[nodiscard]] std::uint32_t fork_epoch() noexcept;

}  // namespace bulkhead::support
