// Makes lines of what a worker's tasks write: reads its output tail, and the rest of its pipe when it has ended.
//
// Ownership: owns what it has of unfinished lines.
// Threads:   one at a time.
// The worker may write anything: lines are bounded and printable, and no call takes more than a tail and a pipe can hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/output_tail.hpp"

namespace bulkhead::protocol {

struct OutputLine {
  std::optional<std::uint8_t> level;  // of a line of log(): BULKHEAD_LOG_; none: written to stdout or stderr
  std::string plugin;                 // of a line of log()
  std::uint8_t phase = 0;             // a bulkhead::Phase, as all that follows by the worker's word
  std::uint32_t task = 0;             // the running task's number; in phase kIdle, the last one's
  std::uint32_t attempt = 0;
  std::uint64_t task_id = 0;
  std::string text;  // printable UTF-8; other bytes as \x1b
};

// Control characters and bytes that are no UTF-8 as \x1b; tabs stay.
[[nodiscard]] std::string printable_text(std::string_view bytes);

class OutputReader {
 public:
  using Sink = std::function<void(OutputLine)>;
  // A longer line comes in pieces.
  static constexpr std::size_t kMaxLineBytes = 4096;

  explicit OutputReader(Sink sink) : sink_(std::move(sink)) {}

  // What is new in the tail.
  void take(OutputTail& tail);
  // The same when the worker has ended, and what its pipe still holds (`pipe` does not block; -1: there is none). A line
  // without an end ends here. `at`: where what the pipe holds comes from.
  void take_last(OutputTail& tail, int pipe, const OutputMark& at);
  // As if it came next.
  void feed(std::string_view bytes);

  // Bytes that were overwritten before they were read.
  [[nodiscard]] std::uint64_t lost_bytes() const noexcept { return lost_bytes_; }
  // The latest lines, at most 4 KiB.
  [[nodiscard]] const std::string& latest() const noexcept { return latest_; }

 private:
  void take_up_to(const OutputTail& tail, std::uint64_t end, const std::function<std::uint64_t()>& oldest);
  void lose(std::uint64_t bytes);
  void end_mark();
  void add_text(std::string_view text);
  void end_line();
  void keep(const OutputLine& line);

  const Sink sink_;
  std::uint64_t position_ = 0;  // in the tail
  std::uint64_t lost_bytes_ = 0;
  OutputLine next_;  // without its text: what the next line is
  OutputLine line_;  // begun
  bool has_line_ = false;
  bool is_in_mark_ = false;
  bool skips_rest_ = false;  // of a line whose beginning was lost
  std::string mark_;
  std::string latest_;
};

}  // namespace bulkhead::protocol
