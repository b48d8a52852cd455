// What ends a command early, and the exit codes that scripts rely on.
#pragma once

#include <stdexcept>
#include <string>

namespace bulkhead::cli {

enum ExitCode : int {
  kDone = 0,
  kTaskFailed = 1,
  kUsage = 2,         // or a manifest that cannot be used
  kPluginFailed = 3,  // a plugin could not be used
  kCannotRun = 4,     // the engine, or the output, failed
  kSignalled = 128,   // plus the signal's number
};

// The caller's mistake; nothing ran. Exit code 2.
struct UsageFailure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Input or output that the machine could not carry out. Exit code 4.
struct IoFailure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Whoever read our output has gone: nothing is left to be told, to anyone. Exit code 0.
struct OutputClosed {};

// SIGINT, SIGTERM or SIGHUP came. Exit code 128 + signal.
struct Interrupted {
  int signal;
};

}  // namespace bulkhead::cli
