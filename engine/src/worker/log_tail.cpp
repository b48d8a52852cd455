#include "worker/log_tail.hpp"

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>

namespace bulkhead::worker {

namespace {

struct LogState {
  std::atomic<protocol::LogTail*> tail{nullptr};
  pid_t pid = 0;
};
constinit LogState log_state;

}  // namespace

void keep_log_lines(protocol::LogTail& tail) noexcept {
  log_state.pid = ::getpid();
  // release: who sees the tail sees the pid.
  log_state.tail.store(&tail, std::memory_order_release);
}

void keep_log_line(std::string_view line) noexcept {
  // acquire: see above.
  protocol::LogTail* const tail = log_state.tail.load(std::memory_order_acquire);
  if (tail == nullptr || ::getpid() != log_state.pid) return;
  const std::size_t room = tail->bytes.size();
  line = line.substr(line.size() - std::min(line.size(), room));
  // relaxed: it only shares out the room; the host reads when this process is gone.
  const auto at = static_cast<std::size_t>(tail->written.fetch_add(line.size(), std::memory_order_relaxed) % room);
  const std::size_t before_end = std::min(line.size(), room - at);
  std::memcpy(tail->bytes.data() + at, line.data(), before_end);
  std::memcpy(tail->bytes.data(), line.data() + before_end, line.size() - before_end);
}

}  // namespace bulkhead::worker
