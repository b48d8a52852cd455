// All that is measured. One file per group; what each figure is, its description says.
#pragma once

#include <vector>

#include "figure.hpp"

namespace bulkhead::bench {

// In the order in which they are shown.
[[nodiscard]] const std::vector<Experiment>& all_experiments();

[[nodiscard]] Experiment apply_hot();
[[nodiscard]] Experiment apply_hot_2_workers();
[[nodiscard]] Experiment apply_parked();
[[nodiscard]] Experiment apply_neighbour();
[[nodiscard]] Experiment throughput();
[[nodiscard]] Experiment map_of_integers();
[[nodiscard]] Experiment payload();
[[nodiscard]] Experiment start();
[[nodiscard]] Experiment memory_of_queue();
[[nodiscard]] Experiment memory_of_imap();
[[nodiscard]] Experiment idle();
[[nodiscard]] Experiment scale_of_queue();
[[nodiscard]] Experiment scale_of_workers();
[[nodiscard]] Experiment scale_of_registered();
[[nodiscard]] Experiment scale_of_ever_run();
[[nodiscard]] Experiment scale_of_submitters();
[[nodiscard]] Experiment main_job();

}  // namespace bulkhead::bench
