// The worker program's roles, by its first argument.
#pragma once

#include <span>
#include <string_view>

namespace bulkhead::worker {

// -1: `arguments` (argv) is no command line of ours. Otherwise the exit status of what ran. `build`
// is what the handshake shows the host.
[[nodiscard]] int run_program(std::span<char* const> arguments, std::string_view build);

}  // namespace bulkhead::worker
