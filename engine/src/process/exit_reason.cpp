#include "process/exit_reason.hpp"

#include <csignal>
#include <cstring>

#include "support/hex_text.hpp"

namespace bulkhead::process {

std::string describe_status(bool known, int signal, int exit_code, bool core_dumped) {
  if (!known) return "ended, its status is unknown";
  if (signal == 0) return "exited with status " + std::to_string(exit_code);
  std::string text = "killed by signal " + std::to_string(signal);
  // Thread-safe and never translated, unlike strsignal().
  if (const char* const name = ::sigabbrev_np(signal)) text += std::string(" (SIG") + name + ")";
  if (core_dumped) text += ", core dumped";
  return text;
}

std::string describe(const ExitReason& reason) {
  const CrashReport& crash = reason.crash;
  const bool has_address = reason.known && crash.address;
  // "core dumped at address …" would be read wrong.
  const bool dump_comes_last = reason.core_dumped && (has_address || !crash.place.empty());
  std::string text =
      describe_status(reason.known, reason.signal, reason.exit_code, reason.core_dumped && !dump_comes_last);
  if (has_address) {
    text += (crash.is_stack_overflow ? ", stack overflow, at address " : " at address ") +
            support::hex_text(*crash.address);
  }
  text += crash.place.empty() ? " in phase " : " in " + crash.place + " (phase ";
  text += name_of(reason.phase);
  if (!crash.place.empty()) text += ")";
  if (dump_comes_last) text += ", core dumped";
  if (!crash.terminate_text.empty()) text += ": " + crash.terminate_text;
  if (reason.oom_hint) {
    text += ": probably for want of memory (it had up to " + std::to_string(reason.max_rss_bytes >> 20) + " MiB)";
  }
  if (!reason.text.empty()) text += ": " + reason.text;
  return text;
}

}  // namespace bulkhead::process
