#include "words.hpp"

#include <cmath>
#include <cstdio>

namespace bulkhead::bench {

std::string short_number(double value) {
  if (value == 0) return "0";
  const double size = std::abs(value);
  if (size < 0.001 || size >= 1e9) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2e", value);
    return text;
  }
  const int decimals = size < 0.1 ? 4 : size < 1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0;
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  std::string digits = text;
  if (decimals == 0) {
    const std::size_t first = value < 0 ? 1 : 0;
    for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, 1, ' ');
  }
  return digits;
}

std::string value_text(const Figure& figure) {
  return figure.value ? short_number(*figure.value) + " " + figure.spec.unit : "-";
}

std::string target_text(const FigureSpec& spec) {
  if (!spec.target) return "";
  char bound[32];
  std::snprintf(bound, sizeof bound, "%g", spec.target->bound);
  return (spec.target->kind == Target::Kind::kAtMost ? "at most " : "at least ") + std::string(bound);
}

std::string verdict_text(const Figure& figure) {
  if (!figure.spec.target) return "";
  if (!figure.value) return "not measured";
  return figure.spec.target->is_met_by(*figure.value) ? "met" : "not met";
}

std::string ratio_text(double ratio) { return short_number(ratio) + " x"; }

}  // namespace bulkhead::bench
