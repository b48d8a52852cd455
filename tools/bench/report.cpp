#include "report.hpp"

#include <algorithm>
#include <limits>
#include <sstream>

#include "svg.hpp"
#include "words.hpp"

namespace bulkhead::bench {

namespace {

const char* const kStyle = R"(
body { font: 15px/1.5 system-ui, sans-serif; max-width: 860px; margin: 2em auto; padding: 0 1em; color: #222; background: #fff; }
h1 { font-size: 1.6em; } h2 { font-size: 1.15em; margin: 2.2em 0 .2em; } p { margin: .3em 0; }
table { border-collapse: collapse; margin: 1em 0; width: 100%; font-size: .92em; }
td, th { border-bottom: 1px solid #ddd; padding: .25em .6em; text-align: left; vertical-align: top; }
td.value { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.met { color: #207040; } .not { color: #b03020; font-weight: 600; } .small { color: #666; font-size: .9em; }
svg { max-width: 100%; height: auto; display: block; margin: .6em 0; }
svg text { font: 11px system-ui, sans-serif; fill: #333; } svg .title { fill: #777; } svg .grid { stroke: #e4e4e4; }
)";

// The tail of a distribution is its point: how rare the calls are that took longer, from 1 in 1 on.
std::vector<Curve> tails(const std::vector<Curve>& distributions) {
  std::vector<Curve> curves;
  for (const auto& distribution : distributions) {
    Curve curve{distribution.name, {}};
    for (const auto& [share, us] : distribution.points) {
      if (share < 1) curve.points.emplace_back(1 / (1 - share), us);
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

// Linear, unless the small values would all be at its beginning then.
Scale scale_of(const std::vector<Curve>& curves, double std::pair<double, double>::*side) {
  constexpr double kFarApart = 30;
  double least = std::numeric_limits<double>::infinity();
  double most = 0;
  for (const auto& curve : curves) {
    for (const auto& point : curve.points) {
      least = std::min(least, point.*side);
      most = std::max(most, point.*side);
    }
  }
  return least > 0 && most / least > kFarApart ? Scale::kLogarithmic : Scale::kLinear;
}

void write_table(std::ostream& out, const std::vector<Figure>& figures) {
  out << "<table><tr><th>figure</th><th>what</th><th>value</th><th>target</th><th></th><th>CPU per call</th></tr>\n";
  for (const auto& figure : figures) {
    const auto verdict = verdict_text(figure);
    out << "<tr><td>" << escaped(figure.spec.name) << "</td><td>" << escaped(figure.spec.what)
        << "</td><td class=\"value\">" << escaped(value_text(figure)) << "</td><td>"
        << escaped(target_text(figure.spec)) << "</td><td class=\"" << (verdict == "met" ? "met" : "not") << "\">"
        << verdict << "</td><td class=\"value\">" << (figure.cpu_us ? short_number(*figure.cpu_us) + " us" : "")
        << "</td></tr>\n";
  }
  out << "</table>\n";
}

void write_figure(std::ostream& out, const Figure& figure) {
  out << "<h2>" << escaped(figure.spec.name) << "</h2>\n<p>" << escaped(figure.spec.what) << ": <b>"
      << escaped(value_text(figure)) << "</b>";
  if (figure.spec.target) out << " (target " << target_text(figure.spec) << ": " << verdict_text(figure) << ")";
  out << "</p>\n<p class=\"small\">";
  for (const auto& [name, value] : figure.parameters) out << escaped(name) << " " << escaped(value) << "; ";
  out << "</p>\n";
  if (!figure.missing.empty()) out << "<p class=\"not\">not measured: " << escaped(figure.missing) << "</p>\n";
  if (figure.value && !figure.rivals.empty()) {
    std::vector<Bar> bars{{"bulkhead", *figure.value, short_number(*figure.value) + " " + figure.spec.unit}};
    for (const auto& rival : figure.rivals) {
      bars.push_back({rival.name, rival.value, short_number(rival.value) + " (" + ratio_text(rival.ratio) + ")"});
    }
    out << draw_bars(bars);
  }
  if (!figure.distributions.empty()) {
    out << draw_curves(tails(figure.distributions), {"one call in so many takes longer", Scale::kLogarithmic},
                       {figure.spec.unit, Scale::kLogarithmic});
  }
  if (!figure.curves.empty()) {
    const Axis x{figure.x_axis, scale_of(figure.curves, &std::pair<double, double>::first)};
    const Axis y{figure.y_axis, scale_of(figure.curves, &std::pair<double, double>::second)};
    out << draw_curves(figure.curves, x, y);
  }
}

}  // namespace

std::string to_html(const Machine& machine, const std::vector<Figure>& figures,
                    const std::vector<std::string>& notices) {
  std::ostringstream out;
  out << "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>bulkhead-bench</title><style>"
      << kStyle << "</style></head><body>\n<h1>bulkhead-bench</h1>\n<p>" << escaped(machine.date) << ", "
      << escaped(machine.processor) << ", " << machine.cpus << " CPUs, " << escaped(machine.kernel) << ", "
      << escaped(machine.compiler) << "; load at the beginning " << short_number(machine.load)
      << "</p>\n<p class=\"small\">Peers are measured in turns with us in the same run; a ratio says how many times "
         "better "
         "ours is, as the median of the turns. Bars are logarithmic.</p>\n";
  for (const auto& notice : notices) out << "<p class=\"small\">" << escaped(notice) << "</p>\n";
  write_table(out, figures);
  for (const auto& figure : figures) {
    if (!figure.rivals.empty() || !figure.distributions.empty() || !figure.curves.empty()) write_figure(out, figure);
  }
  out << "</body></html>\n";
  return out.str();
}

}  // namespace bulkhead::bench
