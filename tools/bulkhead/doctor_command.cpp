// bulkhead doctor: will a pool of so many workers do well here, and if not, why?

#include <bulkhead/diagnosis.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "commands.hpp"
#include "failures.hpp"
#include "output.hpp"

namespace bulkhead::cli {

namespace {

using Verdict = Finding::Verdict;
using Clock = std::chrono::steady_clock;

// As long as a slow machine takes to start that many, and then some.
constexpr auto kTrialLimit = std::chrono::seconds(15);
constexpr auto kTrialLimitOfWorker = std::chrono::milliseconds(100);

std::size_t ready_workers(const Pool& pool) {
  const auto workers = pool.stats().workers;
  return static_cast<std::size_t>(std::ranges::count_if(workers, [](const auto& worker) { return worker.is_ready; }));
}

std::string milliseconds_since(Clock::time_point begin) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  return text;
}

// The one thing that tells for sure: such a pool, with the manifest's plugins.
Finding try_out(const CommonOptions& common, int processes) {
  Finding finding{.subject = "trial", .verdict = Verdict::kGood, .text = {}, .help = {}};
  const auto begin = Clock::now();
  try {
    Engine engine = open_engine(common, choose_manifest(common).value_or(Manifest{}));
    PoolOptions options;
    if (processes > 0) options.processes = processes;
    Pool pool = engine.pool(options);
    const auto wanted = static_cast<std::size_t>(pool.processes());
    const auto give_up = begin + kTrialLimit + wanted * kTrialLimitOfWorker;
    while (ready_workers(pool) < wanted && Clock::now() < give_up) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const auto ready = ready_workers(pool);
    finding.text = std::to_string(ready) + " of " + std::to_string(wanted) + " workers, with " +
                   std::to_string(engine.tasks().size()) + " tasks in their plugins, were ready after " +
                   milliseconds_since(begin);
    if (ready < wanted) {
      finding.verdict = Verdict::kProblem;
      finding.help = "see the log above; bulkhead plugin check FILE tries one plugin by itself";
    }
  } catch (const Error& error) {
    finding.verdict = Verdict::kProblem;
    finding.text = error.what();
    std::ranges::replace(finding.text, '\n', ' ');
    finding.help = "such a pool cannot be made here until this is mended";
  }
  return finding;
}

int examine(const CommonOptions& common, int processes, bool as_json) {
  auto findings = diagnose({.processes = processes});
  findings.push_back(try_out(common, processes));
  Output output;
  if (as_json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& finding : findings) {
      list.push_back({{"subject", finding.subject},
                      {"verdict", name_of(finding.verdict)},
                      {"text", finding.text},
                      {"help", finding.help}});
    }
    output.add_line(list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    for (const auto& finding : findings) {
      std::string line = name_of(finding.verdict);
      line.resize(9, ' ');
      line += finding.subject;
      line.resize(std::max<std::size_t>(line.size(), 21), ' ');
      output.add_line(line + " " + finding.text);
      if (!finding.help.empty()) output.add_line(std::string(22, ' ') + "help: " + finding.help);
    }
  }
  output.finish();
  const bool has_problem =
      std::ranges::any_of(findings, [](const auto& finding) { return finding.verdict == Verdict::kProblem; });
  return has_problem ? kCannotRun : kDone;
}

}  // namespace

void add_doctor_command(CLI::App& app, Program& program) {
  auto* const command = app.add_subcommand("doctor", "will a pool of so many workers do well on this machine?");
  add_common_options(*command, program.common);
  auto processes = std::make_shared<int>(0);
  auto as_json = std::make_shared<bool>(false);
  command
      ->add_option("-j,--processes", *processes, "workers asked for (default: the manifest's, else one per processor)")
      ->check(CLI::Range(1, 10000));
  command->add_flag("--json", *as_json, "for machines");
  command->footer(
      "Looks at processors, memory, semaphores, descriptors, processes and the kernel beside what so many\n"
      "workers need, says how long host and workers look before they sleep, then starts the workers.\n\n"
      "Exit code: 0 good, perhaps with warnings; 4 a problem; 2 usage or manifest.\n\n"
      "Examples:\n  bulkhead doctor\n  bulkhead doctor -j 256\n  bulkhead doctor -m deploy/bulkhead.toml --json");
  command->callback([&program, processes, as_json] {
    program.action = [&program, processes, as_json] { return examine(program.common, *processes, *as_json); };
  });
}

}  // namespace bulkhead::cli
