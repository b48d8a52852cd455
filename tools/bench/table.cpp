#include "table.hpp"

#include <algorithm>
#include <sstream>

#include "words.hpp"

namespace bulkhead::bench {

namespace {

std::string cpu_text(const std::optional<double>& cpu_us) { return cpu_us ? short_number(*cpu_us) + " us" : ""; }

// Somebody's line of the tables below.
void write_peer(std::ostream& out, const std::string& name, double value, const std::string& ratio,
                const std::optional<double>& mean, const std::optional<double>& p99,
                const std::optional<double>& cpu_us) {
  const auto number = [](const std::optional<double>& it) { return it ? short_number(*it) : ""; };
  out << "| " << name << " | " << short_number(value) << " | " << number(mean) << " | " << number(p99) << " | " << ratio
      << " | " << cpu_text(cpu_us) << " |\n";
}

// What stands after the table: everybody's values, for those figures that have peers.
void write_peers(std::ostream& out, const std::vector<Figure>& figures) {
  for (const auto& figure : figures) {
    if (!figure.value || figure.rivals.empty()) continue;
    out << "\n**" << figure.spec.name << "** (" << figure.spec.unit << "): " << figure.spec.what << "\n\n"
        << "| | " << (figure.mean ? "median" : "value") << " | mean | p99 | ours is better by | CPU per call |\n"
        << "|---|---|---|---|---|---|\n";
    write_peer(out, "bulkhead", *figure.value, "", figure.mean, figure.p99, figure.cpu_us);
    for (const auto& rival : figure.rivals) {
      write_peer(out, rival.name, rival.value, ratio_text(rival.ratio), rival.mean, rival.p99, rival.cpu_us);
    }
  }
}

}  // namespace

void print_figure(std::FILE* out, const Figure& figure) {
  std::fprintf(out, "%-32s %16s  %-16s %-12s", figure.spec.name.c_str(), value_text(figure).c_str(),
               target_text(figure.spec).c_str(), verdict_text(figure).c_str());
  if (figure.cpu_us) std::fprintf(out, " cpu %s", cpu_text(figure.cpu_us).c_str());
  std::fprintf(out, "\n");
  if (!figure.missing.empty()) std::fprintf(out, "    not measured: %s\n", figure.missing.c_str());
  for (const auto& rival : figure.rivals) {
    std::fprintf(out, "    %-40s %12s  %10s", rival.name.c_str(), short_number(rival.value).c_str(),
                 ratio_text(rival.ratio).c_str());
    if (rival.cpu_us) std::fprintf(out, "   cpu %s", cpu_text(rival.cpu_us).c_str());
    std::fprintf(out, "\n");
  }
  for (const auto& curve : figure.curves) {
    std::fprintf(out, "    %s: ", curve.name.c_str());
    for (const auto& [x, y] : curve.points) std::fprintf(out, " %g:%s", x, short_number(y).c_str());
    std::fprintf(out, "\n");
  }
  std::fflush(out);
}

std::string to_markdown(const Machine& machine, const std::vector<Figure>& figures,
                        const std::vector<std::string>& notices) {
  std::ostringstream out;
  out << machine.date << ", " << machine.processor << ", " << machine.cpus << " CPUs, " << machine.kernel << ", "
      << machine.compiler << "; load at the beginning " << short_number(machine.load) << ".\n\n";
  out << "| figure | what | value | target | | CPU per call |\n|---|---|---|---|---|---|\n";
  for (const auto& figure : figures) {
    out << "| " << figure.spec.name << " | " << figure.spec.what << " | " << value_text(figure) << " | "
        << target_text(figure.spec) << " | " << verdict_text(figure) << " | " << cpu_text(figure.cpu_us) << " |\n";
  }
  write_peers(out, figures);
  for (const auto& figure : figures) {
    if (!figure.missing.empty()) out << "\n" << figure.spec.name << " was not measured: " << figure.missing << ".\n";
  }
  for (const auto& notice : notices) out << "\n" << notice << ".\n";
  return out.str();
}

std::string put_between_marks(const std::string& old, const std::string& tables) {
  const auto begin = old.find(kTablesBegin);
  const auto line_end = old.find('\n', begin == std::string::npos ? 0 : begin);
  const auto end = old.find(kTablesEnd);
  if (begin == std::string::npos || line_end == std::string::npos || end == std::string::npos || end < line_end) {
    return tables;
  }
  return old.substr(0, line_end + 1) + tables + old.substr(end);
}

}  // namespace bulkhead::bench
