// The warden as a copy of the host: the workers it forks are copies of the host as it was.
//
// Everything the host had open or installed stays as fork() leaves it; only stdin and stdout are what they are in every
// worker. Nothing the host registered for exit runs in a copy, and nothing it had buffered for stdout is written twice.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <csignal>

#include "ipc/control_socket.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::worker {

struct HostCopy {
  ipc::ControlSocket socket;
  support::UniqueFd program;  // what workers of the other start methods execute
  std::string program_name;
  sigset_t signals{};               // the host's mask
  std::span<const int> engine_fds;  // closed: of no use here
};

// In the forked process, which has one thread and never comes back. All signals are blocked.
[[noreturn]] void run_warden_copy(HostCopy copy, std::string_view build) noexcept;

}  // namespace bulkhead::worker
