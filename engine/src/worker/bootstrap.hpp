// A worker's life but for its tasks: handshake, channel, plugins, initialisers, then the task loop.
#pragma once

#include <string_view>

#include "support/unique_fd.hpp"

namespace bulkhead::worker {

// Exit status of a worker or probe that told the host why it cannot go on.
inline constexpr int kStartFailedStatus = 73;

// `control` is this end of the control socket. Returns the process's exit status; 0 when the host
// went away.
[[nodiscard]] int run_worker(support::UniqueFd control, std::string_view build) noexcept;

}  // namespace bulkhead::worker
