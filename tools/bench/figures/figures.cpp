#include "figures/figures.hpp"

namespace bulkhead::bench {

const std::vector<Experiment>& all_experiments() {
  static const std::vector<Experiment> experiments{
      apply_hot(),
      apply_hot_2_workers(),
      apply_parked(),
      apply_neighbour(),
      throughput(),
      map_of_integers(),
      payload(),
      start(),
      memory_of_queue(),
      memory_of_imap(),
      idle(),
      scale_of_queue(),
      scale_of_workers(),
      scale_of_registered(),
      scale_of_ever_run(),
      scale_of_submitters(),
      main_job(),
  };
  return experiments;
}

}  // namespace bulkhead::bench
