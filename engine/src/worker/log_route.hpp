// Where lines of log() go from this thread: to the process's captured output, to the host that a worker thread belongs to,
// or to stderr.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <string_view>

#include "ipc/channel_layout.hpp"
#include "protocol/output_tail.hpp"

namespace bulkhead::worker {

// `level`: a BULKHEAD_LOG_ value, or beyond. Never throws; a line longer than a pipe takes at once is cut.
void log_line(std::int32_t level, std::string_view plugin, std::string_view text) noexcept;

// From now on the lines of this process (not of those it forks) are written to `pipe`, with a mark each that says what
// `area` says. Both last as long as the process.
void send_log_lines_to(int pipe, const ipc::WorkerArea& area) noexcept;

// What the worker is at.
[[nodiscard]] protocol::OutputMark mark_of(const ipc::WorkerArea& area) noexcept;

// Receives the lines of a worker that is a thread.
class LogRoute {
 public:
  virtual void log_line(std::uint8_t level, std::string_view plugin, std::string_view text) = 0;

 protected:
  ~LogRoute() = default;
};

// This thread's lines go there while it exists.
class LogRouteScope {
 public:
  explicit LogRouteScope(LogRoute& route) noexcept;
  ~LogRouteScope();
  LogRouteScope(const LogRouteScope&) = delete;
  LogRouteScope& operator=(const LogRouteScope&) = delete;
};

}  // namespace bulkhead::worker
