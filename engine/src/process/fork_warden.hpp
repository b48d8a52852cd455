// Copies this process, to have a warden whose workers are copies of it.
#pragma once

#include <filesystem>
#include <span>

#include "ipc/control_socket.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::process {

struct ForkedWarden {
  ipc::ControlSocket socket;  // our end; the copy leaves when it closes
  support::UniqueFd program;  // as open_program() gave it to the copy too
};

// The copy is no child of this process. It closes `engine_fds`. Throws UsageError when this process has more than one
// thread, ResourceError; nothing is left behind then.
[[nodiscard]] ForkedWarden fork_warden(const std::filesystem::path& program, std::span<const int> engine_fds);

}  // namespace bulkhead::process
