#include "figures/figures.hpp"

namespace bulkhead::bench {

const std::vector<Experiment>& all_experiments() {
  static const std::vector<Experiment> experiments{
      apply_hot(), apply_hot_2_workers(), apply_parked(), apply_neighbour(), throughput(), map_of_integers(),
  };
  return experiments;
}

}  // namespace bulkhead::bench
