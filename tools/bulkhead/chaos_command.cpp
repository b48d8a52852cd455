// bulkhead chaos: a load on the user's own plugins while their processes are killed and stopped.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <span>

#include "arguments.hpp"
#include "call_limits.hpp"
#include "chaos_report.hpp"
#include "chaos_run.hpp"
#include "commands.hpp"
#include "failures.hpp"
#include "leak_count.hpp"
#include "made_up_arguments.hpp"
#include "output.hpp"
#include "own_processes.hpp"
#include "progress.hpp"

namespace bulkhead::cli {

namespace {

// What was told to end may take a moment.
constexpr auto kPatienceForLeaks = std::chrono::seconds(10);
constexpr int kErrorLevel = 4;  // spdlog's

struct ChaosCommand {
  std::uint64_t calls = 100'000;
  double kills_per_second = 20;
  bool stops = false;
  bool on_warden = false;
  std::optional<std::uint32_t> seed;
  std::optional<int> processes;
  bool as_json = false;
  CallLimits limits;
  std::vector<std::string> words;  // empty: every task
};

// Plugins that the pool loads; unset: all.
using PluginNames = std::optional<std::vector<std::string>>;

Engine open_engine_of(const CommonOptions& common, const ChaosCommand& command, PluginNames& only) {
  auto manifest = choose_manifest(common);
  if (manifest) only = manifest->pool_plugins.value;
  if (manifest && manifest->start_method.value == "thread") {
    throw UsageFailure("workers that are threads (start_method = \"thread\") cannot be killed");
  }
  if (manifest) return open_engine(common, std::move(*manifest));
  if (!common.plugins.empty()) return open_engine(common, Manifest{});
  if (!command.words.empty()) return open_engine_for(common, command.words[0]);
  throw UsageFailure("which plugins? (name them with -p FILE.so, or in a manifest; or name a TASK)");
}

// The call that was asked for.
ChaosCall asked_call(Engine& engine, std::span<const std::string> words) {
  const std::string& task = words[0];
  const Signature signature = parse_signature(find_task(engine, task).signature);
  const auto arguments = words.subspan(1);
  check_count(task, signature, arguments);
  std::string json = "[";
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (i > 0) json += ',';
    append_argument(json, signature, i + 1, arguments[i], Words::kBySignature);
  }
  return {task, json + "]"};
}

// Every task of the catalogue, with arguments made up from its signature.
std::vector<ChaosCall> made_up_calls(const Engine& engine, const PluginNames& only, ChaosReport& report) {
  std::vector<ChaosCall> calls;
  for (const auto& task : engine.tasks()) {
    if (only && std::ranges::find(*only, task.plugin) == only->end()) continue;
    const Signature signature = parse_signature(task.signature);
    const auto zero = made_up_arguments(signature, MadeUp::kZero);
    const auto one = made_up_arguments(signature, MadeUp::kOne);
    if (!zero || !one) {
      report.left_out.push_back(task.name);
      continue;
    }
    ++report.tasks;
    calls.push_back({task.name, *zero});
    calls.push_back({task.name, *one});
  }
  if (!calls.empty()) return calls;
  throw UsageFailure(report.left_out.empty() ? "the plugins have no tasks"
                                             : "no arguments can be made up for any task (name one, with arguments)");
}

// What the engine warns of (each worker that ends) is what is done to it here. $BULKHEAD_LOG shows it all the same.
void keep_quiet(CommonOptions& common) {
  const char* const wanted = std::getenv("BULKHEAD_LOG");
  if (wanted != nullptr && *wanted != '\0') return;
  common.on_log = [](int level, std::string_view text) {
    if (level < kErrorLevel) return;
    std::fprintf(stderr, "bulkhead: error: %.*s\n", static_cast<int>(text.size()), text.data());
  };
}

ChaosOutcome run_chaos(const Program& program, const ChaosCommand& command, ChaosReport& report) {
  CommonOptions common = program.common;
  keep_quiet(common);
  PluginNames only;
  Engine engine = open_engine_of(common, command, only);
  ChaosRunOptions options;
  if (command.words.empty()) {
    options.calls = made_up_calls(engine, only, report);
  } else {
    options.calls = {asked_call(engine, command.words)};
    options.must_decode = true;
    report.tasks = 1;
  }
  options.count = command.calls;
  options.limits = command.limits;
  options.killer = {.attacks_per_second = command.kills_per_second,
                    .stops = command.stops,
                    .on_warden = command.on_warden,
                    .seed = report.seed};
  program.interrupt->begin_orderly();
  // It bounds by itself what waits for a worker. And all workers stay: full strength is to mean something.
  Pool pool = engine.pool({.processes = command.processes,
                           .max_pending = kNoLimit,
                           .max_pending_bytes = kNoLimit,
                           .idle_timeout = kNoLimit,
                           .dead_letters = command.limits.dead_letters});
  Progress progress;
  ChaosRun run(pool, *program.interrupt, progress, std::move(options));
  ChaosOutcome outcome = run.run();
  // Its destructor would wait, too.
  if (!outcome.has_ended) {
    (void)new Pool(std::move(pool));
    (void)new Engine(std::move(engine));
  }
  return outcome;
}

int chaos(const Program& program, const ChaosCommand& command) {
  mark_environment();
  const LeakCount leaks;
  ChaosReport report;
  report.seed = command.seed ? *command.seed : std::random_device{}();
  report.outcome = run_chaos(program, command, report);
  if (report.outcome.has_ended) report.leaks = leaks.left(kPatienceForLeaks);

  Output output;
  if (command.as_json) {
    output.add_line(report_json(report));
  } else {
    output.buffer() += report_text(report);
  }
  output.finish();
  const bool is_broken = !broken_promises(report).empty();
  const int exit_code = report.outcome.signal != 0 ? kSignalled + report.outcome.signal
                        : is_broken                ? kTaskFailed
                                                   : kDone;
  // Threads of the engine still run: nothing they use may be destroyed.
  if (!report.outcome.has_ended) ::_exit(exit_code);
  return exit_code;
}

void add_options(CLI::App& app, ChaosCommand& command) {
  app.add_option("--calls", command.calls, "how many calls (default: 100000)")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}));
  app.add_option("--kills-per-second", command.kills_per_second,
                 "how often a worker is killed, on average (default: 20; 0: never)")
      ->type_name("K")
      ->check(CLI::Range(0.0, 1000.0));
  app.add_flag("--stop", command.stops, "half of the time stop it for 1 to 200 ms (SIGSTOP) instead");
  app.add_flag("--warden", command.on_warden, "attack the warden too, as often as each worker");
  app.add_option("--seed", command.seed, "which calls and victims are chosen (default: by chance; it is reported)")
      ->type_name("S");
  app.add_option("-j,--processes", command.processes, "worker processes (default: the manifest's, or one a CPU)")
      ->type_name("N")
      ->check(CLI::Range(1, 4096));
  add_call_limits(app, command.limits);
  app.add_flag("--json", command.as_json, "the report as a JSON object");
}

}  // namespace

