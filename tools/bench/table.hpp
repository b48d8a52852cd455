// The figures as a table: for a terminal, and for a README.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "figure.hpp"
#include "machine.hpp"

namespace bulkhead::bench {

// A line for the figure, and one for each peer.
void print_figure(std::FILE* out, const Figure& figure);

[[nodiscard]] std::string to_markdown(const Machine& machine, const std::vector<Figure>& figures,
                                      const std::vector<std::string>& notices);

}  // namespace bulkhead::bench
