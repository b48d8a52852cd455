// The figures as a table: for a terminal, and for a README.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "figure.hpp"
#include "machine.hpp"

namespace bulkhead::bench {

// A line for the figure, and one for each peer.
void print_figure(std::FILE* out, const Figure& figure);

// The new text of a file that held `old`: with the tables between the two lines that begin so, or, without these, only
// the tables.
inline constexpr std::string_view kTablesBegin = "<!-- figures:";
inline constexpr std::string_view kTablesEnd = "<!-- end of figures -->";
[[nodiscard]] std::string put_between_marks(const std::string& old, const std::string& tables);

[[nodiscard]] std::string to_markdown(const Machine& machine, const std::vector<Figure>& figures,
                                      const std::vector<std::string>& notices);

}  // namespace bulkhead::bench