void add_chaos_command(CLI::App& app, Program& program) {
  auto* const command = app.add_subcommand(
      "chaos", "kill workers at random while plugins are under load, and see that the promise holds");
  add_common_options(*command, program.common);
  auto parsed = std::make_shared<ChaosCommand>();
  add_options(*command, *parsed);
  // All after TASK is the task's, options too.
  command->prefix_command();
  command->footer(
      "The promise: every call gets exactly one verdict; a kill costs at most the call that ran; the pool\n"
      "gets back to full strength; nothing is left behind. Exit code 1 if it is broken.\n\n"
      "Without TASK it calls every task whose arguments can be made up from its signature: 0 and 1,\n"
      "empty texts and lists, /dev/null for a path. They are really run: where that does harm, name a\n"
      "TASK. Errors of tasks are verdicts like any other, and so is a task that crashes by itself.\n"
      "Half of the calls come after the first kill; when calls are fast, ask for more of them.\n"
      "The seed fixes which calls and victims are chosen, not what the machine makes of it.\n\n"
      "Examples:\n"
      "  bulkhead chaos -p build/math.so\n"
      "  bulkhead chaos -p build/math.so --calls 5000000 --stop --warden math.add 2 3\n"
      "  bulkhead chaos -m bulkhead.toml --kills-per-second 5 --retries 3 --timeout 10s\n"
      "  bulkhead chaos -p build/math.so --seed 7 --json | jq .promise");
  command->callback([&program, parsed, command] {
    parsed->words = task_words_if_any(*command);
    program.action = [&program, parsed] { return chaos(program, *parsed); };
  });
}

}  // namespace bulkhead::cli
