// What a worker's last words say, made readable: the functions it crashed in, the exception that ended it.
//
// Threads: any. Nothing in last words is believed: a report may be untrue, but it is bounded and printable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bulkhead/error.hpp"

namespace bulkhead::process {

struct ExitStatus;
struct PluginToLoad;

struct CrashReport {
  std::optional<std::uint64_t> address;  // that could not be used; empty: not that kind of crash
  bool is_stack_overflow = false;
  // The innermost function of a plugin, or else of anything; shortened for a sentence. Empty when that is the SDK's.
  std::string place;
  std::optional<std::uint32_t> plugin;  // that function's, by number
  std::string terminate_text;
  std::vector<StackFrame> backtrace;
  std::string last_output;  // whoever has it adds it
};

// Reads the symbols of the files concerned, which takes milliseconds when they are large. Of a process that did not end
// by the signal it tells of, only the exception counts. `plugins`: the worker's.
[[nodiscard]] CrashReport read_crash_report(std::span<const std::byte> last_words, const ExitStatus& status,
                                            std::span<const PluginToLoad> plugins);

}  // namespace bulkhead::process
