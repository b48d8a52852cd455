// The bulkhead-bench program: chooses experiments, runs each in a process of its own, and writes what came of it.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "experiment_process.hpp"
#include "figures/figures.hpp"
#include "json.hpp"
#include "report.hpp"
#include "table.hpp"
#include "words.hpp"

namespace {

using namespace bulkhead::bench;

enum ExitCode { kDone = 0, kIncomplete = 1, kUsage = 2, kSignalled = 128 };

struct Request {
  std::vector<std::string> names;
  bool is_list = false;
  std::string json_file, report_file, table_file;
  Settings settings;
  bool is_quick = false;
  std::optional<int> rounds, slice_ms;
};

// A figure's name, or the beginning of one up to a dot: "apply", "apply.hot".
bool is_meant_by(const std::string& name, const std::string& figure) {
  return figure == name || figure.starts_with(name + ".");
}

bool is_chosen(const Request& request, const FigureSpec& spec) {
  return request.names.empty() ||
         std::ranges::any_of(request.names, [&](const auto& name) { return is_meant_by(name, spec.name); });
}

bool is_chosen(const Request& request, const Experiment& experiment) {
  return std::ranges::any_of(experiment.figures, [&](const auto& spec) { return is_chosen(request, spec); });
}

void check_names(const Request& request) {
  for (const auto& name : request.names) {
    const bool is_known = std::ranges::any_of(all_experiments(), [&](const Experiment& experiment) {
      return std::ranges::any_of(experiment.figures, [&](const auto& spec) { return is_meant_by(name, spec.name); });
    });
    if (!is_known) throw CLI::ValidationError("no figure is called \"" + name + "\" (--list shows them)");
  }
}

void list_figures(const Request& request) {
  for (const auto& experiment : all_experiments()) {
    for (const auto& spec : experiment.figures) {
      if (!is_chosen(request, spec)) continue;
      std::printf("%-32s %-10s %-16s %s\n", spec.name.c_str(), spec.unit.c_str(), target_text(spec).c_str(),
                  spec.what.c_str());
    }
  }
}

// Empty when there is none.
std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const std::string& text) {
  if (path.empty()) return;
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw std::runtime_error("cannot write \"" + path + "\"");
}

// Told before minutes of measuring, not after.
void check_files(const Request& request) {
  for (const auto* path : {&request.json_file, &request.report_file, &request.table_file}) {
    if (!path->empty() && !std::ofstream(*path, std::ios::app)) {
      throw CLI::ValidationError("cannot write \"" + *path + "\"");
    }
  }
}

// Of one experiment: several times what it needs, so that only one that hangs is given up.
std::chrono::seconds time_limit(const Settings& settings) {
  constexpr int kSides = 40;
  const auto turns = std::chrono::ceil<std::chrono::seconds>(settings.slice * settings.rounds * kSides);
  return turns + (settings.is_quick ? std::chrono::seconds(60) : std::chrono::seconds(600));
}

int measure(const Request& request) {
  const Machine machine = this_machine();
  std::printf("%s, %s, %d CPUs, %s, load %.2f\n", machine.date.c_str(), machine.processor.c_str(), machine.cpus,
              machine.kernel.c_str(), machine.load);
  std::vector<Figure> figures;
  std::vector<std::string> notices;
  const std::chrono::seconds limit = time_limit(request.settings);
  for (const auto& experiment : all_experiments()) {
    if (!is_chosen(request, experiment)) continue;
    auto findings = run_in_process(experiment, request.settings, limit);
    for (auto& figure : findings.figures()) {
      if (!is_chosen(request, figure.spec)) continue;
      print_figure(stdout, figure);
      figures.push_back(std::move(figure));
    }
    for (auto& notice : findings.notices()) {
      if (std::ranges::find(notices, notice) != notices.end()) continue;
      std::fprintf(stderr, "notice: %s\n", notice.c_str());
      notices.push_back(std::move(notice));
    }
  }
  write_file(request.json_file, to_json(machine, figures, notices));
  write_file(request.report_file, to_html(machine, figures, notices));
  if (!request.table_file.empty()) {
    const auto tables = to_markdown(machine, figures, notices);
    write_file(request.table_file, put_between_marks(read_file(request.table_file), tables));
  }
  const auto missing = std::ranges::count_if(figures, [](const Figure& figure) { return !figure.value.has_value(); });
  return missing == 0 ? kDone : kIncomplete;
}

void describe(CLI::App& app, Request& request) {
  app.add_option("NAME", request.names, "figures, or the beginning of their names; all without");
  app.add_flag("--list", request.is_list, "name, unit, target and meaning of each figure; measures nothing");
  app.add_flag("--quick", request.is_quick, "less of everything: under two minutes in all");
  app.add_option("--json", request.json_file, "write the figures as JSON")->type_name("FILE");
  app.add_option("--report", request.report_file, "write a page with bars and curves")->type_name("FILE.html");
  app.add_option("--table", request.table_file,
                 "write the tables; into a file like tools/bench/README.md between its marks")
      ->type_name("FILE.md");
  app.add_option("--rounds", request.rounds, "how often we and a peer take turns (default 11; quick 3)")
      ->check(CLI::Range(1, 100'000));
  app.add_option("--slice", request.slice_ms, "milliseconds of each turn (default 150; quick 40)")
      ->check(CLI::Range(1, 100'000));
  app.add_option("--tree", request.settings.tree, "the folder whose files the main job digests")->capture_default_str();
  app.footer(
      "Examples:\n"
      "  bulkhead-bench --list\n"
      "  bulkhead-bench --quick --report figures.html\n"
      "  bulkhead-bench apply throughput.1_worker --json figures.json\n\n"
      "Exit code: 0 everything was measured, whether targets are met or not; 1 something was not; 2 usage;\n"
      "130 interrupted.");
}

void settle(Request& request) {
  auto& settings = request.settings;
  settings.is_quick = request.is_quick;
  if (request.is_quick) {
    settings.rounds = 3;
    settings.slice = std::chrono::milliseconds(40);
  }
  if (request.rounds) settings.rounds = *request.rounds;
  if (request.slice_ms) settings.slice = std::chrono::milliseconds(*request.slice_ms);
}

}  // namespace

int main(int argc, char** argv) {
  Request request;
  CLI::App app("Measures Bulkhead against its targets and its peers, in turns.", "bulkhead-bench");
  try {
    describe(app, request);
    app.parse(argc, argv);
    check_names(request);
    if (request.is_list) {
      list_figures(request);
      return kDone;
    }
    check_files(request);
    settle(request);
    catch_signals();
    adopt_orphans();
    return measure(request);
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "error: %s (see bulkhead-bench --help)\n", error.what());
    return kUsage;
  } catch (const Interrupted& interrupted) {
    return kSignalled + interrupted.signal;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return kIncomplete;
  }
}
