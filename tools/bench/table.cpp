#include "table.hpp"

#include <algorithm>
#include <sstream>

#include "words.hpp"

namespace bulkhead::bench {

namespace {

std::string cpu_text(const std::optional<double>& cpu_us) { return cpu_us ? short_number(*cpu_us) + " us" : ""; }

// What stands after the table: everybody's values, for those figures that have peers.
void write_peers(std::ostream& out, const std::vector<Figure>& figures) {
  for (const auto& figure : figures) {
    if (figure.rivals.empty()) continue;
    out << "\n**" << figure.spec.name << "**, " << figure.spec.what << ":\n\n";
    out << "| | " << figure.spec.unit << " | we are better by | CPU per call |\n|---|---|---|---|\n";
    out << "| bulkhead | " << (figure.value ? short_number(*figure.value) : "-") << " | | " << cpu_text(figure.cpu_us)
        << " |\n";
    for (const auto& rival : figure.rivals) {
      out << "| " << rival.name << " | " << short_number(rival.value) << " | " << ratio_text(rival.ratio) << " | "
          << cpu_text(rival.cpu_us) << " |\n";
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

}  // namespace bulkhead::bench
