// Ends this process when the host is gone, whatever a task is doing, and carries what tasks write.
//
// Threads:   starts one, which waits for the host's end and for output, with all signals blocked.
#pragma once

#include <optional>

#include "support/unique_fd.hpp"
#include "worker/output_pump.hpp"

namespace bulkhead::worker {

// Descriptors that a plugin closed under us end the worker with this status.
inline constexpr int kDescriptorsClosedStatus = 71;

// Call it after any sandbox is set up (Landlock and unshare want a single thread) and before any
// plugin code runs (a plugin may hang while it is loaded). Takes the pidfd for the rest of the
// process's life. Throws ResourceError.
void start_host_watcher(support::UniqueFd host_pidfd, std::optional<OutputPump> output = {});

}  // namespace bulkhead::worker
