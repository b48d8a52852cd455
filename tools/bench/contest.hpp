// Measures us and our peers in turns (A B C A B C …), because these machines are shared and drift: what is compared was
// measured side by side, and a ratio is the median of the rounds' ratios.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "figure.hpp"
#include "samples.hpp"

namespace bulkhead::bench {

// What one side did in one round.
struct Slice {
  double value = 0;   // what is compared; of latencies the median
  double mean = 0;    // of latencies
  double cpu_us = 0;  // per call
  Samples samples = Samples(0);
};

struct Side {
  std::string name;
  std::function<Slice()> measure;
};

struct Standing {
  std::string name;
  std::vector<Slice> slices;  // one per round, without their samples
  Samples samples;            // of all rounds

  [[nodiscard]] double value() const;
  [[nodiscard]] double cpu_us() const;
  [[nodiscard]] bool has_latencies() const noexcept { return samples.size() > 1; }
};

enum class Better : bool { kLower, kHigher };

// How many times better `ours` was: the median of the rounds' ratios.
[[nodiscard]] double ratio_of(const Standing& ours, const Standing& theirs, Better better,
                              double Slice::*compared = &Slice::value);

[[nodiscard]] std::vector<Standing> hold_contest(const std::vector<Side>& sides, int rounds);

// Ours is the first. Fills in value, CPU time and rivals, and the distributions where there are samples.
void put_standings(Figure& figure, const std::vector<Standing>& standings, Better better);

}  // namespace bulkhead::bench
