// Runs something that may do anything in a process of its own, and keeps what it wrote.
//
// Ownership: the process is gone when run_watched() returns.
// Threads:   one, and the only one of this program: it forks.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace bulkhead::cli {

struct WatchedChild {
  struct Written {
    std::string text;         // the first 64 KiB
    std::uint64_t bytes = 0;  // all that was seen
  };
  std::vector<Written> written;  // for each descriptor asked for
  bool was_too_slow = false;     // and was killed
  int status = 0;                // as waitpid() has it
};

// Runs `body` in a forked child, which has these descriptors, eight at most, as pipes to us (those numbers and the usual
// three only; stdin and what was not asked for are /dev/null) and leaves with what `body` returns. Killed after `limit`,
// and with this program. Throws IoFailure when the machine has no process or pipe left.
[[nodiscard]] WatchedChild run_watched(std::span<const int> descriptors, std::chrono::milliseconds limit,
                                       const std::function<int()>& body);

// "left with exit code 3", "was killed by signal 6 (Aborted)".
[[nodiscard]] std::string how_it_ended(const WatchedChild& child);

}  // namespace bulkhead::cli
