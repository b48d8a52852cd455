// The warden: the small single-threaded process that starts workers, reaps them, says how they
// ended, and removes every process and name when the host vanishes. It never loads a plugin.
//
// Threads:   one; it must stay so, because workers are forked straight out of it.
#pragma once

#include <span>
#include <string_view>

#include "ipc/control_socket.hpp"
#include "support/unique_fd.hpp"
#include "worker/preloaded.hpp"

namespace bulkhead::worker {

// Runs the warden over the socket at protocol::kSocketFd. Forks first: the caller's process ends at
// once, so that the host has no child to trip over. Returns, with the exit status, in the warden
// when all is over; forked workers and probes end by std::exit(). `arguments` is argv: the process
// title of forked workers is written there.
[[nodiscard]] int warden_main(std::span<char* const> arguments, std::string_view build);

// The same work for a template: over `socket`, with the host that this pidfd is of, and workers that begin with what is
// preloaded. Returns as warden_main() does.
[[nodiscard]] int keep_workers(ipc::ControlSocket socket, support::UniqueFd host, std::span<char* const> arguments,
                               const Preloaded& preloaded, std::string_view build);

}  // namespace bulkhead::worker
