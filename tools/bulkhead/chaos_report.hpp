// What bulkhead chaos tells at the end: whether the promise held, and what was seen.
//
// Ownership and threads: plain functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chaos_run.hpp"

namespace bulkhead::cli {

struct ChaosReport {
  std::uint32_t seed = 0;
  std::size_t tasks = 0;
  std::vector<std::string> left_out;  // tasks for which no arguments can be made up
  ChaosOutcome outcome;
  std::vector<std::string> leaks;
};

// Each way in which the promise was broken; empty: it held.
[[nodiscard]] std::vector<std::string> broken_promises(const ChaosReport& report);

[[nodiscard]] std::string report_text(const ChaosReport& report);
[[nodiscard]] std::string report_json(const ChaosReport& report);

}  // namespace bulkhead::cli
