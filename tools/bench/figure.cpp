#include "figure.hpp"

#include <algorithm>
#include <stdexcept>

namespace bulkhead::bench {

Findings::Findings(const std::vector<FigureSpec>& specs) {
  for (const auto& spec : specs) {
    Figure figure;
    figure.spec = spec;
    figures_.push_back(std::move(figure));
  }
}

Figure& Findings::at(std::string_view name) {
  const auto found = std::ranges::find(figures_, name, [](const Figure& figure) { return figure.spec.name; });
  if (found == figures_.end()) throw std::out_of_range("no figure is called \"" + std::string(name) + "\"");
  return *found;
}

}  // namespace bulkhead::bench
