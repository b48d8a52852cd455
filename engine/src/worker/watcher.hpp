// Ends this process when the host is gone, whatever a task is doing.
//
// Threads:   starts one, which does nothing but wait on the host's pidfd, with all signals blocked.
#pragma once

#include "support/unique_fd.hpp"

namespace bulkhead::worker {

// Descriptors that a plugin closed under us end the worker with this status.
inline constexpr int kDescriptorsClosedStatus = 71;

// Call it after any sandbox is set up (Landlock and unshare want a single thread) and before any
// plugin code runs (a plugin may hang while it is loaded). Takes the pidfd for the rest of the
// process's life. Throws ResourceError.
void start_host_watcher(support::UniqueFd host_pidfd);

}  // namespace bulkhead::worker
