// What the system's own loader says of a library's needs, without running its code: as ldd -r does it.
//
// Ownership and threads: as run_watched().
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace bulkhead::cli {

struct LoaderTrace {
  std::vector<std::string> missing;    // libraries that were not found
  std::vector<std::string> undefined;  // symbols of this file that no library has; spelled as in the source
};

// Nothing where this program was linked without a loader, or the loader would not say.
[[nodiscard]] std::optional<LoaderTrace> trace_loader(const std::string& file);

}  // namespace bulkhead::cli
