// Executes the worker program without copying this process, however large it is.
#pragma once

#include <sys/types.h>

#include <filesystem>

#include "support/unique_fd.hpp"

namespace bulkhead::process {

// The file to execute, now and later, whatever is installed in its place meanwhile. Throws
// ResourceError.
[[nodiscard]] support::UniqueFd open_program(const std::filesystem::path& program);

// Starts it with one argument, not as a child of this process, and `socket` as its descriptor protocol::kSocketFd, in a session of
// its own (Ctrl-C does not reach it), all signals at their defaults and none blocked. Returns 0, or
// an error number.
[[nodiscard]] int spawn_program(int program_fd, const char* shown_name, const char* argument, int socket,
                                pid_t& pid) noexcept;

}  // namespace bulkhead::process
