// Loads a plugin as a worker would, and measures that: for `bulkhead plugin check`, in a process of its own.
#pragma once

#include <string>

namespace bulkhead::worker {

// Writes to descriptor 3, a line each: "begin" when the plugin's code is about to run; "loaded NANOSECONDS BYTES
// THREADS" (what loading took, of resident memory, and how many threads it started); "initialised NANOSECONDS" when the
// initialiser has run; and "refused TEXT" when one of them failed. What is written to other descriptors is the plugin's.
// Ends the process with status 0, unless the plugin ends it before.
[[noreturn]] void run_trial(const std::string& file, const std::string& config_json) noexcept;

}  // namespace bulkhead::worker
