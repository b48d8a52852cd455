// Charts as SVG text.
#pragma once

#include <string>
#include <vector>

#include "figure.hpp"

namespace bulkhead::bench {

// One bar for each, the first one ours; logarithmic, because peers are orders of magnitude apart.
struct Bar {
  std::string name;
  double value = 0;
  std::string text;
};
[[nodiscard]] std::string draw_bars(const std::vector<Bar>& bars);

enum class Scale : bool { kLinear, kLogarithmic };

struct Axis {
  std::string title;
  Scale scale = Scale::kLinear;
};
[[nodiscard]] std::string draw_curves(const std::vector<Curve>& curves, const Axis& x, const Axis& y);

// Text that HTML takes for text.
[[nodiscard]] std::string escaped(const std::string& text);

}  // namespace bulkhead::bench
