// Runs the call of a dead letter in this process, as its worker did, and nothing else: for a debugger.
#pragma once

#include <string>

namespace bulkhead::worker {

// Runs it `times` times and says on stdout how each went. 0: it returned every time; 1: the task failed; 3: the plugin
// cannot be used; 4: the letter cannot be read. A call that crashes takes the process with it.
[[nodiscard]] int run_replay(const std::string& file, unsigned long times) noexcept;

}  // namespace bulkhead::worker
