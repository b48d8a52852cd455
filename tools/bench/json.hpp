// Figures as JSON text, and back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "figure.hpp"
#include "machine.hpp"

namespace bulkhead::bench {

// {"machine": {…}, "figures": [{"name", "value" (null: see "missing"), "unit", "target", "met", "parameters", …}],
//  "notices": […]}
[[nodiscard]] std::string to_json(const Machine& machine, const std::vector<Figure>& figures,
                                  const std::vector<std::string>& notices);

// Of an experiment's process, on its way to the one that asked for it.
[[nodiscard]] std::string pack(Findings& findings);
// Fills in figures that were announced. Throws for text that pack() did not write.
void unpack(std::string_view text, Findings& findings);

}  // namespace bulkhead::bench
