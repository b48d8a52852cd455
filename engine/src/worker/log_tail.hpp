// The latest lines that plugins log, kept in shared memory for the host to read should this process die.
//
// One for the process, as its stderr is. Threads: any; lines of two threads may then be mixed in their bytes.
#pragma once

#include <string_view>

#include "protocol/last_words.hpp"

namespace bulkhead::worker {

// From now on lines are kept in `tail`, which lasts as long as the process. Not in thread workers: what they log is the
// host's own output.
void keep_log_lines(protocol::LogTail& tail) noexcept;

// Nothing before keep_log_lines(), and in forked children, which do not have that memory.
void keep_log_line(std::string_view line) noexcept;

}  // namespace bulkhead::worker
