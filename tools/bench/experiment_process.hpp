// Runs one experiment in a process of its own: memory, threads and pools of one cannot touch the next, and one that hangs
// or crashes costs its own figures only.
#pragma once

#include <chrono>

#include "figure.hpp"

namespace bulkhead::bench {

// Once, before the first experiment: whatever an experiment leaves behind becomes our child, to be ended and reaped.
void adopt_orphans();

// Figures that got no value say why. Throws Interrupted when a signal asked to stop; nothing is left running.
[[nodiscard]] Findings run_in_process(const Experiment& experiment, const Settings& settings,
                                      std::chrono::seconds limit);

struct Interrupted {
  int signal = 0;
};

// SIGINT and SIGTERM: kept for run_in_process().
void catch_signals();

}  // namespace bulkhead::bench
