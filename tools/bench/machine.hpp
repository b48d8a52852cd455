// What the figures were measured on.
#pragma once

#include <string>

namespace bulkhead::bench {

struct Machine {
  std::string date;  // YYYY-MM-DD, UTC
  std::string processor;
  int cpus = 0;  // that this process may use
  std::string kernel;
  std::string compiler;
  double load = 0;  // of the last minute: above 1 somebody else was at work
};

[[nodiscard]] Machine this_machine();

}  // namespace bulkhead::bench
