// The job log of a map: a line of JSON for every item that is finished, appended and never rewritten.
//
//   {"run":{"task":"img.resize",…},"resumed":false,"started":"2026-01-31T12:00:00.000Z"}   a run begins
//   {"item":7,"sha256":"…","status":"ok","start":"…","seconds":0.25,"end":4711}            item 7; its line ends there
//   {"assembled":4711}                                                                      the output was put in order
//
// The order of writing is the promise: an item's line is in the output before its entry is in the log. Whatever ends
// the program, the output holds every line the log tells of, and perhaps more, which --resume cuts off.
//
// Ownership: owns the file, and a lock on it: one program writes a log at a time.
// Threads:   one at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "item_source.hpp"
#include "output.hpp"

namespace bulkhead::cli {

struct LogEntry {
  const Item* item = nullptr;
  std::string error_type;            // empty: it succeeded
  std::optional<std::uint64_t> end;  // bytes of output up to and with its line; unset: the output is no file
};

class JobLog {
 public:
  // Opens or creates it. Throws UsageFailure when it cannot, when it is no regular file, or while another program
  // writes to it.
  explicit JobLog(const std::string& file);
  JobLog(const JobLog&) = delete;
  JobLog& operator=(const JobLog&) = delete;

  // All of it. Throws IoFailure.
  [[nodiscard]] std::string text() const;
  // Takes away what follows: a line that was torn when its program was killed. Throws IoFailure.
  void cut(std::uint64_t size) { file_.cut(size); }

  // `identity`: JSON that says of which command the items are. On disk when it returns.
  void begin(const std::string& identity, bool is_resumed);
  void add(const LogEntry& entry);
  // The output of this size, in order, is about to take the place of what is there. On disk when it returns.
  void add_assembled(std::uint64_t size);

  // Throws IoFailure. Requires: the output has every line told of.
  void flush() { file_.flush(); }
  // Forgets what was not flushed: the output never got those lines.
  void discard() noexcept { file_.buffer().clear(); }

  [[nodiscard]] const Output& file() const noexcept { return file_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  [[nodiscard]] bool ends_whole() const;

  std::string name_;
  Output file_;
};

// The beginning of its SHA-256: enough to see that an item is another.
[[nodiscard]] std::uint64_t item_hash(const std::string& text);

}  // namespace bulkhead::cli
