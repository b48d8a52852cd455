// A worker's life but for its tasks: handshake, channel, plugins, initialisers, then the task loop.
#pragma once

#include <string_view>

#include "support/unique_fd.hpp"
#include "worker/preloaded.hpp"

namespace bulkhead::worker {

// Exit status of a worker or probe that told the host why it cannot go on.
inline constexpr int kStartFailedStatus = 73;

// Before any plugin is loaded, in a worker or a template.
void prepare_process() noexcept;

// `control` is this end of the control socket. Returns the process's exit status; 0 when the host
// went away. `preloaded`: what the template this was forked from has loaded; nullptr: there was none.
[[nodiscard]] int run_worker(support::UniqueFd control, std::string_view build,
                             const Preloaded* preloaded = nullptr) noexcept;

}  // namespace bulkhead::worker
