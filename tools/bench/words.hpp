// Numbers, targets and verdicts as people read them.
#pragma once

#include <string>

#include "figure.hpp"

namespace bulkhead::bench {

// Three digits that count: "0.213", "12.3", "4 560".
[[nodiscard]] std::string short_number(double value);
// "0.213 us"; "-" where there is none.
[[nodiscard]] std::string value_text(const Figure& figure);
// "at most 0.3"; empty without a target.
[[nodiscard]] std::string target_text(const FigureSpec& spec);
// "met", "not met", "not measured"; empty without a target.
[[nodiscard]] std::string verdict_text(const Figure& figure);
// "at 2.00 x" …: how many times better ours is than this peer's.
[[nodiscard]] std::string ratio_text(double ratio);

}  // namespace bulkhead::bench
