// A copy of some bytes in memory that nobody can change any more, behind a descriptor.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "support/unique_fd.hpp"

namespace bulkhead::plugin {

// `name` shows up in /proc/PID/maps and in debuggers. The copy is sealed against writing, growing,
// shrinking and further seals. Throws ResourceError (need: the size in bytes).
[[nodiscard]] support::UniqueFd make_private_copy(std::span<const std::byte> bytes, const std::string& name);

// Made by make_private_copy(), in this process or another.
[[nodiscard]] bool is_private_copy(int fd) noexcept;

}  // namespace bulkhead::plugin
