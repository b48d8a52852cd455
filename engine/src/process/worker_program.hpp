// Where the worker program is.
#pragma once

#include <filesystem>
#include <optional>

namespace bulkhead::process {

// The option if there is one; $BULKHEAD_WORKER if it is set; else the first that exists of: the
// place compiled in, beside the library this code is in, beside the executable. Throws
// ResourceError, with all places tried and what was wrong there.
[[nodiscard]] std::filesystem::path find_worker_program(const std::optional<std::filesystem::path>& option);

}  // namespace bulkhead::process
