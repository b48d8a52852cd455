#include "process/exit_reason.hpp"

#include <csignal>
#include <cstring>

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
  std::string text = describe_status(reason.known, reason.signal, reason.exit_code, reason.core_dumped);
  text += " in phase ";
  text += name_of(reason.phase);
  if (!reason.text.empty()) text += ": " + reason.text;
  return text;
}

}  // namespace bulkhead::process
