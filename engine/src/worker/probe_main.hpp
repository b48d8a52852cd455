// A throw-away process that loads one plugin and tells what it is: the plugin may crash, leave or
// hang here.
#pragma once

#include <string_view>

#include "support/unique_fd.hpp"

namespace bulkhead::worker {

// Returns the process's exit status.
[[nodiscard]] int run_probe(support::UniqueFd control, std::string_view build) noexcept;

}  // namespace bulkhead::worker
