// The figures as a page that needs nothing else: bars beside the peers', latency distributions, curves.
#pragma once

#include <string>
#include <vector>

#include "figure.hpp"
#include "machine.hpp"

namespace bulkhead::bench {

[[nodiscard]] std::string to_html(const Machine& machine, const std::vector<Figure>& figures,
                                  const std::vector<std::string>& notices);

}  // namespace bulkhead::bench
