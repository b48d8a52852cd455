// The names of all tasks, read from the plugins' files: nothing is loaded, and what cannot be read is left out.
#pragma once

#include <string>
#include <vector>

#include "common_options.hpp"

namespace bulkhead::cli {

// Of the plugins named, of the manifest, or else of the plugin path. For completion, which must be quick and has nobody to
// complain to. Throws ManifestError.
[[nodiscard]] std::vector<std::string> task_names(const CommonOptions& common);

}  // namespace bulkhead::cli
