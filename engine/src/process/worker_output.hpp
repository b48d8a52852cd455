// What one worker process writes, line by line: the host's end of its output pipe and tail.
//
// A worker that writes more lines than a log should hold has the rest counted, and told of once a second.
//
// Ownership: owns both ends of the pipe until the worker has its own; borrows loop and log.
// Threads:   the loop's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "ipc/host_channel.hpp"
#include "process/event_loop.hpp"
#include "protocol/output_reader.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::support {
class Log;
}

namespace bulkhead::process {

class WorkerOutput {
 public:
  using Sink = std::function<void(const protocol::OutputLine&)>;
  static constexpr std::uint64_t kMostLinesPerSecond = 1000;

  // Throws ResourceError when there are no descriptors for the pipe.
  WorkerOutput(EventLoop& loop, support::Log& log, std::uint32_t slot, Sink sink);

  [[nodiscard]] int reader_fd() const noexcept { return reader_.get(); }
  [[nodiscard]] int writer_fd() const noexcept { return writer_.get(); }
  // The worker has it.
  void close_writer() noexcept { writer_.reset(); }

  void take(const ipc::HostChannel& channel) { reading_.take(protocol::output_tail_in(channel.output())); }
  // The worker has ended. What others still write to its pipe goes nowhere.
  void take_last(const ipc::HostChannel& channel);
  // The latest lines, at most 4 KiB.
  [[nodiscard]] const std::string& latest() const noexcept { return reading_.latest(); }

 private:
  void pass(const protocol::OutputLine& line);
  void tell_of_omissions();

  EventLoop& loop_;
  support::Log& log_;
  const std::uint32_t slot_;
  const Sink sink_;
  protocol::OutputReader reading_;
  support::UniqueFd reader_;
  support::UniqueFd writer_;
  std::chrono::steady_clock::time_point second_began_{};
  std::uint64_t lines_this_second_ = 0;
  std::uint64_t omitted_lines_ = 0;
  std::uint64_t told_lost_bytes_ = 0;
  EventLoop::Timer end_of_second_;
};

}  // namespace bulkhead::process
