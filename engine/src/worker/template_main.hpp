// A template: a process that has loaded a pool's plugins, and forks workers that begin with them. The host asks it as it
// asks the warden, which keeps whatever a template that dies leaves behind.
//
// It has one thread and must stay so: a plugin that starts threads while it is loaded is not preloaded.
#pragma once

#include <span>
#include <string_view>

#include "support/unique_fd.hpp"

namespace bulkhead::worker {

// `control` is this end of the control socket. Returns the exit status of the template, or of a worker forked from it.
[[nodiscard]] int run_template(support::UniqueFd control, std::span<char* const> arguments,
                               std::string_view build) noexcept;

}  // namespace bulkhead::worker
