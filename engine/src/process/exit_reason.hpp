// How and why a worker process ended.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "bulkhead/error.hpp"
#include "process/crash_report.hpp"

namespace bulkhead::process {

// What the warden saw when it reaped the process.
struct ExitStatus {
  bool known = false;  // false: the warden died at the same time
  int signal = 0;      // 0: it exited, or unknown
  int exit_code = -1;  // -1: ended by a signal, or unknown
  bool core_dumped = false;
  std::uint64_t max_rss_bytes = 0;
  std::chrono::nanoseconds user_time{};
  std::chrono::nanoseconds system_time{};
  bool is_memory_short = false;
};

struct ExitReason {
  bool known = false;
  int signal = 0;
  int exit_code = -1;
  bool core_dumped = false;
  Phase phase = Phase::kStart;
  bool was_ready = false;
  // It did not say why, and nobody here ended it.
  bool is_unexplained = false;
  // What it said before it ended, or why it was ended: a failed load or initialiser with the
  // plugin's name and the error, a handshake mismatch, a protocol violation, a passed limit. Of a
  // process that died without a word while it started: what it was at. Empty for a plain crash.
  std::string text;
  std::uint64_t max_rss_bytes = 0;
  std::chrono::nanoseconds user_time{};
  std::chrono::nanoseconds system_time{};
  bool oom_hint = false;
  bool is_late = false;     // it was ended because it was not ready in time
  bool is_cut_off = false;  // its time was up, and there was no warden to start it, or no message came through
  // The number of the plugin it was loading or initialising, or crashed in; nullopt: none, or it is not known.
  std::optional<std::uint32_t> plugin{};
  CrashReport crash;
};

// "killed by signal 9 (SIGKILL)", "exited with status 3", "ended, its status is unknown".
[[nodiscard]] std::string describe_status(bool known, int signal, int exit_code, bool core_dumped);

// The whole story in one sentence: "killed by signal 11 (SIGSEGV) in phase load: while plugin "x" (x.so) was loaded";
// of a crash that left word: "killed by signal 11 (SIGSEGV) at address 0x0 in shop::price(int) (phase run)".
[[nodiscard]] std::string describe(const ExitReason& reason);

}  // namespace bulkhead::process
